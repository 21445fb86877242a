//! Operations on a database that a business depends on: back it up, restore it, prove that the restore works, remove what is
//! past its limit, export and erase what is stored about a person, and examine it.

#![expect(clippy::disallowed_methods, reason = "reads catalogues and rows of any schema")]

pub mod audit;
mod backup;
pub mod cli;
mod distribute;
pub mod doctor;
mod drill;
mod encryption;
mod erasure;
mod error;
pub mod manifest;
mod person;
mod place;
mod point_in_time;
mod programs;
mod progress;
mod restore;
mod retention;
mod rotation;
mod rows;
mod server_hash;
mod snapshot;
mod sqlite;
mod staging;
mod store;
mod subject;
mod target;
mod trail;

pub use backup::{Options, backup};
pub use distribute::{Distribution, Moved, distribute, rebalance};
pub use drill::{Report, Step, drill};
pub use encryption::Recipient;
pub use erasure::{Erasure, complete, erase};
pub use error::Error;
pub use person::Person;
pub use place::{Local, Name, Place};
pub use point_in_time::{PointInTime, drill_point_in_time};
pub use progress::Progress;
pub use restore::{Permission, restore};
pub use retention::{Entry, Hook, Limits, Removed, Summary, Work, history};
pub use rotation::Keep;
pub use store::Store;
pub use subject::subject;
pub use target::Target;
