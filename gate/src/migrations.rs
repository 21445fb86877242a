//! The migrations: their files, what they execute, and what of it is locked.

pub(crate) mod changes;
pub(crate) mod files;
pub mod lock;
pub mod main_branch;
pub(crate) mod released;
pub(crate) mod replay;
