//! The random name of a run.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Twelve hexadecimal digits that no other run has.
pub(crate) fn token() -> String {
    // Each state of the standard library's hasher has random keys from the system.
    let random = RandomState::new().build_hasher().finish();
    format!("{:012x}", random >> 16)
}
