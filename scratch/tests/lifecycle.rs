//! The lifecycle of a server and its databases: discovery, start, use and removal.

#![expect(clippy::disallowed_methods, reason = "tests query the catalogue of the server")]
#![expect(clippy::unwrap_used, reason = "clippy exempts test functions, but not what they share")]

use scratch::{Error, Options, Server};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SCRATCH: &str = env!("CARGO_BIN_EXE_scratch");
/// A secret that no message may contain.
const SECRET: &str = "s3cretpass";

// ---- starting

#[test]
fn a_server_starts_for_the_caller_even_root_and_answers() {
    let server = own().start().unwrap();
    assert_eq!(query(&server.url("postgres"), "show server_version_num"), server.version().to_string());
    assert!(server.version() >= environment::OLDEST_POSTGRES_NUM);
    assert_eq!(query(&server.url("postgres"), "show timezone"), "UTC");
    assert_eq!(query(&server.url("postgres"), "show server_encoding"), "UTF8");
    let mode = fs::metadata(server.socket_dir().unwrap()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700, "the socket lets everybody in, so its directory must not");
}

#[test]
fn a_server_starts_for_an_ordinary_user() {
    let root = open_directory();
    // The build's directory may be closed to the other account.
    let program = root.path().join("scratch");
    fs::copy(SCRATCH, &program).unwrap();
    let mut command = Command::new(program);
    command.current_dir("/").env("TMPDIR", root.path()).env("HOME", root.path()).env_remove("SCRATCH_PG_BIN");
    if fs::metadata(root.path()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    let running = Running::start(&mut command);
    let owner = fs::metadata(running.directory()).unwrap().uid();
    assert_ne!(owner, 0);
    assert_eq!(query(&running.url, "select 1::text"), "1");
    let footprint = running.footprint();
    running.end_of_input();
    footprint.assert_gone();
}

#[test]
fn psql_reads_the_urls_as_sqlx_does() {
    for tcp in [false, true] {
        let mut options = own();
        options.tcp = tcp;
        let server = options.start().unwrap();
        let database = server.create_database("psql").unwrap();
        // The caller's own settings must not leak into the connection.
        let output = Command::new(server.binaries().unwrap().join("psql"))
            .args(["-XAtw", "-c", "select current_database()", &database.url()])
            .env("PGPORT", "1")
            .env("PGSSLMODE", "verify-full")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), database.name(), "{output:?}");
        assert_eq!(query(&database.url(), "select current_database()::text"), database.name());
    }
}

#[test]
fn a_loopback_port_asks_for_the_password() {
    let mut options = own();
    options.tcp = true;
    let server = options.start().unwrap();
    let open = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", server.port());
    assert!(try_query(&open, "select 1::text").is_err());
    assert_eq!(query(&server.url("postgres"), "select 1::text"), "1");
}

