//! The loss of a server while others write: the backup restores elsewhere, is one moment of it, and has equal digests.
//!
//! `OPS_CONTACTS=1000000` is the size of the requirement; the default suits every run.

use super::round_trip::gate_is_clean;
use super::{Ops, clients_are_installed, filled_on};
use serde_json::Value;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::process::Exited;
use tests::{connect, private_server, run, texts};

fn contacts() -> u32 {
    std::env::var("OPS_CONTACTS").map_or(5_000, |number| number.parse().unwrap())
}

/// Runs the program, however long it takes, and reports its last line and the time.
fn timed(ops: &Ops, arguments: &str) -> Exited {
    let started = Instant::now();
    let mut running = ops.start(arguments);
    while !running.has_exited() {
        sleep(Duration::from_millis(20));
    }
    let exited = running.wait();
    println!("{:.1} s: {}", started.elapsed().as_secs_f64(), exited.stdout.trim_end());
    exited.succeeds();
    exited
}

/// The tables of the newest backup.
fn tables(ops: &Ops) -> Value {
    let manifest = fs::read_to_string(ops.backups().pop().unwrap().join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let tables = manifest["manifest"]["tables"].as_array().unwrap();
    tables.iter().map(|table| serde_json::json!([table["name"], table["rows"], table["digest"]])).collect()
}

/// Attempts of all contacts, and exclusions: each transaction of a writer adds one of both.
const WRITTEN: &str =
    "select (sum(attempts_count) - (select count(*) from exclusion_list_entries))::text from contacts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_comes_back_with_equal_digests_while_others_wrote() {
    if !clients_are_installed() {
        return;
    }
    let Some(lost) = private_server::start(false, "the loss of a server") else { return };
    let url = filled_on(&lost, "voicesurvey").await;
    let db = connect(&url).await.unwrap();
    let many = contacts();
    run(
        &db,
        &format!(
            "insert into contacts (organization_id, campaign_id, external_contact_id, phone_number, email)
             select organization_id, id, 'scale-' || n, '+1' || lpad(n::text, 10, '0'), 'contact-' || n || '@example.com'
             from (select organization_id, id from campaigns order by id limit 1) as campaign,
                  generate_series(1, {many}) as n"
        ),
    )
    .await
    .unwrap();
    let expected = texts(&db, WRITTEN).await;

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut writers = Vec::new();
    for writer in 0..2 {
        let (stop, written, db) = (Arc::clone(&stop), Arc::clone(&written), connect(&url).await.unwrap());
        writers.push(tokio::spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                let contact = fastrand::u32(1..=many);
                let sql = format!(
                    "begin;
                     update contacts set attempts_count = attempts_count + 1 where external_contact_id = 'scale-{contact}'
                        and phone_number = '+1' || lpad('{contact}', 10, '0');
                     insert into exclusion_list_entries (organization_id, phone_number)
                     select id, '+3{writer}' || lpad('{number}', 9, '0') from organizations order by id limit 1;
                     commit"
                );
                run(&db, &sql).await.unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let ops = Ops::on(&url);
    let before = written.load(Ordering::Relaxed);
    timed(&ops, "backup --to backups");
    let meanwhile = written.load(Ordering::Relaxed) - before;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    println!("{many} contacts, {meanwhile} transactions while the backup ran");
    assert!(meanwhile > 0, "they wrote meanwhile");
    let saved = tables(&ops);
    db.close().await.unwrap();
    drop(lost);

    let Some(other) = private_server::start(false, "the loss of a server") else { return };
    let admin = connect(&other.url("postgres")).await.unwrap();
    run(&admin, "create database voicesurvey").await.unwrap();
    let url = other.url("voicesurvey");
    timed(&ops, &format!("restore backups --to {url}"));
    let copy = connect(&url).await.unwrap();
    assert_eq!(texts(&copy, WRITTEN).await, expected, "no transaction is half there");
    gate_is_clean(&url);
    // Another backup, of what was restored.
    let again = Ops::on(&url);
    timed(&again, "backup --to backups");
    assert_eq!(tables(&again), saved);
}
