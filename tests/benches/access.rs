//! What a transaction, Row Level Security, a claim, the statistics and the export cost.
//!
//! It fills a database of its own with campaigns of up to 1,000,000 contacts, and one for claims of up to 5,000,000. Every
//! pool has one connection, so that
//! statements stay prepared and both sides of a comparison wait for the same things.
//!
//! `cargo bench -p tests --bench access -- export claims` measures these two only; there are also `audit`, `pooler`,
//! `transactions`, `security`, `signing` and `statistics`.

#![expect(clippy::disallowed_methods, reason = "the baseline is bare sqlx")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has to fail")]

mod comparison;

use comparison::{Table, medians};
use database::campaigns::CampaignChanges;
use database::{Actor, Database, Settings, SigningKey, campaigns, contacts};
use entity::campaigns::{COLUMN, Entity as Campaigns};
use entity::id::{CampaignId, ContactId, OrganizationId, UserId};
use futures_util::TryStreamExt;
use scratch::{Options, Server};
use sea_orm::prelude::{ChronoTime, DateTimeUtc, Uuid};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection, FromRow, Row};
use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::factory::{open, settings};
use tests::large::configure;
use tests::pgbouncer::{Mode, PgBouncer};
use tests::{connect, hexadecimal, migrate, migrated, run, server};
use tokio::runtime::Runtime;

/// How often the pools of a comparison are opened again: a process of the server that is badly placed stays so for as
/// long as it lives.
const OPENED: usize = 9;

/// Rounds with each of these pools, where a run takes about a millisecond.
const SHORT_ROUNDS: usize = 11;

/// Runs of a side in one of them.
const SHORT_RUNS: usize = 61;

/// The same where it takes longer.
const LONG_ROUNDS: usize = 3;

/// What a signature may add to a transaction.
const SIGNATURE: Duration = Duration::from_micros(150);

/// Rounds where a run takes a part of a second, and the pool stays open.
const ROUNDS: usize = 21;

/// Rounds where a run takes seconds.
const FEW_ROUNDS: usize = 5;

/// A page of the campaign list.
const PAGE: u64 = 50;

/// How many KiB more the export of 1,000,000 rows may take than that of 10,000.
const MEMORY: u32 = 16 << 10;

/// The campaigns that have finished, by their contacts.
const FINISHED: [(u32, u32); 2] = [(1, 10_000), (2, 1_000_000)];

/// What the statistics of 1,000,000 contacts may take, unless the server takes longer for a count by an index alone.
const STATISTICS: Duration = Duration::from_millis(150);

/// The settings of the planner in production, see docs/operating.md. Both sides of each comparison have it, a
/// floor as well: with the default, the planner counts by reading the table.
const PRODUCTION: [(&str, &str); 1] = [("random_page_cost", "1.1")];

/// A part of the table.
type Section<'a> = &'a dyn Fn(&mut Table);

/// What is asked of, and by whom.
struct Bench {
    runtime: Runtime,
    url: String,
    settings: Settings,
    actor: Actor,
}

fn main() -> ExitCode {
    let Some(programs) = server().binaries() else {
        eprintln!("error: the benchmark needs psql of a local server; unset TEST_DATABASE_URL");
        return ExitCode::FAILURE;
    };
    let runtime = Runtime::new().unwrap();
    let scratch = runtime.block_on(migrated("access"));
    runtime.block_on(configure(&scratch, &PRODUCTION));
    let url = scratch.url();
    let settings = settings_of(&url);
    let actor =
        Actor { organization: OrganizationId::from_uuid(id(0, 1)), user: UserId::from_uuid(id(0, 1)) };
    let bench = Bench { runtime, url, settings, actor };
    fill(&bench.runtime, &bench.url, include_str!("access.sql"));

    let sections: [(&str, Section<'_>); 8] = [
        // First, while the process has had no reason to grow.
        ("export", &|table| bench.exports(table, programs)),
        ("transactions", &|table| bench.on_one_core(|| bench.transactions(table))),
        ("pooler", &|table| bench.on_one_core(|| bench.pooler(table))),
        ("security", &|table| bench.on_one_core(|| bench.row_level_security(table))),
        ("signing", &|table| bench.on_one_core(|| bench.signing(table))),
        ("audit", &|table| {
            // Without fsync, for the work alone.
            bench.on_one_core(|| bench.audit(table, "audited update : plain, without fsync", None));
            let (_server, durable) = bench.durable();
            durable.on_one_core(|| {
                durable.audit(table, "audited update : plain, durable as in production", Some(1.5));
            });
        }),
        ("statistics", &|table| bench.statistics(table)),
        ("claims", &|table| bench.claims(table)),
    ];
    // As cargo passes them on: its own `--bench`, and the parts to measure.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut table = Table::new();
    for (name, measure) in sections {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure(&mut table);
        }
    }
    table.exit_code()
}

