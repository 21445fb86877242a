//! Loads fixture records from YAML files, one file per table, into a migrated database, or generates data.
//!
//! Loading is idempotent: a record that exists and is equal is not written, one that differs is updated, and nothing is
//! deleted. [`check()`] looks for rows that contradict each other.

mod check;
pub mod cli;
mod connect;
mod dangling;
mod error;
mod fixtures;
pub mod generate;
mod reference;
mod refusal;
mod report;
mod table;
mod yaml;

pub use check::{CheckReport, Checked, Rule, Violation, check};
pub use connect::Target;
pub use error::{Error, Fault, Place};
pub use fixtures::Fixtures;
pub use report::{Counts, Mode, Report};
