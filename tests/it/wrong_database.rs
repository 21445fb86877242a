//! Which program may change which database: every cell of program, address, `APP_ENV` and mark, and the life of the mark.

use crate::migration::snapshot::{assert_same, catalogue, rows};
use ::migration::Mark;
use scratch::{Database, Server};
use sea_orm::{DatabaseConnection, TransactionTrait};
use seeder::{Fixtures, Mode};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tests::factory::{open, settings};
use tests::login_role::LoginRole;
use tests::process::{Exited, Migrator, Running, binary};
use tests::{SqliteFile, connect, empty_with_role, migrate, migrated, private_server, run, session, texts};
use url::Url;

/// `None`: the variable is not set; an empty one counts as that as well.
const ENVIRONMENTS: [Option<&str>; 6] =
    [None, Some(""), Some("development"), Some("test"), Some("staging"), Some("production")];

const DESTRUCTIVE: [&str; 4] = ["down", "refresh", "reset", "fresh"];

/// The address of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Local,
    /// This machine at an address that is not loopback, which every machine has: no program knows it as local.
    Remote,
    Socket,
}

const ADDRESSES: [Address; 3] = [Address::Local, Address::Remote, Address::Socket];

/// Why a cell is refused; the text of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Marked,
    Production,
    Undeclared,
}

/// The rule, stated a second time.
fn expected(address: Address, app_env: Option<&str>, is_marked: bool) -> Option<Refused> {
    match app_env.filter(|word| !word.is_empty()) {
        Some("production") => Some(Refused::Production),
        None if address == Address::Remote => Some(Refused::Undeclared),
        _ if is_marked => Some(Refused::Marked),
        _ => None,
    }
}

impl Refused {
    fn assert(self, program: &str, exited: &Exited) {
        let destroys = format!("`{program}` destroys data");
        let (effect, remedy) = match program {
            "seeder" => ("fixtures are never loaded", "choose another database"),
            "scheduler-tokio" => ("calls are never simulated", "choose another database"),
            _ => (destroys.as_str(), "--allow-destructive"),
        };
        match self {
            Self::Marked => exited.fails(&[
                "is marked as production, where ",
                effect,
                remedy,
                "migration -- mark none --confirm DATABASE",
            ]),
            Self::Production => exited.fails(&["APP_ENV is production, where ", effect, remedy]),
            // Before the connection, and so without the mark.
            Self::Undeclared => exited.fails(&[
                "is not on this machine and APP_ENV is not set",
                "set APP_ENV to development, test or staging",
            ]),
        };
    }
}

/// A server with a socket and a port, and on it two databases, migrated and filled, of which one is marked.
struct Scene {
    server: Server,
    marked: Database,
    unmarked: Database,
    directory: TempDir,
}

impl Scene {
    async fn new(test: &str) -> Option<Self> {
        let server = private_server::start(true, test)?;
        let unmarked = server.create_database("unmarked").unwrap();
        migrate(&unmarked.url()).await;
        let database = open(&settings(&[("DATABASE_URL", &unmarked.url())])).await;
        Fixtures::built_in().unwrap().load(&database, Mode::Commit).await.unwrap();
        database.close().await.unwrap();
        let marked = server.create_database_from(&unmarked, "marked").unwrap();
        production(&marked.url()).run("up").succeeds();
        Some(Self { server, marked, unmarked, directory: TempDir::new().unwrap() })
    }

    fn copy(&self, is_marked: bool) -> Database {
        let template = if is_marked { &self.marked } else { &self.unmarked };
        self.server.create_database_from(template, "cell").unwrap()
    }

    fn url(&self, database: &Database, address: Address) -> String {
        let mut url = Url::parse(&database.url()).unwrap();
        match address {
            Address::Local => {}
            Address::Remote => url.set_host(Some("0.0.0.0")).unwrap(),
            Address::Socket => {
                let directory = self.server.socket_dir().unwrap().to_str().unwrap();
                url.query_pairs_mut().append_pair("host", directory);
            }
        }
        url.into()
    }

    fn run(&self, program: &str, url: &str, app_env: Option<&str>) -> Exited {
        let (name, arguments): (_, &[&str]) = match program {
            "seeder" => ("seeder", &[]),
            "scheduler-tokio" => ("scheduler-tokio", &["--until-done", "--interval=0.1"]),
            command => ("migration", &[command]),
        };
        let mut command: Command = binary(name, self.directory.path());
        // Production requires the second login.
        command.args(arguments).env("DATABASE_URL", url).env("CUSTOMER_DATABASE_URL", url);
        if app_env != Some("production") {
            command.env_remove("CUSTOMER_DATABASE_URL");
        }
        command.envs(app_env.map(|word| ("APP_ENV", word)));
        Running::start(command.stdin(Stdio::null()), program).wait()
    }
}

