//! Rows on Citus: they are loaded, generated and kept when a worker is lost.

use tests::cluster::{Cluster, cluster, program};
use tests::{connect, run, texts};

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
            cluster.nodes[1].stop_at_once().unwrap();
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
    let id: entity::id::OrganizationId = entity::id::OrganizationId::from_uuid(
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
    program("ops", &url, "distribute").succeeds();
    assert_eq!(texts(&db, counts).await, before);
}
