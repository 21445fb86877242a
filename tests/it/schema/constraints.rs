//! Each constraint refuses what is just beyond it and accepts its limits, on both engines; defaults generate ids, and
//! the trigger moves `updated_at`.

use crate::schema::model::{self, Column, Kind, Table, id, insert, model};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait};
use std::collections::{BTreeMap, BTreeSet};
use tests::engine::{Engine, on_both_engines};
use tests::{run, texts, without_audit};

/// A check, with assignments that it accepts and assignments that it refuses; several are parted by a semicolon.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The checks that are no length and no type.
const RULES: &[Case] = &[
    (
        "ck_call_attempts_attempt_number_range",
        &["attempt_number = 1", "attempt_number = 9223372036854775807"],
        &["attempt_number = 0", "attempt_number = -1"],
    ),
    (
        "ck_audit_seals_number_range",
        &["number = 1", "number = 9223372036854775807"],
        &["number = 0", "number = -1"],
    ),
    (
        "ck_campaigns_call_window",
        &[
            "status = 'draft'; allowed_call_start_local = '20:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'draft'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'completed'; allowed_call_start_local = '20:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'cancelled'; allowed_call_start_local = '20:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'scheduled'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:01'",
            "status = 'running'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:01'",
            "status = 'paused'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:01'",
            "status = 'running'; allowed_call_start_local = '00:00:00'; allowed_call_end_local = '23:59:59'",
            "status = 'running'",
        ],
        &[
            "status = 'scheduled'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'running'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'paused'; allowed_call_start_local = '09:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'scheduled'; allowed_call_start_local = '09:00:01'; allowed_call_end_local = '09:00:00'",
            "status = 'running'; allowed_call_start_local = '20:00:00'; allowed_call_end_local = '09:00:00'",
            "status = 'paused'; allowed_call_start_local = '20:00:00'; allowed_call_end_local = '09:00:00'",
        ],
    ),
    (
        "ck_campaigns_max_attempts_range",
        &["max_attempts = 1", "max_attempts = 5"],
        &["max_attempts = 0", "max_attempts = 6", "max_attempts = -1"],
    ),
    (
        "ck_campaigns_retry_interval_minutes_range",
        &["retry_interval_minutes = 1", "retry_interval_minutes = 9223372036854775807"],
        &["retry_interval_minutes = 0", "retry_interval_minutes = -1"],
    ),
    (
        "ck_contacts_attempts_count_range",
        &["attempts_count = 0", "attempts_count = 9223372036854775807"],
        &["attempts_count = -1"],
    ),
    (
        "ck_contacts_phone_number_e164",
        &[
            "phone_number = '+12'",
            "phone_number = '+99'",
            "phone_number = '+10'",
            "phone_number = '+123456789012345'",
            "phone_number = 'DELETED'",
        ],
        &[
            "phone_number = ''",
            "phone_number = '+'",
            "phone_number = '+1'",
            "phone_number = '+1234567890123456'",
            "phone_number = '+0123456'",
            "phone_number = '+01'",
            "phone_number = '14155550101'",
            "phone_number = '0014155550101'",
            "phone_number = '++14155550101'",
            "phone_number = ' +14155550101'",
            "phone_number = '+14155550101 '",
            "phone_number = '+14155550101\n'",
            "phone_number = '\n+14155550101'",
            "phone_number = '+1415\n5550101'",
            "phone_number = '+1415-555-0101'",
            "phone_number = '+1415555010a'",
            "phone_number = '+1４155550101'",
            "phone_number = '+1٤155550101'",
            "phone_number = 'deleted'",
            "phone_number = 'Deleted'",
            "phone_number = 'DELETED '",
            "phone_number = 'DELETED\n'",
            "phone_number = 'xDELETED'",
            "phone_number = '+DELETED'",
        ],
    ),
    (
        "ck_exclusion_list_entries_phone_number_e164",
        &["phone_number = '+12'", "phone_number = '+99'", "phone_number = '+123456789012345'"],
        &[
            "phone_number = ''",
            "phone_number = '+'",
            "phone_number = '+1'",
            "phone_number = '+1234567890123456'",
            "phone_number = '+0123456'",
            "phone_number = '14155550101'",
            "phone_number = ' +14155550101'",
            "phone_number = '+14155550101\n'",
            "phone_number = '\n+14155550101'",
            "phone_number = '+1415555010a'",
            "phone_number = '+1４155550101'",
            // Erasure keeps exclusions: nothing writes the word here.
            "phone_number = 'DELETED'",
            "phone_number = 'deleted'",
        ],
    ),
    (
        "ck_organizations_slug_form",
        &["slug = 'a'", "slug = '0'", "slug = 'a-b'", "slug = '0-1-2'", "slug = 'acme-2-go'"],
        &[
            "slug = ''",
            "slug = '-'",
            "slug = '-a'",
            "slug = 'a-'",
            "slug = 'a--b'",
            "slug = 'A'",
            "slug = 'aB'",
            "slug = 'a_b'",
            "slug = 'a b'",
            "slug = 'a.b'",
            "slug = 'ä'",
            "slug = 'aäb'",
            "slug = 'a\n'",
            "slug = '\na'",
            "slug = 'a\nb'",
            "slug = 'a–b'",
        ],
    ),
    (
        "ck_provider_configs_max_concurrent_calls_range",
        &["max_concurrent_calls = 1", "max_concurrent_calls = 9223372036854775807"],
        &["max_concurrent_calls = 0", "max_concurrent_calls = -1"],
    ),
    (
        "ck_provider_configs_recording_retention_days_range",
        &["recording_retention_days = 1", "recording_retention_days = 9223372036854775807"],
        &["recording_retention_days = 0", "recording_retention_days = -1"],
    ),
    (
        "ck_provider_configs_transcript_retention_days_range",
        &["transcript_retention_days = 1", "transcript_retention_days = 9223372036854775807"],
        &["transcript_retention_days = 0", "transcript_retention_days = -1"],
    ),
    (
        "ck_retention_runs_deleted_days_range",
        &["deleted_days = 1", "deleted_days = 9223372036854775807"],
        &["deleted_days = 0", "deleted_days = -1"],
    ),
    (
        "ck_retention_runs_email_days_range",
        &["email_days = 1", "email_days = 9223372036854775807"],
        &["email_days = 0", "email_days = -1"],
    ),
    (
        "ck_retention_runs_event_days_range",
        &["event_days = 1", "event_days = 9223372036854775807"],
        &["event_days = 0", "event_days = -1"],
    ),
    (
        "ck_signing_keys_inner_key_block",
        &["inner_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"],
        &[
            "inner_key = ''",
            "inner_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
            "inner_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
        ],
    ),
    (
        "ck_signing_keys_outer_key_block",
        &["outer_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"],
        &[
            "outer_key = ''",
            "outer_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
            "outer_key = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
        ],
    ),
    (
        "ck_survey_responses_q1_confidence_range",
        &["q1_confidence = 0", "q1_confidence = 1", "q1_confidence = 0.99", "q1_confidence = null"],
        &["q1_confidence = -0.01", "q1_confidence = 1.01", "q1_confidence = 9.99"],
    ),
    (
        "ck_survey_responses_q2_confidence_range",
        &["q2_confidence = 0", "q2_confidence = 1", "q2_confidence = 0.99", "q2_confidence = null"],
        &["q2_confidence = -0.01", "q2_confidence = 1.01", "q2_confidence = 9.99"],
    ),
    (
        "ck_survey_responses_q3_confidence_range",
        &["q3_confidence = 0", "q3_confidence = 1", "q3_confidence = 0.99", "q3_confidence = null"],
        &["q3_confidence = -0.01", "q3_confidence = 1.01", "q3_confidence = 9.99"],
    ),
];

