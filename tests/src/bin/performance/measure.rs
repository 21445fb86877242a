//! Measures every query on a server of its own, filled with a number of contacts.

use database::{Database, Settings, SigningKey};
use migration::keys::Change;
use scratch::{Options, Server};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;
use tests::cases::{Case, cases};
use tests::factory::{open, settings};
use tests::plans::{self, Mode, Recorder, Report, report};
use tests::world::World;
use tests::{connect, large, migrate, run, session, texts};

/// Warm runs, of which the median counts; odd.
const RUNS: usize = 5;

/// Runs of a comparison; odd.
const COMPARED: usize = 31;

/// The functions that are compared with and without Row Level Security, and with a signed actor.
const COMPARISONS: [&str; 4] =
    ["campaigns::statistics", "contacts::claim_due", "contacts::find", "contacts::list_by_campaign"];

/// The rows of an insert whose cost is measured by index, in tenths of a percent of the contacts.
const INSERTED: u32 = 10;

/// What inserts new rows like those of a table, by table.
const INSERTS: [(&str, &str); 6] = [
    (
        "call_attempts",
        "insert into call_attempts (organization_id, contact_id, campaign_id, attempt_number, call_id, provider_call_id, \
         started_at) \
         select organization_id, contact_id, campaign_id, attempt_number + 10, 'new-' || call_id, \
         'new-' || provider_call_id, now() from call_attempts",
    ),
    (
        "contacts",
        "insert into contacts (organization_id, campaign_id, external_contact_id, phone_number, email) \
         select organization_id, campaign_id, external_contact_id, phone_number, email from contacts",
    ),
    (
        "email_notifications",
        "insert into email_notifications (organization_id, event_id, contact_id, campaign_id, template_id, to_email) \
         select organization_id, event_id, contact_id, campaign_id, template_id, to_email from email_notifications",
    ),
    (
        "events",
        "insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload) \
         select organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload from events",
    ),
    (
        "survey_responses",
        "insert into survey_responses (organization_id, contact_id, campaign_id, call_attempt_id, q1_answer, q2_answer) \
         select organization_id, contact_id, campaign_id, id, '9', 'The waiting time' from call_attempts \
         where outcome = 'refused'",
    ),
    (
        "transcript_snippets",
        "insert into transcript_snippets (organization_id, call_attempt_id, transcript_text) \
         select organization_id, call_attempt_id, transcript_text from transcript_snippets",
    ),
];

/// What was measured with one number of contacts. Times are in milliseconds.
#[derive(Debug, Deserialize, Serialize)]
pub struct Measured {
    /// The machine and the server.
    pub machine: String,
    /// The queries by name.
    pub queries: BTreeMap<String, Query>,
    /// Bytes and rows by table.
    pub tables: BTreeMap<String, (u64, u64)>,
    /// Bytes by table and index.
    pub indexes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Queries without Row Level Security, with it, and with a signed actor.
    pub security: BTreeMap<String, [f64; 3]>,
    /// The time of a row's insert, and what of it each index costs, by table.
    pub inserts: BTreeMap<String, (f64, BTreeMap<String, f64>)>,
}

/// A query.
#[derive(Debug, Deserialize, Serialize)]
pub struct Query {
    /// The function that ran it.
    function: String,
    /// Its plan.
    pub shape: Vec<String>,
    /// The time after a restart of the server.
    pub cold: f64,
    /// The time when it has run before.
    pub warm: f64,
}

/// A server with its database.
struct Subject {
    server: Server,
    database: scratch::Database,
}

