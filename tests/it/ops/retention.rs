//! Retention removes what is past its limit, in batches that other work can pass, and nothing else.

use super::Ops;
use super::runbook::cargo;
use scratch::Database;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::login_role::LoginRole;
use tests::process::Running;
use tests::{SqliteFile, connect, migrated, run, texts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Every kind of removed row, for 10 contacts in each campaign, as [`past`] inserts them. Of the four organizations one is
/// removed with its three campaigns, and of each of the others one of three campaigns.
const REMOVED: [(&str, i64); 15] = [
    ("call_attempts", 6 * 10 * 2),
    ("campaigns", 3 + 3),
    ("contacts", 6 * 10),
    // Those of the others that were sent long ago.
    ("email_notifications", 6 * 10 * 4 + 6 * 10),
    // All of one, and the unused ones of the others.
    ("email_templates", 4 + 3),
    ("erasure_requests", 1),
    ("events", 6 * 10 * 4 + 6 * 10),
    ("exclusion_list_entries", 10),
    ("organizations", 1),
    ("provider_configs", 1),
    // The older ones of two other organizations; the last one has no configuration.
    ("recordings", 6 * 10 * 2 + 2 * 2 * 10),
    ("survey_responses", 6 * 10),
    ("transcript_snippets", (6 * 10 * 2 + 2 * 2 * 10) * 2),
    ("user_organizations", 3 + 1),
    ("users", 1),
];

/// A database with rows before and past each limit, and the program on it, whose hook appends the names to a file.
pub(super) async fn past(name: &str, contacts: u32) -> (Database, DatabaseConnection, Ops) {
    let database = migrated(name).await;
    let db = connect(&database.url()).await.unwrap();
    insert(&db, contacts).await;
    let ops = Ops::on(&database.url()).with("RETENTION_HOOK_COMMAND", "cat >> hooked");
    (database, db, ops)
}

/// Inserts rows before and past each limit.
pub(crate) async fn insert(db: &DatabaseConnection, contacts: u32) {
    for sql in include_str!("retention.sql").split(";\n\n") {
        run(db, &sql.replace(":contacts", &contacts.to_string())).await.unwrap();
    }
    run(db, "analyze").await.unwrap();
}

/// The number of rows of each table that retention changes, and of recordings.
pub(crate) async fn counts(db: &DatabaseConnection) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for (kind, _) in REMOVED {
        let from = match kind {
            "recordings" => "call_attempts where metadata ? 'recording_url'",
            table => table,
        };
        let count = texts(db, &format!("select count(*)::text from {from}")).await.remove(0);
        counts.insert(kind.to_owned(), count.parse().unwrap());
    }
    counts
}

/// What differs between two counts.
pub(crate) fn difference(
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
) -> BTreeMap<String, i64> {
    let changed = before.iter().map(|(kind, count)| (kind.clone(), count - after[kind]));
    changed.filter(|(_, count)| *count != 0).collect()
}

/// What a run removes of the rows for 10 contacts.
pub(crate) fn removed() -> BTreeMap<String, i64> {
    REMOVED.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect()
}

/// The runs of the history, newest first.
pub(crate) fn history(ops: &Ops) -> Vec<Value> {
    let output = ops.run("retention history --format json --limit 1000");
    output.succeeds();
    serde_json::from_str(&output.stdout).unwrap()
}

/// The rows that the runs of the history state to have removed.
pub(crate) fn recorded(ops: &Ops) -> BTreeMap<String, i64> {
    let mut sum = BTreeMap::new();
    for run in history(ops) {
        for (kind, count) in run["removed"].as_object().unwrap() {
            *sum.entry(kind.clone()).or_default() += count.as_i64().unwrap();
        }
    }
    sum
}

