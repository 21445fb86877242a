//! Operations on a database that a business depends on: back it up, restore it, prove that the restore works, remove what is
//! past its limit.

#![expect(clippy::disallowed_methods, reason = "reads catalogues and rows of any schema")]

mod backup;
pub mod cli;
pub mod doctor;
mod drill;
mod error;
pub mod manifest;
mod place;
mod programs;
mod progress;
mod restore;
mod retention;
mod rotation;
mod snapshot;
mod sqlite;
mod target;

pub use backup::{Options, backup};
pub use drill::{Report, Step, drill};
pub use error::Error;
pub use place::{Local, Name, Place};
pub use progress::Progress;
pub use restore::{Permission, restore};
pub use retention::{Entry, Hook, Limits, Removed, Store, Summary, Work, history};
pub use rotation::Keep;
pub use target::Target;
