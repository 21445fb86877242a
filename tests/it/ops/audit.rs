//! Seals of the audit trail: whatever a superuser alters is found, and what is unaltered is not reported.

use super::{Ops, clients_are_installed};
use scratch::Database;
use sea_orm::DatabaseConnection;
use serde_json::Value;
use tests::login_role::LoginRole;
use tests::{
    SqliteFile, code, connect, empty, empty_with_role, migrate, migrated, private_server, run, texts,
};

/// A migrated database with a trail of seven entries: an organization, and six excluded numbers.
async fn trail(name: &str) -> (Database, DatabaseConnection, Ops) {
    let database = migrated(name).await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, "insert into organizations (name, slug) values ('A', 'a')").await.unwrap();
    exclude(&db, 1, 6).await;
    let ops = Ops::on(&database.url());
    (database, db, ops)
}

/// Excludes numbers, each in a transaction of its own.
async fn exclude(db: &DatabaseConnection, first: u32, last: u32) {
    for number in first..=last {
        run(
            db,
            &format!("{EXCLUDE} values ((select id from organizations), '+1415555{number:04}', 'manual')"),
        )
        .await
        .unwrap();
    }
}

const EXCLUDE: &str = "insert into exclusion_list_entries (organization_id, phone_number, source)";

/// The ids of the entries in the order of their seals.
async fn ids(db: &DatabaseConnection) -> Vec<String> {
    texts(db, "select id::text from audit_log_entries order by transaction_id, created_at, id").await
}

/// Runs SQL as a superuser for whom no trigger fires.
async fn tamper(db: &DatabaseConnection, sql: &str) {
    run(db, &format!("begin; set local session_replication_role = replica; {sql}; commit")).await.unwrap();
}

impl Ops {
    /// Seals, and returns the newest seal.
    fn seal(&self) -> String {
        let sealed = self.run("audit seal");
        sealed.succeeds();
        sealed.stdout.trim().to_owned()
    }
}

#[tokio::test]
async fn a_seal_covers_what_is_new_and_verify_reports_an_intact_trail() {
    let (_database, db, ops) = trail("audit_sealed").await;
    let verified = ops.run("audit verify");
    verified.succeeds();
    assert!(verified.stdout.contains("7 entries are not sealed yet"), "{verified}");
    assert!(verified.stdout.contains(&format!("0:{}", "0".repeat(64))), "{verified}");

    let sealed = ops.run("audit seal");
    sealed.succeeds();
    assert!(sealed.stderr.contains("sealed 7 entries"), "{sealed}");
    let first = sealed.stdout.trim().to_owned();
    assert!(first.starts_with("1:") && first.len() == 66, "{sealed}");
    assert_eq!(ops.seal(), first, "nothing is new");
    exclude(&db, 7, 8).await;
    let second = ops.seal();
    assert!(second.starts_with("2:"), "{second}");
    let verified = ops.run(&format!("audit verify --expect {first}"));
    verified.succeeds();
    for text in ["9 entries in 2 seals", "0 entries are not sealed yet", &second] {
        assert!(verified.stdout.contains(text), "{verified}");
    }
    ops.run(&format!("audit verify --expect {second}")).succeeds();
    ops.run("audit verify --expect 2").is_misused(&["NUMBER:DIGEST"]);
}

#[tokio::test]
async fn many_entries_are_sealed_in_seals_of_limited_size() {
    let (_database, db, ops) = trail("audit_many").await;
    let many = format!(
        "{EXCLUDE} select (select id from organizations), '+1415' || 5550000 + n, 'import' from generate_series(1000, 3100) n"
    );
    run(&db, &many).await.unwrap();
    assert!(ops.seal().starts_with("3:"));
    let verified = ops.run("audit verify");
    verified.succeeds();
    assert!(verified.stdout.contains("2108 entries in 3 seals"), "{verified}");
    tamper(&db, "update audit_log_entries set login = 'x' where changes #>> '{source,new}' = 'import'").await;
    let id = &ids(&db).await[7];
    ops.run("audit verify").fails(&[id, "of seal 1 was changed"]);
}

