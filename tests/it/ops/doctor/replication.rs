//! Standbys and slots.

use super::super::Ops;
use super::look;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tests::{connect, private_server, run, texts};
use tokio::time::sleep;

/// A client that receives WAL, killed on drop.
struct Receiver(Child);

impl Receiver {
    fn signal(&self, signal: &str) {
        let status = Command::new("/bin/kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Both fail only if it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_standby_that_does_not_follow_is_reported() {
    let Some(server) = private_server::start(false, "replication lag") else { return };
    let (Some(binaries), Some(socket)) = (server.binaries(), server.socket_dir()) else { return };
    if !binaries.join("pg_receivewal").exists() {
        eprintln!("NOT TESTED: replication lag: {} has no pg_receivewal", binaries.display());
        return;
    }
    let ops = Ops::on(&server.url("postgres"));
    let looked = look(&ops, "replication_lag", "");
    looked.passes();
    assert_eq!(looked.summary, "no standby");
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(binaries.join("pg_receivewal"));
    command.arg("-D").arg(directory.path()).arg("-h").arg(socket).args(["-U", "postgres", "--no-loop"]);
    let receiver = Receiver(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let db = connect(&server.url("postgres")).await.unwrap();
    let wait = async |sql: &str| {
        let started = Instant::now();
        while texts(&db, sql).await.is_empty() {
            assert!(started.elapsed() < Duration::from_mins(1), "{sql}");
            sleep(Duration::from_millis(20)).await;
        }
    };
    wait("select state from pg_stat_replication where state = 'streaming'").await;
    look(&ops, "replication_lag", "").passes();
    receiver.signal("-STOP");
    run(&db, "create table written as select repeat('x', 1000) from generate_series(1, 20000)")
        .await
        .unwrap();
    wait("select 'behind' from pg_stat_replication where pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(flush_lsn, write_lsn, sent_lsn)) > 10000000").await;
    look(&ops, "replication_lag", "--threshold replication_lag.bytes_warn=1MB")
        .warns("the standby pg_receivewal", "of WAL behind");
    look(&ops, "replication_lag", "--threshold replication_lag.bytes_fail=1MB")
        .fails("the standby pg_receivewal", "base backup");
    receiver.signal("-CONT");
}

#[tokio::test]
async fn a_slot_without_a_client_is_reported_and_so_is_one_that_lost_its_wal() {
    let settings = [("max_slot_wal_keep_size", "16MB"), ("min_wal_size", "32MB"), ("max_wal_size", "32MB")];
    let Some(server) = private_server::start_with(false, &settings, "replication slots") else { return };
    let ops = Ops::on(&server.url("postgres"));
    let db = connect(&server.url("postgres")).await.unwrap();
    look(&ops, "replication_slots", "").passes();
    run(&db, "select pg_create_physical_replication_slot('forgotten', true)").await.unwrap();
    run(&db, "create table written ()").await.unwrap();
    look(&ops, "replication_slots", "").warns("the slot forgotten", "pg_drop_replication_slot('forgotten')");
    look(&ops, "replication_slots", "--threshold replication_slots.fail=1B")
        .fails("the slot forgotten", "it is inactive");
    for _ in 0..6 {
        run(&db, "create table more (); drop table more").await.unwrap();
        run(&db, "select pg_switch_wal()").await.unwrap();
    }
    run(&db, "checkpoint").await.unwrap();
    look(&ops, "replication_slots", "").fails("the slot forgotten", "its WAL was removed");
    run(&db, "select pg_drop_replication_slot('forgotten')").await.unwrap();
    look(&ops, "replication_slots", "").passes();
}
