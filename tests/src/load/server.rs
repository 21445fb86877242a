//! The server of a measurement, and the pools of its clients.

use crate::factory::{open, settings};
use crate::{connect, migrate, run};
use database::{AppEnv, Database};
use scratch::{Options, Server};
use sea_orm::prelude::ChronoUtc;
use seeder::Target;
use seeder::generate::{Parameters, Start, generate};
use std::sync::atomic::AtomicBool;

/// As a production server, not as one for tests.
pub const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "2GB"),
];

/// Starts a private server with the settings of a production server.
pub fn server() -> Server {
    let mut options = Options::from_environment();
    options.admin_url = None;
    options.settings =
        SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    options.start().expect("a server of our own")
}

/// Migrates the database, and generates so many contacts of 5 organizations, with what happened to them.
pub async fn fill(url: &str, contacts: i64) {
    migrate(url).await;
    let parameters = Parameters {
        organizations: 5,
        contacts,
        campaigns: 8,
        history: 90,
        seed: 42,
        until: ChronoUtc::now(),
    };
    let target = Target::resolve(Some(url), Some(AppEnv::Test)).expect("a local server");
    let stop = AtomicBool::new(false);
    generate(&target, &parameters, Start::Empty, 2, &stop).await.expect("data is generated");
}

/// Brings the statistics of the planner up to date.
pub async fn analyze(url: &str) {
    let db = connect(url).await.expect("a connection");
    run(&db, "vacuum analyze").await.expect("a vacuum");
    db.close().await.expect("the connection closes");
}

/// Opens the pools of an application, each of `size` connections.
pub async fn pools(url: &str, size: usize) -> Database {
    let size = size.to_string();
    let variables = [("DATABASE_URL", url), ("DATABASE_POOL_SIZE", &size), ("DATABASE_MAX_OVERFLOW", "0")];
    open(&settings(&variables)).await
}