fn production(url: &str) -> Migrator {
    Migrator::on(url).with("APP_ENV", "production")
}

/// What a refused program must leave as it is.
async fn contents(db: &DatabaseConnection) -> Vec<String> {
    [catalogue(db).await, rows(db).await].concat()
}

#[tokio::test]
async fn each_program_obeys_the_rule_on_each_address_with_each_app_env_and_mark() {
    let Some(scene) = Scene::new("the matrix of wrong databases").await else { return };
    let mut refusals = 0;
    for address in ADDRESSES {
        for app_env in ENVIRONMENTS {
            for is_marked in [false, true] {
                let database = scene.copy(is_marked);
                let url = scene.url(&database, address);
                let cell = format!("{address:?} {app_env:?} marked: {is_marked}");
                println!("{cell}");
                let db = connect(&database.url()).await.unwrap();
                let before = contents(&db).await;
                // Each fixture of an audited table has left an entry.
                let fixtures =
                    rows(&db).await.into_iter().filter(|row| !row.starts_with("audit_log_entries: "));
                assert_eq!(fixtures.count(), crate::seeder::total(), "the fixtures");
                let programs = || ["seeder", "scheduler-tokio"].into_iter().chain(DESTRUCTIVE);
                if let Some(refused) = expected(address, app_env, is_marked) {
                    for program in programs() {
                        let exited = scene.run(program, &url, app_env);
                        println!("{exited}");
                        refused.assert(program, &exited);
                        assert_eq!(exited.stdout, "", "{cell}");
                        refusals += 1;
                    }
                    assert_same(&before, &contents(&db).await, &cell);
                } else {
                    for program in programs() {
                        scene.run(program, &url, app_env).succeeds();
                        // Each has its whole effect: one is no proof for the next.
                        let left = rows(&db).await.len();
                        assert_eq!(
                            left > 0,
                            ["seeder", "scheduler-tokio", "down"].contains(&program),
                            "{cell}"
                        );
                    }
                }
                // Not destructive, and so permitted everywhere.
                scene.run("up", &url, app_env).succeeds();
                scene.run("status", &url, app_env).succeeds();
                let is_production = app_env == Some("production");
                assert_eq!(
                    mark(&database.url()).await == Mark::Production,
                    is_marked || is_production,
                    "{cell}"
                );
            }
        }
    }
    // Three addresses, production with and without the mark, and a mark in five environments; a remote host undeclared in
    // two environments also without a mark.
    assert_eq!(refusals, (3 * (2 + 5) + 2) * 6);
}

#[tokio::test]
async fn the_flag_permits_a_marked_database_in_production_only() {
    let Some(scene) = Scene::new("--allow-destructive on a marked database").await else { return };
    for address in ADDRESSES {
        for command in DESTRUCTIVE {
            let database = scene.copy(true);
            let url = scene.url(&database, address);
            let flag = format!("{command} --allow-destructive");
            let db = connect(&database.url()).await.unwrap();
            let before = contents(&db).await;
            for app_env in ENVIRONMENTS.into_iter().filter(|word| *word != Some("production")) {
                let mut migrator = Migrator::on(&url);
                if let Some(word) = app_env {
                    migrator = migrator.with("APP_ENV", word);
                }
                expected(address, app_env, true).unwrap().assert(command, &migrator.run(&flag));
                assert_same(&before, &contents(&db).await, &flag);
            }
            production(&url).run(&flag).succeeds();
            production(&url).run("up").succeeds();
            assert_eq!(mark(&url).await, Mark::Production, "{command}");
        }
        // Without a mark, the flag is no `APP_ENV`.
        let database = scene.copy(false);
        if address == Address::Remote {
            let url = scene.url(&database, address);
            Migrator::on(&url).run("fresh --allow-destructive").fails(&["APP_ENV is not set"]);
        }
    }
}

#[tokio::test]
async fn an_undeclared_remote_host_is_refused_before_any_attempt_to_reach_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = format!("\"x\" as \"u\" at 0.0.0.0:{port} is not on this machine and APP_ENV is not set");
    for command in DESTRUCTIVE {
        Migrator::on(&format!("postgres://u:s3cret@0.0.0.0:{port}/x")).run(command).fails(&[&place]);
    }
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "no connection was attempted");
}