#[test]
fn a_failed_start_shows_the_servers_own_words_and_leaves_nothing() {
    let root = open_directory();
    let mut options = own();
    options.roots = vec![root.path().to_owned()];
    options.settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let message = format!("{:?}", options.start().unwrap_err());
    assert!(message.contains("no_such_setting"), "{message}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn two_servers_at_once_do_not_collide() {
    let root = open_directory();
    let mut options = own();
    options.roots = vec![root.path().to_owned()];
    let (one, two) = (options.start().unwrap(), options.start().unwrap());
    assert_ne!(one.socket_dir(), two.socket_dir());
    let database = one.create_database("only_here").unwrap();
    let count = |server: &Server| {
        let text = format!("select count(*)::text from pg_database where datname = '{}'", database.name());
        query(&server.url("postgres"), &text)
    };
    assert_eq!((count(&one), count(&two)), ("1".to_owned(), "0".to_owned()));
}

#[test]
fn eight_threads_that_ask_for_the_shared_server_get_one() {
    let servers: Vec<&Server> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Server::shared().unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(servers.iter().all(|server| std::ptr::eq(*server, servers[0])));
    assert!(servers[0].version() > 0);
}

#[tokio::test]
async fn the_calls_work_inside_a_runtime_of_one_thread() {
    let server = own().start().unwrap();
    let database = server.create_database("runtime").unwrap();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    connection.ping().await.unwrap();
    drop(database);
    assert!(connection.ping().await.is_err(), "the database is dropped although this connection is open");
}

// ---- databases

#[test]
fn a_database_is_dropped_with_its_value_also_with_an_open_connection() {
    let server = own().start().unwrap();
    let database = server.create_database("Some Name").unwrap();
    let name = database.name().to_owned();
    let runtime = runtime();
    let connection = runtime.block_on(PgConnection::connect(&database.url())).unwrap();
    drop(database);
    assert_eq!(databases(&server, &name), 0);
    drop(connection);
}

#[test]
fn a_database_is_dropped_when_its_test_panics() {
    let server = own().start().unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let database = server.create_database("panic").unwrap();
        panic!("{}", database.name());
    }));
    let name = *result.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(databases(&server, &name), 0);
}

#[test]
fn a_copy_has_what_its_template_has_and_a_template_in_use_is_an_error_with_the_remedy() {
    let server = own().start().unwrap();
    let template = server.create_database("template").unwrap();
    query(&template.url(), "create table t as select 7::text as x; select '' from t");
    let copy = server.create_database_from(&template, "copy").unwrap();
    assert_eq!(query(&copy.url(), "select x from t"), "7");

    let runtime = runtime();
    let open = runtime.block_on(PgConnection::connect(&template.url())).unwrap();
    let error = server.create_database_from(&template, "copy").unwrap_err();
    assert!(format!("{error:?}").contains("close every connection to the template"), "{error:?}");
    drop(open);
}

#[test]
fn a_database_keeps_its_server_running() {
    let server = own().start().unwrap();
    let directory = server.socket_dir().unwrap().to_owned();
    let database = server.create_database("outlives").unwrap();
    drop(server);
    assert_eq!(query(&database.url(), "select 1::text"), "1");
    drop(database);
    assert!(!directory.exists());
}

// ---- nothing is left behind

#[test]
fn nothing_is_left_after_a_panic() {
    let mut footprint = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let server = own().start().unwrap();
        footprint = Some(Footprint::of(server.socket_dir().unwrap()));
        panic!("on purpose");
    }));
    assert!(result.is_err());
    footprint.unwrap().assert_gone();
}

#[test]
fn nothing_is_left_after_the_owner_is_killed() {
    let running = Running::start(&mut Command::new(SCRATCH));
    let footprint = running.footprint();
    running.signal("KILL");
    footprint.assert_gone();
}

#[test]
fn nothing_is_left_after_the_owners_group_is_interrupted_or_terminated() {
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        // As a terminal does it: the whole group gets the signal.
        let running = Running::start(interruptible().process_group(0));
        let footprint = running.footprint();
        send(signal, &format!("-{}", running.child.id()));
        footprint.assert_gone();
    }
}

#[test]
fn nothing_is_left_after_the_owner_is_killed_while_it_starts_a_server() {
    let root = open_directory();
    for pause in [0, 50, 300] {
        let mut child = program_in(root.path()).spawn().unwrap();
        // From the first of these on, the supervisor is in charge.
        eventually("initdb begins", || {
            let mut directories = fs::read_dir(root.path()).unwrap().flatten();
            directories.any(|directory| directory.path().join("data").exists())
        });
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("the directory is removed", || fs::read_dir(root.path()).unwrap().count() == 0);
    }
}

