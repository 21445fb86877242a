//! `ops distribute` on three nodes: what is distributed, that keys keep organizations apart, and which queries Citus runs.

mod drift;
mod isolation;
mod load;
mod queries;
mod retention;
mod rows;
mod shards;

use tests::cluster::{cluster, program};
use tests::{connect, migrated, texts};

#[tokio::test]
async fn a_database_without_citus_is_refused_with_the_remedy() {
    let database = migrated("no_citus").await;
    for command in ["distribute --check", "distribute", "rebalance"] {
        program("ops", &database.url(), command).fails(&["has no Citus", "create extension citus"]);
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_complete_is_refused_and_left_as_it_is() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.migrated("incomplete").await;
    let refused = program("ops", &url, "distribute");
    refused.fails(&["citus_set_coordinator_host", "fewer than two workers", "citus_add_node"]);
    let db = connect(&url).await.unwrap();
    assert_eq!(texts(&db, "select count(*)::text from pg_dist_partition").await, ["0"]);
}

#[tokio::test]
async fn the_check_reports_what_changes_and_a_database_is_distributed_once() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.with_workers("once").await;
    let db = connect(&url).await.unwrap();
    let keys = "select count(*)::text from pg_constraint where contype = 'f' and conrelid::regclass::text !~ '_[0-9]+$'";
    let before = texts(&db, keys).await;

    let checked = program("ops", &url, "distribute --check");
    checked.succeeds();
    for line in [
        "call_attempts: distributed by organization_id: its rows belong to one organization",
        "organizations: reference: distributed tables refer to it",
        "signing_keys: local: it belongs to no organization, and no distributed table refers to it",
        "user_organizations: reference: a policy of a reference table reads it",
        "changes: uq_call_attempts_call_id is unique within an organization only: (organization_id, call_id)",
        "changes: fk_events_call_attempt_id_call_attempts has no action instead of set null",
        "can be distributed",
    ] {
        assert!(checked.stdout.contains(line), "{line}: {checked}");
    }
    assert_eq!(texts(&db, "select count(*)::text from pg_dist_partition").await, ["0"]);

    cluster.distribute(&url).await;
    assert_eq!(texts(&db, keys).await, before);
    let tables =
        "select citus_table_type || ' ' || count(*) from citus_tables group by citus_table_type order by 1";
    assert_eq!(texts(&db, tables).await, ["distributed 12", "reference 3"]);
    let again = cluster.distribute(&url).await;
    assert!(again.stdout.contains("with 0 changes"), "{again}");
    let checked = program("ops", &url, "distribute --check");
    assert!(checked.stdout.contains("is distributed"), "{checked}");
}