impl Bench {
    fn open(&self) -> Database {
        self.runtime.block_on(open(&self.settings))
    }

    /// Keeps this process and those that the server starts on one core meanwhile: between two cores it depends on
    /// where the system puts a connection's processes, and not on us, whether a round trip takes 20 µs or 60.
    fn on_one_core(&self, measure: impl FnOnce()) {
        let Some(cores) = status("Cpus_allowed_list:") else {
            println!("on any core: not available on this system (/proc/self/status)");
            return measure();
        };
        let last = cores.rsplit([',', '-']).next().unwrap_or(&cores);
        let server = "select split_part(pg_read_file('postmaster.pid'), e'\n', 1) as pid";
        let server: String = self.runtime.block_on(async {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(server).fetch_one(&mut connection).await.unwrap()
        });
        let put = |cores: &str| {
            [&*std::process::id().to_string(), &*server].iter().all(|pid| {
                let taskset = Command::new("taskset").args(["-a", "-p", "-c", cores, pid]).output();
                taskset.is_ok_and(|output| output.status.success())
            })
        };
        if !put(last) {
            println!("on any core: taskset (util-linux) failed");
        }
        measure();
        put(&cores);
    }

    /// The fastest of some runs, after one that is not counted: what else the machine does only adds to the others.
    fn each(&self, runs: usize, work: impl AsyncFn()) -> Duration {
        self.runtime.block_on(async {
            work().await;
            let mut fastest = Duration::MAX;
            for _ in 0..runs {
                let started = Instant::now();
                work().await;
                fastest = fastest.min(started.elapsed());
            }
            fastest
        })
    }

    fn transactions(&self, table: &mut Table) {
        let (mut empty, mut found) = (Vec::new(), Vec::new());
        for _ in 0..OPENED {
            let (ours, theirs) = (self.open(), self.runtime.block_on(self.bare()));
            for _ in 0..SHORT_ROUNDS {
                let begin = async || ours.customer(self.actor).await.unwrap().commit().await.unwrap();
                let bare = async || self.begin_bare(&theirs).await.commit().await.unwrap();
                empty.push((self.each(SHORT_RUNS, begin), self.each(SHORT_RUNS, bare)));
                let bare = async || {
                    let mut tx = self.begin_bare(&theirs).await;
                    let _: Contact = sqlx::query_as(Contact::SELECT)
                        .bind(contact().as_uuid())
                        .fetch_one(&mut *tx)
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                };
                found.push((
                    self.each(SHORT_RUNS, async || self.read(&ours).await),
                    self.each(SHORT_RUNS, bare),
                ));
            }
        }
        for (what, pairs) in [
            ("empty customer transaction : sqlx, begin, select set_config, commit", empty),
            ("the same with a point read : sqlx, the same with a point read", found),
        ] {
            let (ours, theirs) = median(pairs);
            table.times(what, ours, theirs, Some(1.3));
        }
    }

    /// A point read through PgBouncer, with and without prepared statements.
    fn pooler(&self, table: &mut Table) {
        for mode in Mode::ALL {
            let pgbouncer = PgBouncer::start(std::slice::from_ref(&self.url), 1, mode);
            let Some(pgbouncer) = self.runtime.block_on(pgbouncer) else { continue };
            let pooled = settings_with(&pgbouncer.urls[0], &mode.variables());
            let read = async |database: &Database| self.read(database).await;
            let between = [(&pooled, "select 1"), (&self.settings, "select 1")];
            let (pooled, direct) = self.pairs(between, (SHORT_ROUNDS, SHORT_RUNS), &read, &read);
            table.times(&format!("point read, PgBouncer, {mode:?} : direct"), pooled, direct, None);
        }
    }

