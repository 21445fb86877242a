//! A person's data is exported, and erased from everywhere; others' stays.

use super::{Ops, clients_are_installed};
use entity::id::ContactId;
use scratch::Database;
use sea_orm::DatabaseConnection;
use sea_orm::prelude::Uuid;
use serde_json::Value;
use std::fs;
use std::process::Command;
use tests::{connect, migrated, run, server, texts};

/// What names the person, as it may be written.
const NAMES: [&str; 4] = ["14155550142", "jane.roe@example.org", "Jane.Roe", "CRM-784512"];

const PHONE: &str = "+14155550142";

/// The contact in the organization `a`; in `b` the same person is another one.
const CONTACT: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0a01);

async fn person(name: &str) -> (Database, DatabaseConnection, Ops) {
    let database = migrated(name).await;
    let db = connect(&database.url()).await.unwrap();
    for sql in include_str!("person.sql").split(";\n\n") {
        run(&db, sql).await.unwrap();
    }
    let ops = Ops::on(&database.url()).with("RETENTION_HOOK_COMMAND", "cat >> hooked");
    (database, db, ops)
}

/// The lines of a plain-text dump of the whole database that name the person, with their tables.
fn dumped(database: &Database) -> Vec<String> {
    let program = server().binaries().map_or_else(|| "pg_dump".into(), |programs| programs.join("pg_dump"));
    let dump = Command::new(program).args(["--inserts", &database.url()]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8(dump.stdout).unwrap().to_lowercase();
    assert!(dump.contains("insert into public.contacts"));
    dump.lines()
        .filter(|line| NAMES.iter().any(|name| line.contains(&name.to_lowercase())))
        .map(ToOwned::to_owned)
        .collect()
}

/// The rows of everybody else, which an erasure leaves alone.
async fn others(db: &DatabaseConnection) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, condition) in [
        ("contacts", "phone_number = '+14155550143'"),
        ("transcript_snippets", "transcript_text = 'Good bye.'"),
        ("exclusion_list_entries", "phone_number = '+14155550143'"),
        ("call_attempts", "contact_id in (select id from contacts where phone_number = '+14155550143')"),
    ] {
        let found =
            texts(db, &format!("select t::text from {table} as t where {condition} order by id")).await;
        assert!(!found.is_empty(), "{table}");
        rows.extend(found);
    }
    rows
}

#[tokio::test]
async fn a_dump_of_the_database_names_nobody_who_was_erased() {
    if !clients_are_installed() {
        return;
    }
    let (database, db, ops) = person("erased").await;
    assert!(dumped(&database).len() > 10);
    let before = others(&db).await;
    let output = ops.run(&format!("erase --phone {PHONE}"));
    output.succeeds();
    assert_eq!(dumped(&database), [""; 0]);
    assert_eq!(others(&db).await, before);
    let hooked = fs::read_to_string(ops.path("hooked")).unwrap();
    assert_eq!(hooked, "https://recordings.example.org/a/1\nhttps://recordings.example.org/b/1\n");
    for name in NAMES {
        assert!(!output.stdout.contains(name) && !output.stderr.contains(name), "{output:?}");
    }
    // The proof.
    let requests = "select count(*) || ' ' || count(completed_at) || ' ' || bool_and(due_at = created_at + interval '72 hours')
                    from erasure_requests";
    assert_eq!(texts(&db, requests).await, ["3 3 true"]);
    let audited = "select table_name || ' ' || action || ' ' || count(*) from audit_log_entries
                   where table_name = 'erasure_requests' or table_name = 'exclusion_list_entries' and action = 'delete'
                   group by table_name, action order by 1";
    assert_eq!(texts(&db, audited).await, ["erasure_requests insert 3", "exclusion_list_entries delete 2"]);
    ops.run(&format!("erase --phone {PHONE}")).fails(&["nothing is stored about the person"]);
}

#[tokio::test]
async fn a_kept_exclusion_is_the_only_place_that_names_the_person() {
    if !clients_are_installed() {
        return;
    }
    let (database, _db, ops) = person("erased_excluded").await;
    ops.run(&format!("erase --phone {PHONE} --keep-exclusions")).succeeds();
    let left = dumped(&database);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|line| line.contains("public.exclusion_list_entries")), "{left:?}");
}

#[tokio::test]
async fn a_short_key_of_another_contact_is_named_and_not_replaced() {
    let (_database, db, ops) = person("erased_short").await;
    run(&db, "update contacts set external_contact_id = '12' where phone_number = '+14155550143'")
        .await
        .unwrap();
    ops.run(&format!("erase --contact {}", ContactId::from_uuid(CONTACT)))
        .fails(&["contacts.external_contact_id (1 rows"]);
    let kept = "select count(*)::text from contacts where external_contact_id = '12'";
    assert_eq!(texts(&db, kept).await, ["2"]);
}

#[tokio::test]
async fn an_erasure_by_contact_leaves_other_organizations_alone() {
    let (_database, db, ops) = person("erased_one").await;
    let of_b = "select t::text from contacts as t join organizations o on o.id = organization_id where o.slug = 'b' order by t.id";
    let before = texts(&db, of_b).await;
    ops.run(&format!("erase --contact {}", ContactId::from_uuid(CONTACT))).succeeds();
    assert_eq!(texts(&db, of_b).await, before);
    let left = "select slug || ' ' || count(*) from exclusion_list_entries join organizations o on o.id = organization_id
                where phone_number = '+14155550142' group by slug";
    assert_eq!(texts(&db, left).await, ["b 1"]);
    assert_eq!(texts(&db, "select count(*)::text from contacts where phone_number = 'DELETED'").await, ["2"]);
}

