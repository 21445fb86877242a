//! What must hold, one file for each subject; the name of a test is the rule.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed step fails the test")]

mod access;
mod cancellation;
mod concurrency;
mod constraints;
mod entities;
mod faults;
mod generated_entities;
mod guest;
mod idempotency;
mod interruption;
mod isolation;
mod ledger;
mod legacy_clients;
mod lookups;
mod migration_cli;
mod migrator;
mod observability;
mod private_server;
mod proxy;
mod queries;
mod relations;
mod round_trip;
mod schedulers;
mod schema_file;
mod schema_model;
mod schema_shape;
mod seeder;
mod snapshot;
