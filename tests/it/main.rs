//! The integration tests, one directory for each crate; the name of a test is the rule.
#![expect(
    clippy::disallowed_methods,
    reason = "tests query the catalogue, and bypass what an application may do"
)]
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed step fails the test")]

mod citus;
mod database;
mod deployment;
mod documents;
mod entity;
mod env_example;
mod examples;
mod isolation;
mod load;
mod migration;
mod ops;
mod schema;
mod seeder;
mod tls;
mod workspace;
mod wrong_database;
