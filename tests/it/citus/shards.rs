//! Admin transactions on Citus: one statement concerns the organizations of all shards.

use database::events::UnpublishedEvent;
use database::{Database, Error, call_attempts, contacts, events};
use entity::enums::ContactState;
use entity::id::{EventId, OrganizationId};
use sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm::{DatabaseConnection, EntityTrait, Set};
use std::collections::BTreeSet;
use tests::cluster::{Cluster, cluster};
use tests::factory::{Factory, open, settings};
use tests::queries::{answers, contacts_with, time};
use tests::{connect, run, texts};

/// The organizations, of which each of the two workers has some.
const ORGANIZATIONS: usize = 12;

/// A campaign of each organization, with a contact whose call started long ago.
async fn calls(url: &str) -> (Database, DatabaseConnection, Vec<entity::call_attempts::Model>) {
    let database = open(&settings(&[("DATABASE_URL", url), ("DATABASE_STATEMENT_CACHE", "0")])).await;
    let f = Factory::new(database.clone());
    let mut calls = Vec::new();
    for number in 0..ORGANIZATIONS {
        // Their shards are the same in each run.
        let id = OrganizationId::from_uuid(Uuid::from_u128(number as u128 + 1));
        let campaign = f.campaign(&f.organization().with(|row| row.id = Set(id)).await).await;
        let called = f.contact(&campaign).with(|row| {
            row.state = Set(ContactState::InProgress);
            row.attempts_count = Set(1);
        });
        let started = time("2026-01-01T12:00:00Z");
        calls.push(f.call_attempt(&called.await).with(|row| row.started_at = Set(started)).await);
    }
    (database, connect(url).await.unwrap(), calls)
}

#[tokio::test]
async fn a_batch_of_all_shards_has_no_more_rows_than_one_of_a_table() {
    let Some(cluster) = cluster() else { return };
    let (database, db, calls) = calls(&cluster.distributed("citus_batch").await).await;
    let insert = "insert into events (organization_id, event_type, campaign_id, contact_id, created_at) \
                  select organization_id, 'survey.completed', campaign_id, id, now() - n * interval '1 minute' \
                  from contacts cross join generate_series(1, 3) as n";
    run(&db, insert).await.unwrap();
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let tx = database.admin().await.unwrap();
        let mut passed = Vec::new();
        let publish = async |rows: Vec<UnpublishedEvent>| -> Vec<EventId> {
            passed = rows;
            passed.iter().map(|row| row.id).collect()
        };
        let count = events::publish(&tx, 10, publish).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), passed.len());
        sizes.push(passed.len());
        seen.extend(passed);
        if count == 0 {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 10, 6, 0]);
    let ids: BTreeSet<EventId> = seen.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), 3 * ORGANIZATIONS);
    for call in &calls {
        let times = seen.iter().filter(|row| row.organization_id == call.organization_id);
        let times: Vec<DateTimeUtc> = times.map(|row| row.created_at).collect();
        assert!(times.is_sorted(), "the events of an organization are published in their order: {times:?}");
    }
}

#[tokio::test]
async fn an_admin_transaction_finds_the_shard_of_a_row() {
    let Some(cluster) = cluster() else { return };
    let (database, db, calls) = calls(&cluster.distributed("citus_row").await).await;
    let tx = database.admin().await.unwrap();
    for call in &calls {
        let completed = call_attempts::complete_survey(&tx, answers(call.id)).await.unwrap().unwrap();
        assert_eq!(completed.contact_id, call.contact_id);
        assert_eq!(call_attempts::complete_survey(&tx, answers(call.id)).await.unwrap(), None);
    }
    tx.commit().await.unwrap();
    let count = "select count(*)::text from survey_responses";
    assert_eq!(texts(&db, count).await, [ORGANIZATIONS.to_string()]);

    let campaigns = entity::campaigns::Entity::find().all(&db).await.unwrap();
    for (place, campaign) in campaigns.iter().enumerate() {
        if place == 0 {
            run(
                &db,
                &format!("update campaigns set deleted_at = now() where id = '{}'", campaign.id.as_uuid()),
            )
            .await
            .unwrap();
        }
        let tx = database.admin().await.unwrap();
        let given = contacts_with(campaign, vec!["+14155550100".to_owned(), "x".to_owned()]);
        let created = contacts::create_many(&tx, given).await;
        tx.commit().await.unwrap();
        match (place, created) {
            (0, Err(Error::Deleted("campaign"))) => {}
            (1.., Ok(rejected)) => assert_eq!(rejected.len(), 1, "{rejected:?}"),
            (_, other) => panic!("{place}: {other:?}"),
        }
    }
    let count = "select count(*)::text from contacts where phone_number = '+14155550100'";
    assert_eq!(texts(&db, count).await, [(ORGANIZATIONS - 1).to_string()]);
}

#[tokio::test]
async fn a_job_on_all_shards_is_committed_on_each_worker_or_on_none() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (database, db, _) = calls(&cluster.distributed("citus_both").await).await;
    let nodes = "select count(distinct nodename)::text from citus_shards where table_name = 'call_attempts'::regclass \
                 and shardid in (select get_shard_id_for_distribution_column('call_attempts', id) from organizations)";
    assert_eq!(texts(&db, nodes).await, ["2"]);
    let open_calls = "select count(*)::text from call_attempts where outcome is null";
    for node in [1, 2] {
        let tx = database.admin().await.unwrap();
        let ended = call_attempts::requeue_stalled(&tx, time("2026-06-01T00:00:00Z"), 100).await.unwrap();
        assert_eq!(ended.len(), ORGANIZATIONS);
        cluster.nodes[node].kill().unwrap();
        let failed = tx.commit().await.expect_err("a worker is down");
        cluster.nodes[node].start_again().unwrap();
        assert!(matches!(failed, Error::Unavailable(_) | Error::Retry), "{failed:?}");
        assert_eq!(texts(&db, open_calls).await, [ORGANIZATIONS.to_string()], "{failed:?}");
    }
}