/// A superuser's change of a trail of two seals, of 7 and of 3 entries, and two entries without one; `{n}` is the id of the
/// entry with this place. Then what `verify` reports.
const ALTERATIONS: [(&str, &str); 18] = [
    ("update audit_log_entries set login = 'x' where id = '{3}'", "the entry {3} of seal 1 was changed"),
    ("update audit_log_entries set changes = '{}' where id = '{8}'", "the entry {8} of seal 2 was changed"),
    (
        "update audit_log_entries set user_id = id where id in ('{9}', '{5}')",
        "the entry {5} of seal 1 was changed",
    ),
    (
        "update audit_log_entries set updated_at = now() where id = '{0}'",
        "the entry {0} of seal 1 was changed",
    ),
    (
        "update audit_log_entries set id = gen_random_uuid() where id = '{2}'",
        "the entry {2} of seal 1 was removed",
    ),
    ("delete from audit_log_entries where id = '{4}'", "the entry {4} of seal 1 was removed"),
    ("delete from audit_log_entries where id in ('{8}', '{9}')", "the entry {8} of seal 2 was removed"),
    ("truncate audit_log_entries", "the entry {0} of seal 1 was removed"),
    (
        "insert into audit_log_entries select (jsonb_populate_record(e, jsonb_build_object('id', \
         '00000000-0000-4000-8000-000000000000'))).* from audit_log_entries e where id = '{3}'",
        "the entry 00000000-0000-4000-8000-000000000000 was inserted: seal 2 covers its time",
    ),
    (
        "insert into audit_log_entries select (jsonb_populate_record(e, jsonb_build_object('id', \
         '00000000-0000-4000-8000-000000000000', 'created_at', '2020-01-01T00:00:00Z', 'transaction_id', 4000000000))).* \
         from audit_log_entries e where id = '{3}'",
        "the entry 00000000-0000-4000-8000-000000000000 was inserted: seal 2 covers its time",
    ),
    (
        "update audit_log_entries e set transaction_id = o.transaction_id, created_at = o.created_at \
         from audit_log_entries o where (e.id, o.id) in (('{2}', '{5}'), ('{5}', '{2}'))",
        "the entry {2} of seal 1 was moved to another place",
    ),
    (
        "update audit_log_entries set created_at = created_at - interval '1 day', transaction_id = 1 where id = '{6}'",
        "the entry {6} of seal 1 was moved to another place",
    ),
    ("delete from audit_seals where number = 1", "seal 1 was removed"),
    ("update audit_seals set number = 3 where number = 2", "seal 2 was removed"),
    (
        "update audit_seals set number = 9 where number = 1; update audit_seals set number = 1 where number = 2; \
         update audit_seals set number = 2 where number = 9",
        "seal 1 was changed",
    ),
    (
        "update audit_seals set entries = substr(entries, strpos(entries, E'\\n') + 1) where number = 1; \
         delete from audit_log_entries where id = '{0}'",
        "seal 1 was changed",
    ),
    ("update audit_seals set digest = previous_digest where number = 2", "seal 2 was changed"),
    (
        "update audit_seals set created_at = created_at - interval '1 year' where number = 2",
        "seal 2 was changed",
    ),
];

#[tokio::test]
async fn each_alteration_by_a_superuser_is_found_and_named() {
    let (database, db, ops) = trail("audit_altered").await;
    ops.seal();
    exclude(&db, 7, 9).await;
    ops.seal();
    exclude(&db, 10, 11).await;
    let ids = ids(&db).await;
    assert_eq!(ids.len(), 12);
    let named = |text: &str| {
        let ids = ids.iter().enumerate();
        ids.fold(text.to_owned(), |text, (place, id)| text.replace(&format!("{{{place}}}"), id))
    };
    ops.run("audit verify").succeeds();
    db.close().await.unwrap();
    for (alteration, finding) in ALTERATIONS {
        let copy = tests::server().create_database_from(&database, "audit_alteration").unwrap();
        let db = connect(&copy.url()).await.unwrap();
        tamper(&db, &named(alteration)).await;
        db.close().await.unwrap();
        Ops::on(&copy.url()).run("audit verify").fails(&["the audit trail of", &named(finding)]);
    }
}

/// Writes the chain again with the entries as they are: what a superuser with the source of this repository can do.
const REWRITE: &str = "do $$ declare
    seal record; before text := repeat('0', 64); list text; next text;
begin
    for seal in select * from audit_seals order by number loop
        select string_agg(e.id || ' ' || encode(sha256(convert_to(jsonb_build_array(
                   e.id, organization_id, actor, user_id, login, transaction_id, action, table_name, row_id, changes,
                   e.created_at, e.updated_at)::text, 'UTF8')), 'hex') || E'\\n', ''
                   order by transaction_id, e.created_at, e.id)
        into list
        from audit_log_entries e where seal.entries like '%' || e.id || '%';
        next := encode(sha256(convert_to(concat_ws(
            E'\\n', seal.number, before, seal.created_at::text, seal.snapshot, list), 'UTF8')), 'hex');
        update audit_seals set entries = list, previous_digest = before, digest = next where number = seal.number;
        before := next;
    end loop;