#[test]
fn a_stopped_server_starts_again_with_its_databases_and_is_removed_in_both_states() {
    for tcp in [false, true] {
        let mut options = own();
        options.tcp = tcp;
        let server = options.start().unwrap();
        let database = server.create_database("stays").unwrap();
        execute(&database.url(), "create table stays (id int)");
        for _ in 0..2 {
            server.stop().unwrap();
            assert!(try_query(&database.url(), "select 1::text").is_err(), "it is down");
            server.start_again().unwrap();
            assert_eq!(query(&database.url(), "select count(*)::text from stays"), "0");
        }
        let footprint = Footprint::of(server.socket_dir().unwrap());
        drop((database, server));
        footprint.assert_gone();
    }
    let server = own().start().unwrap();
    let footprint = Footprint::of(server.socket_dir().unwrap());
    server.stop().unwrap();
    drop(server);
    footprint.assert_gone();
}

#[test]
fn a_server_that_is_stopped_at_once_recovers_what_was_committed() {
    let mut options = own();
    options.settings = vec![("synchronous_commit".to_owned(), "on".to_owned())];
    let server = options.start().unwrap();
    let database = server.create_database("crashes").unwrap();
    let log = server.socket_dir().unwrap().join("log");
    let recoveries = || fs::read_to_string(&log).unwrap().matches("automatic recovery in progress").count();
    execute(&database.url(), "create table committed (id int)");
    server.stop().unwrap();
    server.start_again().unwrap();
    assert_eq!(recoveries(), 0, "an ordinary stop is a shutdown");
    execute(&database.url(), "insert into committed values (1)");
    server.stop_at_once().unwrap();
    assert!(try_query(&database.url(), "select 1::text").is_err(), "it is down");
    server.start_again().unwrap();
    assert_eq!(recoveries(), 1);
    assert_eq!(query(&database.url(), "select count(*)::text from committed"), "1");
}

#[test]
fn a_killed_server_recovers_what_was_committed() {
    let mut options = own();
    options.settings = vec![("synchronous_commit".to_owned(), "on".to_owned())];
    let server = options.start().unwrap();
    let database = server.create_database("killed").unwrap();
    let log = server.socket_dir().unwrap().join("log");
    execute(&database.url(), "create table committed (id int)");
    for count in ["1", "2"] {
        execute(&database.url(), "insert into committed values (1)");
        server.kill().unwrap();
        assert!(try_query(&database.url(), "select 1::text").is_err(), "it is down");
        server.start_again().unwrap();
        assert_eq!(query(&database.url(), "select count(*)::text from committed"), count);
    }
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.matches("automatic recovery in progress").count(), 2, "{text}");
    assert!(!text.contains("received immediate shutdown request"), "{text}");
    let footprint = Footprint::of(server.socket_dir().unwrap());
    drop((database, server));
    footprint.assert_gone();
}

#[test]
fn a_killed_supervisors_server_stops_with_its_owner_and_the_next_start_removes_the_directory() {
    let root = open_directory();
    let running = Running::start(&mut program_in(root.path()));
    let footprint = running.footprint();
    let parent = Command::new("ps").args(["-o", "ppid=", "-p", &footprint.pid]).output().unwrap();
    send("KILL", String::from_utf8(parent.stdout).unwrap().trim());
    let mut options = own();
    options.roots = vec![root.path().to_owned()];
    drop(options.start().unwrap());
    assert!(footprint.directory.exists(), "its owner lives, so it is not abandoned");

    running.signal("KILL");
    eventually("the server stops", || !alive(&footprint.pid));
    eventually("the directory is removed", || {
        drop(options.start().unwrap());
        !footprint.directory.exists()
    });
}