#[tokio::test]
async fn retention_removes_what_is_past_its_limit_and_nothing_else() {
    let (_database, db, ops) = past("retention", 10).await;
    let before = counts(&db).await;
    ops.run("retention run --until-done --batch 7 --load 100").succeeds();
    assert_eq!(difference(&before, &counts(&db).await), removed());
    for (sql, rows) in [
        ("select slug from organizations order by slug", "a c d"),
        ("select oidc_sub from users order by oidc_sub", "closed here"),
        ("select distinct name from campaigns order by name", "closing live"),
        ("select distinct name from email_templates order by name", "recent used withdrawn"),
        // What is kept of a call, and of organizations without a configuration.
        (
            "select distinct concat_ws(':', slug, attempt_number, a.metadata ? 'recording_url',
                                       a.metadata ->> 'duration_seconds')
             from call_attempts a join organizations o on o.id = organization_id order by 1",
            "a:1:f:60 a:2:t:60 c:1:f:60 c:2:t:60 d:1:t:60 d:2:t:60",
        ),
        (
            "select distinct concat_ws(':', slug, attempt_number) from transcript_snippets
             join call_attempts a on a.id = call_attempt_id join organizations o on o.id = a.organization_id order by 1",
            "a:2 c:2 d:1 d:2",
        ),
        ("select count(*)::text from erasure_requests where contact_id is null", "3"),
        ("select distinct payload ->> 'attempt_number' from events order by 1", "2 3 4"),
        ("select distinct created_by_user_id::text from campaigns where created_by_user_id is not null", ""),
    ] {
        assert_eq!(texts(&db, sql).await.join(" "), rows, "{sql}");
    }
    let run = &history(&ops)[0];
    assert_eq!(run["removed"], json!(removed()), "{run}");
    assert_eq!((&run["outcome"], &run["until_done"]), (&json!("completed"), &json!(true)), "{run}");
    assert_eq!(run["deleted_days"], 30, "{run}");
    assert!(run["seconds"].as_f64().unwrap() > 0.0, "{run}");
    let shown = ops.run("retention history");
    assert!(
        shown.stdout.contains(run["id"].as_str().unwrap()) && shown.stdout.contains("6 campaigns"),
        "{shown:?}"
    );

    // Nothing is left, and the hook received each recording once.
    let again = ops.run("retention run --until-done");
    assert!(again.stdout.starts_with("Removed nothing in "), "{again:?}");
    let mut hooked: Vec<String> =
        fs::read_to_string(ops.path("hooked")).unwrap().lines().map(ToOwned::to_owned).collect();
    hooked.sort();
    hooked.dedup();
    assert_eq!(hooked.len(), 160);
    assert!(hooked[0].starts_with("https://recordings.example/"), "{}", hooked[0]);
}

#[tokio::test]
async fn a_dry_run_prints_what_a_run_removes_and_changes_nothing() {
    let (_database, db, ops) = past("retention_dry", 3).await;
    let before = counts(&db).await;
    let dry = ops.run("retention run --dry-run --format json");
    dry.succeeds();
    let rows: Vec<Value> = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(counts(&db).await, before);
    assert_eq!(history(&ops), Vec::<Value>::new());
    let mut planned = BTreeMap::new();
    for row in &rows {
        assert_eq!(row["organization_id"].is_null(), row["kind"] == "users", "{row}");
        *planned.entry(row["kind"].as_str().unwrap().to_owned()).or_default() +=
            row["rows"].as_i64().unwrap();
    }
    let text = ops.run("retention run --dry-run").stdout;
    assert_eq!(text.lines().count(), rows.len(), "{text}");
    assert!(text.lines().all(|line| line.starts_with("org_") || line.starts_with('-')), "{text}");

    ops.run("retention run --until-done --load 100").succeeds();
    assert_eq!(difference(&before, &counts(&db).await), planned);
    assert_eq!(ops.run("retention run --dry-run").stdout, "Nothing is past its limit\n");
}

#[tokio::test]
async fn without_until_done_a_run_removes_one_batch_and_reports_what_is_left() {
    let (_database, db, ops) = past("retention_batch", 10).await;
    let before = counts(&db).await;
    let first = ops.run("retention run --batch 5 --load 100");
    first.succeeds();
    let after = counts(&db).await;
    let done = difference(&before, &after);
    // Five of each organization, of which one has nothing.
    assert_eq!((done["recordings"], done.get("contacts")), (4 * 5, None), "{done:?}");
    assert!(
        first.stdout.contains("still past the limits: ") && first.stdout.contains(" 140 recordings"),
        "{first:?}"
    );
    for _ in 0..100 {
        if ops.run("retention run --batch 5 --load 100").stdout.starts_with("Removed nothing") {
            break;
        }
    }
    assert_eq!(difference(&before, &counts(&db).await), removed());
    assert_eq!(recorded(&ops), removed(), "each batch is recorded once");
}