    async fn read(&self, database: &Database) {
        let tx = database.customer(self.actor).await.unwrap();
        contacts::find(&tx, contact()).await.unwrap().unwrap();
        tx.commit().await.unwrap();
    }

    /// sqlx alone, with the options of our pool.
    async fn bare(&self) -> PgPool {
        let Settings { pre_ping, recycle, acquire_timeout, idle_timeout, statement_cache, .. } =
            self.settings;
        let options = self.url.parse::<PgConnectOptions>().unwrap().statement_cache_capacity(statement_cache);
        PgPoolOptions::new()
            .max_connections(1)
            .test_before_acquire(pre_ping)
            .max_lifetime(recycle)
            .acquire_timeout(acquire_timeout)
            .idle_timeout(idle_timeout)
            .connect_with(options)
            .await
            .unwrap()
    }

    /// Begins and binds the actor, as our customer's transaction does.
    async fn begin_bare(&self, pool: &PgPool) -> sqlx::PgTransaction<'static> {
        let mut tx = pool.begin().await.unwrap();
        sqlx::query(
            "select set_config('statement_timeout', $1, true), set_config('app.user_id', $2, true), \
             set_config('app.organization_id', $3, true), set_config('role', 'customer', true)",
        )
        .bind("0")
        .bind(self.actor.user.as_uuid().to_string())
        .bind(self.actor.organization.as_uuid().to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
        tx
    }

    /// Both sides run the same code on the same rows; between them Row Level Security is switched.
    fn row_level_security(&self, table: &mut Table) {
        let short = (SHORT_ROUNDS, SHORT_RUNS);
        self.switched(
            table,
            "point read, RLS on : off",
            short,
            &async |database| self.read(database).await,
            &async |database| self.read(database).await,
        );
        self.switched(
            table,
            "page of the campaign list, RLS on : off, organization in the query",
            short,
            &async |database| {
                let tx = database.customer(self.actor).await.unwrap();
                let page = campaigns::list(&tx, None, None, PAGE).await.unwrap();
                tx.commit().await.unwrap();
                assert_eq!(page.items.len() as u64, PAGE);
            },
            // Without the organization it would list those of all of them, and by another plan.
            &async |database| {
                let tx = database.customer(self.actor).await.unwrap();
                let page = Campaigns::find()
                    .filter(COLUMN.deleted_at.is_null())
                    .filter(COLUMN.organization_id.eq(self.actor.organization))
                    .order_by_desc(COLUMN.created_at)
                    .order_by_desc(COLUMN.id)
                    .limit(PAGE + 1)
                    .all(&tx)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                assert_eq!(page.len() as u64, PAGE + 1);
            },
        );
        for (number, size) in FINISHED {
            self.switched(
                table,
                &format!("statistics, {size} contacts, RLS on : off"),
                if size > 10_000 { (LONG_ROUNDS, 1) } else { short },
                &async |database| statistics(database, self.actor, number, size).await,
                &async |database| statistics(database, self.actor, number, size).await,
            );
        }
    }

    fn switched(
        &self,
        table: &mut Table,
        what: &str,
        (rounds, runs): (usize, usize),
        ours: &impl AsyncFn(&Database),
        theirs: &impl AsyncFn(&Database),
    ) {
        let security = |verb: &str| {
            let tables = ["campaigns", "contacts", "call_attempts"];
            tables.map(|name| format!("alter table {name} {verb} row level security")).join(";")
        };
        let between = [(&self.settings, &*security("enable")), (&self.settings, &*security("disable"))];
        let (on, off) = self.pairs(between, (rounds, runs), ours, theirs);
        self.owner(&security("enable"));
        table.times(what, on, off, Some(1.05));
    }