#[test]
fn a_directory_without_our_lock_is_never_removed() {
    let root = open_directory();
    let foreign = root.path().join("scratch-pg-foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("precious"), "").unwrap();
    let mut options = own();
    options.roots = vec![root.path().to_owned()];
    drop(options.start().unwrap());
    assert!(foreign.join("precious").exists());
}

// ---- finding

#[test]
fn without_any_postgresql_the_error_names_all_three_remedies() {
    const INNER: &str = "SCRATCH_TEST_INNER";
    let name = "without_any_postgresql_the_error_names_all_three_remedies";
    if std::env::var_os(INNER).is_some() {
        let error = nowhere().start().unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        let message = error.to_string();
        for remedy in ["TEST_DATABASE_URL", "install the server", "SCRATCH_PG_BIN", "downloaded"] {
            assert!(message.contains(remedy), "{remedy} is missing in: {message}");
        }
        let help = if cfg!(feature = "download") { "HTTPS_PROXY" } else { "--features" };
        assert!(message.contains(help), "{help} is missing in: {message}");
        return;
    }
    // Another process, for its own environment: a proxy that refuses stands for a missing network.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INNER, "1")
        .envs(
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:1")),
        )
        .env("NO_PROXY", "")
        .env("no_proxy", "")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

#[test]
fn a_server_that_is_too_old_is_passed_over_with_its_version_as_the_reason() {
    let old = open_directory();
    for program in ["initdb", "postgres"] {
        let file = old.path().join(program);
        fs::write(&file, "#!/bin/sh\necho 'postgres (PostgreSQL) 14.19'\n").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    }
    let mut options = nowhere();
    options.may_download = false;
    options.path = Some(old.path().into());
    let message = options.start().unwrap_err().to_string();
    assert!(message.contains("14.19") && message.contains("older than 15"), "{message}");

    options = own();
    options.path = Some(old.path().into());
    assert!(options.start().is_ok(), "the usual places have a newer one");

    options.binaries = Some(old.path().to_owned());
    let error = options.start().unwrap_err();
    assert!(
        matches!(error, Error::Binaries { .. }),
        "a directory that is named is never passed over: {error:?}"
    );
}

#[test]
fn links_lead_to_the_directory_of_all_programs() {
    let real = own().start().unwrap().binaries().unwrap().to_owned();
    let links = open_directory();
    for program in ["initdb", "postgres"] {
        symlink(real.join(program), links.path().join(program)).unwrap();
    }
    let mut options = nowhere();
    options.path = Some(links.path().into());
    assert_eq!(options.start().unwrap().binaries().unwrap(), real);
}

#[test]
fn an_upgraded_program_is_noticed() {
    let server = own().start().unwrap();
    let real = server.binaries().unwrap().to_owned();
    let binaries = open_directory();
    for entry in fs::read_dir(&real).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), binaries.path().join(entry.file_name())).unwrap();
    }
    let mut options = own();
    options.binaries = Some(binaries.path().to_owned());
    let server = options.start().unwrap();
    drop(server.create_database("before").unwrap());

    // As a package manager does it: another file under the same name.
    let program = binaries.path().join("postgres");
    fs::remove_file(&program).unwrap();
    fs::copy(real.join("postgres"), &program).unwrap();
    let error = server.create_database("after").unwrap_err();
    assert!(matches!(error, Error::Upgraded { .. }), "{error:?}");
    assert!(error.to_string().contains("upgraded underneath it"), "{error}");

    fs::remove_file(&program).unwrap();
    let error = server.create_database("after").unwrap_err();
    assert!(matches!(error, Error::Upgraded { .. }), "{error:?}");
}

// ---- TEST_DATABASE_URL

#[test]
fn test_database_url_is_honoured() {
    for tcp in [false, true] {
        let mut options = own();
        options.tcp = tcp;
        let server = options.start().unwrap();
        let mut command = Command::new(SCRATCH);
        command.args(["--database", "guest"]).env("TEST_DATABASE_URL", server.url("postgres"));
        let running = Running::start(&mut command);
        let name = query(&running.url, "select current_database()::text");
        assert!(name.ends_with("_guest"), "{name}");
        assert_eq!(databases(&server, &name), 1);
        running.end_of_input();
        assert_eq!(databases(&server, &name), 0);
    }
}

