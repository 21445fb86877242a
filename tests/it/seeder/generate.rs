//! Generated data derive from the options alone, and a run can end at any moment.

use super::{fixtures, load, seeder};
use sea_orm::{DatabaseConnection, EntityTrait, Iterable, PrimaryKeyToColumn, QueryOrder};
use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::engine::{Engine, on_both_engines};
use tests::kills::Kills;
use tests::login_role::LoginRole;
use tests::process::{Exited, Running};
use tests::{SqliteFile, catalog, connect, empty_with_role, migrate, migrated, run, texts};

/// Enough for each status of a campaign, and for several chunks.
const OPTIONS: &str = "--organizations 2 --contacts 9000 --history 60";

/// Tables without generated rows: what other programs write.
const NOT_GENERATED: [&str; 4] = ["audit_seals", "erasure_requests", "retention_runs", "signing_keys"];

/// Fewer than one chunk.
const FEW: &str = "--organizations 1 --contacts 500 --history 30";

#[tokio::test]
async fn the_rows_are_the_same_with_any_number_of_threads_and_on_both_engines() {
    let one = migrated("generate_one").await;
    let eight = migrated("generate_eight").await;
    let file = SqliteFile::migrated().await;
    for (url, threads) in [(one.url(), 1), (eight.url(), 8), (file.url(), 8)] {
        generate(&url, &format!("{OPTIONS} --threads {threads}")).succeeds();
    }
    let one = rows(&connect(&one.url()).await.unwrap()).await;
    assert_eq!(one["contacts"].len(), 9000);
    for (table, rows) in &one {
        assert_eq!(rows.is_empty(), NOT_GENERATED.contains(table), "{table}");
    }
    for url in [eight.url(), file.url()] {
        assert_equal(&one, &rows(&connect(&url).await.unwrap()).await);
    }
}

/// Of a login that may leave out PostgreSQL's checks of foreign keys, and of one that may not.
#[tokio::test]
async fn the_rows_are_the_same_whoever_checks_their_keys() {
    let administrator = migrated("generate_administrator").await;
    let owner = LoginRole::owning(empty_with_role("generate_owner").await, "createrole").await;
    migrate(&owner.url()).await;
    let mut written = Vec::new();
    for url in [administrator.url(), owner.url()] {
        generate(&url, OPTIONS).succeeds();
        let db = connect(&url).await.unwrap();
        assert_eq!(dangling(&db).await, [""; 0]);
        written.push(rows(&db).await);
    }
    assert_equal(&written[0], &written[1]);
}

/// The foreign keys that a row violates.
async fn dangling(db: &DatabaseConnection) -> Vec<String> {
    let queries = texts(
        db,
        "select format(
             'select %L from %s child where (select num_nulls(%s)) = 0 and not exists (
                  select from %s parent where (%s) = (%s)) limit 1',
             conname, conrelid::regclass, child.columns, confrelid::regclass, child.columns, parent.columns)
         from pg_constraint
         cross join lateral (
             select string_agg('child.' || attname, ', ' order by place) as columns
             from unnest(conkey) with ordinality as key (number, place)
             join pg_attribute on attrelid = conrelid and attnum = number) child
         cross join lateral (
             select string_agg('parent.' || attname, ', ' order by place) as columns
             from unnest(confkey) with ordinality as key (number, place)
             join pg_attribute on attrelid = confrelid and attnum = number) parent
         where contype = 'f' and connamespace = 'public'::regnamespace",
    )
    .await;
    assert!(queries.len() > 20, "{queries:?}");
    let mut dangling = Vec::new();
    for query in queries {
        dangling.extend(texts(db, &query).await);
    }
    dangling
}

/// As the checks of foreign keys, triggers of inserts are left out for the tables of chunks: these tables are others.
#[tokio::test]
async fn only_tables_that_precede_the_chunks_have_triggers_of_inserts() {
    let database = migrated("generate_triggers").await;
    let db = connect(&database.url()).await.unwrap();
    let triggers = "select distinct tgrelid::regclass::text from pg_trigger where not tgisinternal and tgtype & 4 <> 0 order by 1";
    let expected = [
        "campaigns",
        "email_templates",
        "erasure_requests",
        "exclusion_list_entries",
        "organizations",
        "provider_configs",
        "user_organizations",
        "users",
    ];
    assert_eq!(texts(&db, triggers).await, expected);
}

#[tokio::test]
async fn a_run_whose_campaign_was_deleted_fails() {
    let database = migrated("generate_deleted").await;
    let db = connect(&database.url()).await.unwrap();
    generate(&database.url(), FEW).succeeds();
    run(&db, "delete from campaigns where id = (select campaign_id from contacts limit 1)").await.unwrap();
    let before = rows(&db).await;
    let resumed = generate(&database.url(), &format!("{FEW} --resume"));
    resumed.fails(&["a row of campaigns that this run wrote is gone", "empty database"]);
    assert_equal(&before, &rows(&db).await);
}

on_both_engines!(migrated: generated_data_are_consistent_and_vary);

