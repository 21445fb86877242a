//! Seed data is that of the data model. Loading it is idempotent, deterministic and atomic.

mod check;
pub(crate) mod generate;

use crate::entity::columns::{Sample, id_of};
use ::seeder::{Counts, Fixtures, Mode, Report};
use entity::prelude::{
    Campaigns, Contacts, EmailTemplates, ExclusionListEntries, Organizations, ProviderConfigs,
    UserOrganizations, Users,
};
use sea_orm::{DatabaseConnection, DbBackend};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;
use tests::engine::{Engine, on_both_engines};
use tests::factory::{open, settings};
use tests::process::binary;
use tests::{SqliteFile, catalog, connect, empty, run, texts};

/// The table "Fixture records" of the data model: `<table> <field>=<value>, …`; what it leaves open stands in the
/// test. `contact2@…` and the like are written out.
const RECORDS: &str = "
users oidc_sub=admin-oidc-sub-001, email=admin@voicesurvey.local, name=System Admin, role=admin
users oidc_sub=manager-oidc-sub-001, email=manager@voicesurvey.local, name=Campaign Manager, role=campaign_manager
users oidc_sub=viewer-oidc-sub-001, email=viewer@voicesurvey.local, name=Report Viewer, role=viewer
email_templates name=Survey Completed - EN, type=completed, locale=en
email_templates name=Survey Completed - IT, type=completed, locale=it
email_templates name=Survey Refused - EN, type=refused, locale=en
email_templates name=Not Reached - EN, type=not_reached, locale=en
provider_configs provider_type=telephony_api, provider_name=twilio, outbound_number=+14155551234, \
    max_concurrent_calls=5, llm_provider=openai, llm_model=gpt-4.1-mini, recording_retention_days=180, \
    transcript_retention_days=180
campaigns name=Customer Satisfaction Survey Q1 2025, status=draft, language=en, question_1_type=scale, \
    question_2_type=free_text, question_3_type=numeric, max_attempts=3, retry_interval_minutes=60, \
    allowed_call_start_local=09:00:00, allowed_call_end_local=20:00:00
contacts external_contact_id=EXT-001, phone_number=+14155550101, email=contact1@example.com, \
    preferred_language=en, has_prior_consent=true, do_not_call=false, state=pending
contacts external_contact_id=EXT-002, phone_number=+14155550102, email=contact2@example.com, \
    preferred_language=en, has_prior_consent=true, do_not_call=false, state=pending
contacts external_contact_id=EXT-003, phone_number=+14155550103, email=contact3@example.com, \
    preferred_language=en, has_prior_consent=false, do_not_call=false, state=pending
contacts external_contact_id=EXT-004, phone_number=+14155550104, email=null, \
    preferred_language=auto, has_prior_consent=true, do_not_call=false, state=pending
contacts external_contact_id=EXT-005, phone_number=+14155550105, email=contact5@example.com, \
    preferred_language=en, has_prior_consent=false, do_not_call=true, state=excluded
exclusion_list_entries phone_number=+14155550199, reason=customer requested removal, source=api
exclusion_list_entries phone_number=+14155550198, reason=legal hold, source=manual
exclusion_list_entries phone_number=+14155550197, reason=imported from a do-not-call list, source=import
";

/// Each table with the number of its records, in the order of the report.
const COUNTS: [(&str, usize); 8] = [
    ("organizations", 1),
    ("users", 3),
    ("user_organizations", 3),
    ("email_templates", 4),
    ("campaigns", 1),
    ("contacts", 5),
    ("exclusion_list_entries", 3),
    ("provider_configs", 1),
];

/// The number of all records.
pub fn total() -> usize {
    COUNTS.iter().map(|(_, count)| count).sum()
}

/// Parts of what no output may hold: addresses, numbers, subjects, names and the password of the URLs below.
const SECRETS: [&str; 9] = [
    "@example",
    "@voicesurvey",
    "+1",
    "4155550",
    "oidc-sub-",
    "System Admin",
    "Report Viewer",
    "EXT-00",
    "s3cret",
];

on_both_engines!(migrated: the_fixtures_are_the_data_models_records_and_no_others);

