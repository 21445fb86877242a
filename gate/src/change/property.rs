//! Generated changes of the entities: each migration compiles, is applied and undone exactly on both engines, satisfies
//! the rules and leaves no drift, or refuses with a reason.

mod changes;
mod compiled;

use super::compare::plan;
use super::source::source;
use crate::catalogue::schema::Schema;
use crate::drift::Item;
use crate::migrations::replay::{Replay, rows};
use crate::rule::Check;
use crate::rules::{
    self, entities_match_database, migration_reversible, migration_sql_safe, migration_table_locks_documented,
};
use crate::{Workspace, subject};
use changes::{Case, UNSAFE, random_case, text_case, unsafe_case};
use compiled::{Compiled, compile};
use migration::{Emitted, header};
use scratch::{Database, Server};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use std::collections::BTreeMap;

/// The environment variable with the number of changes.
const COUNT: &str = "GATE_GENERATED_CHANGES";

/// Enough for most kinds of safe changes, within a minute; each kind of unsafe change and a new text column are added.
const DEFAULT_COUNT: usize = 20;

#[tokio::test]
async fn a_generated_migration_leaves_no_drift_and_is_undone_exactly_or_refuses_with_a_reason() {
    let count = std::env::var(COUNT).map_or(DEFAULT_COUNT, |text| text.parse().expect(COUNT));
    let workspace = Workspace::at(None);
    let template = template().await;
    let schema = schema(&template).await;
    // Some change nothing: they add an index that exists.
    let planned = |case: Case| (plan(&case.entities, &schema), case);
    let changes = (0..).map(random_case).map(planned).filter(|(plan, _)| !plan.is_empty()).take(count);
    let changes = (0..UNSAFE).map(unsafe_case).chain([text_case()]).map(planned).chain(changes);
    let changes: Vec<(Case, Vec<String>)> = changes
        .map(|(plan, case)| {
            let source = |part| source(&part, &case.entities, Some("a test"), &BTreeMap::new());
            let sources = plan.into_parts().into_iter().map(source).collect();
            (case, sources)
        })
        .collect();
    let sources: Vec<String> = changes.iter().flat_map(|(_, sources)| sources.clone()).collect();
    let mut compiled = compile(&workspace, &sources).into_iter();
    let sqlite = migration::emitted().await.unwrap();
    let remedies = ["docs/migrations.md, ", "correct the entity", "once no running release"];
    let (mut written, mut refused) = (0, 0);
    for (place, (case, sources)) in changes.iter().enumerate() {
        let migrations: Vec<Compiled> = compiled.by_ref().take(sources.len()).collect();
        let about = format!("change {place}: {:#?}\n{}", case.changes, sources.join("\n"));
        if let Err((error, executed)) = &migrations[0].emitted {
            // A generated name may be too long.
            assert!(case.is_refused || error.contains("PostgreSQL truncates"), "refused: {error}\n{about}");
            assert_eq!(*executed, 0, "{about}");
            assert!(remedies.iter().any(|remedy| error.contains(remedy)), "{error}\n{about}");
            refused += 1;
            continue;
        }
        assert!(!case.is_refused, "not refused: {about}");
        on_postgres(case, &migrations, &template, &about).await;
        on_sqlite(case, &migrations, &sqlite, &about).await;
        written += 1;
    }
    eprintln!("{written} migrations written, {refused} refused");
    assert!(written > 0 && refused > 0, "the changes are of one kind");
}

/// A migrated database with a row in each table.
async fn template() -> Database {
    let database = subject::empty("changes").unwrap();
    subject::migrate(&database).await.unwrap();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    assert_eq!(rows::fill(&mut connection).await.unwrap(), []);
    connection.close().await.unwrap();
    database
}