end $$";

#[tokio::test]
async fn a_chain_that_was_cut_off_or_written_again_is_found_by_an_expected_seal() {
    let (database, db, ops) = trail("audit_rewritten").await;
    let first = ops.seal();
    exclude(&db, 7, 9).await;
    let second = ops.seal();
    let ids = ids(&db).await;
    // Without a change it is the same chain: the documented form of the digests is complete.
    tamper(&db, REWRITE).await;
    ops.run(&format!("audit verify --expect {second}")).succeeds();
    db.close().await.unwrap();
    let cut = format!(
        "delete from audit_seals where number = 2; delete from audit_log_entries where id = '{}'",
        ids[8]
    );
    let changed = format!("update audit_log_entries set login = 'x' where id = '{}'; {REWRITE}", ids[1]);
    let cases = [
        (&*cut, &second, Some(&first)),
        ("truncate audit_seals, audit_log_entries", &first, None),
        ("truncate audit_seals", &second, None),
        (&*changed, &first, None),
        (&*changed, &second, None),
    ];
    for (alteration, expected, still) in cases {
        let copy = tests::server().create_database_from(&database, "audit_rewriting").unwrap();
        let db = connect(&copy.url()).await.unwrap();
        tamper(&db, alteration).await;
        db.close().await.unwrap();
        let ops = Ops::on(&copy.url());
        ops.run("audit verify").succeeds();
        let found = ops.run(&format!("audit verify --expect {expected}"));
        found.fails(&["the chain of seals does not contain seal", expected]);
        if let Some(still) = still {
            ops.run(&format!("audit verify --expect {still}")).succeeds();
        }
    }
}

#[tokio::test]
async fn a_seal_that_was_written_again_alone_breaks_the_chain() {
    let (_database, db, ops) = trail("audit_one_rewritten").await;
    ops.seal();
    exclude(&db, 7, 9).await;
    ops.seal();
    let id = &ids(&db).await[1];
    let alone = REWRITE.replace("from audit_seals order", "from audit_seals where number = 1 order");
    tamper(&db, &format!("update audit_log_entries set login = 'x' where id = '{id}'; {alone}")).await;
    ops.run("audit verify").fails(&["seal 2 was changed"]);
}

#[tokio::test]
async fn an_inserted_entry_is_not_sealed_unless_that_is_asked_for() {
    let (_database, db, ops) = trail("audit_inserted").await;
    let first = ops.seal();
    let insert = "insert into audit_log_entries (actor, login, transaction_id, action, table_name, created_at) \
                  values ('admin', 'x', 5, 'delete', 'users', '2020-01-01')";
    tamper(&db, insert).await;
    for command in ["audit verify", "audit seal"] {
        ops.run(command).fails(&["was inserted: seal 1 covers its time", "--accept-inserted"]);
    }
    let accepted = ops.run("audit seal --accept-inserted");
    accepted.succeeds();
    assert!(accepted.stdout.starts_with("2:"), "{accepted}");
    ops.run(&format!("audit verify --expect {first}")).succeeds();
}

#[tokio::test]
async fn a_transaction_that_runs_during_a_seal_is_sealed_by_the_next_one() {
    let (database, db, ops) = trail("audit_running").await;
    let other = connect(&database.url()).await.unwrap();
    run(&other, "begin").await.unwrap();
    exclude(&other, 7, 7).await;
    exclude(&db, 8, 8).await;
    ops.seal();
    run(&other, "savepoint inner_one").await.unwrap();
    exclude(&other, 9, 9).await;
    run(&other, "commit").await.unwrap();
    let verified = ops.run("audit verify");
    verified.succeeds();
    assert!(verified.stdout.contains("8 entries in 1 seals; 2 entries are not sealed yet"), "{verified}");
    ops.seal();
    let verified = ops.run("audit verify");
    verified.succeeds();
    assert!(verified.stdout.contains("10 entries in 2 seals; 0 entries"), "{verified}");
}

#[tokio::test]
async fn seals_at_the_same_time_do_not_fork_the_chain() {
    let (_database, db, ops) = trail("audit_concurrent").await;
    for round in 0..3 {
        exclude(&db, 10 + 10 * round, 19 + 10 * round).await;
        let running: Vec<_> = (0..4).map(|_| ops.start("audit seal")).collect();
        for seal in running {
            seal.wait().succeeds();
        }
    }
    let verified = ops.run("audit verify");
    verified.succeeds();
    assert!(verified.stdout.contains("37 entries in 3 seals; 0 entries"), "{verified}");
}

