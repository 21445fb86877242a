//! The migrator's command line: what each wrong use and each wrong database gets, and what the flags do.

use crate::migration::snapshot::{assert_same, catalogue};
use sea_orm_migration::prelude::MigratorTrait as _;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use tests::login_role::LoginRole;
use tests::process::{Exited, Migrator, Running};
use tests::{
    SECRET, SqliteFile, connect, empty, empty_with_role, migrated, private_server, run, session, texts,
};

#[test]
fn a_server_that_is_not_there_is_one_error() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let refused = Migrator::on(&format!("postgres://owner:{SECRET}@127.0.0.1:{port}/survey"));
    let place = format!("\"survey\" as \"owner\" at 127.0.0.1:{port} cannot be reached: ");
    for command in ["up", "status", "down", "fresh"] {
        refused.run(command).fails(&[&place, "refused", "start the server"]);
    }
    let socket = Migrator::on(&format!("postgres://owner:{SECRET}@localhost/survey?host=/nonexistent"));
    socket.run("up").fails(&["on socket /nonexistent/.s.PGSQL.5432 cannot be reached", "start the server"]);
    let unknown = Migrator::on(&format!("postgres://owner:{SECRET}@db.invalid/survey"));
    unknown.run("up").fails(&["at db.invalid:5432 cannot be reached"]);
}

#[test]
fn a_server_that_never_answers_is_one_error() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://owner:{SECRET}@127.0.0.1:{port}/survey?sslmode=disable");
    Migrator::on(&url).run("up").fails(&["cannot be reached: no answer within 10 s"]);
}