#[tokio::test]
async fn a_dry_run_counts_everything_with_pauses_and_a_run_what_it_leaves_up_to_a_bound() {
    let (_database, _db, ops) = past("retention_bound", 500).await;
    // The first command builds the program.
    history(&ops);
    // The shorter one of two at full load, which other work on the machine delays least.
    let [first, slow, last] = [100, 5, 100].map(|load| {
        let started = Instant::now();
        let dry = ops.run(&format!("retention run --dry-run --format json --load {load}"));
        dry.succeeds();
        let rows: Vec<Value> = serde_json::from_str(&dry.stdout).unwrap();
        let contacts: i64 = rows
            .iter()
            .filter(|row| row["kind"] == "contacts")
            .map(|row| row["rows"].as_i64().unwrap())
            .sum();
        assert_eq!(contacts, 6 * 500, "{dry:?}");
        started.elapsed()
    });
    let fast = first.min(last);
    assert!(slow > 2 * fast, "{fast:?} without pauses, {slow:?} at 5 percent");

    let run = ops.with("RETENTION_HOOK_COMMAND", "").run("retention run --batch 5 --load 100");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("still past the limits: at least "), "{run:?}");
    assert!(run.stderr.contains("at least 4500 recordings are past their limit and not deleted"), "{run:?}");
}

#[tokio::test]
async fn two_runs_at_once_share_the_work() {
    let (_database, db, ops) = past("retention_two", 100).await;
    let before = counts(&db).await;
    let runs = [(), ()].map(|()| ops.start("retention run --until-done --batch 10 --load 20"));
    for run in runs {
        run.wait().succeeds();
    }
    let done = difference(&before, &counts(&db).await);
    assert_eq!(done["contacts"], 600);
    assert_eq!(recorded(&ops), done, "nothing is counted twice");
    for run in history(&ops) {
        assert!(run["removed"]["contacts"].as_i64().unwrap_or_default() > 0, "{run}");
    }
    let hooked = fs::read_to_string(ops.path("hooked")).unwrap();
    assert_eq!(hooked.lines().count(), 1600, "no recording is passed to two hooks");
}

#[tokio::test]
async fn a_row_that_another_session_has_locked_is_passed_and_removed_later() {
    let (_database, db, ops) = past("retention_locked", 3).await;
    let before = counts(&db).await;
    let tx = db.begin().await.unwrap();
    let contact = "select from contacts c join campaigns p on p.id = campaign_id where p.name = 'removed'
        order by c.id limit 1 for update of c";
    run(&tx, contact).await.unwrap();
    // Of a contact that stays.
    let transcript = "select from transcript_snippets t join call_attempts a on a.id = call_attempt_id
        join contacts c on c.id = a.contact_id join campaigns p on p.id = c.campaign_id
        join organizations o on o.id = p.organization_id
        where slug = 'a' and p.name = 'live' and t.created_at < now() - interval '20 days'
        limit 1 for update of t";
    assert_eq!(tx.execute_unprepared(transcript).await.unwrap().rows_affected(), 1);
    let run = ops.run("retention run --until-done --load 100");
    run.succeeds();
    assert!(run.stdout.contains("still past the limits: "), "{run:?}");
    tx.rollback().await.unwrap();
    assert_eq!(counts(&db).await["users"], before["users"] - 1);
    let again = ops.run("retention run --until-done --load 100");
    again.succeeds();
    assert!(again.stdout.contains(" 1 contacts,"), "{again:?}");
    assert_eq!(ops.run("retention run --dry-run").stdout, "Nothing is past its limit\n");
}