async fn the_fixtures_are_the_data_models_records_and_no_others(Engine { db, url, .. }: &Engine) {
    load(url).await;
    let tables = BTreeMap::from([
        ("campaigns", rows::<Campaigns>(db).await),
        ("contacts", rows::<Contacts>(db).await),
        ("email_templates", rows::<EmailTemplates>(db).await),
        ("exclusion_list_entries", rows::<ExclusionListEntries>(db).await),
        ("organizations", rows::<Organizations>(db).await),
        ("provider_configs", rows::<ProviderConfigs>(db).await),
        ("user_organizations", rows::<UserOrganizations>(db).await),
        ("users", rows::<Users>(db).await),
    ]);
    let expected = total();
    assert_eq!(bytes(db).await.len(), expected, "no other table has rows");
    for (table, count) in COUNTS {
        assert_eq!(tables[table].len(), count, "{table}");
    }
    for line in RECORDS.lines().filter(|line| !line.is_empty()) {
        let (table, fields) = line.split_once(' ').unwrap();
        let fields: Vec<_> = fields.split(", ").map(|field| field.trim().split_once('=').unwrap()).collect();
        let is_it = |row: &&Json| fields.iter().all(|(name, value)| text(&row[name]) == *value);
        assert_eq!(tables[table].iter().filter(is_it).count(), 1, "{line}");
    }

    let organization = &tables["organizations"][0]["id"];
    let tenants = tables.iter().filter(|(table, _)| !["organizations", "users"].contains(table));
    for row in tenants.flat_map(|(_, rows)| rows) {
        assert_eq!(row["organization_id"], *organization);
    }
    let ids = |table: &str| tables[table].iter().map(|row| text(&row["id"])).collect::<BTreeSet<_>>();
    let members = tables["user_organizations"].iter().map(|row| text(&row["user_id"]));
    assert_eq!(members.collect::<BTreeSet<_>>(), ids("users"), "every user is a member");
    let campaign = &tables["campaigns"][0];
    assert!(tables["contacts"].iter().all(|contact| contact["campaign_id"] == campaign["id"]));
    for (key, table, name) in [
        ("created_by_user_id", "users", "Campaign Manager"),
        ("email_completed_template_id", "email_templates", "Survey Completed - EN"),
        ("email_not_reached_template_id", "email_templates", "Not Reached - EN"),
        ("email_refused_template_id", "email_templates", "Survey Refused - EN"),
    ] {
        let row = tables[table].iter().find(|row| row["name"] == name).unwrap();
        assert_eq!(campaign[key], row["id"], "{key}");
    }
    for template in &tables["email_templates"] {
        let expected: &[&str] = if template["type"] == "completed" {
            &["campaign_name", "contact_name"]
        } else {
            &["contact_name"]
        };
        for body in ["body_html", "body_text"] {
            let body = text(&template[body]);
            let variables = body.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0);
            assert_eq!(variables.collect::<BTreeSet<_>>(), expected.iter().copied().collect(), "{body}");
        }
        assert!(text(&template["body_html"]).contains("</"), "HTML");
    }
    for row in tables.values().flatten() {
        assert!(text(&row["created_at"]).starts_with("2025-01-0"), "times are fixed");
        assert_eq!(row["created_at"], row["updated_at"]);
    }
}

on_both_engines!(migrated: the_ids_are_readable_and_assigned_by_hand);

async fn the_ids_are_readable_and_assigned_by_hand(Engine { db, url, .. }: &Engine) {
    load(url).await;
    let mut ids = ids::<Campaigns>(db).await;
    ids.extend(self::ids::<Contacts>(db).await);
    ids.extend(self::ids::<EmailTemplates>(db).await);
    ids.extend(self::ids::<ExclusionListEntries>(db).await);
    ids.extend(self::ids::<Organizations>(db).await);
    ids.extend(self::ids::<ProviderConfigs>(db).await);
    ids.extend(self::ids::<UserOrganizations>(db).await);
    ids.extend(self::ids::<Users>(db).await);
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), total());
    for id in ids {
        let digits = id.strip_prefix("00000000-0000-7000-8000-00000000").unwrap_or_else(|| panic!("{id}"));
        assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "{id}");
    }
}

on_both_engines!(migrated: seeding_again_changes_nothing_and_reports_it);

async fn seeding_again_changes_nothing_and_reports_it(Engine { db, url, .. }: &Engine) {
    let first = seed(url, &[]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    assert_eq!(first.report(), report_of(|count| [count, 0, 0]));
    let summary = format!("\n{} inserted, 0 updated\n", total());
    assert!(first.stdout.ends_with(&summary), "{}", first.stdout);

    let before = versions(db).await;
    assert_eq!(before.len(), total() + usize::from(is_sqlite(db)));
    for arguments in [&[][..], &["--dry-run"], &["--verbose"]] {
        let again = seed(url, arguments);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(again.report(), report_of(|count| [0, 0, count]));
        assert!(
            again.stdout.ends_with("\nnothing to change: every record is there already\n"),
            "{}",
            again.stdout
        );
        assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);
    }
    let report = load_into(url).await;
    assert_eq!(report.total(), Counts { inserted: 0, updated: 0, unchanged: total() });
    assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);
}