#[tokio::test]
async fn a_wrong_password_is_one_error_and_special_characters_are_percent_encoded() {
    let Some(server) = private_server::start(true, "a wrong password") else { return };
    let guest = LoginRole::owning(server.create_database("password").unwrap(), "createrole").await;
    let wrong = guest.url_with_password(&format!("wrong-{SECRET}"));
    Migrator::on(&wrong)
        .run("up")
        .fails(&["password authentication failed", "correct the user and password"]);

    let special = format!(":/?#[]@!$&'()*+,;=% \"\\ü€{SECRET}");
    let quoted = special.replace('\'', "''");
    guest.administer(&format!("alter role {} password '{quoted}'", guest.name)).await;
    let url = guest.url_with_password(&special);
    assert!(!url.contains(&special), "{url}");
    Migrator::on(&url).run("up").succeeds();
    Migrator::on(&url).run("reset").succeeds();

    // Forgotten percent-encoding: what looks like a port is not shown as one.
    for password in ["4711/", "4711?", "4711#"] {
        let url = format!("postgres://owner:{password}{SECRET}@127.0.0.1:{}/survey", server.port());
        let ended = Migrator::on(&url).run("up");
        ended.fails(&["DATABASE_URL cannot be read", "percent-encoded"]);
        assert!(!ended.stderr.contains("4711"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_missing_database_is_one_error() {
    let database = empty("missing");
    let url = database.url().replace(database.name(), "no_such_database");
    let ended = Migrator::on(&url).run("up");
    ended.fails(&["\"no_such_database\"", "does not exist", "create the database first"]);
}

#[tokio::test]
async fn a_login_that_may_not_create_tables_is_one_error() {
    let guest = LoginRole::new(empty_with_role("no_create").await, "").await;
    // Before PostgreSQL 15 everybody might, and some servers keep it so.
    guest.administer("revoke create on schema public from public").await;
    let db = connect(&guest.admin_url()).await.unwrap();
    let before = catalogue(&db).await;
    let ended = Migrator::on(&guest.url()).run("up");
    ended.fails(&["permission denied for schema public", "connect as the owner of the database"]);
    assert_same(&before, &catalogue(&db).await, "up without a privilege");
}

#[tokio::test]
async fn a_login_that_may_not_create_roles_needs_the_role_to_be_there() {
    let Some(server) = private_server::start(false, "a missing role customer") else { return };
    let guest = LoginRole::owning(server.create_database("no_createrole").unwrap(), "nocreaterole").await;
    let ended = Migrator::on(&guest.url()).run("up");
    ended.fails(&[
        "create_functions failed",
        "the role customer does not exist and this login may not create it",
        "let an administrator run: create role customer nologin",
    ]);
    assert_eq!(ended.applied(), 1, "the enums do not need it");
    guest.administer("create role customer nologin").await;
    Migrator::on(&guest.url()).run("up").succeeds();

    guest.administer("alter role customer bypassrls").await;
    Migrator::on(&guest.url()).run("reset").succeeds();
    let ended = Migrator::on(&guest.url()).run("up");
    ended.fails(&["bypasses row level security", "alter role customer nosuperuser nobypassrls"]);
}

#[tokio::test]
async fn a_login_that_may_not_create_roles_migrates_where_the_role_is() {
    let guest = LoginRole::owning(empty_with_role("role_is_there").await, "nocreaterole").await;
    let db = connect(&guest.admin_url()).await.unwrap();
    let before = catalogue(&db).await;
    let migrator = Migrator::on(&guest.url());
    migrator.run("up").succeeds();
    assert_eq!(migrator.run("status --check").succeeds().stderr, "");
    migrator.run("reset").succeeds();
    assert_same(&before, &catalogue(&db).await, "up and reset");
}

#[tokio::test]
async fn where_the_extension_is_unavailable_a_function_replaces_it_and_a_warning_reports_it() {
    let guest = LoginRole::new(empty_with_role("no_extension").await, "").await;
    guest.administer(&format!("grant usage, create on schema public to {}", guest.name)).await;
    let db = connect(&guest.admin_url()).await.unwrap();
    let before = catalogue(&db).await;
    let migrator = Migrator::on(&guest.url());
    let ended = migrator.run("up");
    ended.succeeds();
    let warning = "the extension uuid-ossp cannot be installed (";
    assert_eq!(ended.stderr.matches(warning).count(), 1, "{ended:?}");
    assert_eq!(
        texts(&db, "select extname::text from pg_extension where extname = 'uuid-ossp'").await,
        [""; 0]
    );
    let sql = "select (uuid_generate_v4() <> uuid_generate_v4())::text";
    assert_eq!(texts(&db, sql).await, ["true"]);
    assert!(migrator.run("up").succeeds().stderr.is_empty());
    migrator.run("reset").succeeds();
    assert_same(&before, &catalogue(&db).await, "up and reset");
}

#[test]
fn a_url_that_cannot_be_read_is_one_error() {
    for (url, words) in [
        (format!("mysql://owner:{SECRET}@db/survey"), "neither postgres://… nor sqlite:…"),
        (format!("Server=db;Password={SECRET}"), "neither postgres://… nor sqlite:…"),
        (format!("postgres:owner:{SECRET}@db"), "neither postgres://… nor sqlite:…"),
        (format!("postgres://owner:{SECRET}@db:port/survey"), "invalid port number"),
        (format!("postgres://owner:{SECRET}@[::1/survey"), "DATABASE_URL cannot be read"),
        (format!("postgres://owner:{SECRET}@db/survey?sslmode=perhaps"), "DATABASE_URL cannot be read"),
        ("sqlite://x.db?mode=sometimes".to_owned(), "DATABASE_URL cannot be read"),
    ] {
        Migrator::on(&url).run("up").fails(&[words]);
        Migrator::default().run(&format!("up -u {url}")).fails(&[words]);
    }
}

#[tokio::test]
async fn a_sqlite_file_that_cannot_be_one_is_one_error() {
    let file = SqliteFile::migrated().await;
    let path = file.path();
    let directory = path.parent().unwrap();
    let text = directory.join("text.db");
    std::fs::write(&text, "This is no database, and long enough to be read as one. ".repeat(40)).unwrap();
    for (url, command, words) in [
        (format!("sqlite://{}", directory.join("none.db").display()), "up", "mode=rwc creates a file"),
        (format!("sqlite://{}?mode=rwc", directory.join("no/dir.db").display()), "up", "correct the path"),
        (format!("sqlite://{}?mode=rwc", directory.display()), "up", "unable to open database file"),
        ("sqlite:///proc/x.db?mode=rwc".to_owned(), "up", "unable to open database file"),
        (format!("sqlite://{}", text.display()), "up", "not a SQLite database: name another"),
        (format!("sqlite://{}", text.display()), "status", "not a SQLite database: name another"),
        (format!("sqlite://{}?mode=ro", path.display()), "reset", "make the file and its directory writable"),
    ] {
        Migrator::on(&url).run(command).fails(&[words, "SQLite file /"]);
    }
    assert!(!directory.join("none.db").exists());
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("This is no database"));
    Migrator::on(&format!("sqlite://{}?mode=ro", path.display())).run("status --check").succeeds();
}

#[test]
fn production_never_runs_on_sqlite() {
    for command in ["up", "status", "reset --allow-destructive"] {
        let nothing = Migrator::default().with("APP_ENV", "production");
        nothing.run(command).fails(&["DATABASE_URL is not set", "postgres://user:password@host/database"]);
        assert_eq!(files(nothing.directory()), [""; 0]);
        let empty = Migrator::on("").with("APP_ENV", "production");
        empty.run(command).fails(&["DATABASE_URL is not set"]);
        let sqlite = Migrator::on("sqlite://x.db?mode=rwc").with("APP_ENV", "production");
        sqlite.run(command).fails(&["DATABASE_URL names a SQLite file", "production runs on PostgreSQL"]);
        assert_eq!(files(sqlite.directory()), [""; 0]);
    }
}

#[tokio::test]
async fn production_destroys_nothing_unless_it_is_told() {
    let database = empty_with_role("production").await;
    let production = Migrator::on(&database.url()).with("APP_ENV", "production");
    let all = session(&database.url()).status().await.unwrap().len();
    assert_eq!(production.run("up").succeeds().applied(), all);
    production.run("status --check").succeeds();
    let db = connect(&database.url()).await.unwrap();
    let complete = catalogue(&db).await;
    for command in ["fresh", "reset", "refresh", "down"] {
        let refused = production.run(command);
        refused.fails(&[&format!("`{command}` destroys data"), "--allow-destructive"]);
        assert_eq!(refused.stdout, "");
        assert_same(&complete, &catalogue(&db).await, command);
        let told = production.run(&format!("{command} --allow-destructive"));
        let rolled_back = match command {
            "fresh" => 0,
            "down" => 1,
            _ => all,
        };
        assert_eq!(told.succeeds().rolled_back(), rolled_back, "{command}");
        production.run("up").succeeds();
        assert_same(&complete, &catalogue(&db).await, command);
    }
    let other = migrated("not_production").await;
    for word in ["development", "test", "staging", ""] {
        // The mark of production wins over the environment.
        let marked = Migrator::on(&database.url()).with("APP_ENV", word);
        marked.run("down").fails(&["is marked as production"]);
        assert_same(&complete, &catalogue(&db).await, word);
        let unmarked = Migrator::on(&other.url()).with("APP_ENV", word);
        assert_eq!(unmarked.run("down").succeeds().rolled_back(), 1, "{word}");
    }
}

#[test]
fn a_wrong_use_exits_with_2_and_states_the_right_one() {
    let four = "expected development, test, staging or production";
    for word in ["prod", "Production", "production "] {
        Migrator::default().with("APP_ENV", word).run("up").is_misused(&[four]);
    }
    let nothing = Migrator::default();
    nothing.run("up --app-env live").is_misused(&[four]);
    nothing.run("upp").is_misused(&["upp"]);
    nothing.run("up --force").is_misused(&["--force"]);
    nothing.run("up -n some").is_misused(&["some"]);
    nothing.run("up -n -1").is_misused(&["-1"]);
    nothing.run("down -n 4294967296").is_misused(&["4294967296"]);
    nothing.run("up --lock-wait soon").is_misused(&["soon"]);
    nothing.run("generate").is_misused(&["<MIGRATION_NAME>"]);
    for name in ["fix-2", "fix2", "Create_table", "create table", "../x_y", "1_x", "_x_y", "ü_x", "x_y;"] {
        let mut command = nothing.command("generate");
        Running::start(command.arg(name), name).wait().is_misused(&[name, "snake case"]);
    }
    assert_eq!(files(nothing.directory()), [""; 0]);
}

#[tokio::test]
async fn a_timeout_beyond_all_bounds_is_as_long_as_can_be() {
    let file = SqliteFile::new();
    let long = format!("up --lock-wait {0} --lock-timeout {0}", u32::MAX);
    Migrator::on(&file.url()).run(&long).succeeds();
    let database = migrated("long_timeout").await;
    assert_eq!(Migrator::on(&database.url()).run(&long).succeeds().stdout, "Nothing to do.\n");
}

#[tokio::test]
async fn status_shows_what_is_applied_since_when_and_what_is_pending() {
    let database = empty_with_role("status").await;
    let file = SqliteFile::new();
    for url in [database.url(), file.url()] {
        let migrator = Migrator::on(&url);
        let all = session(&url).status().await.unwrap();
        let before = migrator.run("status");
        assert_eq!(states(&before), vec!["pending"; all.len()]);
        assert_eq!(migrator.run("status --check").code, Some(1));

        migrator.run("up -n 2").succeeds();
        let db = connect(&url).await.unwrap();
        run(&db, "update seaql_migrations set applied_at = 1796000000").await.unwrap();
        let between = migrator.run("status");
        assert!(between.succeeds().stdout.starts_with(" migration"), "{between:?}");
        assert_eq!(between.stdout.matches("applied  2026-11-30 00:53:20").count(), 2, "{between:?}");
        assert_eq!(states(&between)[..3], ["applied", "applied", "pending"]);
        for (line, status) in between.stdout.lines().skip(1).zip(&all) {
            assert!(line.trim_start().starts_with(&status.name), "{line}");
        }
        let check = migrator.run("status --check");
        assert_eq!((check.code, check.stderr.as_str()), (Some(1), ""), "{check:?}");
        assert_eq!(check.stdout, between.stdout);

        migrator.run("up").succeeds();
        assert_eq!(states(migrator.run("status --check").succeeds()), vec!["applied"; all.len()]);
    }
}

#[tokio::test]
async fn history_shows_the_newest_first_with_its_time_duration_and_intent() {
    let database = empty_with_role("history").await;
    let file = SqliteFile::new();
    for url in [database.url(), file.url()] {
        let migrator = Migrator::on(&url);
        assert_eq!(migrator.run("history").succeeds().stdout, "No migration is applied.\n");

        // As `sea-orm-cli` does, which records no duration.
        let db = connect(&url).await.unwrap();
        migration::Migrator::up(&db, Some(1)).await.unwrap();
        migrator.run("up -n 2").succeeds();
        run(&db, "update seaql_migrations set applied_at = 1796000000").await.unwrap();
        let history = migrator.run("history");
        let lines: Vec<&str> = history.succeeds().stdout.lines().collect();
        let [newest, why, _, _, oldest, _] = lines[..] else { panic!("two lines each: {history:?}") };
        let took = newest.strip_prefix("2026-11-30 00:53:20 UTC  m20261121_000003_create_organizations  ");
        assert!(took.unwrap().strip_suffix(" ms").unwrap().parse::<u32>().is_ok(), "{newest}");
        assert!(why.starts_with("    ") && why.ends_with('.') && !why.contains("Intent"), "{why}");
        assert_eq!(oldest, "2026-11-30 00:53:20 UTC  m20261121_000001_create_enums", "no duration");

        let unknown = "insert into seaql_migrations values ('m20990101_000001_unknown', 1796000001)";
        run(&db, &unknown.replace(" values", " (version, applied_at) values")).await.unwrap();
        let history = migrator.run("history");
        let start = "2026-11-30 00:53:21 UTC  m20990101_000001_unknown\n    (unknown to this build)\n";
        assert!(history.succeeds().stdout.starts_with(start), "{history:?}");
        run(&db, "delete from seaql_migrations where version like '%unknown'").await.unwrap();
        migrator.run("reset").succeeds();
    }
}

#[test]
fn an_empty_app_env_counts_as_unset() {
    Migrator::default().with("APP_ENV", "").run("up").succeeds();
}

#[tokio::test]
async fn status_and_history_create_nothing() {
    for command in ["status", "history"] {
        let nothing = Migrator::default();
        nothing.run(command).succeeds();
        assert_eq!(files(nothing.directory()), [""; 0], "not even the embedded default");
        let file = SqliteFile::new();
        Migrator::on(&file.url()).run(command).succeeds();
        assert!(!file.path().exists());
        std::fs::write(file.path(), "").unwrap();
        Migrator::on(&file.url()).run(command).succeeds();
        assert_eq!(std::fs::metadata(file.path()).unwrap().len(), 0);

        let database = empty_with_role("creates_nothing").await;
        let db = connect(&database.url()).await.unwrap();
        let before = catalogue(&db).await;
        Migrator::on(&database.url()).run(command).succeeds();
        assert_same(&before, &catalogue(&db).await, command);
    }
}

#[tokio::test]
async fn status_needs_no_more_than_to_read_the_ledger() {
    let guest = LoginRole::new(migrated("reader").await, "").await;
    let migrator = Migrator::on(&guest.url());
    migrator
        .run("status")
        .fails(&["reading the ledger failed", "permission denied for table seaql_migrations"]);
    guest.administer(&format!("grant select on seaql_migrations to {}", guest.name)).await;
    assert!(!states(migrator.run("status --check").succeeds()).contains(&"pending"));
    let settings = format!("alter role {} set default_transaction_read_only = on", guest.name);
    guest.administer(&settings).await;
    migrator.run("status --check").succeeds();
}

#[tokio::test]
async fn a_database_that_is_ahead_is_named_and_left_alone() {
    let database = migrated("ahead").await;
    let file = SqliteFile::migrated().await;
    for url in [database.url(), file.url()] {
        let db = connect(&url).await.unwrap();
        run(&db, "insert into seaql_migrations (version, applied_at) values ('m20990101_000001_x', 0)")
            .await
            .unwrap();
        let before = catalogue(&db).await;
        let migrator = Migrator::on(&url);
        for command in ["up", "down", "reset", "refresh"] {
            migrator.run(command).fails(&["has the migration m20990101_000001_x", "does not know"]);
        }
        assert_same(&before, &catalogue(&db).await, "four commands");
        let status = migrator.run("status");
        let last = status.succeeds().stdout.lines().last().unwrap();
        assert!(last.contains("m20990101_000001_x") && last.contains("unknown to this build"), "{last}");
    }
}

#[test]
fn without_a_word_the_embedded_file_is_used_and_named() {
    let migrator = Migrator::default();
    let path = migrator.directory().canonicalize().unwrap().join("voicesurvey.db");
    // No command is `up`.
    for (command, applied) in [("", true), ("up", false), ("status --check", false)] {
        let ended = migrator.run(command);
        let said = format!("DATABASE_URL is not set: using the SQLite file {}\n", path.display());
        assert_eq!(ended.succeeds().stderr, said);
        assert_eq!(ended.applied() > 0, applied);
    }
    assert!(path.exists());
    let empty = Migrator::on("");
    assert!(empty.run("up").succeeds().stderr.contains("DATABASE_URL is not set"));
}

#[test]
fn dot_env_is_read_and_the_environment_goes_first() {
    let migrator = Migrator::default();
    let dot_env = migrator.directory().join(".env");
    std::fs::write(&dot_env, "# where\nDATABASE_URL='sqlite://named.db?mode=rwc'\n").unwrap();
    assert_eq!(migrator.run("up").succeeds().stderr, "");
    assert!(migrator.directory().join("named.db").exists());
    let migrator = migrator.with("DATABASE_URL", "sqlite://other.db?mode=rwc");
    migrator.run("up").succeeds();
    assert!(migrator.directory().join("other.db").exists());

    std::fs::write(&dot_env, "APP_ENV=production\n").unwrap();
    migrator.run("up").fails(&["production runs on PostgreSQL"]);
}

#[test]
fn a_malformed_dot_env_is_one_error_without_its_line() {
    for text in [
        format!("DATABASE_URL=postgres://owner:{SECRET} and@db/survey\n"),
        format!("DATABASE_URL=\"{SECRET}\n"),
        format!("what is this {SECRET}\n"),
    ] {
        let migrator = Migrator::default();
        std::fs::write(migrator.directory().join(".env"), text).unwrap();
        migrator.run("up").fails(&["the file .env has a line that cannot be read", "NAME=value"]);
    }
    let migrator = Migrator::default();
    std::fs::write(migrator.directory().join(".env"), b"DATABASE_URL=\xff\xfe\n").unwrap();
    migrator.run("up").fails(&["the file .env cannot be read"]);
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let migrator = Migrator::on(&format!("postgres://owner:{SECRET}@db/survey"));
    for command in ["--help", "-h", "help", "up --help", "help status"] {
        let help = migrator.run(command);
        assert!(help.succeeds().stdout.contains("DATABASE_URL"), "{help:?}");
        assert!(!help.stdout.contains("owner"), "{help:?}");
    }
    assert!(migrator.run("--version").succeeds().stdout.starts_with("migration "));
}

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let file = SqliteFile::new();
    for (command, code) in [("status --check", 1), ("up", 0), ("status --check", 0), ("generate x-y", 2)] {
        let migrator = Migrator::on(&file.url());
        let mut command = migrator.command(command);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{command:?}");
    }
}

#[tokio::test]
async fn the_flags_do_what_seaorms_do() {
    let database = empty_with_role("flags").await;
    let url = database.url();
    let elsewhere = Migrator::on("postgres://nobody@127.0.0.1:1/nothing");
    let mut first = elsewhere.command("up -n 2 -v");
    let first = Running::start(first.args(["-u", &url]), "up -n 2 -v -u …").wait();
    assert_eq!(first.succeeds().applied(), 2, "-u goes before DATABASE_URL");
    assert!(first.stderr.contains("Applying migration") && first.stderr.contains("create type"), "{first:?}");

    // As `sea-orm-cli migrate` calls it: `cargo run --manifest-path … -- <command> -n <n> -v`, and the environment.
    let migrator = Migrator::on(&url).with("DATABASE_SCHEMA", "public");
    assert_eq!(migrator.run("up -n 2 -v").succeeds().applied(), 2);
    assert_eq!(migrator.run("down -n 3 -v").succeeds().rolled_back(), 3);
    for command in ["status -v", "up -v", "refresh -v", "fresh -v", "reset -v"] {
        migrator.run(command).succeeds();
    }
    let quiet = migrator.run("up --num 1 --verbose");
    assert_eq!(quiet.succeeds().applied(), 1);
    assert_eq!(migrator.run("down").succeeds().rolled_back(), 1, "-n is 1 unless given");
    assert_eq!(migrator.run("up").succeeds().stderr, "", "no -v, no word");
}

#[tokio::test]
async fn another_schema_gets_everything_and_gives_it_back() {
    let database = empty_with_role("schemas").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    for schema in ["other_schema", "Other-Schema of \"two\""] {
        let quoted = schema.replace('"', "\"\"");
        run(&db, &format!("create schema \"{quoted}\"")).await.unwrap();
        let before = catalogue(&db).await;
        let migrator = Migrator::on(&url).with("DATABASE_SCHEMA", schema);
        let all = session(&url).status().await.unwrap().len();
        assert_eq!(migrator.run("up").succeeds().applied(), all);
        let outside = "select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace
             union all select typname::text from pg_type
             where typnamespace = 'public'::regnamespace and typelem = 0
             union all select proname::text from pg_proc where pronamespace = 'public'::regnamespace";
        assert_eq!(texts(&db, outside).await, [""; 0], "nothing in public");
        let count = format!(
            "select count(*)::text from pg_class c join pg_namespace n on n.oid = relnamespace
             where nspname = '{schema}' and relkind = 'r' and obj_description(c.oid, 'pg_class') is not null"
        );
        assert_eq!(
            texts(&db, &count).await,
            [entity::ID_PREFIXES.len().to_string()],
            "tables, with comments"
        );
        migrator.run("status --check").succeeds();
        assert_eq!(Migrator::on(&url).run("status --check").code, Some(1), "public has none");
        assert_eq!(migrator.run("up").succeeds().stdout, "Nothing to do.\n");
        migrator.run("fresh").succeeds();
        migrator.run("reset").succeeds();
        assert_same(&before, &catalogue(&db).await, schema);
    }
    for command in ["up", "status", "up -s nowhere"] {
        let nowhere = Migrator::on(&url).with("DATABASE_SCHEMA", "nowhere");
        nowhere.run(command).fails(&["no schema \"nowhere\"", "create schema \"nowhere\""]);
    }
}

#[test]
fn generate_writes_a_migration_and_lists_it_once() {
    let migrator = Migrator::default();
    let copy = migrator.directory().join("migration");
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("migration");
    copy_directory(&original, &copy);
    let migrations = copy.join("src/migrations");
    let before = files(&migrations);
    let migrator = migrator.with("CARGO_MANIFEST_DIR", copy.to_str().unwrap());
    let ended = migrator.run("generate add_reason_to_contacts");
    ended.succeeds();

    let mut new = files(&migrations);
    new.retain(|file| !before.contains(file));
    let [file] = &new[..] else { panic!("one file: {new:?}") };
    assert!(file.starts_with('m') && file.ends_with("_add_reason_to_contacts.rs"), "{file}");
    assert!(ended.stdout.contains(file), "{ended:?}");
    let text = std::fs::read_to_string(migrations.join(file)).unwrap();
    assert!(text.starts_with("//! What: "), "{text}");
    for header in ["//! Intent: ", "//! Risk: ", "//! Down: "] {
        assert!(text.contains(header), "{text}");
    }
    is_formatted(&migrations.join(file));

    let module = file.strip_suffix(".rs").unwrap();
    let list = std::fs::read_to_string(migrations.join("mod.rs")).unwrap();
    let line = format!("    {module},\n");
    assert!(list.ends_with(&format!(",\n{line}}}\n")), "{list}");
    assert_eq!(
        list.replace(&line, ""),
        std::fs::read_to_string(original.join("src/migrations/mod.rs")).unwrap(),
        "nothing else changes"
    );
    is_formatted(&migrations.join("mod.rs"));

    let nowhere = migrator.with("CARGO_MANIFEST_DIR", "/nonexistent");
    nowhere.run("generate add_x_to_y").fails(&["cannot be generated: /nonexistent/src/migrations/mod.rs"]);
}

/// As `cargo fmt --check` sees it, where rustfmt is installed.
fn is_formatted(file: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024", "--config-path"]).arg(root);
    // By its input: given the file's name, it would also check the modules that it lists.
    match rustfmt.stdin(File::open(file).unwrap()).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), ""),
        Err(error) => eprintln!("NOT TESTED: the format of a generated migration: rustfmt: {error}"),
    }
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The second column of `status`.
fn states(ended: &Exited) -> Vec<&str> {
    let lines = ended.stdout.lines().skip(1);
    lines.map(|line| line.split_whitespace().nth(1).unwrap_or_default()).collect()
}