#[tokio::test]
async fn recordings_are_left_unless_the_hook_succeeded() {
    let (database, db, ops) = past("retention_hook", 3).await;
    let before = counts(&db).await;
    for (hook, reason) in [
        ("", "there is no hook to delete them; set --hook-command or --hook-url"),
        ("cat >> failed; exit 3", "the hook failed: it ended with exit status: 3"),
        ("exec sleep 60", "the hook failed: it did not end within 1s"),
    ] {
        let ops = Ops::on(&database.url()).with("RETENTION_HOOK_COMMAND", hook);
        let run = ops.run("retention run --until-done --load 100 --hook-timeout 1s");
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.stderr.contains("48 recordings are past their limit and not deleted: "), "{run:?}");
        assert!(run.stderr.contains(reason), "{run:?}");
        let after = counts(&db).await;
        assert_eq!(after["recordings"], before["recordings"], "{hook}");
        assert_eq!(after["contacts"], before["contacts"], "a contact with a recording stays: {hook}");
        assert_eq!(history(&ops)[0]["outcome"], "incomplete", "{hook}");
    }
    // Everything else was removed, and the next run with a hook that succeeds removes the rest.
    ops.run("retention run --until-done --load 100").succeeds();
    assert_eq!(history(&ops)[0]["outcome"], "completed");
    assert_eq!(ops.run("retention run --dry-run").stdout, "Nothing is past its limit\n");
}

#[tokio::test]
async fn a_hook_that_refuses_one_batch_does_not_keep_the_others() {
    let (database, db, _) = past("retention_poison", 3).await;
    let before = counts(&db).await;
    let poison =
        "update call_attempts set metadata = metadata || '{\"recording_url\": \"poison\"}' where id =
                  (select a.id from call_attempts a join organizations o on o.id = organization_id
                   where slug = 'a' and attempt_number = 1 limit 1)";
    run(&db, poison).await.unwrap();
    let ops = Ops::on(&database.url()).with("RETENTION_HOOK_COMMAND", "! grep -q poison");
    let run = ops.run("retention run --until-done --load 100 --batch 2");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("2 recordings are left: the hook failed"), "{run:?}");
    assert_eq!(difference(&before, &counts(&db).await)["recordings"], 48 - 2);
}

#[tokio::test]
async fn a_name_with_a_line_break_is_not_passed_to_a_command() {
    let (_database, db, ops) = past("retention_break", 3).await;
    let line_break = "update call_attempts set metadata = jsonb_build_object('recording_url', e'one\\nhttps://r/two') where id =
                      (select a.id from call_attempts a join organizations o on o.id = organization_id
                       where slug = 'a' and attempt_number = 1 limit 1)";
    run(&db, line_break).await.unwrap();
    let run = ops.run("retention run --until-done --load 100");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("1 recordings are past their limit") && run.stderr.contains("control character"),
        "{run:?}"
    );
    let hooked = fs::read_to_string(ops.path("hooked")).unwrap();
    assert!(!hooked.contains("two") && hooked.lines().count() == 47, "{hooked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_receives_recordings_as_json_and_decides_by_its_status() {
    let (database, db, _) = past("retention_endpoint", 3).await;
    let before = counts(&db).await;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/delete?key=s3cret", listener.local_addr().unwrap());
    let status = Arc::new(Mutex::new("503 Service Unavailable"));
    let (seen, answer) = (Arc::clone(&requests), Arc::clone(&status));
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket).await;
            seen.lock().unwrap().push(request);
            let response = format!(
                "HTTP/1.1 {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                *answer.lock().unwrap()
            );
            socket.write_all(response.as_bytes()).await.unwrap();
        }
    });
    let ops = Ops::on(&database.url()).with("RETENTION_HOOK_URL", &url).with("RETENTION_HOOK_TOKEN", "t0ken");
    for refused in ["503 Service Unavailable", "302 Found\r\nlocation: /elsewhere"] {
        *status.lock().unwrap() = refused;
        let run = ops.run("retention run --load 100");
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(
            run.stderr.contains(&format!("it responded with {}", refused.split('\r').next().unwrap())),
            "{run:?}"
        );
        assert!(!run.stderr.contains("s3cret") && !run.stderr.contains("t0ken"), "{run:?}");
        assert_eq!(counts(&db).await["recordings"], before["recordings"]);
    }
    requests.lock().unwrap().clear();
    *status.lock().unwrap() = "204 No Content";
    ops.run("retention run --until-done --load 100").succeeds();
    let mut received = Vec::new();
    for (head, body) in &*requests.lock().unwrap() {
        assert!(head.starts_with("POST /delete?key=s3cret HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer t0ken\r\n"), "{head}");
        assert!(head.contains("content-type: application/json\r\n"), "{head}");
        received.extend(body["recordings"].as_array().unwrap().clone());
    }
    assert_eq!(received.len(), 48);
    for recording in received {
        let text = |key: &str| recording[key].as_str().unwrap_or_default().to_owned();
        assert!(
            text("organization_id").starts_with("org_") && text("call_attempt_id").starts_with("att_"),
            "{recording}"
        );
        assert!(text("recording_url").starts_with("https://") && !text("call_id").is_empty(), "{recording}");
    }
}