    /// Another server that writes as durably as one of production, with one campaign: its commits wait for the disk.
    fn durable(&self) -> (Server, Self) {
        let mut options = Options::from_environment();
        let durable = ["fsync", "full_page_writes", "synchronous_commit"];
        options.settings.extend(durable.map(|name| (name.to_owned(), "on".to_owned())));
        let server = options.start().unwrap();
        let url = server.url("postgres");
        let (one, campaign) = (id(0, 1), campaign(FINISHED[0].0));
        let rows = format!(
            "insert into organizations (id, name, slug) values ('{one}', 'A', 'a');
             insert into users (id, oidc_sub, email, name, role)
             values ('{one}', 'subject', 'user@example.com', 'User', 'campaign_manager');
             insert into user_organizations (user_id, organization_id) values ('{one}', '{one}');
             insert into campaigns (id, organization_id, name, intro_script, question_1_text, question_2_text,
                                    question_3_text, question_1_type, question_2_type, question_3_type)
             values ('{}', '{one}', 'Campaign', 'Hello, may I ask you three questions?', 'How satisfied are you?',
                     'What could be better?', 'How often did you visit us?', 'scale', 'free_text', 'numeric')",
            campaign.as_uuid()
        );
        self.runtime.block_on(async {
            migrate(&url).await;
            let db = connect(&url).await.unwrap();
            run(&db, &rows).await.unwrap();
            db.close().await.unwrap();
        });
        let (settings, actor) = (settings_of(&url), self.actor);
        (server, Self { runtime: Runtime::new().unwrap(), url, settings, actor })
    }

    /// The same update with the trigger that writes audit entries and without.
    fn audit(&self, table: &mut Table, what: &str, limit: Option<f64>) {
        const ON: &str = "alter table campaigns enable trigger audit";
        const OFF: &str = "alter table campaigns disable trigger audit";
        let id = campaign(FINISHED[0].0);
        let number = AtomicU64::new(0);
        let update = async |database: &Database| {
            let tx = database.customer(self.actor).await.unwrap();
            let name = format!("name {}", number.fetch_add(1, Ordering::Relaxed));
            let changes = CampaignChanges { name: Set(name), ..Default::default() };
            campaigns::update(&tx, id, changes).await.unwrap();
            tx.commit().await.unwrap();
        };
        let between = [(&self.settings, ON), (&self.settings, OFF)];
        let (with, without) = self.pairs(between, (SHORT_ROUNDS, SHORT_RUNS), &update, &update);
        self.owner(ON);
        table.times(what, with, without, limit);
    }

    /// The same statements with a signed actor and without; a transaction has as many that its own cost counts little.
    fn signing(&self, table: &mut Table) {
        const STATEMENTS: usize = 20;
        const UNSIGNED: &str = "execute on function accepts_unsigned_actors()";
        let revoke = format!("revoke {UNSIGNED} from customer");
        let grant = format!("grant {UNSIGNED} to customer");
        let key = SigningKey::new([7; 32]);
        let mut signed = self.settings.clone();
        signed.signing_key = Some(key.clone());
        let digits = |pad: u8| hexadecimal(&key.expose_block().map(|byte| byte ^ pad));
        self.owner(&format!(
            "insert into signing_keys (id, inner_key, outer_key) values ('{}', '\\x{}', '\\x{}')",
            key.id(),
            digits(0x36),
            digits(0x5c)
        ));
        let between = [(&signed, &*revoke), (&self.settings, &*grant)];
        let short = (SHORT_ROUNDS, SHORT_RUNS);
        let empty = async |database: &Database| {
            database.customer(self.actor).await.unwrap().commit().await.unwrap();
        };
        let reads = async |database: &Database| {
            let tx = database.customer(self.actor).await.unwrap();
            for _ in 0..STATEMENTS {
                contacts::find(&tx, contact()).await.unwrap().unwrap();
            }
            tx.commit().await.unwrap();
        };
        let (with, without) = self.pairs(between, short, &empty, &empty);
        let more = with.saturating_sub(without);
        table.times("empty customer transaction, signed - unsigned : allowed", more, SIGNATURE, Some(1.0));
        let (with, without) = self.pairs(between, short, &reads, &reads);
        table.times(&format!("{STATEMENTS} point reads, signed : unsigned"), with, without, Some(1.05));
        let (number, size) = FINISHED[0];
        let statistics = async |database: &Database| statistics(database, self.actor, number, size).await;
        let (with, without) = self.pairs(between, short, &statistics, &statistics);
        let what = format!("statistics, {size} contacts, signed : unsigned");
        table.times(&what, with, without, Some(1.05));
    }

