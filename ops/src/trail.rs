//! What is wrong with an audit trail, and the seal that it is compared with.

use std::fmt;

/// The first difference between the trail and its seals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// An entry has other values than when it was sealed.
    Changed(String, i64),
    /// The chain does not contain the expected seal.
    Expected(Head),
    /// An entry claims a time that a seal covers, and no seal lists it.
    Inserted(String, i64),
    /// A sealed entry does not exist.
    Removed(String, i64),
    /// An entry has another place among those of its seal.
    Reordered(String, i64),
    /// A seal has other values than when it was written, or follows another one.
    SealChanged(i64),
    /// A seal does not exist.
    SealRemoved(i64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(id, seal) => write!(f, "the entry {id} of seal {seal} was changed"),
            Self::Expected(head) => write!(f, "the chain of seals does not contain seal {head}"),
            Self::Inserted(id, seal) => {
                write!(f, "the entry {id} was inserted: seal {seal} covers its time and does not list it")
            }
            Self::Removed(id, seal) => write!(f, "the entry {id} of seal {seal} was removed"),
            Self::Reordered(id, seal) => {
                write!(f, "the entry {id} of seal {seal} was moved to another place")
            }
            Self::SealChanged(seal) => write!(f, "seal {seal} was changed"),
            Self::SealRemoved(seal) => write!(f, "seal {seal} was removed"),
        }
    }
}

impl Fault {
    /// A further remedy, after a semicolon.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Inserted(..) => {
                "; if a clock that was set back is the reason: ops audit seal --accept-inserted"
            }
            _ => "",
        }
    }
}

/// The number and the digest of a seal, `NUMBER:DIGEST`. Kept outside the database, it shows whether the chain up to it was
/// written again or cut off. Seal 0 is the beginning of every chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub(crate) number: i64,
    pub(crate) digest: String,
}

impl Head {
    pub(crate) fn zero() -> Self {
        Self { number: 0, digest: "0".repeat(64) }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest)
    }
}

impl std::str::FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "a seal is given as NUMBER:DIGEST, the line that `ops audit seal` prints";
        let (number, digest) = text.trim().split_once(':').ok_or(form)?;
        let number = number.parse().ok().filter(|number| *number >= 0).ok_or(form)?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { Ok(Self { number, digest: digest.to_ascii_lowercase() }) } else { Err(form) }
    }
}