#[tokio::test]
async fn without_a_hook_a_person_with_recordings_is_not_erased() {
    let (_database, db, ops) = person("erased_not").await;
    let rows = "select md5(string_agg(t::text, ',' order by id)) from contacts as t";
    let before = texts(&db, rows).await;
    let without = ops.with("RETENTION_HOOK_COMMAND", "");
    without.run(&format!("erase --phone {PHONE}")).fails(&["--hook-command"]);
    let failing = without.with("RETENTION_HOOK_COMMAND", "exit 3");
    failing.run(&format!("erase --phone {PHONE}")).fails(&["the hook failed"]);
    assert_eq!(texts(&db, rows).await, before);
}

#[tokio::test]
async fn what_erasure_must_not_change_is_named_by_its_place() {
    let (_database, db, ops) = person("erased_left").await;
    run(&db, "insert into users (oidc_sub, email, name, role) values ('jane', 'jane.roe@example.org', 'Jane', 'viewer')")
        .await
        .unwrap();
    let output = ops.run(&format!("erase --phone {PHONE}"));
    output.fails(&["users.email (1 rows"]);
    assert!(!output.stderr.contains("jane"), "{output:?}");
    assert_eq!(
        texts(&db, "select count(*)::text from contacts where phone_number = '+14155550142'").await,
        ["0"]
    );
}

#[tokio::test]
async fn an_open_request_is_completed_after_the_last_call() {
    let (_database, db, ops) = person("erased_open").await;
    run(&db, "update call_attempts set outcome = null, ended_at = null").await.unwrap();
    let output = ops.run(&format!("erase --phone {PHONE}"));
    output.succeeds();
    assert!(output.stdout.contains("2 requests are open"), "{output:?}");
    run(
        &db,
        "insert into transcript_snippets (organization_id, call_attempt_id, transcript_text, language)
         select organization_id, id, 'My number is +1 415 555 0142', 'en' from call_attempts where attempt_number = 1;
         update call_attempts set outcome = 'failed', ended_at = now()",
    )
    .await
    .unwrap();
    ops.run("erase --open").succeeds();
    assert_eq!(
        texts(&db, "select count(completed_at) || ' of ' || count(*) from erasure_requests").await,
        ["3 of 3"]
    );
    let said = "select count(*)::text from transcript_snippets where transcript_text like 'My number%' and call_attempt_id in
                (select a.id from call_attempts a join contacts c on c.id = a.contact_id where phone_number = 'DELETED')";
    assert_eq!(texts(&db, said).await, ["0"]);
}

#[tokio::test]
async fn an_export_holds_every_row_about_the_person_and_no_other() {
    let (_database, db, ops) = person("exported").await;
    let output = ops.run(&format!("subject --phone {PHONE}"));
    output.succeeds();
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let tables = document.as_object().unwrap();
    let counts: Vec<_> =
        tables.iter().map(|(table, rows)| format!("{table} {}", rows.as_array().unwrap().len())).collect();
    assert_eq!(
        counts,
        [
            "call_attempts 2",
            "contacts 3",
            "email_notifications 2",
            "events 2",
            "exclusion_list_entries 2",
            "survey_responses 2",
            "transcript_snippets 2",
        ]
    );
    // Every column that holds data of contacts is in it.
    let columns = texts(
        &db,
        "select c.relname || '.' || attname from pg_class c join pg_attribute on attrelid = c.oid
         where attnum > 0 and col_description(c.oid, attnum) like '%[personal data: contact]'",
    )
    .await;
    assert!(columns.len() > 10);
    for column in columns {
        let (table, name) = column.split_once('.').unwrap();
        assert!(tables[table].as_array().unwrap().iter().all(|row| row.get(name).is_some()), "{column}");
    }
    assert!(!output.stdout.contains("+14155550143"));
    ops.run("subject --phone +14155550199").fails(&["nothing is stored about the person"]);
    ops.run("subject --phone 4155550142").is_misused(&["+ and 2 to 15 digits"]);
}

#[tokio::test]
async fn erasure_writes_to_every_table_with_data_of_a_contact() {
    let database = migrated("erased_tables").await;
    let db = connect(&database.url()).await.unwrap();
    let classified = texts(
        &db,
        "select distinct c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid \
         where col_description(c.oid, a.attnum) like '%[personal data: contact]%' order by 1",
    )
    .await;
    assert!(classified.contains(&"contacts".to_owned()), "{classified:?}");
    let queries =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../database/queries/contacts.sql")).unwrap();
    let query = queries.split("-- name: ").find(|query| query.starts_with("Erase :")).unwrap();
    for table in classified {
        // Kept by `contacts::erase`, so that the number is not called again; `ops erase` removes it.
        let is_kept = table == "exclusion_list_entries";
        let is_written =
            ["update", "delete from"].iter().any(|verb| query.contains(&format!("    {verb} {table}\n")));
        assert_ne!(is_kept, is_written, "Erase in database/queries/contacts.sql and {table}");
    }
}