    /// Measures both sides in turn, each after the owner has run the statement that stands before it.
    fn pairs(
        &self,
        [(ours_with, ours_after), (theirs_with, theirs_after)]: [(&Settings, &str); 2],
        (rounds, runs): (usize, usize),
        ours: &impl AsyncFn(&Database),
        theirs: &impl AsyncFn(&Database),
    ) -> (Duration, Duration) {
        let mut pairs = Vec::new();
        for _ in 0..OPENED {
            // Each side keeps its own prepared statements, because their plans differ.
            let [one, other] = [ours_with, theirs_with].map(|settings| self.runtime.block_on(open(settings)));
            for _ in 0..rounds {
                self.owner(ours_after);
                let on = self.each(runs, async || ours(&one).await);
                self.owner(theirs_after);
                pairs.push((on, self.each(runs, async || theirs(&other).await)));
            }
        }
        median(pairs)
    }

    /// Runs SQL as the owner.
    fn owner(&self, sql: &str) {
        self.runtime.block_on(async {
            let owner = connect(&self.url).await.unwrap();
            run(&owner, sql).await.unwrap();
            owner.close().await.unwrap();
        });
    }

    fn statistics(&self, table: &mut Table) {
        let database = self.open();
        let [mut small, mut large] = FINISHED.map(|(number, size)| {
            let database = &database;
            move || self.each(1, async || statistics(database, self.actor, number, size).await)
        });
        let [small, large] = medians(ROUNDS, [&mut small, &mut large]);
        table.times(
            "statistics, 10000 contacts : what they may take",
            small,
            Duration::from_millis(50),
            Some(1.0),
        );
        table.times("statistics, 1000000 contacts : 10000 contacts", large, small, None);
        let bare = self.runtime.block_on(self.bare());
        let mut ours = || self.each(1, async || statistics(&database, self.actor, 2, 1_000_000).await);
        let mut floor = || self.each(1, async || self.counted(&bare, 2, 1_000_000).await);
        let [ours, floor] = medians(ROUNDS, [&mut ours, &mut floor]);
        table.times("the same : a count of the same rows by an index alone", ours, floor, None);
        let allowed = floor.max(STATISTICS);
        table.times("the same : that count, or 150 ms", ours, allowed, Some(1.0));
    }

    /// The least that the server has to do for the statistics: to read an entry of an index for each row.
    async fn counted(&self, pool: &PgPool, number: u32, size: u32) {
        let count = "select (select count(*) from contacts where organization_id = $1 and campaign_id = $2), \
                     (select count(*) from call_attempts where organization_id = $1 and campaign_id = $2)";
        let counts: (i64, i64) = sqlx::query_as(count)
            .bind(self.actor.organization.as_uuid())
            .bind(campaign(number).as_uuid())
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!(counts, (i64::from(size), i64::from(size)));
    }

    /// In a database of their own, because filling it takes a minute.
    fn claims(&self, table: &mut Table) {
        let scratch = self.runtime.block_on(migrated("claims"));
        self.runtime.block_on(configure(&scratch, &PRODUCTION));
        fill(&self.runtime, &scratch.url(), include_str!("claims.sql"));
        let database = self.runtime.block_on(open(&settings_of(&scratch.url())));
        for batch in [50, 1000] {
            let [mut small, mut large, mut behind] = [1, 2, 3].map(|number| {
                let database = &database;
                move || self.each(1, async || claim(database, self.actor, number, batch).await)
            });
            let [small, large, behind] = medians(ROUNDS, [&mut small, &mut large, &mut behind]);
            let first = format!("claim {batch} contacts, of 5000000 due : of 10000 due");
            table.times(&first, large, small, Some(1.5));
            let behind_others =
                format!("claim {batch}, behind 2500000 exhausted, 500000 waiting : of 10000 due");
            table.times(&behind_others, behind, small, Some(1.5));
        }
    }