async fn schema(database: &Database) -> Schema {
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let schema = Schema::read(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    schema
}

async fn on_postgres(case: &Case, migrations: &[Compiled], template: &Database, about: &str) {
    let copy = Server::shared().unwrap().create_database_from(template, "change").unwrap();
    let mut replay = Replay::on(copy).await.unwrap();
    for Compiled { file, emitted } in migrations {
        let emitted = emitted.as_ref().unwrap();
        let mut catalogue = replay.catalogue().await.unwrap();
        if emitted.transactional {
            let touched = replay.trace(emitted).await.unwrap_or_else(|error| panic!("{error:?}\n{about}"));
            assert_eq!(migration_table_locks_documented::compare(file, &touched), [], "{about}");
        } else {
            step_by_step(&mut replay.connection, &emitted.postgres.up, about).await;
        }
        let (problem, _) =
            migration_reversible::round_trip(&mut replay, emitted, &mut catalogue).await.unwrap();
        assert_eq!(problem, None, "{about}");
        assert_eq!(migration_sql_safe::lint(emitted), [], "{about}");
        let fields: Vec<_> = file.header.iter().map(|field| field.name).collect();
        let expected = header::FIELDS.into_iter().filter(|field| *field != "Locks" || fields.contains(field));
        assert_eq!(fields, expected.collect::<Vec<_>>(), "{about}");
    }

    let schema = Schema::read(&mut replay.connection).await.unwrap();
    assert_eq!(entities_match_database::compare(&case.entities, &schema), [], "{about}");
    let left = plan(&case.entities, &schema);
    assert!(left.is_empty(), "{left:#?}\n{about}");
    replay.connection.execute(include_str!("../catalogue/views.sql")).await.unwrap();
    for rule in rules::ALL {
        let Check::Catalogue(query) = rule.check else { continue };
        // Descriptions are no part of the migration; soft deletion and random ids are decisions of the entity.
        if [
            "personal_data_classified",
            "tables_and_columns_documented",
            "unique_indexes_exclude_soft_deleted",
        ]
        .contains(&rule.id)
        {
            continue;
        }
        for row in sqlx::query(query).fetch_all(&mut replay.connection).await.unwrap() {
            let (object, problem): (String, String) = (row.get(0), row.get(1));
            // A person adds the table to the lists of these rules.
            let is_outside =
                case.outside.iter().any(|table| object.starts_with(table) || problem.contains(table));
            assert!(is_outside, "{}: {object}: {problem}\n{about}", rule.id);
        }
    }
}

/// Runs the steps of a migration without a transaction; none reads a table under a lock that writers wait for.
async fn step_by_step(connection: &mut PgConnection, texts: &[String], about: &str) {
    for text in texts {
        if text.contains(" concurrently ") {
            connection
                .execute(AssertSqlSafe(text.as_str()))
                .await
                .unwrap_or_else(|error| panic!("{error}\n{about}"));
            continue;
        }
        let mut step = connection.begin().await.unwrap();
        let before = scans(&mut step).await;
        let done = sqlx::raw_sql(AssertSqlSafe(text.as_str())).execute(&mut *step).await;
        done.unwrap_or_else(|error| panic!("{error}\n{text}\n{about}"));
        let locks: Vec<(i64, String)> = sqlx::query_as(include_str!("../migrations/replay/locks.sql"))
            .fetch_all(&mut *step)
            .await
            .unwrap();
        let after = scans(&mut step).await;
        step.commit().await.unwrap();
        for (table, mode) in locks.iter().filter(|(_, mode)| mode != "share update exclusive") {
            let count = |of: &BTreeMap<i64, i64>| of.get(table).copied().unwrap_or_default();
            assert_eq!(count(&before), count(&after), "reads under {mode}: {text}\n{about}");
        }
    }
}

/// How many scans of each table this session began that are not reported to others yet.
async fn scans(connection: &mut PgConnection) -> BTreeMap<i64, i64> {
    let sql = "select relid::int8, seq_scan + coalesce(idx_scan, 0) from pg_stat_xact_user_tables";
    let rows: Vec<(i64, i64)> = sqlx::query_as(sql).fetch_all(connection).await.unwrap();
    rows.into_iter().collect()
}

async fn on_sqlite(case: &Case, migrations: &[Compiled], earlier: &[Emitted], about: &str) {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for migration in earlier {
        run(&mut connection, &migration.sqlite.up, about).await;
    }
    for Compiled { emitted, .. } in migrations {
        let script = &emitted.as_ref().unwrap().sqlite;
        let before = definitions(&mut connection).await;
        run(&mut connection, &script.up, about).await;
        let after = definitions(&mut connection).await;
        for (step, texts, expected) in [
            ("up again", &script.up, &after),
            ("down", &script.down, &before),
            ("down again", &script.down, &before),
            ("up after down", &script.up, &after),
        ] {
            run(&mut connection, texts, about).await;
            assert_eq!(definitions(&mut connection).await, *expected, "{step} on SQLite: {about}");
        }
    }
    assert_eq!(texts(&mut connection, "pragma integrity_check").await, ["ok"], "{about}");
    for model in &case.entities.tables {
        let columns = format!("select name from pragma_table_info('{}') order by name", model.table);
        let columns: Vec<String> = texts(&mut connection, &columns).await;
        let mut expected = model.columns.clone();
        expected.sort();
        assert_eq!(columns, expected, "{} on SQLite: {about}", model.table);
        let keys = format!("select distinct id || '' from pragma_foreign_key_list('{}')", model.table);
        let expected = model.items.keys().filter(|item| matches!(item, Item::ForeignKey { .. })).count();
        assert_eq!(texts(&mut connection, &keys).await.len(), expected, "{} on SQLite: {about}", model.table);
        texts(&mut connection, &format!("select id from {}", model.table)).await;
    }
}

/// Runs texts as the builders do: they accept two failures, by which SQLite reports that there is nothing to do.
async fn run(connection: &mut SqliteConnection, texts: &[String], about: &str) {
    for text in texts {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(text.as_str())).execute(&mut *connection).await {
            let message = error.to_string();
            let accepted = ["duplicate column name", "no such column"];
            assert!(accepted.iter().any(|known| message.contains(known)), "{text}: {message}\n{about}");
        }
    }
}

async fn definitions(connection: &mut SqliteConnection) -> Vec<String> {
    texts(connection, "select type || ' ' || name || ': ' || coalesce(sql, '') from sqlite_schema order by 1")
        .await
}

async fn texts(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *connection).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get::<String, _>(0).unwrap_or_default()).collect()
}
