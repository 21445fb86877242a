//! `CONTEXT_SIGNING_KEY`: the key that signs the actors of customer transactions.

use std::fmt::{self, Write};
use std::str::FromStr;

use uuid::Uuid;

/// The bytes of a secret: as many as SHA-256 returns, the least that HMAC should have (RFC 2104, section 3).
const LENGTH: usize = 32;

/// A key that signs actors. Neither `Debug` nor an error shows its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    id: Uuid,
    secret: [u8; LENGTH],
}

/// The text is not a key. It is not shown, because it contains a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected ID:SECRET as `cargo run -p migration -- keys generate` prints it")]
pub struct NotASigningKey;

impl SigningKey {
    /// The key of a new id and this secret, which the caller reads from the system's random source.
    #[must_use]
    pub fn new(secret: [u8; LENGTH]) -> Self {
        Self { id: Uuid::now_v7(), secret }
    }

    /// Returns the id, by which the server finds the key.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns HMAC's key: the secret, padded with zeros to a block of SHA-256.
    #[must_use]
    pub fn expose_block(&self) -> [u8; 64] {
        let mut block = [0; 64];
        block[..LENGTH].copy_from_slice(&self.secret);
        block
    }

    /// Returns `ID:SECRET`, the form that [`str::parse`] reads.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = format!("{}:", self.id);
        for byte in self.secret {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl FromStr for SigningKey {
    type Err = NotASigningKey;

    fn from_str(text: &str) -> Result<Self, NotASigningKey> {
        let (id, digits) = text.split_once(':').ok_or(NotASigningKey)?;
        let id = id.parse().map_err(|_| NotASigningKey)?;
        if digits.len() != 2 * LENGTH || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotASigningKey);
        }
        let mut secret = [0; LENGTH];
        for (byte, digits) in secret.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| NotASigningKey)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotASigningKey)?;
        }
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_debug_does_not_show_it() {
        let key = SigningKey::new(*b"0123456789abcdef0123456789abcdef");
        assert_eq!(key.expose().parse(), Ok(key.clone()));
        let digits = key.expose();
        let secret = digits.split_once(':').unwrap().1;
        assert!(!format!("{key:?}").contains(secret));
    }

    #[test]
    fn another_text_is_not_a_key() {
        let id = Uuid::nil();
        for text in [
            "",
            "x",
            &format!("{id}:"),
            &format!("{id}:{}", "g".repeat(64)),
            &format!("x:{}", "0".repeat(64)),
        ] {
            assert_eq!(text.parse::<SigningKey>(), Err(NotASigningKey), "{text}");
        }
    }
}
