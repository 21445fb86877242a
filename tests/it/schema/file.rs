//! `migration/schema.sql` creates the same schema as the migrations.

use sea_orm::ConnectionTrait;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use tests::{catalog, connect, empty, migrated, server};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migration/schema.sql");

/// The catalogue without the ledger, which is no part of the file, and without the roles of other tests.
async fn schema(url: &str) -> Vec<String> {
    let mut lines = catalog::dump(&connect(url).await.unwrap()).await.unwrap();
    lines.retain(|line| !line.contains("seaql_migrations") && !line.contains("scratch_"));
    lines
}

#[tokio::test]
async fn sent_as_one_text_the_file_creates_the_expected_schema() {
    let (expected, created) = (migrated("schema_migrated").await, empty("schema_file"));
    let text = std::fs::read_to_string(FILE).unwrap();
    connect(&created.url()).await.unwrap().execute_unprepared(&text).await.unwrap();
    let difference = catalog::difference(&schema(&expected.url()).await, &schema(&created.url()).await);
    assert_eq!(difference, [""; 0], "- only from the migrations, + only from the file");
}

#[tokio::test]
async fn psql_creates_the_expected_schema_from_the_file() {
    let (expected, created) = (migrated("schema_migrated").await, empty("schema_psql"));
    let beside = server().binaries().map(|programs| programs.join("psql")).filter(|psql| psql.exists());
    let run = Command::new(beside.unwrap_or_else(|| PathBuf::from("psql")))
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", FILE, &created.url()])
        .output();
    let ended = match run {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("not tried: psql is not installed");
            return;
        }
        ended => ended.unwrap(),
    };
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let difference = catalog::difference(&schema(&expected.url()).await, &schema(&created.url()).await);
    assert_eq!(difference, [""; 0], "- only from the migrations, + only from the file");
}
