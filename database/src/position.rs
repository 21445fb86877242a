//! A position in the server's write-ahead log, from which a reader on a replica knows that it sees a commit.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A position in the server's write-ahead log, an LSN: a replica that has replayed it has all that was committed before.
///
/// Its text, `16/B374D848` as in PostgreSQL, is what a session keeps between requests, in a cookie for instance. The
/// greatest of several covers them all. It is no secret, and a client that changes it reads older rows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Beyond every commit: its reads go to the primary. It stands for a position that could not be read.
    pub(crate) const UNKNOWN: Self = Self(u64::MAX);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a position of the write-ahead log; it has the form 16/B374D848")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let half = |digits: &str| match u32::from_str_radix(digits, 16) {
            Ok(number) if !digits.starts_with('+') => Ok(u64::from(number)),
            _ => Err(NotAPosition),
        };
        let (high, low) = text.split_once('/').ok_or(NotAPosition)?;
        Ok(Self(half(high)? << 32 | half(low)?))
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAPosition, Position};

    #[test]
    fn its_text_is_that_of_postgresql_and_its_order_that_of_the_log() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in ["", "16", "16/", "16/G", "16/+1", "16/B374D8480", "-1/0"] {
            assert_eq!(text.parse::<Position>(), Err(NotAPosition), "{text}");
        }
        let [low, high]: [Position; 2] = ["F/FFFFFFFF", "10/0"].map(|text| text.parse().unwrap());
        assert!(low < high && high < Position::UNKNOWN);
    }
}