#[test]
fn a_database_on_a_foreign_server_is_dropped_when_its_owner_is_killed() {
    let mut options = own();
    options.tcp = true;
    let server = options.start().unwrap();
    let mut command = Command::new(SCRATCH);
    command.args(["--database", "guest"]).env("TEST_DATABASE_URL", server.url("postgres"));
    let running = Running::start(&mut command);
    let name = query(&running.url, "select current_database()::text");
    running.signal("KILL");
    eventually("the database is dropped", || databases(&server, &name) == 0);
}

#[test]
fn databases_of_dead_runs_are_dropped_at_the_next_start_and_no_others() {
    let server = own().start().unwrap();
    let alive = guest(&server.url("postgres")).unwrap();
    let used = alive.create_database("in_use").unwrap();
    let dead = "scratch_0123456789ab_1_dead";
    let watched = "scratch_0123456789ab_2_watched";
    for name in [dead, watched, "scratch_pad", "scratch_0123456789ab"] {
        execute(&server.url("postgres"), &format!("create database {name}"));
    }
    let runtime = runtime();
    let visitor = runtime.block_on(PgConnection::connect(&server.url(watched))).unwrap();

    drop(guest(&server.url("postgres")).unwrap());
    assert_eq!(databases(&server, dead), 0);
    for name in [used.name(), watched, "scratch_pad", "scratch_0123456789ab"] {
        assert_eq!(databases(&server, name), 1, "{name}");
    }
    drop(visitor);
}

