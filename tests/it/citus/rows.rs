//! Rows on Citus: they are loaded, generated and kept when a worker is lost.

use crate::ops::{Ops, clients_are_installed};
use crate::seeder::generate::{assert_equal, rows};
use database::{SystemActor, campaigns, users};
use entity::id::OrganizationId;
use tests::cluster::{Cluster, cluster, program};
use tests::factory::{open, settings};
use tests::{connect, migrated, run, texts};

#[tokio::test]
async fn fixtures_are_loaded() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_fixtures").await;
    program("seeder", &url, "").succeeds();
    let again = program("seeder", &url, "");
    again.succeeds();
    let db = connect(&url).await.unwrap();
    assert_eq!(texts(&db, "select (count(*) > 0)::text from contacts").await, ["true"]);
}

#[tokio::test]
async fn what_was_committed_is_kept_when_a_worker_is_killed() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let url = cluster.distributed("killed").await;
    let db = connect(&url).await.unwrap();
    let mut committed = Vec::new();
    for number in 0..60 {
        if number == 20 {
            cluster.nodes[1].kill().unwrap();
        }
        if number == 40 {
            cluster.nodes[1].start_again().unwrap();
        }
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let organization = number % 10;
        let parent = format!("00000000-0000-4000-9000-{organization:012}");
        if number < 10 {
            let sql =
                format!("insert into organizations (id, name, slug) values ('{parent}', 'O', 'o{number}')");
            run(&db, &sql).await.unwrap();
        }
        let sql = format!(
            "insert into exclusion_list_entries (id, organization_id, phone_number) \
             values ('{id}', '{parent}', '+1415555{number:04}')"
        );
        if run(&db, &sql).await.is_ok() {
            committed.push(id);
        }
    }
    assert!(committed.len() > 40 && committed.len() < 60, "{} of 60 were committed", committed.len());
    let found = texts(&db, "select id::text from exclusion_list_entries order by id").await;
    assert_eq!(found, committed);
    let entries = "select row_id::text from audit_log_entries where table_name = 'exclusion_list_entries' order by row_id";
    assert_eq!(texts(&db, entries).await, committed);
}

#[tokio::test]
async fn shards_are_rebalanced_and_one_organization_is_isolated() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_rebalance").await;
    program("seeder", &url, "").succeeds();
    let db = connect(&url).await.unwrap();
    let before = texts(&db, "select id::text from contacts order by id").await;
    program("ops", &url, "rebalance").succeeds();
    let id = OrganizationId::from_uuid(
        texts(&db, "select id::text from organizations limit 1").await[0].parse().unwrap(),
    );
    program("ops", &url, &format!("rebalance --isolate {id}")).succeeds();
    let alone = format!(
        "select (shardminvalue = shardmaxvalue)::text from pg_dist_shard \
         where shardid = get_shard_id_for_distribution_column('contacts', '{}'::uuid)",
        id.as_uuid()
    );
    assert_eq!(texts(&db, &alone).await, ["true"]);
    assert_eq!(texts(&db, "select id::text from contacts order by id").await, before);
    program("ops", &url, "rebalance --isolate org_01h455vb4pex5vsknk084sn02q").fails(&["no organization"]);
}

#[tokio::test]
async fn rows_are_moved_to_the_shards_and_are_not_audited_again() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.with_workers("citus_moved").await;
    program("seeder", &url, "generate --profile small").succeeds();
    let db = connect(&url).await.unwrap();
    let counts = "select concat_ws(' ', (select count(*) from contacts), (select count(*) from call_attempts), \
                  (select count(*) from audit_log_entries), (select count(*) from users))";
    let before = texts(&db, counts).await;
    cluster.distribute(&url).await;
    assert_eq!(texts(&db, counts).await, before);
}

#[tokio::test]
async fn generated_rows_are_those_of_one_server_and_so_are_their_violations() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_generate").await;
    let one = migrated("generate_beside_citus").await;
    let (distributed, plain) = (connect(&url).await.unwrap(), connect(&one.url()).await.unwrap());
    for url in [&url, &one.url()] {
        program("seeder", url, "generate --organizations 5 --contacts 900 --history 30").succeeds();
        program("seeder", url, "generate --check").succeeds();
    }
    assert_equal(&rows(&plain).await, &rows(&distributed).await);
    for db in [&distributed, &plain] {
        run(db, "update contacts set last_outcome = null").await.unwrap();
    }
    let [found, expected] = [&url, &one.url()].map(|url| program("seeder", url, "generate --check"));
    assert_eq!(expected.code, Some(1), "{expected}");
    assert!(expected.stdout.contains("con_"), "{expected}");
    assert_eq!((found.code, &found.stdout), (expected.code, &expected.stdout));
}

#[tokio::test]
async fn a_backup_of_a_distributed_database_is_restored_and_distributed_again() {
    let Some(cluster) = cluster() else { return };
    if !clients_are_installed() {
        return;
    }
    let url = cluster.distributed("citus_backup").await;
    program("seeder", &url, "").succeeds();
    let ops = Ops::on(&url);
    ops.back_up();
    let restored = cluster.restored("citus_restored", |url| {
        let restored = ops.restore_to(url);
        restored.succeeds();
        assert!(restored.stdout.contains("equal to the manifest"), "{restored}");
    });
    let restored = restored.await;
    let (db, copy) = (connect(&url).await.unwrap(), connect(&restored).await.unwrap());
    let distributed = "select count(*)::text from pg_dist_partition";
    assert_eq!(texts(&copy, distributed).await, ["0"]);
    cluster.distribute(&restored).await;
    assert_eq!(texts(&copy, distributed).await, ["15"]);
    assert_equal(&rows(&db).await, &rows(&copy).await);
    // The policies call functions that name the copies of reference tables.
    let settings = settings(&[("DATABASE_URL", &restored), ("DATABASE_STATEMENT_CACHE", "0")]);
    let organization = texts(&db, "select id::text from organizations").await[0].parse().unwrap();
    let actor = SystemActor { organization: OrganizationId::from_uuid(organization) };
    let tx = open(&settings).await.customer(actor).await.unwrap();
    assert!(campaigns::count(&tx, None).await.unwrap() > 0);
    assert!(!users::list_by_organization(&tx, actor.organization, None, 9).await.unwrap().items.is_empty());
}
