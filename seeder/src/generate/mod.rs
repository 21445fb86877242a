//! Generates any amount of realistic data.
//!
//! The rows derive from the parameters alone. They are cut into chunks, each with a random stream of its own, so that they
//! are the same with any number of threads. A chunk is written by one transaction, so it is either complete or absent, and a
//! later run finds it by the id of its first contact.

mod calendar;
mod copy;
mod keys;
mod options;
mod parameters;
mod phone;
mod plan;
mod progress;
mod random;
mod rows;
mod run;
mod story;
mod words;

pub use options::Options;
pub use parameters::{Parameters, Profile};
pub use run::{Start, Summary, generate};