on_both_engines!(migrated: every_check_refuses_its_bad_values_and_accepts_its_limits);

async fn every_check_refuses_its_bad_values_and_accepts_its_limits(Engine { db, .. }: &Engine) {
    let tx = db.begin().await.unwrap();
    without_audit(&tx).await;
    let mut tried = BTreeSet::new();
    for table in &model().tables {
        for column in &table.columns {
            if let Kind::Text(Some(length)) = column.kind {
                let check = format!("ck_{}_{}", table.name, column.length_rule().unwrap());
                length_is_checked(&tx, table, column, length, &check).await;
                tried.insert(check);
            }
            if let Some(rule) = column.type_rule() {
                let check = format!("ck_{}_{rule}", table.name);
                let named = type_is_checked(&tx, table, column, &check).await;
                tried.extend(named.then_some(check));
            }
        }
    }
    for (check, good, bad) in RULES {
        let table =
            tables_by_length().find(|table| check[3..].starts_with(&format!("{}_", table.name))).unwrap();
        for values in *good {
            accepts(&tx, table, &assignments(values)).await;
        }
        for values in *bad {
            refuses(&tx, table, &assignments(values), check).await;
        }
        tried.insert((*check).to_owned());
    }
    let found: BTreeSet<String> = checks(&tx).await.into_iter().collect();
    assert_eq!(found, tried, "the checks of the database are those that have cases here");
}