on_both_engines!(migrated: two_databases_seeded_separately_hold_the_same_bytes);

async fn two_databases_seeded_separately_hold_the_same_bytes(one: &Engine) {
    let other = one.another("seeder_other").await;
    let foreign = "-c TimeZone=Asia/Kathmandu -c DateStyle=German,DMY -c extra_float_digits=-5";
    if !is_sqlite(&other.db) {
        let name = texts(&other.db, "select quote_ident(current_database())").await.remove(0);
        for setting in ["timezone = 'Pacific/Chatham'", "datestyle = 'SQL, DMY'", "bytea_output = 'escape'"] {
            run(&other.db, &format!("alter database {name} set {setting}")).await.unwrap();
        }
    }
    assert_eq!(seed(&one.url, &[]).code, 0);
    // From the files instead of the built-in ones, in a different environment.
    let directory = fixtures();
    let seeded = seed_with(&other.url, &["--fixtures", directory.path().to_str().unwrap()], |command| {
        command
            .env("TZ", "America/St_Johns")
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("LANG", "ar_EG.UTF-8")
            .env("PGTZ", "Asia/Kolkata")
            .env("PGDATESTYLE", "German")
            .env("PGOPTIONS", foreign);
    });
    assert_eq!(seeded.code, 0, "{}", seeded.stderr);
    let (one, other) = (bytes(&one.db).await, bytes(&other.db).await);
    assert_eq!(one.len(), total());
    assert_eq!(catalog::difference(&one, &other), [""; 0]);
}

on_both_engines!(migrated: a_dry_run_writes_nothing_and_reports_what_it_would);

async fn a_dry_run_writes_nothing_and_reports_what_it_would(Engine { db, url, .. }: &Engine) {
    let before = versions(db).await;
    let dry = seed(url, &["--dry-run"]);
    assert_eq!((dry.code, dry.stderr.as_str()), (0, ""));
    assert_eq!(dry.report(), report_of(|count| [count, 0, 0]));
    let last = dry.stdout.lines().last().unwrap();
    let total = total();
    assert_eq!(last, format!("dry run: {total} would be inserted and 0 updated, nothing was written"));
    assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);

    load(url).await;
    run(db, "update contacts set state = 'completed'").await.unwrap();
    let before = versions(db).await;
    assert!(seed(url, &["--dry-run"]).stdout.contains("0 would be inserted and 5 updated"));
    assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);
}

on_both_engines!(migrated: a_changed_record_is_updated_and_no_other);

async fn a_changed_record_is_updated_and_no_other(Engine { db, url, .. }: &Engine) {
    load(url).await;
    let before = versions(db).await;
    let directory = fixtures();
    replace(directory.path(), "users", "Report Viewer", "Auditor");
    let arguments = ["--fixtures", directory.path().to_str().unwrap()];
    let changed = seed(url, &arguments);
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    let expected = COUNTS.map(|(table, count)| match table {
        "users" => (table.to_owned(), [0, 1, 2]),
        _ => (table.to_owned(), [0, 0, count]),
    });
    assert_eq!(changed.report(), expected);
    assert!(changed.stdout.ends_with("\n0 inserted, 1 updated\n"));
    let after = versions(db).await;
    let difference: Vec<String> = catalog::difference(&before, &after)
        .into_iter()
        .filter(|line| !line.contains("data_version"))
        .collect();
    let [gone, new] = difference.as_slice() else { panic!("{difference:#?}") };
    assert!(gone.starts_with("- users ") && gone.contains("Report Viewer"), "{gone}");
    assert!(new.starts_with("+ users ") && new.contains("Auditor"), "{new}");
    let time = "select cast(updated_at > created_at as text) from users where name = 'Auditor'";
    assert!(["true", "1"].contains(&texts(db, time).await[0].as_str()), "the trigger has moved the time");
    assert_eq!(seed(url, &arguments).report(), report_of(|count| [0, 0, count]), "{url}");
    assert_eq!(catalog::difference(&after, &versions(db).await), [""; 0]);

    // A record changed by hand is restored; rows that are not in the fixtures stay.
    run(db, "update contacts set email = null where external_contact_id = 'EXT-001'").await.unwrap();
    run(db, "insert into users (oidc_sub, email, name) values ('new', 'new', 'new')").await.unwrap();
    fs::write(directory.path().join("exclusion_list_entries.yaml"), "[]").unwrap();
    let sums: [usize; 3] = seed(url, &arguments)
        .report()
        .iter()
        .fold([0; 3], |sum, (_, counts)| [sum[0] + counts[0], sum[1] + counts[1], sum[2] + counts[2]]);
    // Without the three exclusions, whose file is empty now.
    assert_eq!(sums, [0, 1, total() - 3 - 1]);
    let email = "select email from contacts where external_contact_id = 'EXT-001'";
    assert_eq!(texts(db, email).await, ["contact1@example.com"]);
    assert_eq!(bytes(db).await.len(), total() + 1);
}