/// Fills a database with so many contacts and measures it.
pub async fn measure(contacts: u32) -> Measured {
    let mut options = Options::from_environment();
    options.admin_url = None;
    let server = options.start().expect("a server of its own");
    let database = server.create_database("performance").unwrap();
    let subject = Subject { server, database };
    let started = Instant::now();
    migrate(&subject.database.url()).await;
    large::fill(&subject.database.url(), contacts).await;
    eprintln!("{contacts} contacts: filled in {:.0?}", started.elapsed());
    let (tables, indexes) = subject.sizes().await;
    let queries = subject.queries().await;
    eprintln!("{contacts} contacts: queries measured after {:.0?}", started.elapsed());
    let security = subject.security().await;
    let inserts = subject.inserts(contacts * INSERTED / 1000, &indexes).await;
    eprintln!("{contacts} contacts: measured in {:.0?}", started.elapsed());
    Measured { machine: subject.machine(), queries, tables, indexes, security, inserts }
}

impl Subject {
    fn settings(&self) -> Settings {
        settings(&[
            ("DATABASE_URL", &self.database.url()),
            ("DATABASE_POOL_SIZE", "1"),
            ("DATABASE_MAX_OVERFLOW", "0"),
            ("DATABASE_STATEMENT_TIMEOUT_MS", "0"),
        ])
    }

    async fn open(&self) -> Database {
        open(&self.settings()).await
    }