/// A longer name first, so that `call_attempts` is not taken for a table named `call`.
fn tables_by_length() -> impl Iterator<Item = &'static Table> {
    let mut tables: Vec<_> = model().tables.iter().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.name.len()));
    tables.into_iter()
}

async fn length_is_checked(
    tx: &DatabaseTransaction,
    table: &Table,
    column: &Column,
    length: u32,
    check: &str,
) {
    let text = |letter: &str, length: u32| {
        vec![(column.name, format!("'{}'", letter.repeat(length.try_into().unwrap())))]
    };
    if column.name == "phone_number" {
        // No number is that long. The check of its form is put aside, where an engine can do that; SQLite names
        // the check that was written first.
        savepoint(tx).await;
        if tx.get_database_backend() == DbBackend::Postgres {
            let form = format!("alter table {0} drop constraint ck_{0}_phone_number_e164", table.name);
            run(tx, &form).await.unwrap();
            accepts(tx, table, &text("1", length)).await;
            accepts(tx, table, &text("ä", length)).await;
        }
        refuses(tx, table, &text("1", length + 1), check).await;
        undo(tx).await;
        return;
    }
    accepts(tx, table, &text("a", length)).await;
    if column.name != "slug" {
        accepts(tx, table, &text("", length)).await;
        // Characters are counted, not bytes.
        accepts(tx, table, &text("ä", length)).await;
        accepts(tx, table, &text("😀", length)).await;
        refuses(tx, table, &text("ä", length + 1), check).await;
    }
    refuses(tx, table, &text("a", length + 1), check).await;
}

