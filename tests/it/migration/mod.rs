//! The crate `migration`: its command line, its ledger, and what `up` and `down` leave behind.

mod cli;
mod concurrency;
mod idempotency;
mod interruption;
mod keys;
mod ledger;
mod online;
mod recipes;
mod round_trip;
pub mod snapshot;
mod unsafe_operations;
