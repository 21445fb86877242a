//! Drift of a distributed database: none after `ops distribute`, and what is changed by hand is found by name.

use sea_orm::DatabaseConnection;
use serde_json::Value;
use std::collections::BTreeSet;
use tests::cluster::{cluster, program};
use tests::{connect, run, texts};

/// A change, and the object that it is found at.
const CHANGES: [(&str, &str); 17] = [
    ("drop index ix_contacts_phone", "index ix_contacts_phone on contacts"),
    ("alter table campaigns add nickname text", "column campaigns.nickname"),
    ("alter table contacts alter phone_number drop not null", "column contacts.phone_number"),
    ("alter policy tenant_isolation on events using (true)", "policy tenant_isolation on events"),
    ("alter table user_organizations disable row level security", "table user_organizations"),
    (
        "alter table erasure_requests drop constraint fk_erasure_requests_contact_id_contacts",
        "constraint fk_erasure_requests_contact_id_contacts on erasure_requests",
    ),
    (
        "alter table call_attempts drop constraint uq_call_attempts_call_id",
        "constraint uq_call_attempts_call_id on call_attempts",
    ),
    ("drop trigger audit on email_templates", "trigger audit on email_templates"),
    (
        "create or replace function user_exists(visible_user uuid) returns boolean language sql stable as 'select true'",
        "function user_exists(visible_user uuid)",
    ),
    ("alter function routed_organization_id() stable", "function routed_organization_id()"),
    ("alter function set_updated_at() security definer", "function set_updated_at()"),
    ("drop cast (call_outcome as text)", "cast of enum call_outcome to text"),
    (
        "do $$ begin execute format('alter database %I reset citus.enable_unsafe_triggers', current_database()); end $$",
        "setting citus.enable_unsafe_triggers of the database",
    ),
    (
        "do $$ begin execute format('alter database %I set citus.show_shards_for_app_name_prefixes = ''*''', \
         current_database()); end $$",
        "setting citus.show_shards_for_app_name_prefixes of the database",
    ),
    ("grant select on signing_keys to customer", "grants to customer on table signing_keys"),
    ("create table citus.notes (id uuid primary key)", "table citus.notes"),
    ("select create_reference_table('retention_runs')", "distribution of table retention_runs"),
];

/// The objects and problems that the gate reports.
fn found(url: &str) -> Vec<(String, String)> {
    let compared = program("gate", url, &format!("--database {url} --format json"));
    let report: Value =
        serde_json::from_str(&compared.stdout).unwrap_or_else(|error| panic!("{error}: {compared}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["rules"][0]["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(&finding["object"]), text(&finding["problem"]))).collect()
}