/// Returns whether the check of that name refused, and not the type itself, which has no name.
async fn type_is_checked(tx: &DatabaseTransaction, table: &Table, column: &Column, check: &str) -> bool {
    let named = tx.get_database_backend() == DbBackend::Sqlite;
    let (good, bad): (Vec<String>, Vec<String>) = match &column.kind {
        Kind::Enum(kind) => {
            let good = kind.values.iter().map(|value| format!("'{value}'")).collect();
            let first = kind.values[0];
            let bad = ["unknown", "", &first.to_uppercase(), &format!("{first} "), &format!("{first}\n")]
                .map(|value| format!("'{value}'"));
            (good, bad.into())
        }
        Kind::Boolean => (
            ["true", "false"].map(str::to_owned).into(),
            // As text, because PostgreSQL takes no number for a boolean; SQLite converts it to a number.
            ["'2'", "'-1'", "'0.5'", "'maybe'", "''"].map(str::to_owned).into(),
        ),
        Kind::Jsonb => (
            ["'{}'", "'[]'", "'null'", "'1'", r#"'{"a": {"b": [1, "ä"]}}'"#].map(str::to_owned).into(),
            ["''", "'{'", "'{]'", "'nonsense'", "'{a: 1}'", r#"'{"a": 1} x'"#, "'{''a'': 1}'"]
                .map(str::to_owned)
                .into(),
        ),
        kind => panic!("{kind:?} has no check of its type"),
    };
    for value in good {
        accepts(tx, table, &[(column.name, value)]).await;
    }
    let reason = match &column.kind {
        _ if named => check.to_owned(),
        Kind::Enum(kind) => format!("invalid input value for enum {}", kind.name),
        Kind::Boolean => "invalid input syntax for type boolean".to_owned(),
        _ => "invalid input syntax for type json".to_owned(),
    };
    for value in bad {
        refuses(tx, table, &[(column.name, value)], &reason).await;
    }
    if column.is_nullable {
        accepts(tx, table, &[(column.name, "null".to_owned())]).await;
    } else {
        refuses(tx, table, &[(column.name, "null".to_owned())], column.name).await;
    }
    named
}

on_both_engines!(migrated: a_unique_constraint_refuses_the_second_of_a_kind);

async fn a_unique_constraint_refuses_the_second_of_a_kind(Engine { db, .. }: &Engine) {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let tx = db.begin().await.unwrap();
    let mut tried = 0;
    for table in &model().tables {
        for columns in std::iter::once(&vec!["id"]).chain(&table.unique) {
            tried += 1;
            savepoint(&tx).await;
            for (organization, number) in [(0, 1), (0, 2), (1, 1)] {
                parents(&tx, table, organization, number).await;
            }
            let first = own_row(&tx, table, 0, 1);
            run(&tx, &insert(table.name, &first)).await.unwrap();
            let constraint = if columns == &["id"] {
                format!("pk_{}", table.name)
            } else {
                format!("uq_{}_{}", table.name, columns.join("_"))
            };
            let reason = if postgres {
                if columns.len() == 2 && columns.contains(&"id") {
                    // The primary key would speak first.
                    run(&tx, &format!("alter table {0} drop constraint pk_{0}", table.name)).await.unwrap();
                }
                format!("violates unique constraint \"{constraint}\"")
            } else {
                // SQLite names the columns in place of the constraint, and the last constraint first.
                let shown: Vec<_> = columns.iter().map(|column| format!("{}.{column}", table.name)).collect();
                format!("UNIQUE constraint failed: {}", shown.join(", "))
            };
            // An id is unique across organizations.
            let mut second =
                if columns == &["id"] { own_row(&tx, table, 1, 1) } else { own_row(&tx, table, 0, 2) };
            second.extend(columns.iter().map(|column| (*column, first[column].clone())));
            let error = attempt(&tx, &insert(table.name, &second)).await.expect_err(&constraint).to_string();
            assert!(error.contains(&reason), "{constraint} refuses, and not another: {error}");
            // All but one the same is another.
            for different in columns.iter().filter(|column| columns.len() > 1 && **column != "id") {
                let (organization, number) = if *different == "organization_id" { (1, 1) } else { (0, 2) };
                let mut second = own_row(&tx, table, organization, number);
                let same = columns.iter().filter(|column| *column != different && **column != "id");
                second.extend(same.map(|column| (*column, first[column].clone())));
                let done = attempt(&tx, &insert(table.name, &second)).await;
                assert!(done.is_ok(), "{constraint} allows another {different}: {done:?}");
            }
            undo(&tx).await;
        }
    }
    let query = if postgres {
        "select count(*) from pg_constraint where contype in ('p', 'u') and connamespace = 'public'::regnamespace
         and conrelid <> 'seaql_migrations'::regclass"
    } else {
        "select count(*) from sqlite_schema where name like 'sqlite_autoindex_%' and tbl_name <> 'seaql_migrations'"
    };
    assert_eq!(
        number(&tx, query).await,
        tried,
        "every unique constraint and primary key of the database was tried"
    );
}

on_both_engines!(migrated: every_foreign_key_refuses_a_parent_that_does_not_exist);

async fn every_foreign_key_refuses_a_parent_that_does_not_exist(Engine { db, .. }: &Engine) {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let tx = db.begin().await.unwrap();
    let mut tried = 0;
    for table in &model().tables {
        savepoint(&tx).await;
        parents(&tx, table, 0, 1).await;
        parents(&tx, table, 1, 1).await;
        let row = own_row(&tx, table, 0, 1);
        for (column, key) in table.keys() {
            tried += 1;
            let constraint = if postgres && column.name == "organization_id" && table.is_tenant {
                // Its other keys contain the organization too, and may speak first.
                format!("\"fk_{}_", table.name)
            } else if postgres {
                format!("\"fk_{}_{}_{}\"", table.name, column.name, key.table)
            } else {
                "FOREIGN KEY constraint failed".to_owned()
            };
            let with = |value: String| {
                let mut row = row.clone();
                row.insert(column.name, value);
                insert(table.name, &row)
            };
            let nowhere = with(id(tx.get_database_backend(), key.table, 9, 9));
            let error = attempt(&tx, &nowhere).await.expect_err(&constraint).to_string();
            assert!(error.contains(&constraint), "{constraint}: {error}");
            let nothing = attempt(&tx, &with("null".to_owned())).await;
            assert_eq!(nothing.is_ok(), column.is_nullable, "{}.{}: {nothing:?}", table.name, column.name);
            // A nullable key is the parent's id alone on SQLite, which has no way to null one column of two.
            if key.is_composite && (postgres || !column.is_nullable) {
                let others = with(id(tx.get_database_backend(), key.table, 1, 1));
                let error = attempt(&tx, &others).await.expect_err(&constraint).to_string();
                assert!(error.contains(&constraint), "another organization's {}: {error}", key.table);
            }
            let own = attempt(&tx, &with(row[column.name].clone())).await;
            assert!(own.is_ok(), "its own organization's {}: {own:?}", key.table);
        }
        undo(&tx).await;
    }
    let query = if postgres {
        "select count(*) from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"
    } else {
        "select count(distinct m.name || k.id) from sqlite_schema m, pragma_foreign_key_list(m.name) k
         where m.type = 'table'"
    };
    assert_eq!(number(&tx, query).await, tried, "every foreign key of the database was tried");
}

on_both_engines!(migrated: deleting_a_parent_does_to_its_children_what_their_key_states);

async fn deleting_a_parent_does_to_its_children_what_their_key_states(Engine { db, .. }: &Engine) {
    let backend = db.get_database_backend();
    let tx = db.begin().await.unwrap();
    for table in &model().tables {
        savepoint(&tx).await;
        // Everything else that the child refers to stays.
        parents(&tx, table, 0, 1).await;
        for (column, key) in table.keys().filter(|(_, key)| key.table != "organizations") {
            savepoint(&tx).await;
            let what = format!("{}.{}", table.name, column.name);
            let parent = model::table(key.table);
            let parent_id = id(backend, key.table, 0, 2);
            run(&tx, &insert(parent.name, &model::row(backend, parent, 0, 2, |_| 1))).await.unwrap();
            let mut child = model::row(backend, table, 0, 3, |_| 1);
            child.insert(column.name, parent_id.clone());
            run(&tx, &insert(table.name, &child)).await.unwrap();

            let done = perform(&tx, &format!("delete from {} where id = {parent_id}", key.table)).await;
            let unchanged: Vec<String> = child
                .iter()
                .filter(|(name, _)| **name != column.name)
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            let unchanged = format!("select count(*) from {} where {}", table.name, unchanged.join(" and "));
            let orphans = format!("{unchanged} and {} is null", column.name);
            match key.on_delete {
                "cascade" => {
                    done.expect(&what);
                    assert_eq!(number(&tx, &unchanged).await, 0, "{what} goes with its parent");
                }
                "set null" => {
                    done.expect(&what);
                    assert_eq!(
                        number(&tx, &orphans).await,
                        1,
                        "{what} alone becomes null, the organization stays"
                    );
                }
                "restrict" => {
                    let error = done.expect_err(&what).to_string();
                    let name = format!("fk_{}_{}_{}", table.name, column.name, key.table);
                    let name =
                        if backend == DbBackend::Postgres { &name } else { "FOREIGN KEY constraint failed" };
                    assert!(error.contains(name), "{what}: {error}");
                    assert_eq!(number(&tx, &unchanged).await, 1, "{what} keeps its parent");
                }
                action => panic!("{what}: no expectation for {action}"),
            }
            undo(&tx).await;
        }
        undo(&tx).await;
    }
}

on_both_engines!(migrated: deleting_an_organization_deletes_everything_it_owns);

async fn deleting_an_organization_deletes_everything_it_owns(Engine { db, .. }: &Engine) {
    let backend = db.get_database_backend();
    let tx = db.begin().await.unwrap();
    chain(&tx, 0, 1).await;
    chain(&tx, 1, 1).await;
    let organization = id(backend, "organizations", 0, 1);
    // A template that was sent restricts its own deletion, not that of the organization.
    run(&tx, &format!("delete from organizations where id = {organization}")).await.unwrap();
    for table in &model().tables {
        let count = |organization| {
            format!(
                "select count(*) from {} where id = {}",
                table.name,
                id(backend, table.name, organization, 1)
            )
        };
        // Of no organization.
        let outliving = ["audit_log_entries", "audit_seals", "retention_runs", "signing_keys", "users"];
        let left = i64::from(outliving.contains(&table.name));
        assert_eq!(number(&tx, &count(0)).await, left, "{}: what outlives an organization", table.name);
        assert_eq!(number(&tx, &count(1)).await, 1, "{}: the other organization keeps its row", table.name);
    }
}

on_both_engines!(migrated: an_omitted_id_is_a_version_4_uuid);

async fn an_omitted_id_is_a_version_4_uuid(Engine { db, .. }: &Engine) {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let tx = db.begin().await.unwrap();
    let mut ids = BTreeSet::new();
    for table in &model().tables {
        savepoint(&tx).await;
        parents(&tx, table, 0, 1).await;
        let mut row = own_row(&tx, table, 0, 1);
        row.remove("id");
        let id = if postgres { "id::text" } else { "hex(id) || ':' || typeof(id) || ':' || length(id)" };
        let found = texts(&tx, &format!("{} returning {id}", insert(table.name, &row))).await.remove(0);
        let digits = if postgres {
            found.replace('-', "")
        } else {
            found.strip_suffix(":blob:16").unwrap_or_else(|| panic!("{}: {found}", table.name)).to_owned()
        };
        check_version_4(table.name, &digits);
        ids.insert(digits.to_lowercase());
        undo(&tx).await;
    }
    assert_eq!(ids.len(), model().tables.len(), "every table has ids of its own");
    // Enough to meet each of the four variants, and a repeated one if the default were a constant.
    for number in 0..200 {
        let insert = format!("insert into organizations (name, slug) values ('x', 'x-{number}')");
        let id = if postgres { "replace(id::text, '-', '')" } else { "hex(id)" };
        let digits = texts(&tx, &format!("{insert} returning {id}")).await.remove(0);
        check_version_4("organizations", &digits);
        assert!(ids.insert(digits.to_lowercase()), "{digits} came twice");
    }
}

fn check_version_4(table: &str, digits: &str) {
    let digit = |place| digits.chars().nth(place).unwrap().to_ascii_lowercase();
    assert_eq!(digits.len(), 32, "{table}: {digits}");
    assert_eq!(digit(12), '4', "{table}: version of {digits}");
    assert!("89ab".contains(digit(16)), "{table}: variant of {digits}");
}

on_both_engines!(migrated: updated_at_moves_with_every_change_and_created_at_never);

async fn updated_at_moves_with_every_change_and_created_at_never(Engine { db, .. }: &Engine) {
    let backend = db.get_database_backend();
    let postgres = backend == DbBackend::Postgres;
    let tx = db.begin().await.unwrap();
    let long_ago = "'2001-02-03T04:05:06+00:00'";
    without_audit(&tx).await;
    for number in 1..=2 {
        for table in &model().tables {
            let mut row = own_row(&tx, table, 0, number);
            row.extend([("created_at", long_ago.to_owned()), ("updated_at", long_ago.to_owned())]);
            run(&tx, &insert(table.name, &row)).await.unwrap();
        }
    }
    let tables = if postgres {
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    } else {
        "select name from sqlite_schema where type = 'table'"
    };
    let tables = texts(&tx, tables).await;
    assert_eq!(tables.len(), model().tables.len() + 1, "the ledger is the one table without timestamps");
    for table in tables.iter().filter(|table| *table != "seaql_migrations") {
        let row = id(backend, table, 0, 1);
        let moved = |row: &str| {
            format!(
                "select count(*) from {table} where id = {row} and updated_at > '2020-01-01T00:00:00+00:00'"
            )
        };
        assert_eq!(number(&tx, &moved(&row)).await, 0, "{table}: a time that an insert gives stays");
        run(&tx, &format!("update {table} set id = id where id = {row}")).await.unwrap();
        assert_eq!(number(&tx, &moved(&row)).await, 1, "{table}: a change moves updated_at");
        if postgres {
            let own = format!("update {table} set updated_at = {long_ago}, id = id where id = {row}");
            run(&tx, &own).await.unwrap();
            assert_eq!(number(&tx, &moved(&row)).await, 1, "{table}: also when the client sets it itself");
        }
        let others = format!("select count(*) from {table} where id <> {row} and updated_at <> {long_ago}");
        assert_eq!(number(&tx, &others).await, 0, "{table}: no other row's");
        let born = format!("select count(*) from {table} where created_at <> {long_ago}");
        assert_eq!(number(&tx, &born).await, 0, "{table}: created_at stays");
    }
}

/// The row `number` of an organization, its parents of the same number.
fn own_row(
    tx: &DatabaseTransaction,
    table: &Table,
    organization: u8,
    number: u32,
) -> BTreeMap<&'static str, String> {
    model::row(tx.get_database_backend(), table, organization, number, |_| number)
}

/// Inserts the row `number` of an organization into each table.
async fn chain(tx: &DatabaseTransaction, organization: u8, number: u32) {
    for table in &model().tables {
        run(tx, &insert(table.name, &own_row(tx, table, organization, number))).await.unwrap();
    }
}

/// Inserts the row `number` of an organization into each table before this one.
async fn parents(tx: &DatabaseTransaction, table: &Table, organization: u8, number: u32) {
    for parent in model().tables.iter().take_while(|parent| parent.name != table.name) {
        run(tx, &insert(parent.name, &own_row(tx, parent, organization, number))).await.unwrap();
    }
}

fn assignments(text: &'static str) -> Vec<(&'static str, String)> {
    let parts = text.split("; ").map(|part| part.split_once(" = ").unwrap());
    parts.map(|(column, value)| (column, value.to_owned())).collect()
}

/// The values are accepted in a new row and in one that is changed.
async fn accepts(tx: &DatabaseTransaction, table: &Table, values: &[(&'static str, String)]) {
    let result = both_ways(tx, table, values).await;
    assert!(result.iter().all(Result::is_ok), "{} accepts {values:?}: {result:?}", table.name);
}

/// The values are refused in a new row and in one that is changed, and the error names the constraint.
async fn refuses(tx: &DatabaseTransaction, table: &Table, values: &[(&'static str, String)], reason: &str) {
    for result in both_ways(tx, table, values).await {
        match result {
            Ok(()) => panic!("{} takes {values:?} in spite of {reason}", table.name),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(reason), "{} refuses {values:?} by {reason}: {error}", table.name);
            }
        }
    }
}

async fn both_ways(
    tx: &DatabaseTransaction,
    table: &Table,
    values: &[(&'static str, String)],
) -> [Result<(), DbErr>; 2] {
    savepoint(tx).await;
    parents(tx, table, 0, 1).await;
    let mut row = own_row(tx, table, 0, 1);
    let old = insert(table.name, &row);
    row.extend(values.iter().cloned());
    let inserted = attempt(tx, &insert(table.name, &row)).await;
    run(tx, &old).await.unwrap();
    let new: Vec<String> = values.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let changed = attempt(tx, &format!("update {} set {}", table.name, new.join(", "))).await;
    undo(tx).await;
    [inserted, changed]
}

/// The names of the checks in the catalogue.
async fn checks(tx: &DatabaseTransaction) -> Vec<String> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let query = "select conname::text from pg_constraint
                     where contype = 'c' and connamespace = 'public'::regnamespace and conrelid <> 0";
        return texts(tx, query).await;
    }
    // SQLite keeps them in the text of the table.
    let tables = texts(tx, "select sql from sqlite_schema where type = 'table'").await;
    let constraints = tables.iter().flat_map(|sql| sql.split("CONSTRAINT \"").skip(1));
    let named = constraints.map(|constraint| constraint.split_once("\" ").unwrap());
    named
        .filter(|(_, definition)| definition.starts_with("CHECK "))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Tries a statement and takes it back.
async fn attempt(tx: &DatabaseTransaction, sql: &str) -> Result<(), DbErr> {
    savepoint(tx).await;
    let result = run(tx, sql).await;
    undo(tx).await;
    result
}

/// Runs a statement, after an error as if it had not been.
async fn perform(tx: &DatabaseTransaction, sql: &str) -> Result<(), DbErr> {
    attempt(tx, sql).await?;
    run(tx, sql).await
}

async fn savepoint(tx: &DatabaseTransaction) {
    run(tx, "savepoint s").await.unwrap();
}

/// Goes back to the last savepoint, and forgets it.
async fn undo(tx: &DatabaseTransaction) {
    run(tx, "rollback to savepoint s; release savepoint s").await.unwrap();
}

async fn number(tx: &DatabaseTransaction, sql: &str) -> i64 {
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap().try_get_by_index(0).unwrap()
}