#[tokio::test]
async fn an_up_in_production_sets_the_mark_once_and_no_other_up_does() {
    for app_env in ["", "development", "test", "staging"] {
        let database = empty_with_role("unmarked").await;
        Migrator::on(&database.url()).with("APP_ENV", app_env).run("up").succeeds();
        assert_eq!(mark(&database.url()).await, Mark::Absent, "{app_env}");
    }
    // On an empty database, on one with nothing pending, and on one that has begun.
    let behind = migrated("behind").await;
    session(&behind.url()).down(Some(2)).await.unwrap();
    for (database, command) in
        [(empty_with_role("first").await, "up -n 1"), (migrated("second").await, "up"), (behind, "up")]
    {
        let marked = production(&database.url()).run(command);
        assert_eq!(marked.succeeds().stdout.matches("Marked the database as production\n").count(), 1);
        assert_eq!(mark(&database.url()).await, Mark::Production, "{command}");
        let again = production(&database.url()).run("up");
        assert!(!again.succeeds().stdout.contains("Marked"), "{again}");
        // Another build or environment does not remove it.
        Migrator::on(&database.url()).with("APP_ENV", "test").run("up").succeeds();
        assert_eq!(mark(&database.url()).await, Mark::Production, "{command}");
    }
}

#[tokio::test]
async fn a_first_up_that_fails_leaves_the_mark() {
    let database = empty_with_role("fails").await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, "create view users as select 1 as id").await.unwrap();
    production(&database.url()).run("up").fails(&["create_users"]);
    assert_eq!(mark(&database.url()).await, Mark::Production);
    Migrator::on(&database.url()).run("fresh").fails(&["is marked as production"]);
    assert_eq!(texts(&db, "select id::text from users").await, ["1"]);
}

#[tokio::test]
async fn the_mark_is_read_under_the_migration_lock() {
    let database = migrated("mark_race").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    let blocker = db.begin().await.unwrap();
    // What `comment on` waits for.
    run(&blocker, "lock table seaql_migrations in share update exclusive mode").await.unwrap();
    let (first, second) = (production(&url), Migrator::on(&url));
    let first = first.start("up --lock-timeout 600");
    let waiting = "select pid::text from pg_stat_activity where datname = current_database() \
                   and wait_event_type = 'Lock' and query like 'comment on%'";
    let observer = connect(&url).await.unwrap();
    while texts(&observer, waiting).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut second = second.start("fresh");
    second.wait_for_stderr("Waiting for the migration lock");
    assert_eq!(mark(&url).await, Mark::Absent, "the second run has begun without it");
    blocker.commit().await.unwrap();
    first.wait().succeeds();
    second.wait().fails(&["is marked as production", "`fresh` destroys data"]);
    assert_eq!(session(&url).history().await.unwrap().len(), session(&url).status().await.unwrap().len());
}

#[tokio::test]
async fn a_mark_that_cannot_be_read_is_no_reason_to_go_on() {
    let Some(server) = private_server::start(false, "a mark that cannot be read") else { return };
    let owner = LoginRole::owning(server.create_database("unreadable").unwrap(), "createrole").await;
    Migrator::on(&owner.url()).run("up").succeeds();
    owner.administer("revoke select on pg_catalog.pg_description from public").await;
    let db = connect(&owner.admin_url()).await.unwrap();
    let before = contents(&db).await;
    for command in DESTRUCTIVE {
        let refused = Migrator::on(&owner.url()).run(command);
        refused.fails(&["reading the mark failed on the PostgreSQL database", "permission denied"]);
        assert_same(&before, &contents(&db).await, command);
    }
    let directory = TempDir::new().unwrap();
    let mut seeder = binary("seeder", directory.path());
    let refused = Running::start(seeder.env("DATABASE_URL", owner.url()), "seeder").wait();
    refused.fails(&["permission denied for table pg_description"]);
    assert_same(&before, &contents(&db).await, "seeder");
}

#[tokio::test]
async fn any_comment_of_a_ledger_in_any_schema_is_the_mark() {
    let database = migrated("any_comment").await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, "create schema other; create table other.seaql_migrations (version text)").await.unwrap();
    let refused = || Migrator::on(&database.url()).run("fresh");
    for ledger in ["seaql_migrations", "other.seaql_migrations"] {
        run(&db, &format!("comment on table {ledger} is 'Ask Maria first'")).await.unwrap();
        refused().fails(&["is marked as production"]);
        run(&db, &format!("comment on table {ledger} is null")).await.unwrap();
    }
    for table in ["seaql_migrations", "other.seaql_migrations"] {
        run(&db, &format!("comment on table {table} is 'production'")).await.unwrap();
    }
    // One command removes all.
    let confirmed = format!("mark none --confirm {}", database.name());
    Migrator::on(&database.url()).run(&confirmed).succeeds();
    refused().succeeds();
}