async fn change(db: &DatabaseConnection, statements: &[&str]) {
    for sql in statements {
        run(db, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[tokio::test]
async fn a_distributed_database_has_no_drift_and_each_change_by_hand_is_found() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("drift").await;
    assert_eq!(found(&url), []);
    program("ops", &url, "doctor --deny-warnings --only drift --only customer_role").succeeds();
    cluster.distribute(&url).await;
    assert_eq!(found(&url), []);

    let db = connect(&url).await.unwrap();
    change(&db, &CHANGES.map(|(sql, _)| sql)).await;
    let objects: BTreeSet<String> = found(&url).into_iter().map(|(object, _)| object).collect();
    assert_eq!(objects, CHANGES.map(|(_, object)| object.to_owned()).into());
    let doctor = program("ops", &url, "doctor --only drift");
    doctor.fails(&["needs attention"]);
    assert!(doctor.stdout.contains("17 objects differ"), "{doctor}");
    assert!(doctor.stdout.contains("cargo run -p ops -- distribute"), "{doctor}");
}

#[tokio::test]
async fn a_table_that_is_distributed_otherwise_is_found() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("drift_of_shapes").await;
    let db = connect(&url).await.unwrap();
    change(
        &db,
        &[
            "select undistribute_table('audit_log_entries')",
            "alter table provider_configs drop constraint fk_provider_configs_organization_id_organizations",
            "select undistribute_table('provider_configs')",
            "select create_distributed_table('provider_configs', 'id', colocate_with => 'none')",
        ],
    )
    .await;
    let shapes: Vec<(String, String)> =
        found(&url).into_iter().filter(|(object, _)| object.starts_with("distribution ")).collect();
    let expected = [
        ("distribution of table audit_log_entries", "is missing"),
        (
            "distribution of table provider_configs",
            "column was `organization_id`, is `id`; with the other tables was `true`, is `false`",
        ),
    ];
    assert_eq!(shapes, expected.map(|(object, problem)| (object.to_owned(), problem.to_owned())));

    // The last tables: the functions still show what the database was.
    change(&db, &["select undistribute_table('contacts', cascade_via_foreign_keys => true)"]).await;
    change(&db, &["select undistribute_table('provider_configs')"]).await;
    let missing = ("distribution of table users".to_owned(), "is missing".to_owned());
    assert!(found(&url).contains(&missing));
}

#[tokio::test]
async fn a_change_on_a_worker_alone_is_found() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("drift_of_nodes").await;
    let worker = &cluster.nodes[1];
    let db = connect(&worker.url("drift_of_nodes")).await.unwrap();
    let shards = "select min(s.shardid)::text from pg_dist_shard s join pg_dist_placement using (shardid) \
                  join pg_dist_local_group using (groupid) where s.logicalrelid = 'contacts'::regclass";
    let shard = format!("contacts_{}", texts(&db, shards).await[0]);
    let alter = format!(
        "set citus.enable_manual_changes_to_shards = on; set citus.enable_ddl_propagation = off; \
         alter policy tenant_isolation on {shard} using (true); alter table {shard} add nickname text; \
         alter function routed_organization_id() immutable; drop function run_on_shard(text, text[])"
    );
    change(&db, &[&alter]).await;
    let node = format!(" on {}:{}", worker.socket_dir().unwrap().display(), worker.port());
    let found: Vec<(String, String)> = found(&url)
        .into_iter()
        .map(|(object, problem)| (object.strip_suffix(&node).unwrap_or(&object).to_owned(), problem))
        .collect();
    let problem = |object: &str| {
        let found = found.iter().find(|(name, _)| name == object);
        found.unwrap_or_else(|| panic!("{object}: {found:?}")).1.clone()
    };
    let differs = "differs from the coordinator: column nickname, policy tenant_isolation";
    assert_eq!(problem(&format!("shard {shard}")), differs);
    assert_eq!(problem("function routed_organization_id()"), "differs from the coordinator: volatility");
    let lacks = "lacks, unlike the coordinator: definition, privilege of customer, volatility";
    assert_eq!(problem("function run_on_shard(text,text[])"), lacks);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[tokio::test]
async fn a_table_of_a_later_migration_is_found_until_it_is_distributed() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.with_workers("drift_of_a_migration").await;
    let db = connect(&url).await.unwrap();
    let newer = "select count(*)::text from seaql_migrations where version >= \
                 (select version from seaql_migrations where version like '%create_erasure_requests')";
    let newer = &texts(&db, newer).await[0];
    program("migration", &url, &format!("down --num {newer}")).succeeds();
    cluster.distribute(&url).await;
    let behind: Vec<String> = found(&url).into_iter().map(|(object, _)| object).collect();
    assert_eq!(behind, ["table seaql_migrations"]);

    let separator = if url.contains('?') { '&' } else { '?' };
    let on_the_coordinator = format!("{url}{separator}options[citus.enable_ddl_propagation]=off");
    program("migration", &on_the_coordinator, "up").succeeds();
    let missing = ("distribution of table erasure_requests".to_owned(), "is missing".to_owned());
    assert!(found(&url).contains(&missing));
    cluster.distribute(&url).await;
    assert_eq!(found(&url), []);
}