#[tokio::test]
async fn the_owner_seals_and_verifies_and_alters_neither_entries_nor_seals() {
    let login = LoginRole::owning(empty_with_role("audit_owned").await, "createrole").await;
    migrate(&login.url()).await;
    let db = connect(&login.url()).await.unwrap();
    run(&db, "insert into organizations (name, slug) values ('A', 'a')").await.unwrap();
    exclude(&db, 1, 2).await;
    let ops = Ops::on(&login.url());
    let head = ops.seal();
    for attempt in [
        "update audit_seals set entries = ''",
        "delete from audit_seals",
        "truncate audit_seals",
        "update audit_log_entries set login = 'x'",
        "delete from audit_log_entries",
        "truncate audit_log_entries, audit_seals",
        "set session_replication_role = replica",
        "update audit_seals set number = 2 where false",
    ] {
        assert_eq!(code(&run(&db, attempt).await.unwrap_err()), "42501", "owner: {attempt}");
    }
    let customer = connect(&login.admin_url()).await.unwrap();
    run(&customer, "set role customer").await.unwrap();
    for attempt in [
        "select from audit_seals",
        "insert into audit_seals (number, previous_digest, digest, snapshot, entries) values (2, '', '', '', '')",
        "update audit_seals set entries = ''",
        "delete from audit_seals",
        "truncate audit_seals",
        "drop trigger append_only on audit_seals",
    ] {
        assert_eq!(code(&run(&customer, attempt).await.unwrap_err()), "42501", "customer: {attempt}");
    }
    ops.run(&format!("audit verify --expect {head}")).succeeds();
    let guest = LoginRole::new(migrated("audit_guest").await, "in role customer").await;
    for command in ["audit seal", "audit verify", "audit list"] {
        Ops::on(&guest.url()).run(command).fails(&["connect as the owner of the database"]);
    }
}

#[tokio::test]
async fn a_restored_trail_is_verified_and_continued_on_another_server() {
    if !clients_are_installed() {
        return;
    }
    let Some(server) = private_server::start(false, "the audit trail on another server") else { return };
    let (_database, db, ops) = trail("audit_moved").await;
    let sealed = ops.seal();
    // Not sealed when the backup is made.
    exclude(&db, 7, 7).await;
    ops.back_up();
    let target = server.create_database("audit_moved").unwrap();
    ops.restore_to(&target.url()).succeeds();
    let copy = connect(&target.url()).await.unwrap();
    // The trail is what it was: no trigger wrote further entries, and none refused those of the backup.
    let all = "select string_agg(to_jsonb(e)::text, e'\\n' order by id) from audit_log_entries e";
    assert_eq!(texts(&copy, all).await, texts(&db, all).await);
    let ops = ops.with("DATABASE_URL", &target.url());
    ops.run(&format!("audit verify --expect {sealed}")).succeeds();
    exclude(&copy, 8, 9).await;
    ops.run(&format!("audit verify --expect {sealed}")).succeeds();
    assert!(ops.seal().starts_with("2:"));
    let verified = ops.run(&format!("audit verify --expect {sealed}"));
    verified.succeeds();
    assert!(verified.stdout.contains("10 entries in 2 seals; 0 entries"), "{verified}");
    assert_eq!(code(&run(&copy, "delete from audit_log_entries").await.unwrap_err()), "42501");
}

#[tokio::test]
async fn entries_are_filtered_and_exported() {
    let (_database, db, ops) = trail("audit_listed").await;
    run(&db, "update organizations set name = E'tab\\t \"quote\" , ü\\nline'").await.unwrap();
    run(&db, "delete from exclusion_list_entries where phone_number = '+14155550002'").await.unwrap();
    let list = |arguments: &str| {
        let listed = ops.run(&format!("audit list {arguments}"));
        listed.succeeds();
        listed.stdout
    };
    let json = list("--format json");
    let entries: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 9, "{json}");
    assert_eq!(entries[7]["changes"]["name"]["new"], "tab\t \"quote\" , ü\nline");
    assert_eq!(entries[0]["action"], "insert");
    let csv = list("");
    assert!(csv.starts_with("id,created_at,organization_id,actor,user_id,login,"), "{csv}");
    assert_eq!(csv.lines().count(), 10, "a header and nine entries: {csv}");
    assert!(!json.contains("+1415555") && !csv.contains("+1415555"), "personal data");

    let organization = entries[0]["organization_id"].as_str().unwrap().to_owned();
    let typed = entity::id::OrganizationId::from_uuid(organization.parse().unwrap());
    let deleted = &entries[8];
    let row = deleted["row_id"].as_str().unwrap();
    let time = deleted["created_at"].as_str().unwrap();
    let unknown = sea_orm::prelude::Uuid::nil();
    for (filter, count) in [
        (format!("--organization {organization}"), 9),
        (format!("--organization {typed}"), 9),
        (format!("--organization {unknown}"), 0),
        (format!("--row {row}"), 2),
        (format!("--row {row} --action delete"), 1),
        (format!("--row {typed}"), 2),
        (format!("--user {unknown}"), 0),
        ("--table exclusion_list_entries".to_owned(), 7),
        ("--table x'or'true".to_owned(), 0),
        ("--table e\\'or'true".to_owned(), 0),
        ("--action update".to_owned(), 1),
        (format!("--since {time}"), 1),
        (format!("--until {time}"), 8),
    ] {
        assert_eq!(list(&format!("--format json {filter}")).lines().count(), count, "{filter}");
    }
    ops.run("audit list --organization usr_01h455vb4pex5vsknk084sn02q").is_misused(&["expected `org`"]);
    ops.run("audit list --since yesterday").is_misused(&["--since"]);
    ops.run("audit list --action drop").is_misused(&["--action"]);
}