#[tokio::test]
async fn the_mark_is_shown_and_is_removed_only_with_the_name_of_the_database() {
    let database = migrated("shown").await;
    let migrator = Migrator::on(&database.url());
    let name = database.name();
    let shown = migrator.run("mark");
    let start = format!("The PostgreSQL database \"{name}\" as \"");
    assert!(shown.succeeds().stdout.starts_with(&start), "{shown}");
    assert!(shown.stdout.ends_with(" is not marked as production.\n"), "{shown}");

    production(&database.url()).run("up").succeeds();
    let db = connect(&database.url()).await.unwrap();
    let before = contents(&db).await;
    assert!(migrator.run("mark").succeeds().stdout.ends_with(" is marked as production.\n"));
    migrator.run("mark none").is_misused(&["--confirm <DATABASE>"]);
    migrator.run(&format!("mark --confirm {name}")).is_misused(&["<MARK>"]);
    migrator.run(&format!("mark production --confirm {name}")).is_misused(&["production"]);
    for wrong in ["voicesurvey", "none", &name.to_uppercase(), &format!("{name}x")] {
        let refused = migrator.run(&format!("mark none --confirm {wrong}"));
        refused.fails(&["is not removed", "--confirm", &format!("\"{name}\"")]);
    }
    assert_same(&before, &contents(&db).await, "refused");
    // The flag of another purpose is not enough either.
    migrator.run("mark none --allow-destructive").is_misused(&["--confirm <DATABASE>"]);

    let removed = migrator.run(&format!("mark none --confirm {name}"));
    assert!(removed.succeeds().stdout.ends_with(" is not marked as production.\n"), "{removed}");
    migrator.run("down").succeeds();
    production(&database.url()).run("up").succeeds();
    assert_eq!(mark(&database.url()).await, Mark::Production, "the next one of production sets it again");
}

#[tokio::test]
async fn a_login_that_does_not_own_the_ledger_cannot_remove_the_mark() {
    let database = migrated("not_the_owner").await;
    production(&database.url()).run("up").succeeds();
    let name = database.name().to_owned();
    let guest = LoginRole::new(database, "").await;
    guest.administer(&format!("grant customer to {}", guest.name)).await;
    let migrator = Migrator::on(&guest.url());
    assert!(migrator.run("mark").succeeds().stdout.ends_with(" is marked as production.\n"));
    migrator.run(&format!("mark none --confirm {name}")).fails(&["must be owner of table seaql_migrations"]);
    assert_eq!(mark(&guest.admin_url()).await, Mark::Production);
}

#[tokio::test]
async fn sqlite_has_no_mark() {
    let file = SqliteFile::migrated().await;
    let migrator = Migrator::on(&file.url());
    let shown = migrator.run("mark");
    assert!(shown.succeeds().stdout.ends_with("test.db is not marked as production.\n"), "{shown}");
    migrator.run("mark none --confirm test").fails(&["SQLite file /", "has no mark"]);
    let missing = SqliteFile::new();
    Migrator::on(&missing.url()).run("mark").succeeds();
    assert!(!missing.path().exists());
}

#[tokio::test]
async fn a_restored_dump_of_production_is_protected_until_its_mark_is_removed() {
    let Some(server) = private_server::start(false, "a dump of production") else { return };
    let original = server.create_database("original").unwrap();
    production(&original.url()).run("up").succeeds();
    let copy = server.create_database("copy").unwrap();
    let binaries = server.binaries().unwrap();
    let dump = Command::new(binaries.join("pg_dump")).arg(original.url()).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &dump.stdout).unwrap();
    let restored = Command::new(binaries.join("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .args([file.path().as_os_str(), copy.url().as_ref()])
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));

    let staging = Migrator::on(&copy.url()).with("APP_ENV", "staging");
    for command in DESTRUCTIVE {
        staging.run(command).fails(&["is marked as production"]);
    }
    staging.run(&format!("mark none --confirm {}", copy.name())).succeeds();
    staging.run("down").succeeds();
    assert_eq!(mark(&original.url()).await, Mark::Production, "the copy alone has lost it");
}

#[tokio::test]
async fn fixtures_are_refused_by_the_library_as_well() {
    let database = migrated("library").await;
    production(&database.url()).run("up").succeeds();
    let pools = open(&settings(&[("DATABASE_URL", &database.url())])).await;
    for mode in [Mode::DryRun, Mode::Commit] {
        let error = Fixtures::built_in().unwrap().load(&pools, mode).await.unwrap_err().to_string();
        let text = format!("the PostgreSQL database \"{}\" is marked as production", database.name());
        assert!(error.starts_with(&text), "{error}");
    }
    let db = connect(&database.url()).await.unwrap();
    assert_eq!(rows(&db).await, [""; 0]);
}

async fn mark(url: &str) -> Mark {
    session(url).mark().await.unwrap()
}
