//! Autovacuum, dead tuples, statistics, bloat, and transaction ids.

use super::super::Ops;
use super::look;
use sea_orm::ConnectionTrait;
use tests::{connect, migrated, private_server, run};

/// A table that nothing vacuums, with 30,000 rows of which one in ten is left.
async fn mostly_deleted(db: &impl ConnectionTrait) {
    for sql in [
        "create table scrap (id bigint, filling text) with (autovacuum_enabled = off)",
        "insert into scrap select i, repeat('x', 200) from generate_series(1, 30000) i",
        "delete from scrap where id % 10 <> 0",
        "select pg_stat_force_next_flush()",
        "select 1",
    ] {
        run(db, sql).await.unwrap();
    }
}

#[tokio::test]
async fn dead_tuples_and_old_statistics_are_reported_until_the_table_is_vacuumed() {
    let database = migrated("doctor_dead").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    look(&ops, "dead_tuples", "").passes();
    look(&ops, "planner_statistics", "").passes();
    mostly_deleted(&db).await;
    let looked = look(&ops, "dead_tuples", "");
    looked.fails("the table scrap", "27000 dead tuples, and autovacuum begins at 50; never vacuumed");
    looked.fails("the table scrap", "vacuum (analyze) scrap");
    look(&ops, "dead_tuples", "--threshold dead_tuples.fail=1000").warns("the table scrap", "27000");
    look(&ops, "dead_tuples", "--threshold dead_tuples.least=27001").passes();
    look(&ops, "planner_statistics", "").warns("the table scrap", "it was never analyzed");
    run(&db, "vacuum (analyze) scrap").await.unwrap();
    look(&ops, "dead_tuples", "").passes();
    look(&ops, "planner_statistics", "").passes();
}

#[tokio::test]
async fn a_table_that_is_mostly_empty_is_reported() {
    let database = migrated("doctor_bloat").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    mostly_deleted(&db).await;
    run(&db, "vacuum (analyze) scrap").await.unwrap();
    look(&ops, "table_bloat", "").passes();
    let small = "--threshold table_bloat.least=1MiB";
    look(&ops, "table_bloat", small).warns("the table scrap", "about 90 % of 7.");
    run(&db, "vacuum (full, analyze) scrap").await.unwrap();
    look(&ops, "table_bloat", "--threshold table_bloat.least=100KiB").passes();
}

#[tokio::test]
async fn autovacuum_that_is_off_for_a_table_or_for_all_is_reported() {
    let database = migrated("doctor_autovacuum").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    look(&ops, "autovacuum", "").passes();
    run(&db, "alter table contacts set (autovacuum_enabled = false)").await.unwrap();
    let fix = "alter table contacts reset (autovacuum_enabled)";
    look(&ops, "autovacuum", "").fails("the table contacts", fix);
    run(&db, fix).await.unwrap();
    look(&ops, "autovacuum", "").passes();
    let off = [("autovacuum", "off"), ("track_counts", "off")];
    let Some(server) = private_server::start_with(false, &off, "autovacuum off") else { return };
    let looked = look(&Ops::on(&server.url("postgres")), "autovacuum", "");
    looked
        .fails("autovacuum", "no table is vacuumed")
        .fails("track_counts", "alter system set track_counts = on");
}

#[tokio::test]
async fn transaction_ids_that_something_holds_back_are_reported() {
    let settings = [("autovacuum_freeze_max_age", "100000"), ("autovacuum", "off")];
    let Some(server) = private_server::start_with(false, &settings, "transaction ids") else { return };
    let ops = Ops::on(&server.url("postgres"));
    look(&ops, "transaction_age", "").passes();
    let holder = connect(&server.url("postgres")).await.unwrap();
    run(&holder, "begin isolation level repeatable read").await.unwrap();
    run(&holder, "select pg_current_xact_id()").await.unwrap();
    let db = connect(&server.url("postgres")).await.unwrap();
    run(&db, "create temporary table burnt (id int)").await.unwrap();
    // Each block is a subtransaction with an id of its own.
    let burn = "do $$ begin for i in 1..130000 loop \
                begin insert into burnt values (1); exception when division_by_zero then null; end; \
                end loop; end $$";
    run(&db, burn).await.unwrap();
    look(&ops, "transaction_age", "").warns("the database postgres", "13");
    look(&ops, "transaction_age", "--threshold transaction_age.fail=1.25")
        .fails("the database postgres", "freeze");
    look(&ops, "transaction_age", "--threshold transaction_age.end=100000")
        .fails("the database postgres", "of 100000");
}