#[tokio::test]
async fn a_database_without_a_trail_is_refused_with_the_reason() {
    let file = SqliteFile::migrated().await;
    for command in ["audit seal", "audit verify", "audit list", "audit server"] {
        Ops::on(&file.url()).run(command).fails(&["ops audit requires PostgreSQL"]);
    }
    let database = empty("audit_none");
    for command in ["audit seal", "audit verify", "audit list"] {
        Ops::on(&database.url()).run(command).fails(&["has no table audit_seals", "migration -- up"]);
    }
}

#[tokio::test]
async fn pgaudit_is_checked_and_set_up_by_a_superuser() {
    let Some(server) = private_server::start(false, "the settings of pgaudit") else { return };
    let database = server.create_database("pgaudit").unwrap();
    let db = connect(&database.url()).await.unwrap();
    let ops = Ops::on(&database.url());
    let wrong = ["shared_preload_libraries is ''", "pgaudit.log is ''", "audit server --apply"];
    ops.run("audit server").fails(&wrong);
    run(&db, "create role guest login password 's3cret'").await.unwrap();
    let guest = database.url().replace("postgres://postgres@", "postgres://guest:s3cret@");
    Ops::on(&guest).run("audit server").fails(&["pg_read_all_settings"]);
    run(&db, "grant pg_read_all_settings to guest").await.unwrap();
    Ops::on(&guest).run("audit server --apply").fails(&["superuser"]);
    if texts(&db, "select name::text from pg_available_extensions where name = 'pgaudit'").await.is_empty() {
        ops.run("audit server --apply").fails(&["pgaudit is not installed", "apt install postgresql-"]);
        eprintln!("NOT TESTED: pgaudit, which is not installed");
        return;
    }
    run(&db, "alter system set shared_preload_libraries = 'auto_explain', '$libdir/passwordcheck'")
        .await
        .unwrap();
    run(&db, "select pg_reload_conf()").await.unwrap();
    let applied = ops.run("audit server --apply");
    applied.succeeds();
    let libraries = "shared_preload_libraries = 'auto_explain, $libdir/passwordcheck, pgaudit'";
    for text in [libraries, "pgaudit.log = 'write, ddl'", "pgaudit.log_catalog = 'off'", "restart the server"]
    {
        assert!(applied.stdout.contains(text), "{applied}");
    }
    ops.run("audit server").fails(&["shared_preload_libraries is ''"]);
    db.close().await.unwrap();
    server.stop().unwrap();
    server.start_again().unwrap();
    ops.run("audit server").succeeds();
    ops.run("audit server --apply").succeeds();
    Ops::on(&guest).run("audit server").succeeds();
    let db = connect(&database.url()).await.unwrap();
    let loaded =
        "select current_setting('shared_preload_libraries') || ', ' || current_setting('pgaudit.log')";
    assert_eq!(texts(&db, loaded).await, ["auto_explain, \"$libdir/passwordcheck\", pgaudit, write, ddl"]);

    run(&db, "alter system set pgaudit.log = 'role'").await.unwrap();
    run(&db, "select pg_reload_conf()").await.unwrap();
    db.close().await.unwrap();
    ops.run("audit server").fails(&["pgaudit.log is 'role'"]);
    let applied = ops.run("audit server --apply");
    applied.succeeds();
    assert!(applied.stdout.contains("pgaudit.log = 'role, write, ddl'"), "{applied}");
    assert!(!applied.stdout.contains("restart"), "{applied}");
    ops.run("audit server").succeeds();
}
