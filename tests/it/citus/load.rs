//! The load of the product on three nodes.

use database::{Database, call_attempts, contacts};
use scratch::Server;
use sea_orm::prelude::ChronoTime;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tests::cluster::{Cluster, cluster, program};
use tests::factory::{open, settings};
use tests::load::{Kind, Ledger, Load, Scene};
use tests::queries::answers;
use tests::{connect, run, texts};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

async fn pools(url: &str) -> Database {
    let more = [("DATABASE_STATEMENT_CACHE", "0"), ("DATABASE_POOL_SIZE", "4")];
    open(&settings(&[&[("DATABASE_URL", url)], &more[..]].concat())).await
}

#[tokio::test]
async fn nothing_is_lost_or_done_twice_while_a_worker_is_killed() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let cluster = Arc::new(cluster);
    let url = cluster.distributed("load").await;
    let pools = pools(&url).await;
    let scene = Scene::create(&pools, 4, 2000).await;
    let db = connect(&url).await.unwrap();
    let organization = scene.campaigns[0].actor.organization;
    let place = format!(
        "select nodename from citus_shards where shardid = get_shard_id_for_distribution_column('contacts', '{}'::uuid)",
        organization.as_uuid()
    );
    let place = texts(&db, &place).await.concat();
    let has_organizations =
        |node: &&Server| node.socket_dir().is_some_and(|path| path.display().to_string() == place);
    let number = cluster.nodes.iter().position(|node| has_organizations(&node)).unwrap();
    let ledger = Arc::new(Ledger::default());
    let load = Load::new(pools.clone(), &scene, &ledger, Duration::from_mins(1));
    let alone = load.run(4, Duration::from_secs(3), async {}).await;
    assert_eq!(alone.errors.iter().find(|(kind, _)| **kind != Kind::Retry), None, "without faults");

    let load = Load::new(pools.clone(), &scene, &ledger, Duration::from_mins(1));
    let kill = async {
        sleep(Duration::from_secs(2)).await;
        let cluster = Arc::clone(&cluster);
        let down = spawn_blocking(move || {
            cluster.nodes[number].kill().unwrap();
            thread::sleep(Duration::from_secs(1));
            cluster.nodes[number].start_again().unwrap();
        });
        down.await.unwrap();
    };
    let outcome = load.run(4, Duration::from_secs(8), kill).await;
    assert!(outcome.errors.contains_key(&Kind::Unavailable), "{outcome:?}");
    let other = |kind: &Kind| !matches!(kind, Kind::Retry | Kind::Unavailable);
    assert!(!outcome.errors.keys().any(other), "{outcome:?}");
    assert!(alone.calls > 0 && outcome.calls > 0, "{alone:?} {outcome:?}");

    let balance = ledger.compare(&db, &scene).await;
    assert_eq!(balance.contradictions, [""; 0], "{balance:?}");
}

#[tokio::test]
async fn a_shard_is_moved_only_after_the_writes_on_it_have_ended() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_writes").await;
    let pools = pools(&url).await;
    let scene = Scene::create(&pools, 1, 100).await;
    let campaign = &scene.campaigns[0];
    let tx = pools.customer(campaign.actor).await.unwrap();
    let noon = || ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    let claimed = contacts::claim_due(&tx, campaign.id, 10, noon).await.unwrap();
    assert_eq!(claimed.len(), 10);

    let command = format!("rebalance --isolate {}", campaign.actor.organization);
    let moved = spawn_blocking(move || {
        program("ops", &url, &command).succeeds();
    });
    sleep(Duration::from_secs(5)).await;
    assert!(!moved.is_finished(), "the transaction has not ended");
    tx.commit().await.unwrap();
    moved.await.unwrap();

    let tx = pools.customer(campaign.actor).await.unwrap();
    let again = contacts::claim_due(&tx, campaign.id, 100, noon).await.unwrap();
    assert_eq!(again.len(), 90, "those of the first claim are called");
}

#[tokio::test]
async fn a_shard_is_moved_only_after_a_statement_that_runs_on_it_has_committed() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_move").await;
    let pools = pools(&url).await;
    let scene = Scene::create(&pools, 1, 10).await;
    let campaign = &scene.campaigns[0];
    let claim = async |tx| {
        contacts::claim_due(tx, campaign.id, 1, || ChronoTime::from_hms_opt(12, 0, 0).unwrap()).await
    };
    let tx = pools.customer(campaign.actor).await.unwrap();
    let call = claim(&tx).await.unwrap()[0].call_attempt_id;
    tx.commit().await.unwrap();

    // The only statement of the transaction: another one would lock the shard as well.
    let tx = pools.customer(campaign.actor).await.unwrap();
    assert!(call_attempts::complete_survey(&tx, answers(call)).await.unwrap().is_some());
    let move_it = format!(
        "select citus_move_shard_placement(shardid, source.nodename, source.nodeport, target.nodename, target.nodeport, \
                                           'block_writes') \
         from citus_shards as source, pg_dist_node as target \
         where shardid = get_shard_id_for_distribution_column('contacts', '{}'::uuid) \
             and target.shouldhaveshards and target.nodename <> source.nodename",
        campaign.actor.organization.as_uuid()
    );
    let moved = tokio::spawn(async move { run(&connect(&url).await.unwrap(), &move_it).await.unwrap() });
    sleep(Duration::from_secs(5)).await;
    assert!(!moved.is_finished(), "the transaction has not ended");
    tx.commit().await.unwrap();
    moved.await.unwrap();

    let tx = pools.customer(campaign.actor).await.unwrap();
    assert!(
        call_attempts::complete_survey(&tx, answers(call)).await.unwrap().is_none(),
        "it is on the moved shard"
    );
}
