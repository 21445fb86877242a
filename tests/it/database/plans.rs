//! The plan of each query of `database` on 100,000 contacts: what it reads, and by which index.

use database::contacts;
use entity::enums::ContactState;
use sea_orm::Iterable as _;
use std::collections::{BTreeMap, BTreeSet};
use tests::cases::cases;
use tests::declared::queries;
use tests::factory::{T, open, settings};
use tests::plans::{self, Mode, Plan, Recorder, Report, names, report};
use tests::world::World;
use tests::{connect, large, migrated, texts};

const CONTACTS: u32 = 100_000;

/// Indexes that no query of `database`, constraint or foreign key uses, each with the reason why it exists.
const KEPT: [(&str, &str); 9] = [
    ("ix_campaigns_name", OLDER_CLIENTS),
    ("ix_campaigns_status", OLDER_CLIENTS),
    ("ix_contacts_campaign_created_due", "schedulers of older clients order by `created_at` alone"),
    ("ix_email_notifications_status", OLDER_CLIENTS),
    ("ix_email_templates_locale", OLDER_CLIENTS),
    ("ix_email_templates_type", OLDER_CLIENTS),
    ("ix_events_event_type", OLDER_CLIENTS),
    ("ix_retention_runs_created", "`ops retention history`"),
    ("ix_survey_responses_completed", OLDER_CLIENTS),
];

const OLDER_CLIENTS: &str = "the product's data model has it, for clients that are older than this crate";

/// The plans of all queries, each with the function that runs it.
async fn plans(database: &scratch::Database, mode: Mode) -> Vec<(&'static str, Plan)> {
    report(database, Report::Plans, Some(mode)).await;
    let recorder = Recorder::start();
    let settings = settings(&[("DATABASE_URL", &database.url()), ("DATABASE_STATEMENT_TIMEOUT_MS", "0")]);
    let world = World::of_many(open(&settings).await).await;
    recorder.take();
    let mut plans = Vec::new();
    for case in cases() {
        plans::run(&world, &case).await;
        let named = recorder.take().into_iter().filter(|notice| notice.query.contains('.'));
        plans.extend(named.map(|notice| (case.query, notice.plan())));
    }
    // Each state has its own index.
    for state in ContactState::iter() {
        let tx = world.database.customer(world.actor).await.unwrap();
        contacts::list_by_campaign(&tx, world.campaign.id, Some(state), None, 50).await.unwrap();
        tx.rollback().await.unwrap();
        let named = recorder.take().into_iter().filter(|notice| notice.query.contains('.'));
        plans.extend(named.map(|notice| ("contacts::list_by_campaign", notice.plan())));
    }
    plans
}

#[tokio::test]
async fn every_query_reads_by_an_index_no_more_than_it_needs_and_every_index_is_used() {
    let database = migrated("plans").await;
    large::fill(&database.url(), CONTACTS).await;
    let db = connect(&database.url()).await.unwrap();
    let mut rows: BTreeMap<String, f64> = BTreeMap::new();
    let tables = "select relname || ' ' || reltuples::bigint from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
    for line in texts(&db, tables).await {
        let (table, number) = line.split_once(' ').unwrap();
        rows.insert(table.to_owned(), number.parse().unwrap());
    }
    // Those of constraints, and those that begin with the columns of a foreign key.
    let needed = "select indexrelid::regclass::text from pg_index
                  where exists (select from pg_constraint where conindid = indexrelid)
                      or indpred is null and exists (
                          select from pg_constraint as key
                          where key.conrelid = indrelid and key.contype = 'f' and indkey[0] = any(key.conkey)
                              and (cardinality(key.conkey) = 1 or indkey[0] = key.conkey[2] or indkey[1] = any(key.conkey))
                      )";
    let mut used: BTreeSet<String> = texts(&db, needed).await.into_iter().collect();
    let all = "select indexrelid::regclass::text from pg_index
               where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
                   and indrelid <> 'seaql_migrations'::regclass";
    let all = texts(&db, all).await;
    db.close().await.unwrap();

    let queries = queries();
    let mut found = BTreeSet::new();
    let mut excused = BTreeSet::new();
    for mode in [Mode::Custom, Mode::Generic] {
        let plans = plans(&database, mode).await;
        let seen: BTreeSet<&str> = plans.iter().map(|(_, plan)| plan.query.as_str()).collect();
        let missing: Vec<String> = names().into_iter().filter(|name| !seen.contains(name.as_str())).collect();
        assert_eq!(missing, Vec::<String>::new(), "no case runs these queries");
        for (function, plan) in &plans {
            used.extend(plan.indexes().map(ToOwned::to_owned));
            for what in plan.excesses(&rows) {
                if queries[*function].reads_all.is_some() {
                    excused.insert(*function);
                } else {
                    found.insert(format!("{}, {mode} plan: {what}", plan.query));
                }
            }
        }
    }
    for (function, declared) in &queries {
        if declared.reads_all.is_some() && !excused.contains(function.as_str()) {
            found.insert(format!("{function} states why it reads all of a table, and reads none"));
        }
    }
    let kept = BTreeMap::from(KEPT);
    for index in all.iter().filter(|index| !used.contains(*index) && !kept.contains_key(index.as_str())) {
        found.insert(format!("no query, constraint or foreign key uses {index}"));
    }
    for index in kept.keys().filter(|index| !all.iter().any(|found| found == *index)) {
        found.insert(format!("{index} is listed, and does not exist"));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn no_transaction_compiles_its_statements() {
    let t = T::new().await;
    let admin = t.admin().await;
    assert_eq!(texts(&admin, "show jit").await, ["off"]);
    let customer = t.customer().await;
    assert_eq!(texts(&customer, "show jit").await, ["off"]);
    // Nor one after the connection was reset.
    customer.rollback().await.unwrap();
    assert_eq!(texts(&t.customer().await, "show jit").await, ["off"]);
}