/// A change to a fixture file that breaks it.
struct Fault {
    table: &'static str,
    from: &'static str,
    to: &'static str,
    /// What stands in the line to be named, there for the last time in the file.
    line: &'static str,
    /// The text of the error.
    message: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        table: "users",
        from: "  role: viewer",
        to: "  rank: viewer",
        line: "rank",
        message: "unknown field `rank`, expected one of id, oidc_sub, email",
    },
    Fault {
        table: "contacts",
        from: "state: excluded",
        to: "state: lost",
        line: "lost",
        message: "field `state`: `lost` is not a value of contact_state, expected one of pending, in_progress",
    },
    Fault {
        table: "user_organizations",
        from: "user_id: usr_0000000000e0080000000000g2",
        to: "user_id: usr_0000000000e0080000000000zz",
        line: "00zz",
        message: "field `user_id`: no record of users has this id",
    },
    Fault {
        table: "campaigns",
        from: "tpl_0000000000e008000000000103",
        to: "tpl_0000000000e0080000000001zz",
        line: "01zz",
        message: "field `email_refused_template_id`: no record of email_templates has this id",
    },
    Fault {
        table: "contacts",
        from: "con_0000000000e0080000000001g5",
        to: "con_0000000000e0080000000001g2",
        line: "01g2",
        message: "the same `id` as the record in line 18",
    },
    Fault {
        table: "exclusion_list_entries",
        from: "+14155550197",
        to: "+14155550199",
        line: "1r3",
        message: "the same `organization_id` and `phone_number` as the record in line 4",
    },
    Fault {
        table: "users",
        from: "  role: viewer",
        to: "  role: viewer\n  name: Twice",
        line: "Twice",
        message: "the key `name` is there twice",
    },
    Fault {
        table: "email_templates",
        from: "- id: tpl_0000000000e008000000000104",
        to: "- id: cmp_0000000000e008000000000104",
        line: "cmp_",
        message: "field `id`: the id's prefix is `cmp`, expected `tpl`",
    },
    Fault {
        table: "campaigns",
        from: "usr_",
        to: "con_",
        line: "con_",
        message: "field `created_by_user_id`: the id's prefix is `con`, expected `usr`",
    },
    Fault {
        table: "contacts",
        from: "\"+14155550104\"",
        to: "\"0014155550104\"",
        line: "0014155550104",
        message: "field `phone_number`: refused by ck_contacts_phone_number_e164; write a number as + and 2 to 15 digits",
    },
    Fault {
        table: "exclusion_list_entries",
        from: "\"+14155550198\"",
        to: "DELETED",
        line: "DELETED",
        message: "field `phone_number`: refused by ck_exclusion_list_entries_phone_number_e164",
    },
    // Refused in a late table, when others are written.
    Fault {
        table: "provider_configs",
        from: "max_concurrent_calls: 5",
        to: "max_concurrent_calls: 0",
        line: "max_concurrent_calls",
        message: "field `max_concurrent_calls`: refused by ck_provider_configs_max_concurrent_calls_range",
    },
    Fault {
        table: "organizations",
        from: "  slug: voice-survey-demo\n",
        to: "",
        line: "- id",
        message: "missing field `slug`",
    },
    Fault {
        table: "campaigns",
        from: "max_attempts: 3",
        to: "max_attempts: three",
        line: "three",
        message: "field `max_attempts`: expected a whole number of 64 bits",
    },
    Fault { table: "users", from: "name: Report Viewer", to: "name: 'Report Viewer", line: "", message: "" },
];

on_both_engines!(migrated: a_broken_fixture_is_one_line_that_names_the_place_and_nothing_is_written);