    fn exports(&self, table: &mut Table, programs: &Path) {
        let database = self.open();
        let [small, large] = FINISHED.map(|(number, size)| {
            self.export(&database, number, size);
            peak_memory()
        });
        match (small, large) {
            (Some(small), Some(large)) => {
                let grown = large.saturating_sub(small);
                table.line(
                    "memory for an export of 1000000 rows beyond that of 10000 : allowed",
                    format!("{grown} KiB"),
                    format!("{MEMORY} KiB"),
                    f64::from(grown) / f64::from(MEMORY),
                    Some(1.0),
                );
            }
            _ => println!("memory of the export: not available on this system (/proc/self/status)"),
        }
        let (number, size) = FINISHED[1];
        let pair = |_| (self.export(&database, number, size), self.copy(programs, number));
        let (ours, theirs) = median((0..FEW_ROUNDS).map(pair).collect());
        // At least 0.8 of its rows in a second.
        table.times("export of 1000000 rows as CSV : psql \\copy", ours, theirs, Some(1.0 / 0.8));
    }

    fn export(&self, database: &Database, number: u32, size: u32) -> Duration {
        let started = Instant::now();
        self.runtime.block_on(async {
            let tx = database.customer(self.actor).await.unwrap();
            let mut rows = std::pin::pin!(contacts::export(&tx, campaign(number)).await.unwrap());
            let mut sink = std::fs::File::create("/dev/null").unwrap();
            let (mut text, mut count) = (String::new(), 0);
            while let Some(row) = rows.try_next().await.unwrap() {
                write_csv(&mut text, &row);
                count += 1;
                if text.len() >= 1 << 16 {
                    sink.write_all(text.as_bytes()).unwrap();
                    text.clear();
                }
            }
            sink.write_all(text.as_bytes()).unwrap();
            assert_eq!(count, size);
        });
        started.elapsed()
    }