async fn generated_data_are_consistent_and_vary(Engine { db, url, .. }: &Engine) {
    generate(url, OPTIONS).succeeds();
    generate(url, "--organizations 3 --contacts 900 --history 7 --until 2026-07-12T22:30:00Z --append")
        .succeeds();
    generate(url, "--check").succeeds();
    for (values, count) in [
        ("contacts.state", 6),
        ("contacts.preferred_language", 3),
        ("call_attempts.outcome", 5),
        ("campaigns.status", 6),
        ("campaigns.language", 2),
        ("email_notifications.status", 3),
        ("events.event_type", 3),
        ("exclusion_list_entries.source", 3),
        ("transcript_snippets.language", 2),
    ] {
        let (table, column) = values.split_once('.').unwrap();
        let query = format!("select cast(count(distinct {column}) as text) from {table}");
        assert_eq!(texts(db, &query).await, [count.to_string()], "{values}");
    }
    let twice = "select phone_number from contacts group by campaign_id, phone_number having count(*) > 1";
    assert_eq!(texts(db, twice).await, [""; 0], "a number is once in a campaign");
    let shared =
        "select phone_number from contacts group by organization_id, phone_number having count(*) > 1";
    assert!(texts(db, shared).await.len() > 100, "a person is in several campaigns");
}

on_both_engines!(migrated: another_seed_generates_other_rows_which_can_be_added);

async fn another_seed_generates_other_rows_which_can_be_added(Engine { db, url, .. }: &Engine) {
    generate(url, FEW).succeeds();
    let first = rows(db).await;
    generate(url, &format!("{FEW} --seed 43 --append")).succeeds();
    let both = rows(db).await;
    for (table, rows) in &first {
        let kept = rows.iter().filter(|row| both[table].contains(row)).count();
        assert_eq!(kept, rows.len(), "{table}");
    }
    assert_eq!(both["contacts"].len(), 2 * first["contacts"].len());
}

on_both_engines!(migrated: a_database_with_other_data_is_refused_without_append);

async fn a_database_with_other_data_is_refused_without_append(Engine { db, url, .. }: &Engine) {
    load(url).await;
    let before = rows(db).await;
    generate(url, FEW).fails(&["contains data already", "--append", "--resume"]);
    generate(url, &format!("{FEW} --resume")).fails(&["contains no run of --organizations 1", "--append"]);
    assert_equal(&before, &rows(db).await);
    generate(url, &format!("{FEW} --append")).succeeds();
}

on_both_engines!(migrated: a_run_is_not_repeated);

async fn a_run_is_not_repeated(Engine { db, url, .. }: &Engine) {
    generate(url, FEW).succeeds();
    let before = rows(db).await;
    for again in ["", " --append"] {
        generate(url, &format!("{FEW}{again}")).fails(&["contains a run of", "already", "--resume"]);
    }
    generate(url, &format!("{FEW} --resume")).succeeds();
    for other in ["--seed 7", "--campaigns 9", "--until 2026-10-29T16:00:00Z"] {
        let run = generate(url, &format!("{FEW} {other} --resume"));
        run.fails(&["contains no run of", ". It contains: --organizations 1 --contacts 500"]);
    }
    assert_equal(&before, &rows(db).await);
}

on_both_engines!(migrated: fixtures_and_generated_data_agree);

async fn fixtures_and_generated_data_agree(Engine { url, .. }: &Engine) {
    generate(url, FEW).succeeds();
    load(url).await;
}

#[tokio::test]
async fn production_is_refused_whatever_the_options() {
    let database = migrated("generate_production").await;
    let db = connect(&database.url()).await.unwrap();
    let mut command = command(&database.url(), FEW);
    command.env("APP_ENV", "production");
    Running::start(&mut command, FEW).wait().fails(&["APP_ENV is production"]);
    run(&db, "comment on table seaql_migrations is 'production'").await.unwrap();
    for more in ["", " --append", " --resume"] {
        let exited = generate(&database.url(), &format!("{FEW}{more}"));
        exited.fails(&["is marked as production, where fixtures are never loaded"]);
    }
    assert_eq!(texts(&db, "select count(*)::text from organizations").await, ["0"]);
}

#[tokio::test]
async fn options_that_exclude_each_other_are_usage_errors() {
    let file = SqliteFile::migrated().await;
    let directory = fixtures();
    let directory = directory.path().to_str().unwrap();
    generate(&file.url(), "--append --resume").is_misused(&["--append", "--resume"]);
    generate(&file.url(), "--organizations 3 --contacts 2").is_misused(&["3 organizations need at least"]);
    generate(&file.url(), "--history 6").is_misused(&["7..="]);
    generate(&file.url(), "--until 1970-01-02T00:00:00Z").is_misused(&["--until", "1990 to 9000"]);
    generate(&file.url(), "--check --seed 1").is_misused(&["--check", "--seed"]);
    for arguments in [&["--dry-run", "generate"][..], &["--fixtures", directory, "generate"]] {
        let exited = Running::start(&mut seeder(&file.url(), arguments), "generate").wait();
        exited.is_misused(&["cannot be used with"]);
    }
}