async fn a_broken_fixture_is_one_line_that_names_the_place_and_nothing_is_written(
    Engine { db, url, .. }: &Engine,
) {
    // A record in the way of none, to see that it stays as it is.
    run(db, "insert into users (oidc_sub, email, name) values ('there', 'there', 'there')").await.unwrap();
    let before = versions(db).await;
    for Fault { table, from, to, line, message } in FAULTS {
        let directory = fixtures();
        let changed = replace(directory.path(), table, from, to);
        let file = directory.path().join(format!("{table}.yaml"));
        let broken = seed(url, &["--fixtures", directory.path().to_str().unwrap()]);
        assert_eq!((broken.code, broken.stdout.as_str()), (1, ""), "{message}: {}", broken.stderr);
        assert_eq!(broken.stderr.lines().count(), 1, "{}", broken.stderr);
        let mut place = format!("error: {}:", file.display());
        if !line.is_empty() {
            let number = changed[..changed.rfind(line).unwrap()].lines().count();
            let begins = changed[..changed.rfind(line).unwrap()].ends_with('\n');
            let _ = write!(place, "{}: {message}", number + usize::from(begins));
        }
        assert!(broken.stderr.starts_with(&place), "{place}\n{}", broken.stderr);
        assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0], "{message}");
    }
}

on_both_engines!(migrated: production_is_always_refused);

async fn production_is_always_refused(Engine { db, url, .. }: &Engine) {
    let before = versions(db).await;
    for arguments in [&[][..], &["--dry-run"], &["--app-env", "production"]] {
        let refused = seed_with(url, arguments, |command| {
            command.env("APP_ENV", "production");
        });
        refused.fails_with("error: APP_ENV is production, where fixtures are never loaded");
    }
    // The mark of the environment is not overruled by less than another mark.
    let refused = seed(url, &["--app-env", "production"]);
    refused.fails_with("error: APP_ENV is production");
    assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);
}

