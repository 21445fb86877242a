//! What an operator sees of queries and pools: every metric that is documented and no other, and never a value.

use database::{Database, SigningKey, contacts};
use metrics_util::debugging::DebuggingRecorder;
use migration::keys::Change;
use sea_orm::prelude::ChronoTime;
use sea_orm::{ActiveModelTrait, Set};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tests::factory::{T, open, settings};
use tests::{migrated, session};

/// The text that documents the figures.
const DOCUMENTATION: &str = include_str!("../../../database/src/lib.rs");

#[tokio::test]
async fn queries_and_pools_are_measured_under_the_names_that_are_documented() {
    let recorder = DebuggingRecorder::new();
    let figures = recorder.snapshotter();
    // This thread's only, and a test of tokio's is one thread.
    let recording = metrics::set_default_local_recorder(&recorder);
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    contacts::count_by_state(&tx, campaign.id).await.unwrap();
    tx.rollback().await.unwrap();
    let other = t.neighbour().await;
    let foreign = t.factory.campaign(&other.organization).await;
    let tx = t.customer().await;
    let mut stolen: entity::campaigns::ActiveModel = campaign.clone().into();
    stolen.organization_id = Set(foreign.organization_id);
    stolen.update(&tx).await.unwrap_err();
    drop(tx);
    drop(recording);

    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, ..) in figures.snapshot().into_vec() {
        let key = key.key();
        let labels = found.entry(key.name().to_owned()).or_default();
        labels.extend(key.labels().map(|label| label.key().to_owned()));
    }
    let documented: BTreeMap<String, BTreeSet<String>> = DOCUMENTATION
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `database_"))
        // The tests of replicas check these.
        .filter(|line| !line.starts_with("replica_") && !line.starts_with("reads_"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let labels = cells[2].split(',').map(|label| label.trim().trim_matches('`').to_owned());
            (format!("database_{}", cells[0].trim_matches('`')), labels.collect())
        })
        .collect();
    assert_eq!(found, documented);
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn spans_carry_the_querys_name_and_no_log_line_holds_a_value() {
    const PHONE: &str = "+393331234567";
    const EMAIL: &str = "secret.person@example.com";
    const PASSWORD: &str = "not-to-be-seen";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, tracing asks that of the thread which meets a span first: another test's has none,
    // and the span would never be told.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());

    let postgres = migrated("observability").await;
    let key = SigningKey::new([0x5e; 32]);
    session(&postgres.url()).change_keys(&Change::Add(key.clone())).await.unwrap();
    // Every statement counts as slow, and every transaction as long, so that each is logged as one.
    let settings = settings(&[
        ("DATABASE_URL", &postgres.url()),
        ("CONTEXT_SIGNING_KEY", &key.expose()),
        ("DATABASE_SLOW_STATEMENT_MS", "0"),
        ("DATABASE_LONG_TRANSACTION_MS", "1"),
    ]);
    let t = T::on(open(&settings).await).await;
    let campaign = t.factory.campaign(&t.organization).await;
    t.factory.provider_config(&t.organization).await;
    let contact = t
        .factory
        .contact(&campaign)
        .with(|row| {
            row.phone_number = Set(PHONE.to_owned());
            row.email = Set(Some(EMAIL.to_owned()));
        })
        .await;
    let tx = t.customer().await;
    assert_eq!(contacts::find(&tx, contact.id).await.unwrap().unwrap().phone_number, PHONE);
    contacts::claim_due(&tx, campaign.id, 1, ChronoTime::default).await.unwrap();
    let mut broken: entity::contacts::ActiveModel = contact.into();
    broken.phone_number = Set(format!("{PHONE}x"));
    let error = broken.update(&tx).await.unwrap_err();
    tracing::error!("{error} {error:?}");
    drop(tx);
    tracing::info!("{settings:?} {:?}", t.database);
    let wrong = format!("postgres://dev:{PASSWORD}@127.0.0.1:1/nothing");
    let unreachable =
        tests::factory::settings(&[("DATABASE_URL", &wrong), ("DATABASE_ACQUIRE_TIMEOUT_MS", "100")]);
    let error = Database::connect(&unreachable).await.unwrap_err();
    tracing::error!("{error} {error:?}");
    drop(logging);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        r#"query="contacts.find""#,
        r#"query="contacts.claim_due""#,
        r#"query="unnamed""#,
        "slow",
        &format!(r#"transaction{{scope="customer" organization={} user={}}}"#, t.organization.id, t.user.id),
        r#"a transaction was open for long scope="customer""#,
        r#"queries="contacts.find, contacts.lock_calls, contacts.claim_due, unnamed""#,
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    let (key, context) = (key.expose(), format!("{}u", key.id()));
    for secret in [PHONE, EMAIL, PASSWORD, key.split_once(':').unwrap().1, &context] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a value is logged");
    }
}

/// A span and a metric carry the name of the function that ran the query: each `named` states it as a literal.
#[test]
fn a_query_is_named_by_its_module_and_function() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../database/src");
    let mut names = 0;
    for file in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = file.file_stem().unwrap().to_str().unwrap();
        let mut function = "";
        for line in fs::read_to_string(&file).unwrap().lines() {
            if let Some((_, rest)) = line.split_once("async fn ") {
                function = rest.split(['(', '<']).next().unwrap().to_owned().leak();
            }
            let Some((_, name)) = line.split_once("tx.query(\"") else { continue };
            let (name, _) = name.split_once('"').unwrap();
            assert_eq!(name, format!("{module}.{function}"), "{}", file.display());
            names += 1;
        }
    }
    assert!(names > 45, "{names}");
}