    /// The query of the export, run by psql as the same customer.
    fn copy(&self, programs: &Path, number: u32) -> Duration {
        let queries = include_str!("../../database/queries/contacts.sql");
        let (_, query) = queries.split_once("-- name: Export :stream\n").unwrap();
        let (query, _) = query.split_once(";\n").unwrap();
        let lines: Vec<&str> = query.lines().filter(|line| !line.starts_with("--")).collect();
        let campaign = format!("'{}'", campaign(number).as_uuid());
        let query = lines.join(" ").replace(":campaign_id", &campaign);
        let Actor { organization, user } = self.actor;
        let bind = format!(
            "select set_config('app.user_id', '{}', true), set_config('app.organization_id', '{}', true), \
             set_config('role', 'customer', true)",
            user.as_uuid(),
            organization.as_uuid()
        );
        let mut psql = Command::new(programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null"]);
        for command in ["begin", &bind, &format!("\\copy ({query}) to '/dev/null' csv"), "commit"] {
            psql.args(["--command", command]);
        }
        let started = Instant::now();
        let output = psql.arg(&self.url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed()
    }
}

/// Inserts without secondary indexes, triggers and keys, which would take minutes, and creates the indexes afterwards.
fn fill(runtime: &Runtime, url: &str, rows: &str) {
    let started = Instant::now();
    runtime.block_on(async {
        let db = connect(url).await.unwrap();
        for sql in rows.split(";\n\n") {
            run(&db, sql).await.unwrap();
        }
        db.close().await.unwrap();
    });
    println!("filled in {:.0?}", started.elapsed());
}

/// The pair with the median ratio. Of pairs and not of sides: what a neighbour does to the machine lasts longer than
/// a pair.
fn median(mut pairs: Vec<(Duration, Duration)>) -> (Duration, Duration) {
    let ratio = |(ours, theirs): &(Duration, Duration)| ours.as_secs_f64() / theirs.as_secs_f64();
    pairs.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    pairs[pairs.len() / 2]
}

async fn statistics(database: &Database, actor: Actor, number: u32, size: u32) {
    let tx = database.customer(actor).await.unwrap();
    let row = campaigns::statistics(&tx, campaign(number)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((row.contacts, row.attempts), (i64::from(size), i64::from(size)));
}

/// Claims as a scheduler does, and rolls back.
async fn claim(database: &Database, actor: Actor, number: u32, batch: u16) {
    let tx = database.customer(actor).await.unwrap();
    let noon = || ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    let batch = batch.into();
    let claimed = contacts::claim_due(&tx, campaign(number), batch, noon).await.unwrap();
    assert_eq!(i64::try_from(claimed.len()).unwrap(), batch);
    tx.rollback().await.unwrap();
}

/// The settings of a pool with one connection.
fn settings_of(url: &str) -> Settings {
    settings_with(url, &[])
}

fn settings_with(url: &str, variables: &[(&str, &str)]) -> Settings {
    let one = [
        ("DATABASE_URL", url),
        ("DATABASE_POOL_SIZE", "1"),
        ("DATABASE_MAX_OVERFLOW", "0"),
        ("DATABASE_STATEMENT_TIMEOUT_MS", "0"),
        ("DATABASE_SLOW_STATEMENT_MS", "60000"),
    ];
    settings(&[&one[..], variables].concat())
}

/// The id that `access.sql` computes from these two.
fn id(kind: u32, number: u32) -> Uuid {
    Uuid::from_u128(u128::from(kind) << 96 | 0x7000_8000_u128 << 48 | u128::from(number))
}

fn campaign(number: u32) -> CampaignId {
    CampaignId::from_uuid(id(0, number))
}

/// One in the middle of many.
fn contact() -> ContactId {
    ContactId::from_uuid(id(FINISHED[1].0, FINISHED[1].1 / 2))
}

/// The most memory that this process has had, in KiB.
fn peak_memory() -> Option<u32> {
    status("VmHWM:")?.strip_suffix(" kB")?.parse().ok()
}

/// A value of `/proc/self/status`.
fn status(name: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned())
}

fn write_csv(text: &mut String, row: &contacts::ExportRow) {
    let contacts::ExportRow {
        contact_id,
        external_contact_id,
        phone_number,
        email,
        state,
        attempts_count,
        last_attempt_at,
        last_outcome,
        q1_answer,
        q1_confidence,
        q2_answer,
        q2_confidence,
        q3_answer,
        q3_confidence,
        completed_at,
    } = row;
    let _ = write!(text, "{}", contact_id.as_uuid());
    quoted(text, external_contact_id.as_deref());
    quoted(text, Some(phone_number));
    quoted(text, email.as_deref());
    plain(text, Some(state));
    plain(text, Some(attempts_count));
    plain(text, last_attempt_at.as_ref());
    plain(text, last_outcome.as_ref());
    for (answer, confidence) in
        [(q1_answer, q1_confidence), (q2_answer, q2_confidence), (q3_answer, q3_confidence)]
    {
        quoted(text, answer.as_deref());
        plain(text, confidence.as_ref());
    }
    plain(text, completed_at.as_ref());
    text.push('\n');
}

fn plain(text: &mut String, value: Option<&impl Display>) {
    text.push(',');
    if let Some(value) = value {
        let _ = write!(text, "{value}");
    }
}

fn quoted(text: &mut String, value: Option<&str>) {
    text.push(',');
    match value {
        Some(value) if value.contains([',', '"', '\n', '\r']) => {
            text.push('"');
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        }
        Some(value) => text.push_str(value),
        None => {}
    }
}

/// A row as an application without an entity would have it.
#[expect(dead_code, reason = "it is read, which is what is measured")]
struct Contact {
    id: Uuid,
    organization_id: Uuid,
    campaign_id: Uuid,
    external_contact_id: Option<String>,
    phone_number: String,
    email: Option<String>,
    preferred_language: String,
    has_prior_consent: bool,
    do_not_call: bool,
    state: String,
    attempts_count: i64,
    last_attempt_at: Option<DateTimeUtc>,
    last_outcome: Option<String>,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
}

impl Contact {
    const SELECT: &str = "select id, organization_id, campaign_id, external_contact_id, phone_number, email, \
        preferred_language::text, has_prior_consent, do_not_call, state::text, attempts_count, last_attempt_at, \
        last_outcome::text, created_at, updated_at from contacts where id = $1";
}

/// As `derive(FromRow)` writes it.
impl FromRow<'_, PgRow> for Contact {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            campaign_id: row.try_get("campaign_id")?,
            external_contact_id: row.try_get("external_contact_id")?,
            phone_number: row.try_get("phone_number")?,
            email: row.try_get("email")?,
            preferred_language: row.try_get("preferred_language")?,
            has_prior_consent: row.try_get("has_prior_consent")?,
            do_not_call: row.try_get("do_not_call")?,
            state: row.try_get("state")?,
            attempts_count: row.try_get("attempts_count")?,
            last_attempt_at: row.try_get("last_attempt_at")?,
            last_outcome: row.try_get("last_outcome")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