#[tokio::test]
async fn two_runs_on_one_database_exclude_each_other() {
    let database = migrated("generate_twice").await;
    let mut first = Running::start(&mut command(&database.url(), OPTIONS), OPTIONS);
    first.wait_for_stderr("generate ");
    let second = generate(&database.url(), &format!("{OPTIONS} --seed 2"));
    let first = first.wait();
    let succeeded = [&first, &second].iter().filter(|run| run.code == Some(0)).count();
    assert_eq!(succeeded, 1, "{first}{second}");
    let db = connect(&database.url()).await.unwrap();
    assert_eq!(texts(&db, "select count(*)::text from contacts").await, ["9000"]);
}

/// How many runs are killed, some of them again after they were resumed; `GENERATE_KILLS` changes it.
fn kills() -> u32 {
    std::env::var("GENERATE_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(6)
}

on_both_engines!(migrated: a_run_that_is_killed_at_any_moment_resumes_to_the_same_rows);

async fn a_run_that_is_killed_at_any_moment_resumes_to_the_same_rows(engine: &Engine) {
    let undisturbed = engine.another("generate_undisturbed").await;
    // Builds the program.
    drop(command(&undisturbed.url, OPTIONS));
    let started = Instant::now();
    generate(&undisturbed.url, OPTIONS).succeeds();
    let duration = started.elapsed();
    let mut kills = Kills::new(duration, kills());
    let mut random = kills.random();
    let expected = rows(&undisturbed.db).await;
    let (mut again, mut parts) = (0, 0);
    let resumed = format!("{OPTIONS} --resume");
    while let Some(after) = kills.next_moment() {
        let database = engine.another("generate_killed").await;
        let is_killed = |arguments: &str, after| {
            let mut running = Running::start(&mut command(&database.url, arguments), arguments);
            sleep(after);
            running.kill().code.is_none()
        };
        kills.record(is_killed(OPTIONS, after));
        if random.bool() {
            again += u32::from(is_killed(&resumed, duration.mul_f64(random.f64())));
        }
        let complete = generate(&database.url, &resumed);
        complete.succeeds();
        parts += u32::from(!complete.stdout.contains("9,000"));
        assert_equal(&expected, &rows(&database.db).await);
    }
    println!(
        "{} runs were killed, {again} of them again; {parts} runs resumed after the first chunk",
        kills.hits()
    );
}

on_both_engines!(migrated: a_signal_ends_a_run_after_the_transactions_under_way);

async fn a_signal_ends_a_run_after_the_transactions_under_way(Engine { db, url, .. }: &Engine) {
    // More than can be written before the signal.
    let options = "--organizations 2 --contacts 60000 --history 60 --threads 1";
    for (signal, resume) in [("INT", ""), ("TERM", " --resume")] {
        let arguments = format!("{options}{resume}");
        let mut running = Running::start(&mut command(url, &arguments), &arguments);
        running.wait_for_stderr("generate ");
        sleep(Duration::from_millis(500));
        let sent = Command::new("kill").args(["-s", signal, &running.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let exited = running.wait();
        let command = format!("{options} --resume");
        let (organizations, _) = command.split_once(" --history").unwrap();
        exited.fails(&["stopped: the ", "of 60,000 contacts of this run", organizations, " --resume"]);
        let count = texts(db, "select cast(count(*) as text) from contacts").await.remove(0);
        let grouped: String =
            exited.stderr.split(" holds ").nth(1).unwrap().split(' ').next().unwrap().replace(',', "");
        assert_eq!(grouped, count, "{exited}");
    }
}

fn command(url: &str, arguments: &str) -> Command {
    let arguments: Vec<&str> = ["generate"].into_iter().chain(arguments.split_whitespace()).collect();
    seeder(url, &arguments)
}

fn generate(url: &str, arguments: &str) -> Exited {
    Running::start(&mut command(url, arguments), arguments).wait()
}

/// The rows of each table, in the order of their ids, without those of the audit trail, which contain the clock and the
/// transaction.
pub(crate) async fn rows(db: &DatabaseConnection) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    macro_rules! read {
        ($($table:ident: $Entity:ident,)+) => {$(
            let mut select = entity::$table::Entity::find();
            for key in entity::$table::PrimaryKey::iter() {
                select = select.order_by_asc(key.into_column());
            }
            let rows = select.all(db).await.unwrap();
            tables.insert(stringify!($table), rows.iter().map(|row| format!("{row:?}")).collect());
        )+};
    }
    entity::for_each_table!(read);
    tables.remove("audit_log_entries");
    for row in tables.get_mut("survey_responses").into_iter().flatten() {
        // SQLite has no scale: a confidence of 0.90 is 0.9 there.
        *row = row.replace("0)", ")");
    }
    tables
}

/// Asserts that the tables have the same rows.
pub(crate) fn assert_equal(expected: &BTreeMap<&str, Vec<String>>, found: &BTreeMap<&str, Vec<String>>) {
    for (table, rows) in expected {
        if *rows != found[table] {
            let difference = catalog::difference(rows, &found[table]);
            panic!("{table}: {} rows differ, first {:?}", difference.len(), difference.first());
        }
    }
}
