//! Bytes that no output shows.

use std::fmt;

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// A secret, whose `Debug` form does not contain it. Its serialized form does.
#[derive(Clone, PartialEq, Eq, DeriveValueType, Serialize, Deserialize)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Secret::from(vec![115, 51, 99])), "Secret(…)");
    }
}
