//! Point in time: the files of deploy/pgbackrest and the commands of docs/backup-restore.md bring back what a `delete` removed.

use super::runbook::{blocks, programs};
use super::{entries, filled_on};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::process::{Exited, Running};
use tests::{connect, private_server, run, texts};

const SECTION: &str = "## Point in time";

fn deployed(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/pgbackrest").join(file)).unwrap()
}

/// Whether pgBackRest is installed; reports if it is not, and fails in CI.
fn is_installed() -> bool {
    let is_installed =
        Command::new("pgbackrest").arg("version").output().is_ok_and(|output| output.status.success());
    let missing = "NOT TESTED: point in time: pgbackrest is not installed";
    assert!(is_installed || std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{missing}");
    if !is_installed {
        eprintln!("{missing}");
    }
    is_installed
}

/// Runs a script of the document, with the service of the server in the hands of `service`.
fn script(directory: &Path, text: &str, service: impl Fn(&str)) -> Exited {
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", directory.join("bin").display());
    let mut command = Command::new("/bin/sh");
    command.args(["-euc", text]).env_clear().env("PATH", path).current_dir(directory);
    command.envs(std::env::var_os("SCRATCH_PG_BIN").map(|bin| ("SCRATCH_PG_BIN", bin)));
    let mut running = Running::start(&mut command, text.lines().next().unwrap_or_default());
    let request = directory.join("request");
    while !running.has_exited() {
        if let Ok(action) = fs::read_to_string(&request) {
            service(action.trim());
            fs::remove_file(&request).unwrap();
        }
        sleep(Duration::from_millis(20));
    }
    running.wait()
}

fn report(directory: &Path) -> Value {
    let files = entries(&directory.join("reports"));
    let json = files.iter().find(|file| file.extension().is_some_and(|end| end == "json")).unwrap();
    let report = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    fs::remove_dir_all(directory.join("reports")).unwrap();
    report
}

#[tokio::test]
async fn the_second_before_a_delete_is_restored_with_its_rows() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    // The files as they are deployed, with the paths of this test.
    let config = path.join("pgbackrest.conf");
    let archiving = deployed("archiving.conf");
    let settings = archiving.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.split_once(" = ").unwrap();
        let command = format!("pgbackrest --config={} ", config.display());
        (name.to_owned(), value.trim_matches('\'').replace("pgbackrest ", &command))
    });
    let settings: Vec<(String, String)> = settings.collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    let Some(server) = private_server::start_with(false, &settings, "point in time") else { return };
    let home = server.socket_dir().unwrap();
    let account = fs::metadata(home).unwrap();
    for name in ["repo", "lock", "log", "spool"] {
        fs::create_dir(path.join(name)).unwrap();
        chown(path.join(name), Some(account.uid()), Some(account.gid())).unwrap();
    }
    // The package's own are for the account `postgres`.
    let own =
        ["lock", "log", "spool"].map(|name| format!("{name}-path={}/{name}\n", path.display())).concat();
    let text = deployed("pgbackrest.conf")
        .replace("/var/lib/pgbackrest", path.join("repo").to_str().unwrap())
        .replace("repo1-cipher-pass=\n", "repo1-cipher-pass=of-this-test\n")
        .replace("[global]\n", &format!("[global]\n{own}"))
        .replace("/var/lib/postgresql/17/main", home.join("data").to_str().unwrap());
    let connection =
        format!("pg1-socket-path={}\npg1-port={}\npg1-user=postgres\n", home.display(), server.port());
    fs::write(&config, text + &connection).unwrap();
    programs(path, account.uid());
    // With this file as an argument, which a restore passes on to the server, unlike a variable.
    let wrapper = path.join("bin/pgbackrest");
    fs::write(
        &wrapper,
        format!("#!/bin/sh\nexec /usr/bin/pgbackrest --config={} \"$@\"\n", config.display()),
    )
    .unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let url = filled_on(&server, "voicesurvey").await;
    let db = connect(&url).await.unwrap();

    let [create, drill, recover] = blocks(SECTION).try_into().unwrap();
    let service = |action: &str| match action {
        "stop" => server.stop().unwrap(),
        "start" => server.start_again().unwrap(),
        other => panic!("systemctl {other}"),
    };
    let created = script(path, &create, service);
    if created.stdout.contains("is this version of PostgreSQL supported") {
        eprintln!(
            "NOT TESTED: point in time: this pgbackrest is too old for PostgreSQL {}",
            server.version() / 10_000
        );
        return;
    }
    created.succeeds();
    run(
        &db,
        "insert into organizations (name, slug)
         select 'Deleted ' || n, 'deleted-by-mistake-' || n from generate_series(1, 7) as n",
    )
    .await
    .unwrap();
    sleep(Duration::from_secs(2));
    let now = "select to_char(clock_timestamp() - interval '1 second', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'";
    let before = texts(&db, now).await.remove(0);
    run(&db, "delete from organizations where slug like 'deleted-by-mistake%'").await.unwrap();
    sleep(Duration::from_secs(2));
    let after = texts(&db, now).await.remove(0);
    // Recovery recognizes a moment by the first commit after it.
    run(&db, "update organizations set name = name").await.unwrap();
    archive(&db).await;

    // As the document has it, and then at other moments.
    let at = |moment: &str| {
        assert!(drill.contains("'2026-11-25 14:00:00+00'"), "{drill}");
        script(path, &drill.replace("2026-11-25 14:00:00+00", moment), service)
    };
    at(&before).succeeds();
    let found = report(path);
    assert_eq!((&found["passed"], &found["rows"]), (&json!(true), &json!(7)), "{found}");
    assert!(found["recovery_seconds"].as_f64().unwrap() > 0.0, "{found}");
    let reached = found["taken_at"].as_str().unwrap();
    assert!(reached.replace('T', " ") <= before, "{found}");
    at(&after).fails(&["the query of --find returns no rows"]);
    assert_eq!(report(path)["rows"], json!(0));
    at("2037-01-01 00:00:00+00").fails(&["recovery ended before configured recovery target was reached"]);
    at("2000-01-01 00:00:00+00").fails(&["unable to find backup set"]);
    let left = "select count(*)::text from organizations where slug like 'deleted-by-mistake%'";
    assert_eq!(texts(&db, left).await, ["0"], "the drill does not touch the server");
    db.close().await.unwrap();

    script(path, &format!("POINT_IN_TIME='{before}'\n{recover}"), service).succeeds();
    let db = connect(&url).await.unwrap();
    // The server accepts readers before it has reached the moment.
    let started = Instant::now();
    while texts(&db, "select pg_is_in_recovery()::text").await == ["true"] {
        assert!(started.elapsed() < Duration::from_mins(2), "recovery ends");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(texts(&db, left).await, ["7"], "recovered in place");
}

/// Waits until the WAL is archived.
async fn archive(db: &sea_orm::DatabaseConnection) {
    let name = texts(db, "select pg_walfile_name(pg_switch_wal())").await.remove(0);
    let archived = format!(
        "select 'archived' from pg_stat_archiver where substr(last_archived_wal, 9) >= substr('{name}', 9)"
    );
    let started = Instant::now();
    while texts(db, &archived).await.is_empty() {
        assert!(started.elapsed() < Duration::from_mins(1), "{name} is archived");
        sleep(Duration::from_millis(50));
    }
}