/// The head of a request, and its body.
async fn read_request(socket: &mut tokio::net::TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_owned() + "\r\n";
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return (head, serde_json::from_str(body).unwrap());
            }
        }
        let mut part = [0; 4096];
        let count = socket.read(&mut part).await.unwrap();
        assert!(count > 0, "the request ends too early: {text}");
        bytes.extend(&part[..count]);
    }
}

#[tokio::test]
async fn a_run_that_was_killed_is_shown_as_interrupted() {
    let (_database, db, ops) = past("retention_killed", 10).await;
    let mut running = ops.start("retention run --until-done --batch 1 --load 1");
    running.wait_for_stderr("Deleting recordings");
    running.kill();
    assert_eq!(history(&ops)[0]["outcome"], "running");
    // The last batch was long ago.
    let age = "alter table retention_runs disable trigger updated_at;
               update retention_runs set updated_at = updated_at - interval '16 minutes'";
    run(&db, age).await.unwrap();
    let shown = &history(&ops)[0];
    assert_eq!(shown["outcome"], "interrupted", "{shown}");
}

#[tokio::test]
async fn a_run_that_fails_records_what_it_has_removed() {
    let (_database, db, ops) = past("retention_failed", 3).await;
    let before = counts(&db).await;
    let obstacle = "create function refuse() returns trigger language plpgsql as
                    $$ begin raise exception 'not today' using detail = 'a@example.com'; end $$;
                    create trigger obstacle before delete on email_notifications for each row execute function refuse()";
    run(&db, obstacle).await.unwrap();
    let failed = ops.run("retention run --until-done --load 100");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("removing e-mails failed on the PostgreSQL database"), "{failed:?}");
    assert!(failed.stderr.contains("not today") && !failed.stderr.contains("a@example.com"), "{failed:?}");
    let run = &history(&ops)[0];
    assert_eq!(run["outcome"], "failed", "{run}");
    assert_eq!(run["removed"], json!(difference(&before, &counts(&db).await)), "{run}");
    assert_eq!(run["removed"]["recordings"], 48, "{run}");
}

#[tokio::test]
async fn retention_is_refused_where_it_would_find_nothing_or_too_much() {
    let (database, db, ops) = past("retention_refused", 1).await;
    let before = counts(&db).await;
    // A login to which Row Level Security applies.
    let guest = LoginRole::new(migrated("retention_guest").await, "in role customer").await;
    run(&connect(&guest.admin_url()).await.unwrap(), "grant select on seaql_migrations to customer")
        .await
        .unwrap();
    let hidden = Ops::on(&guest.url()).run("retention run");
    assert_eq!(hidden.code, Some(1), "{hidden:?}");
    assert!(hidden.stderr.contains("connect as the owner of the tables"), "{hidden:?}");
    // A copy of production, whose recordings are those of production.
    run(&db, "comment on table seaql_migrations is 'production'").await.unwrap();
    for app_env in ["", "staging"] {
        let copy = Ops::on(&database.url()).with("APP_ENV", app_env).run("retention run");
        assert_eq!(copy.code, Some(1), "{copy:?}");
        assert!(copy.stderr.contains("is marked as production, where no data is removed"), "{copy:?}");
    }
    assert_eq!(counts(&db).await, before);
    ops.with("APP_ENV", "production").run("retention run --until-done --load 100").succeeds();

    let file = SqliteFile::migrated().await;
    let sqlite = Ops::on(&file.url()).run("retention run");
    assert_eq!(sqlite.code, Some(1), "{sqlite:?}");
    assert!(sqlite.stderr.contains("retention requires PostgreSQL"), "{sqlite:?}");
    for wrong in ["--deleted-days 0", "--load 0", "--hook-timeout 1h", "--hook-url x --hook-command y"] {
        let usage = Ops::on(&database.url()).run(&format!("retention run {wrong}"));
        assert_eq!(usage.code, Some(2), "{usage:?}");
    }
}