#[tokio::test]
async fn the_embedded_file_is_not_created_in_production() {
    let directory = TempDir::new().unwrap();
    let mut command = binary("seeder", directory.path());
    Run::of(command.env("APP_ENV", "production")).fails_with("error: APP_ENV is production");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn another_machine_is_refused_without_a_mark_before_any_attempt_to_reach_it() {
    // Any address of this machine but loopback would do; this one every machine has. It is not known as local.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://u:s3cret@0.0.0.0:{port}/x");
    let directory = TempDir::new().unwrap();
    let unmarked = |url: &str| Run::of(binary("seeder", directory.path()).env("DATABASE_URL", url));
    let refused = unmarked(&url);
    refused.fails_with(&format!(
        "error: the PostgreSQL database \"x\" as \"u\" at 0.0.0.0:{port} is not on this machine and APP_ENV is not set"
    ));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "no connection was attempted");
    unmarked("postgres://u:s3cret@db.example.invalid/x").fails_with("is not on this machine");
    unmarked("postgres://u:s3cret@localhost/x?host=db.example.invalid").fails_with("is not on this machine");
    unmarked("postgres://u:s3cret@localhost/x?hostaddr=192.0.2.1").fails_with("is not on this machine");

    for mark in ["development", "test", "staging"] {
        let mut command = binary("seeder", directory.path());
        command.env("DATABASE_URL", &url).env("APP_ENV", mark);
        let mut child = piped(&mut command).spawn().unwrap();
        let called: Option<TcpStream> = loop {
            match listener.accept() {
                Ok((stream, _)) => break Some(stream),
                Err(_) if child.try_wait().unwrap().is_some() => break None,
                Err(_) => sleep(Duration::from_millis(1)),
            }
        };
        assert!(called.is_some(), "APP_ENV={mark}: the server is called");
        drop(called);
        Run::after(child).fails_with("error: the PostgreSQL database \"x\" as \"u\" at 0.0.0.0");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let unreachable = seed("postgres://u:s3cret@127.0.0.1:1/x", &[]);
    unreachable.fails_with("error: the PostgreSQL database \"x\" as \"u\" at 127.0.0.1:1 cannot be reached");
    let misspelt = seed("postgres://u:s3cret@127.0.0.1:port/x", &[]);
    misspelt.fails_with("error: DATABASE_URL cannot be read");
    let verbose = seed("postgres://u@127.0.0.1:1/x?pasword=s3cret", &["--verbose"]);
    verbose.fails_with("cannot be reached");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_names_the_command_to_run() {
    let remedy = "; run: cargo run -p migration -- up";
    let database = empty("seeder_not_migrated");
    let db = connect(&database.url()).await.unwrap();
    let before = catalog::dump(&db).await.unwrap();
    seed(&database.url(), &[]).fails_with(remedy);
    let is_ours = |line: &&String| !line.starts_with("role ") && !line.starts_with("member ");
    let after = catalog::dump(&db).await.unwrap();
    let [before, after] =
        [before, after].map(|lines| lines.iter().filter(is_ours).cloned().collect::<Vec<_>>());
    assert_eq!(catalog::difference(&before, &after), [""; 0]);

    let file = SqliteFile::new();
    seed(&file.url(), &[]).fails_with(remedy);
    assert!(!file.path().exists(), "the file is not created");
    fs::write(file.path(), "").unwrap();
    seed(&file.url(), &[]).fails_with(remedy);
    let db = connect(&file.url()).await.unwrap();
    assert_eq!(catalog::dump(&db).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn without_an_environment_the_sqlite_file_of_the_working_directory_is_filled_and_named_in_one_line() {
    let directory = TempDir::new().unwrap();
    let path = fs::canonicalize(directory.path()).unwrap().join("voicesurvey.db");
    let told = format!("DATABASE_URL is not set: using the SQLite file {}\n", path.display());
    let missing = Run::of(&mut binary("seeder", directory.path()));
    assert_eq!(missing.code, 1);
    assert!(
        missing.stderr.starts_with(&told) && missing.stderr.contains("migration -- up"),
        "{}",
        missing.stderr
    );
    assert!(!path.exists());

    assert!(binary("migration", directory.path()).arg("up").output().unwrap().status.success());
    for empty in [false, true] {
        let mut command = binary("seeder", directory.path());
        if empty {
            command.env("DATABASE_URL", "").env("APP_ENV", "");
        }
        let seeded = Run::of(&mut command);
        assert_eq!((seeded.code, &seeded.stderr), (0, &told));
        assert_eq!(seeded.report(), report_of(|count| if empty { [0, 0, count] } else { [count, 0, 0] }));
    }
    let db = connect(&format!("sqlite://{}", path.display())).await.unwrap();
    assert_eq!(bytes(&db).await.len(), total());
    // A database that was named is not told.
    assert_eq!(seed(&format!("sqlite://{}", path.display()), &[]).stderr, "");
}

on_both_engines!(migrated: a_wrong_use_is_exit_code_2_and_touches_nothing);

async fn a_wrong_use_is_exit_code_2_and_touches_nothing(Engine { db, url, .. }: &Engine) {
    let before = versions(db).await;
    for arguments in [
        &["--force"][..],
        &["-x"],
        &["now"],
        &["--fixtures"],
        &["--app-env", "prod"],
        &["--dry-run", "--dry-run"],
    ] {
        let wrong = seed(url, arguments);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{arguments:?}: {}", wrong.stderr);
        assert!(wrong.stderr.starts_with("error: "), "{}", wrong.stderr);
    }
    assert_eq!(catalog::difference(&before, &versions(db).await), [""; 0]);
}

#[tokio::test]
async fn help_and_version_succeed() {
    for arguments in [["--help"], ["--version"]] {
        let told = seed("postgres://u:s3cret@0.0.0.0/x", &arguments);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        assert!(told.stdout.contains("seeder"), "{}", told.stdout);
    }
}

#[tokio::test]
async fn a_directory_that_holds_no_fixtures_is_named() {
    let url = SqliteFile::migrated().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    seed(&url.url(), &["--fixtures", path])
        .fails_with(&format!("error: the fixture directory {path} holds no YAML"));
    let nowhere = directory.path().join("nowhere");
    seed(&url.url(), &["--fixtures", nowhere.to_str().unwrap()]).fails_with("nowhere cannot be read");
    fs::write(directory.path().join("contact.yaml"), "[]").unwrap();
    seed(&url.url(), &["--fixtures", path]).fails_with("contact.yaml: no table has this name");
}

on_both_engines!(migrated: a_killed_run_leaves_all_or_nothing);

async fn a_killed_run_leaves_all_or_nothing(Engine { db, url, .. }: &Engine) {
    // While no one reads more of its log, a run gets no further than a pipe's 64 KiB ahead.
    const AHEAD: usize = 1 << 16;
    const KILLS: usize = 10;
    let (before, after) = (fixtures(), fixtures());
    fs::write(before.path().join("contacts.yaml"), contacts(340, false)).unwrap();
    // A change of an early table, changed and new rows of a later one, and a change of the last one.
    replace(after.path(), "users", "Report Viewer", "Auditor");
    fs::write(after.path().join("contacts.yaml"), contacts(440, true)).unwrap();
    replace(after.path(), "provider_configs", "max_concurrent_calls: 5", "max_concurrent_calls: 6");
    let arguments = ["--fixtures", after.path().to_str().unwrap(), "--verbose"];
    let undo = "update users set name = 'Report Viewer' where role = 'viewer'; \
                delete from contacts where attempts_count = 1; update contacts set state = 'pending', \
                external_contact_id = null, email = null, preferred_language = 'en', has_prior_consent = true, \
                last_attempt_at = null, last_outcome = null; \
                update provider_configs set max_concurrent_calls = 5";
    let done = "select cast((select count(*) from contacts where state = 'completed') + \
                (select count(*) from users where name = 'Auditor') + \
                (select sum(max_concurrent_calls) from provider_configs) as text)";
    assert_eq!(seed(url, &["--fixtures", before.path().to_str().unwrap()]).code, 0);
    let whole = seed(url, &arguments);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert_eq!(texts(db, done).await, ["447"]);
    let length = whole.stderr.len();
    assert!(length > 2 * AHEAD, "the log, of {length} bytes, is too short to stop a run");
    let mut untouched = 0;
    for kill in 0..KILLS {
        run(db, undo).await.unwrap();
        let before = bytes(db).await;
        let mut child = piped(&mut seeder(url, &arguments)).spawn().unwrap();
        let read = kill * length / KILLS;
        child.stderr.as_mut().unwrap().read_exact(&mut vec![0; read]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        wait_for_end(db).await;
        if bytes(db).await == before {
            untouched += 1;
        } else {
            assert_eq!(texts(db, done).await, ["447"], "half of a run is left");
        }
    }
    assert!(untouched >= KILLS / 2, "only {untouched} runs were killed in the middle");
    if is_sqlite(db) {
        assert_eq!(texts(db, "pragma integrity_check").await, ["ok"]);
    }
    // Nothing is in the way of the next run.
    assert_eq!(seed(url, &arguments).code, 0);
    assert_eq!(texts(db, done).await, ["447"]);
}

on_both_engines!(migrated: eight_runs_at_once_all_succeed_and_each_record_is_there_once);

async fn eight_runs_at_once_all_succeed_and_each_record_is_there_once(Engine { db, url, .. }: &Engine) {
    let runs: Vec<Child> = (0..8).map(|_| piped(&mut seeder(url, &[])).spawn().unwrap()).collect();
    let runs: Vec<Run> = runs.into_iter().map(Run::after).collect();
    for run in &runs {
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    }
    let first = report_of(|count| [count, 0, 0]);
    let again = report_of(|count| [0, 0, count]);
    assert_eq!(runs.iter().filter(|run| run.report() == first).count(), 1, "one run has inserted");
    assert_eq!(runs.iter().filter(|run| run.report() == again).count(), 7, "the others came later");
    assert_eq!(bytes(db).await.len(), total());
}

/// The seeder on a database, in an environment of nothing but its URL and the mark that it may be filled.
fn seeder(url: &str, arguments: &[&str]) -> Command {
    let mut command = binary("seeder", &std::env::temp_dir());
    command.env("DATABASE_URL", url).env("APP_ENV", "test").args(arguments);
    command
}

fn seed(url: &str, arguments: &[&str]) -> Run {
    Run::of(&mut seeder(url, arguments))
}

fn seed_with(url: &str, arguments: &[&str], configure: impl FnOnce(&mut Command)) -> Run {
    let mut command = seeder(url, arguments);
    configure(&mut command);
    Run::of(&mut command)
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// What a run has said, none of it secret.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(command: &mut Command) -> Self {
        Self::after(piped(command).spawn().unwrap())
    }

    fn after(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        for secret in SECRETS {
            assert!(!stdout.contains(secret) && !stderr.contains(secret), "{secret}: {stdout}{stderr}");
        }
        Self { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// The table of the report: inserted, updated, unchanged for each entity.
    fn report(&self) -> Vec<(String, [usize; 3])> {
        let mut lines = self.stdout.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(header, ["entity", "inserted", "updated", "unchanged"], "{}", self.stderr);
        let rows = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter_map(|row| match row.as_slice() {
            [entity, counts @ ..] if counts.len() == 3 && counts[0].parse::<usize>().is_ok() => {
                Some(((*entity).to_owned(), [0, 1, 2].map(|at| counts[at].parse().unwrap())))
            }
            _ => None,
        })
        .collect()
    }

    /// It failed with one line that holds this text.
    fn fails_with(&self, text: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (1, ""), "{}", self.stderr);
        assert!(self.stderr.starts_with("error: ") && self.stderr.contains(text), "{text}\n{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
    }
}

/// The report on the built-in fixtures, each table's counts computed from the number of its records.
fn report_of(counts: impl Fn(usize) -> [usize; 3]) -> Vec<(String, [usize; 3])> {
    COUNTS.iter().map(|(table, count)| ((*table).to_owned(), counts(*count))).collect()
}

async fn load_into(url: &str) -> Report {
    let database = open(&settings(&[("DATABASE_URL", url)])).await;
    Fixtures::built_in().unwrap().load(&database, Mode::Commit).await.unwrap()
}

async fn load(url: &str) {
    let report = load_into(url).await;
    assert_eq!(report.total(), Counts { inserted: total(), updated: 0, unchanged: 0 });
}

/// A copy of the fixture files.
fn fixtures() -> TempDir {
    let copy = TempDir::new().unwrap();
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../seeder/fixtures")).unwrap() {
        let file: PathBuf = file.unwrap().path();
        fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    copy
}

/// Replaces the last occurrence of a text in a fixture file, and returns what the file now holds.
fn replace(directory: &Path, table: &str, from: &str, to: &str) -> String {
    let path = directory.join(format!("{table}.yaml"));
    let mut text = fs::read_to_string(&path).unwrap();
    let start = text.rfind(from).unwrap_or_else(|| panic!("{table} has no {from}"));
    text.replace_range(start..start + from.len(), to);
    fs::write(path, &text).unwrap();
    text
}

/// A file of contacts, before their calls or after; those from 340 on have one attempt behind them.
fn contacts(count: u32, are_called: bool) -> String {
    let contact = |number: u32| {
        // Each column that differs lengthens the log of an update.
        let rest = if are_called {
            "external_contact_id: called
  email: called@example.com
  preferred_language: it
  has_prior_consent: false
  last_attempt_at: 2025-01-02T10:01:00Z
  last_outcome: completed
  state: completed"
        } else {
            "preferred_language: en
  has_prior_consent: true
  state: pending"
        };
        format!(
            "- id: con_0000000000e00800000002{number:04}
  organization_id: org_0000000000e008000000000081
  campaign_id: cmp_0000000000e008000000000181
  phone_number: \"+1415555{number:04}\"
  do_not_call: false
  attempts_count: {}
  created_at: 2025-01-02T10:01:00Z
  updated_at: 2025-01-02T10:01:00Z
  {rest}
",
            number / 340
        )
    };
    (0..count).map(contact).collect()
}

/// Waits until the server has done with the connections of killed runs.
async fn wait_for_end(db: &DatabaseConnection) {
    let sql = "select pid::text from pg_stat_activity \
               where datname = current_database() and application_name = 'seeder'";
    while !is_sqlite(db) && !texts(db, sql).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every row of every table, as text that shows each byte.
async fn bytes(db: &DatabaseConnection) -> Vec<String> {
    contents(db, "").await
}

/// Every row, together with what would show that it was written again.
async fn versions(db: &DatabaseConnection) -> Vec<String> {
    if !is_sqlite(db) {
        return contents(db, "xmin::text || ' ' || ctid::text || ' ' || ").await;
    }
    let mut rows = contents(db, "rowid || ' ' || ").await;
    // It changes whenever another connection has committed a change.
    let version = texts(db, "select 'data_version ' || data_version from pragma_data_version").await;
    rows.extend(version);
    rows
}

// Triggers write the audit entries, each with an id and a time of its own.
async fn contents(db: &DatabaseConnection, version: &str) -> Vec<String> {
    let selects = if is_sqlite(db) {
        "select 'select ''' || s.name || ' '' || {version}' || group_concat('quote(\"' || c.name || '\")', '|| '', '' ||') \
             || ' from \"' || s.name || '\"' \
         from sqlite_schema s, pragma_table_info(s.name) c \
         where s.type = 'table' and s.name not glob 'sqlite_*' and s.name <> 'seaql_migrations' group by s.name"
    } else {
        run(db, "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set extra_float_digits = 1")
            .await
            .unwrap();
        "select format('select %L || {version} t::text from %I t', relname || ' ', relname) from pg_class \
         where relnamespace = current_schema()::regnamespace and relkind = 'r' \
           and relname not in ('audit_log_entries', 'seaql_migrations')"
    };
    let mut rows = Vec::new();
    for select in texts(db, &selects.replace("{version}", &version.replace('\'', "''"))).await {
        rows.extend(texts(db, &select).await);
    }
    rows.sort();
    rows
}

async fn rows<E: Sample>(db: &DatabaseConnection) -> Vec<Json> {
    let rows = E::find().all(db).await.unwrap();
    rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
}

async fn ids<E: Sample>(db: &DatabaseConnection) -> Vec<String> {
    E::find().all(db).await.unwrap().iter().map(|row| id_of(row).to_string()).collect()
}

/// A field as the document writes it.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_sqlite(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}
