//! The crate `database`: transactions, errors and queries.

mod access;
mod cancellation;
mod faults;
mod lookups;
mod observability;
mod proxy;
mod queries;
