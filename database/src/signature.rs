//! The signature of an actor: the proof to the server that the application, and not a statement that somebody injected,
//! chose whose rows a transaction sees.
//!
//! The signed text is the *context*, in which every part has a fixed width:
//!
//! | characters | content |
//! |---|---|
//! | 36 | the id of the key |
//! | 1 | the kind of actor: `u` (user) or `s` (system) |
//! | 36 | the organization |
//! | 36 | the user; for a system actor the nil UUID |
//! | 10 | the expiry, in seconds since 1970 |
//! | 64 | HMAC-SHA-256 in hexadecimal, of the parts before it and the identity of the transaction |
//!
//! The server names the transaction in its response to `begin`: the process and the start in microseconds since 1970. Hence a context
//! is valid in one transaction of one connection, and a copy of it is worth nothing anywhere else. The functions that
//! verify it are those of the migration `create_functions`.

use crate::actor::BoundActor;
use environment::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::time::Duration;
use uuid::Uuid;

/// The time within which a transaction has to be bound after it has begun. Both times are the server's, whatever the clock
/// of the application shows.
const VALID: Duration = Duration::from_mins(1);

/// Returns the context of `actor`, signed for the transaction that the server named `transaction`.
pub(crate) fn context(key: &SigningKey, actor: BoundActor, transaction: &str) -> String {
    let started = transaction.split_once('.').and_then(|(_, started)| started.parse().ok());
    let expiry = started.map(Duration::from_micros).unwrap_or_default() + VALID;
    let (kind, user) = actor.user().map_or(('s', Uuid::nil()), |user| ('u', *user.as_uuid()));
    let organization = actor.organization();
    let mut context = format!("{}{kind}{}{user}{:010}", key.id(), organization.as_uuid(), expiry.as_secs());
    let mut mac = Hmac::<Sha256>::new(&key.expose_block().into());
    mac.update(context.as_bytes());
    mac.update(transaction.as_bytes());
    for byte in mac.finalize().into_bytes() {
        // Writing to a `String` does not fail.
        let _ = write!(context, "{byte:02x}");
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemActor;
    use entity::id::OrganizationId;

    /// The code was computed by Python's `hmac`.
    #[test]
    fn a_context_is_the_hmac_of_its_text_and_the_transaction() {
        let key = format!("00000000-0000-4000-8000-000000000001:{}", "0b".repeat(32)).parse().unwrap();
        let organization = OrganizationId::from_uuid(Uuid::from_u128(2));
        let context = context(&key, SystemActor { organization }.into(), "4711.1764046800000000");
        let (text, mac) = context.split_at(context.len() - 64);
        assert_eq!(
            text,
            "00000000-0000-4000-8000-000000000001s00000000-0000-0000-0000-00000000000200000000-0000-0000-0000-\
             0000000000001764046860"
        );
        assert_eq!(mac, "e334e633faaa2a0690c577dc08bddf5f516e0e5b3d1ccda71f53aabbe5c8a089");
    }
}
