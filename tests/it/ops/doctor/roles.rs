//! The role customer, its logins, and the owner.

use super::super::Ops;
use super::look;
use tests::login_role::LoginRole;
use tests::{connect, empty_with_role, migrate, migrated, private_server, run};

/// A fault: the check that finds it, how it is made and undone, the verdict, and words of the finding.
struct Fault {
    check: &'static str,
    sql: &'static str,
    undo: &'static str,
    verdict: &'static str,
    object: &'static str,
    text: &'static str,
}

macro_rules! faults {
    ($($check:literal: $sql:literal => $undo:literal; $verdict:literal $object:literal $text:literal;)+) => {
        [$(Fault { check: $check, sql: $sql, undo: $undo, verdict: $verdict, object: $object, text: $text }),+]
    };
}

const FAULTS: [Fault; 12] = faults! {
    "customer_role": "alter role customer bypassrls" => "alter role customer nobypassrls"; "fail" "customer" "BYPASSRLS";
    "customer_role": "alter role customer superuser" => "alter role customer nosuperuser"; "fail" "customer" "SUPERUSER";
    "customer_role": "alter role customer createrole" => "alter role customer nocreaterole"; "fail" "customer" "CREATEROLE";
    "customer_role": "alter role customer login" => "alter role customer nologin"; "warn" "customer" "log in";
    "customer_role": "grant pg_read_all_data to customer" => "revoke pg_read_all_data from customer"; "fail" "customer" "every tenant";
    "customer_role": "create role plain; grant plain to customer" => "drop role plain"; "warn" "customer" "a member of plain";
    "customer_role": "create table own (); alter table own owner to customer" => "drop table own"; "fail" "customer" "owns a table";
    "customer_logins": "create role app login bypassrls; grant customer to app" => "alter role app nobypassrls"; "fail" "app" "BYPASSRLS";
    "customer_logins": "grant postgres to app" => "revoke postgres from app"; "fail" "app" "revoke \"postgres\"";
    "customer_logins": "grant pg_write_all_data to app" => "revoke pg_write_all_data from app"; "fail" "app" "pg_write_all_data";
    "customer_logins": "comment on table seaql_migrations is 'production'; revoke customer from app" => "grant customer to app"; "warn" "this database" "create role";
    "public_schema": "grant create on schema public to public" => "revoke create on schema public from public"; "fail" "public" "revoke create on schema public";
};

#[tokio::test]
async fn a_right_that_reaches_other_tenants_is_reported() {
    let Some(server) = private_server::start(false, "roles") else { return };
    let (url, ops) = (server.url("postgres"), Ops::on(&server.url("postgres")));
    look(&ops, "customer_role", "").fails("the role customer", "migration -- up");
    migrate(&url).await;
    let db = connect(&url).await.unwrap();
    look(&ops, "customer_role", "").passes();
    look(&ops, "customer_logins", "").passes();
    for Fault { check, sql, undo, verdict, object, text } in FAULTS {
        run(&db, sql).await.unwrap();
        let looked = look(&ops, check, "");
        if verdict == "fail" {
            looked.fails(object, text)
        } else {
            looked.warns(object, text)
        };
        run(&db, undo).await.unwrap();
        look(&ops, check, "").passes();
    }
    assert_eq!(look(&ops, "customer_logins", "").summary, "app");
    look(&ops, "owner_role", "").warns("the role postgres", "is a superuser");
}

#[tokio::test]
async fn an_owner_that_is_not_a_superuser_passes() {
    let owner = LoginRole::owning(empty_with_role("doctor_owner").await, "createrole").await;
    owner.administer(&format!("grant customer to {} with admin option", owner.name)).await;
    migrate(&owner.url()).await;
    let ops = Ops::on(&owner.url());
    let looked = look(&ops, "owner_role", "");
    looked.passes();
    assert_eq!(looked.summary, owner.name);
    look(&ops, "ledger", "").passes();
    look(&ops, "outbox_backlog", "").passes();
}

#[tokio::test]
async fn a_login_without_rights_gets_the_reason_and_the_grant_instead_of_a_failure() {
    let reader = LoginRole::new(migrated("doctor_reader").await, "").await;
    let ops = Ops::on(&reader.url());
    for (check, reason, grant) in [
        ("ledger", "permission denied", "grant select on seaql_migrations"),
        ("drift", "cannot read which migrations are applied", "grant select on seaql_migrations"),
        ("password_hashes", "permission denied", "superuser"),
        ("authentication_rules", "permission denied", "grant execute on function pg_hba_file_rules()"),
        ("long_transactions", "its own sessions only", "grant pg_monitor to login_of_"),
        ("blocked_sessions", "its own sessions only", "grant pg_monitor to login_of_"),
        ("replication_lag", "its own sessions only", "grant pg_monitor to login_of_"),
        ("outbox_backlog", "row-level security", "owner of the tables"),
        ("retention_backlog", "row-level security", "owner of the tables"),
        ("audit_seals", "row-level security", "owner of the tables"),
    ] {
        look(&ops, check, "").is_skipped(reason, grant);
    }
    reader.administer("create table large as select 1 as one from generate_series(1, 1000)").await;
    reader.administer("analyze large").await;
    look(&ops, "table_bloat", "--threshold table_bloat.least=0B")
        .is_skipped("statistics of no", "pg_read_all_data");
    let all = ops.run("doctor");
    all.succeeds();
    assert!(
        all.stdout.contains("\nskipped: ledger: ") && all.stdout.contains("  fix: grant pg_monitor"),
        "{all}"
    );

    let name = &reader.name;
    for grant in [
        format!("grant pg_monitor, pg_read_all_data to {name}"),
        format!("grant select on pg_hba_file_rules to {name}"),
        format!("grant execute on function pg_hba_file_rules() to {name}"),
        format!("alter role {name} bypassrls"),
    ] {
        reader.administer(&grant).await;
    }
    let checks = [
        "ledger",
        "drift",
        "authentication_rules",
        "long_transactions",
        "blocked_sessions",
        "replication_lag",
        "outbox_backlog",
        "audit_seals",
        "table_bloat",
    ];
    for check in checks {
        assert_ne!(look(&ops, check, "").verdict, "skipped", "{check}");
    }
}

#[tokio::test]
async fn a_row_that_row_level_security_hides_is_not_taken_for_absent() {
    let reader = LoginRole::new(migrated("doctor_hidden").await, "").await;
    reader.administer(&format!("grant select on events to {}", reader.name)).await;
    look(&Ops::on(&reader.url()), "outbox_backlog", "").is_skipped("row-level security", "BYPASSRLS");
}