#[tokio::test]
async fn the_commands_of_the_document_work_by_copy_and_paste() {
    let (database, db, _) = past("retention_document", 1).await;
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/retention.md");
    let document = fs::read_to_string(document).unwrap();
    let blocks = document.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let script: String = blocks.collect();
    let url = format!("'{}'", database.url());
    let script = script.replace("postgres://user:password@localhost:5432/voicesurvey", &url);
    assert_eq!(script.matches("cargo run -p ops -- retention ").count(), 3, "{script}");

    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("bin")).unwrap();
    fs::write(path("bin/cargo"), cargo(directory.path())).unwrap();
    fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    // The files of one recording that is past its limit, and of one that is not.
    let names = "update call_attempts set metadata = jsonb_build_object('recording_url', 'https://r/' || word)
                 from (values (1, 'past'), (2, 'kept')) as name (n, word) where attempt_number = n and contact_id =
                 (select c.id from contacts c join campaigns p on p.id = campaign_id
                  join organizations o on o.id = p.organization_id where slug = 'a' and p.name = 'live')";
    run(&db, names).await.unwrap();
    fs::create_dir(path("recordings")).unwrap();
    for name in ["past", "kept"] {
        fs::write(path("recordings").join(name), "").unwrap();
    }
    let search =
        std::env::join_paths([path("bin").as_path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-euxc", &script]).env_clear().env("PATH", search).current_dir(directory.path());
    let done = Running::start(&mut command, "the document").wait();
    done.succeeds();
    assert!(done.stdout.contains("  completed    ") && done.stdout.contains(" 1 organizations,"), "{done:?}");
    assert_eq!(["past", "kept"].map(|name| path("recordings").join(name).exists()), [false, true]);
}

#[tokio::test]
async fn small_batches_read_no_more_than_large_ones() {
    let mut reads = Vec::new();
    for batch in [1000, 20] {
        let (database, db, ops) = past("retention_reads", 200).await;
        // In so small a table a scan of all of it would be the fastest.
        let name = texts(&db, "select current_database()::text").await.remove(0);
        run(&db, &format!("alter database \"{name}\" set enable_seqscan = off")).await.unwrap();
        db.close().await.unwrap();
        let db = connect(&database.url()).await.unwrap();
        let read = "select (select sum(seq_tup_read) from pg_stat_user_tables)
                         + (select sum(idx_tup_read) from pg_stat_user_indexes)";
        let read = async || texts(&db, &format!("select ({read})::text")).await[0].parse::<f64>().unwrap();
        // A session adds what it read to these numbers before it ends.
        let alone = async || {
            let others = "select pid::text from pg_stat_activity where datname = current_database()
                          and backend_type = 'client backend' and pid <> pg_backend_pid()";
            let started = Instant::now();
            while !texts(&db, others).await.is_empty() {
                assert!(started.elapsed() < Duration::from_mins(1), "another session stays");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        alone().await;
        let before = read().await;
        ops.run(&format!("retention run --until-done --load 100 --batch {batch}")).succeeds();
        alone().await;
        reads.push(read().await - before);
    }
    assert!(reads[1] < 2.0 * reads[0], "rows and entries of indexes that were read: {reads:?}");
}
