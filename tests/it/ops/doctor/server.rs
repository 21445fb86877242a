//! The release, and connections.

use super::super::Ops;
use super::look;
use tests::{connect, private_server, run, server};

#[tokio::test]
async fn the_release_of_the_server_is_stated() {
    let ops = Ops::on(&server().url("postgres"));
    let looked = look(&ops, "version", "");
    let (major, minor) = (server().version() / 10_000, server().version() % 10_000);
    assert!(looked.summary.starts_with(&format!("PostgreSQL {major}.{minor}")), "{looked:?}");
    assert_ne!(looked.verdict, "skipped", "{looked:?}");
    // Whatever the release is, it counts as old and as about to lose its support.
    look(&ops, "version", "--threshold version.support_warn=3650days").warns("PostgreSQL", "pg_upgrade");
}

#[tokio::test]
async fn a_server_or_a_login_without_free_connections_is_reported() {
    let settings = [("max_connections", "10"), ("superuser_reserved_connections", "2")];
    let Some(server) = private_server::start_with(false, &settings, "connections") else { return };
    let url = server.url("postgres");
    let ops = Ops::on(&url);
    let looked = look(&ops, "connections", "");
    looked.passes();
    assert_eq!(looked.summary, "1 of 8 connections");
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(connect(&url).await.unwrap());
    }
    look(&ops, "connections", "").warns("the server", "7 of 8 connections are in use");
    sessions.push(connect(&url).await.unwrap());
    look(&ops, "connections", "").fails("the server", "raise the limit");
    run(&sessions[0], "create role scarce login connection limit 1").await.unwrap();
    let scarce = url.replace("postgres@", "scarce@");
    sessions.truncate(1);
    let _scarce = connect(&scarce).await.unwrap();
    look(&ops, "connections", "").fails("the login scarce", "1 of 1 connections");
}