#[test]
fn a_wrong_test_database_url_is_an_error_without_its_password_and_without_a_fallback() {
    let mut options = own();
    options.tcp = true;
    let server = options.start().unwrap();
    let port = server.port();
    let unreachable = [
        format!("postgres://postgres:{SECRET}@127.0.0.1:1/postgres"),
        format!("postgres://postgres:{SECRET}@127.0.0.1:{port}/postgres"),
        format!("postgres://postgres@127.0.0.1:{port}/postgres?password={SECRET}"),
        format!("postgres://postgres:{SECRET}@%2Fnowhere/postgres"),
        server.url("no_such_database"),
    ];
    for url in &unreachable {
        let error = guest(url).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
    let malformed = [
        format!("mysql://root:{SECRET}@127.0.0.1/test"),
        format!("host=127.0.0.1 password={SECRET}"),
        format!("postgres://postgres:12/{SECRET}@127.0.0.1/postgres"),
        format!("postgres://postgres:12?{SECRET}@127.0.0.1/postgres"),
        format!("postgres://postgres:12#{SECRET}@127.0.0.1/postgres"),
        format!("postgres://postgres:{SECRET}@127.0.0.1:port/postgres"),
        format!("postgres://postgres:{SECRET}@127.0.0.1/postgres?sslmode=perhaps"),
    ];
    for url in &malformed {
        let error = guest(url).unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
}

#[test]
fn the_server_of_a_database_that_is_marked_as_production_is_not_used() {
    let server = own().start().unwrap();
    let url = server.url("postgres");
    execute(&url, "create table seaql_migrations (version text)");
    drop(guest(&url).unwrap());
    execute(&url, "comment on table seaql_migrations is 'production'");
    let error = guest(&url).unwrap_err();
    assert!(matches!(error, Error::NotPermitted(_)), "{error:?}");
    let text = format!("{error:?}");
    for words in ["TEST_DATABASE_URL cannot be used", "\"postgres\"", "is marked as production", "mark none"]
    {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(query(&url, "select count(*)::text from pg_database where datname like 'scratch%'"), "0");
}

#[test]
fn no_debug_form_shows_a_password() {
    let mut options = own();
    options.tcp = true;
    let server = options.start().unwrap();
    let database = server.create_database("debug").unwrap();
    let url = server.url("postgres");
    let password = url.split(['@', ':']).nth(2).unwrap();
    options.admin_url = Some(OsString::from(&url));
    let text = format!("{options:?} {server:?} {database:?} {:?}", options.start().unwrap());
    assert!(password.len() > 20 && !text.contains(password), "{text}");
}

#[test]
fn a_login_without_the_needed_privileges_is_an_error_that_grants_them() {
    let server = own().start().unwrap();
    let url = server.url("postgres").replace("postgres@", "low@");
    execute(&server.url("postgres"), "create role low login");
    let error = guest(&url).unwrap_err();
    assert!(matches!(error, Error::Privilege { .. }), "{error:?}");
    assert!(error.to_string().ends_with("alter role low createdb createrole"), "{error}");

    execute(&server.url("postgres"), "alter role low createdb createrole");
    let database = guest(&url).unwrap().create_database("low").unwrap();
    let runtime = runtime();
    let open = runtime.block_on(PgConnection::connect(&database.url())).unwrap();
    let name = database.name().to_owned();
    drop(database);
    assert_eq!(databases(&server, &name), 0);
    drop(open);
}

#[test]
fn replaced_libraries_of_a_foreign_server_are_noticed() {
    let tree = open_directory();
    let mirror = |path: &str| tree.path().join(path.trim_start_matches('/'));
    // A copy of the installation: a server finds its libraries by the way from its own program.
    let (programs, libraries, library) = {
        let server = own().start().unwrap();
        let setting = |name: &str| {
            query(&server.url("postgres"), &format!("select setting from pg_config where name = '{name}'"))
        };
        let (programs, libraries, share) = (setting("BINDIR"), setting("PKGLIBDIR"), setting("SHAREDIR"));
        for directory in [&programs, &libraries] {
            fs::create_dir_all(mirror(directory)).unwrap();
        }
        fs::create_dir_all(mirror(&share).parent().unwrap()).unwrap();
        symlink(&share, mirror(&share)).unwrap();
        for program in ["initdb", "postgres"] {
            fs::copy(Path::new(&programs).join(program), mirror(&programs).join(program)).unwrap();
        }
        let mut plpgsql = None;
        for entry in fs::read_dir(&libraries).unwrap().map(Result::unwrap) {
            let target = mirror(&libraries).join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with("plpgsql.") {
                plpgsql = Some(target.clone());
            }
            if !target.exists() {
                symlink(entry.path(), target).unwrap();
            }
        }
        (mirror(&programs), mirror(&libraries), plpgsql.unwrap())
    };
    let mut options = own();
    options.binaries = Some(programs);
    let server = options.start().unwrap();
    let directory = query(&server.url("postgres"), "select setting from pg_config where name = 'PKGLIBDIR'");
    assert_eq!(PathBuf::from(directory), libraries.canonicalize().unwrap());
    let foreign = guest(&server.url("postgres")).unwrap();
    drop(foreign.create_database("before").unwrap());

    fs::remove_file(&library).unwrap();
    fs::write(&library, "of another build").unwrap();
    for error in [foreign.create_database("after").unwrap_err(), guest(&server.url("postgres")).unwrap_err()]
    {
        assert!(matches!(error, Error::Upgraded { .. }), "{error:?}");
        assert!(error.to_string().contains("restart it"), "{error}");
    }
}

// ---- the program

#[test]
fn the_program_runs_a_command_with_the_url_and_ends_with_its_status() {
    let output = Command::new(SCRATCH)
        .env_remove("TEST_DATABASE_URL")
        .args(["--", "sh", "-c", "echo $TEST_DATABASE_URL; exit 7"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    let url = String::from_utf8(output.stdout).unwrap();
    assert!(url.starts_with("postgres://postgres@"), "{url}");
    assert!(!directory_of(url.trim()).exists());
}

#[test]
fn a_wrong_use_of_the_program_ends_with_2_and_a_failure_with_1() {
    let wrong = Command::new(SCRATCH).arg("--no-such-option").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let failed = Command::new(SCRATCH).env("TEST_DATABASE_URL", "nonsense").output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let text = String::from_utf8_lossy(&failed.stderr);
    assert!(text.contains("TEST_DATABASE_URL does not begin with postgres://"), "{text}");
}

// ---- what the tests share

/// A server of our own, whatever the environment names.
fn own() -> Options {
    let mut options = Options::from_environment();
    options.admin_url = None;
    options
}

/// A machine without any PostgreSQL.
fn nowhere() -> Options {
    let mut options = own();
    options.binaries = None;
    options.path = None;
    options.places = Vec::new();
    options.downloads = Some(PathBuf::from("/nonexistent"));
    options
}

/// The server of this URL, as another run sees it.
fn guest(url: &str) -> Result<Server, Error> {
    let mut options = own();
    options.admin_url = Some(OsString::from(url));
    options.start()
}

/// A temporary directory that is open to everybody like /tmp, with a name short enough for a socket.
fn open_directory() -> TempDir {
    let directory = tempfile::Builder::new().prefix("s-").tempdir_in("/tmp").unwrap();
    // Not by the builder, whose mode the umask reduces.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
    directory
}

fn program_in(root: &Path) -> Command {
    let mut command = Command::new(SCRATCH);
    command.env_remove("TEST_DATABASE_URL").env("TMPDIR", root).stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

/// The program with the default action of the signals that end it. Under `nohup` and in a background job these tests
/// inherit that SIGHUP or SIGINT is ignored, and would pass that on; the program respects it, as every program should.
/// Without unsafe code, another program has to reset it before the exec; a shell cannot (POSIX, `trap`).
fn interruptible() -> Command {
    let mut command = Command::new("perl");
    command.args(["-e", "@SIG{qw(HUP INT TERM)} = ('DEFAULT') x 3; exec @ARGV or die $!", SCRATCH]);
    command
}

/// The program, with a server that it started.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        // Unless the test names one.
        if !command.get_envs().any(|(name, _)| name == "TEST_DATABASE_URL") {
            command.env_remove("TEST_DATABASE_URL");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "{url:?} {:?}", child.wait());
        Self { child, url: url.trim().to_owned() }
    }

    fn directory(&self) -> PathBuf {
        directory_of(&self.url)
    }

    fn footprint(&self) -> Footprint {
        Footprint::of(&self.directory())
    }

    fn signal(mut self, signal: &str) {
        send(signal, &self.child.id().to_string());
        self.child.wait().unwrap();
    }

    fn end_of_input(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a server has in the system.
struct Footprint {
    directory: PathBuf,
    pid: String,
}

impl Footprint {
    fn of(directory: &Path) -> Self {
        let text = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
        let pid = text.lines().next().unwrap().to_owned();
        assert!(alive(&pid));
        assert!(directory.join(format!(".s.PGSQL.{}", text.lines().nth(3).unwrap())).exists());
        Self { directory: directory.to_owned(), pid }
    }

    fn assert_gone(&self) {
        eventually("the server stops", || !alive(&self.pid));
        eventually("the directory is removed", || !self.directory.exists());
    }
}

fn alive(pid: &str) -> bool {
    Command::new("ps").args(["-p", pid]).stdout(Stdio::null()).status().unwrap().success()
}

fn send(signal: &str, target: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), "--", target]).status().unwrap().success());
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn directory_of(url: &str) -> PathBuf {
    let host = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    PathBuf::from(host.replace("%2F", "/"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn try_query(url: &str, text: &str) -> sqlx::Result<String> {
    runtime().block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).fetch_all(&mut connection).await?;
        connection.close().await?;
        rows.first().map_or(Ok(String::new()), |row| row.try_get(0))
    })
}

fn query(url: &str, text: &str) -> String {
    try_query(url, text).unwrap()
}

fn execute(url: &str, text: &str) {
    query(url, text);
}

fn databases(server: &Server, name: &str) -> usize {
    let text = format!("select count(*)::text from pg_database where datname = '{name}'");
    query(&server.url("postgres"), &text).parse().unwrap()
}