    fn machine(&self) -> String {
        let read = |file, name| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
            value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
        };
        let version = self.server.version();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let memory = read("/proc/meminfo", "MemTotal");
        let memory = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default();
        format!(
            "{cores} cores ({}), {} GiB of memory, PostgreSQL {}.{} with 128 MB of shared buffers and without fsync",
            read("/proc/cpuinfo", "model name"),
            (memory + (1 << 19)) >> 20,
            version / 10_000,
            version % 10_000
        )
    }

    async fn sizes(&self) -> (BTreeMap<String, (u64, u64)>, BTreeMap<String, BTreeMap<String, u64>>) {
        let db = connect(&self.database.url()).await.unwrap();
        let mut tables = BTreeMap::new();
        let sql = "select relname || ' ' || pg_table_size(oid) || ' ' || greatest(reltuples, 0)::bigint from pg_class
                   where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > 0";
        for line in texts(&db, sql).await {
            let mut words = line.split(' ');
            let name = words.next().unwrap().to_owned();
            let mut number = || words.next().unwrap().parse().unwrap();
            tables.insert(name, (number(), number()));
        }
        let mut indexes: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let sql = "select relname || ' ' || indexrelname || ' ' || pg_relation_size(indexrelid)
                   from pg_stat_user_indexes where schemaname = 'public'";
        for line in texts(&db, sql).await {
            let words: Vec<&str> = line.split(' ').collect();
            let bytes = words[2].parse().unwrap();
            indexes.entry(words[0].to_owned()).or_default().insert(words[1].to_owned(), bytes);
        }
        db.close().await.unwrap();
        (tables, indexes)
    }

    async fn queries(&self) -> BTreeMap<String, Query> {
        let recorder = Recorder::start();
        report(&self.database, Report::Own, Some(Mode::Custom)).await;
        let mut world = World::of_many(self.open().await).await;
        recorder.take();
        let mut queries: BTreeMap<String, Query> = BTreeMap::new();
        for case in cases() {
            plans::run_once(&world, &case).await;
            for notice in recorder.take().into_iter().filter(|notice| notice.query.contains('.')) {
                let function = notice.query.replace('.', "::");
                // A query that several functions run is measured in the one of its name.
                if function == case.query || !queries.contains_key(&notice.query) {
                    let (function, shape) = (case.query.to_owned(), notice.plan().shape());
                    let query = Query { function, shape, cold: 0.0, warm: 0.0 };
                    queries.insert(notice.query, query);
                }
            }
        }
        report(&self.database, Report::Times, None).await;
        for case in cases() {
            if !queries.values().any(|query| query.function == case.query) {
                continue;
            }
            self.server.stop().unwrap();
            self.server.start_again().unwrap();
            world.database = self.open().await;
            let cold = times(&recorder, &world, &case).await;
            let mut warm = Vec::new();
            for _ in 0..RUNS {
                warm.push(times(&recorder, &world, &case).await);
            }
            for (name, query) in queries.iter_mut().filter(|(_, query)| query.function == case.query) {
                query.cold = cold.get(name).copied().unwrap_or_default();
                query.warm = median(warm.iter().filter_map(|times| times.get(name)).copied().collect());
            }
        }
        queries
    }

    /// Each comparison without Row Level Security, with it, and with a signed actor.
    async fn security(&self) -> BTreeMap<String, [f64; 3]> {
        const SWITCH: &str = "do $$ declare one text; begin \
            for one in select oid::regclass from pg_class where relrowsecurity loop \
                execute format('alter table %s VERB row level security', one); end loop; end $$";
        const ENABLE: &str = "do $$ declare one text; begin \
            for one in select distinct polrelid::regclass from pg_policy loop \
                execute format('alter table %s enable row level security', one); end loop; end $$";
        let recorder = Recorder::start();
        let mut world = World::of_many(self.open().await).await;
        let compared: Vec<Case> =
            cases().into_iter().filter(|case| COMPARISONS.contains(&case.query)).collect();
        let mut found: BTreeMap<String, [f64; 3]> = BTreeMap::new();
        for (place, prepare) in
            [(0, SWITCH.replace("VERB", "disable")), (1, ENABLE.to_owned()), (2, String::new())]
        {
            let mut settings = self.settings();
            if place == 2 {
                let key = SigningKey::new([7; 32]);
                session(&self.database.url()).change_keys(&Change::Add(key.clone())).await.unwrap();
                settings.signing_key = Some(key);
            } else {
                let db = connect(&self.database.url()).await.unwrap();
                run(&db, &prepare).await.unwrap();
                db.close().await.unwrap();
            }
            world.database = open(&settings).await;
            for case in &compared {
                let name = case.query.replace("::", ".");
                times(&recorder, &world, case).await;
                let mut runs = Vec::new();
                for _ in 0..COMPARED {
                    runs.push(times(&recorder, &world, case).await[&name]);
                }
                found.entry(name).or_default()[place] = median(runs);
            }
        }
        found
    }

    /// The time of a row's insert with all indexes, and how much shorter it is without each of them that no constraint
    /// needs.
    async fn inserts(
        &self,
        rows: u32,
        indexes: &BTreeMap<String, BTreeMap<String, u64>>,
    ) -> BTreeMap<String, (f64, BTreeMap<String, f64>)> {
        let db = connect(&self.database.url()).await.unwrap();
        let mut found = BTreeMap::new();
        for (table, sql) in INSERTS {
            let insert = format!("{sql} limit {rows}");
            let time = async |drop: &str| {
                let mut runs = Vec::new();
                for _ in 0..RUNS {
                    run(&db, "begin").await.unwrap();
                    run(&db, drop).await.unwrap();
                    let started = Instant::now();
                    run(&db, &insert).await.unwrap();
                    runs.push(started.elapsed().as_secs_f64() * 1000.0 / f64::from(rows));
                    run(&db, "rollback").await.unwrap();
                    run(&db, &format!("vacuum {table}")).await.unwrap();
                }
                median(runs)
            };
            let all = time("select 1").await;
            let mut costs = BTreeMap::new();
            for index in indexes[table].keys().filter(|index| index.starts_with("ix_")) {
                costs.insert(index.clone(), all - time(&format!("drop index {index}")).await);
            }
            found.insert(table.to_owned(), (all, costs));
        }
        db.close().await.unwrap();
        found
    }
}

/// Runs a case once, and returns the server's time of each query.
async fn times(recorder: &Recorder, world: &World, case: &Case) -> BTreeMap<String, f64> {
    recorder.take();
    plans::run_once(world, case).await;
    let mut times = BTreeMap::new();
    for notice in recorder.take() {
        let milliseconds = notice.milliseconds();
        *times.entry(notice.query).or_default() += milliseconds;
    }
    times
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
