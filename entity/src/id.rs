//! Typed ids: a UUID in the database, a TypeID such as `cmp_01h455vb4pex5vsknk084sn02q` in text.
//!
//! The text form follows <https://github.com/jetify-com/typeid/tree/main/spec>. A bare UUID is not
//! an id: without its prefix its table is unknown.
//!
//! An id of another table does not compile as a field, an argument or in `find_by_id`. In a comparison with a column it
//! does, `COLUMN.campaign_id.eq(contact_id)`, because SeaORM's columns take whatever is a value.

use std::{fmt, str::FromStr};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use typeid_suffix::prelude::{DecodeError, InvalidSuffixReason, TypeIdSuffix};
use uuid::Uuid;

/// A text that is not an id of the expected type.
///
/// The text itself is not repeated, because a caller may have passed personal data by mistake; a
/// foreign prefix is, once the rest has turned out to be an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    #[error("an id begins with the prefix `{expected}_`, this text has none")]
    NoPrefix { expected: &'static str },
    #[error("the id's prefix is `{found}`, expected `{expected}`")]
    WrongPrefix { expected: &'static str, found: String },
    #[error("the id's suffix has {found} bytes, expected 26 after `{expected}_`")]
    SuffixLength { expected: &'static str, found: usize },
    #[error("the id's suffix has a character that is not one of 0-9 and a-z without i, l, o, u")]
    SuffixAlphabet,
    #[error("the id's suffix begins with a character above 7, which exceeds 128 bits")]
    SuffixOverflow,
    #[error("the id's suffix is not a UUID")]
    SuffixUuid,
}

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal;)+) => {
        $(
            $(#[$doc])+
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
            pub struct $name(Uuid);

            impl $name {
                /// What the text form begins with, before the `_`.
                pub const PREFIX: &str = $prefix;

                /// A new id of version 7: ids sort by the millisecond of their generation.
                #[must_use]
                pub fn generate() -> Self {
                    Self(Uuid::now_v7())
                }

                /// The id with this UUID, of whatever version.
                #[must_use]
                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The UUID that the database stores.
                #[must_use]
                pub const fn as_uuid(&self) -> &Uuid {
                    &self.0
                }
            }

            impl From<Uuid> for $name {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid)
                }
            }

            impl From<$name> for Uuid {
                fn from(id: $name) -> Self {
                    id.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}_{}", Self::PREFIX, TypeIdSuffix::from(self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = ParseIdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    parse(text, Self::PREFIX).map(Self)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                }
            }

            // A primary key needs it for databases that count their ids; ours never do.
            impl TryFromU64 for $name {
                fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                    Err(DbErr::ConvertFromU64(stringify!($name)))
                }
            }
        )+
    };
}

// Alphabetical; a prefix, once shipped, never changes.
ids! {
    /// One change of a row.
    AuditLogEntryId = "aud";
    /// A seal over audit entries.
    AuditSealId = "sea";
    /// One call to a contact.
    CallAttemptId = "att";
    /// A survey put to a list of contacts.
    CampaignId = "cmp";
    /// A person to be called within one campaign.
    ContactId = "con";
    /// An e-mail sent, or to be sent, because of an event.
    EmailNotificationId = "eml";
    /// The wording of one kind of e-mail in one language.
    EmailTemplateId = "tpl";
    /// A request to erase what is stored about a contact.
    ErasureRequestId = "ers";
    /// An event for the event bus.
    EventId = "evt";
    /// A number that is never called.
    ExclusionListEntryId = "exc";
    /// A tenant.
    OrganizationId = "org";
    /// An organization's telephony and language model settings.
    ProviderConfigId = "cfg";
    /// A run of retention.
    RetentionRunId = "ret";
    /// A key that signs the actors of customer transactions.
    SigningKeyId = "key";
    /// The answers of one contact.
    SurveyResponseId = "rsp";
    /// A part of what was said in a call.
    TranscriptSnippetId = "trn";
    /// A person who signs in.
    UserId = "usr";
    /// The membership of a user in an organization.
    UserOrganizationId = "mem";
}

/// Implements `ActiveModelBehavior` so that an insert without an id gets a new one.
///
/// In `before_save` and not in `new`: a default that holds an id would turn
/// `update_many().set(ActiveModel { .. })` into a rewrite of every row's id.
macro_rules! generated_on_insert {
    ($id:ty) => {
        #[async_trait::async_trait]
        impl ActiveModelBehavior for ActiveModel {
            async fn before_save<C: ConnectionTrait>(mut self, _: &C, insert: bool) -> Result<Self, DbErr> {
                if insert && self.id.is_not_set() {
                    self.id = sea_orm::Set(<$id>::generate());
                }
                Ok(self)
            }
        }
    };
}
pub(crate) use generated_on_insert;

fn parse(text: &str, expected: &'static str) -> Result<Uuid, ParseIdError> {
    let (found, suffix) = text.rsplit_once('_').ok_or(ParseIdError::NoPrefix { expected })?;
    let suffix = TypeIdSuffix::from_str(suffix).map_err(|error| match error {
        DecodeError::InvalidSuffix(reason) => match reason {
            InvalidSuffixReason::InvalidLength => {
                ParseIdError::SuffixLength { expected, found: suffix.len() }
            }
            InvalidSuffixReason::InvalidFirstCharacter => ParseIdError::SuffixOverflow,
            InvalidSuffixReason::InvalidCharacter | InvalidSuffixReason::NonAsciiCharacter => {
                ParseIdError::SuffixAlphabet
            }
        },
        DecodeError::InvalidUuid(_) | DecodeError::InvalidNamespace(_) => ParseIdError::SuffixUuid,
    })?;
    if found == expected {
        Ok(suffix.to_uuid())
    } else {
        Err(ParseIdError::WrongPrefix { expected, found: found.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ID_PREFIXES;

    /// From the specification's `valid.yml`.
    const VECTORS: &[(&str, &str)] = &[
        ("00000000-0000-0000-0000-000000000000", "00000000000000000000000000"),
        ("00000000-0000-0000-0000-000000000001", "00000000000000000000000001"),
        ("00000000-0000-0000-0000-00000000000a", "0000000000000000000000000a"),
        ("00000000-0000-0000-0000-000000000010", "0000000000000000000000000g"),
        ("00000000-0000-0000-0000-000000000020", "00000000000000000000000010"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("0110c853-1d09-52d8-d73e-1194e95b5f19", "0123456789abcdefghjkmnpqrs"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q"),
    ];

    fn refusal(text: &str) -> String {
        text.parse::<CampaignId>().expect_err(text).to_string()
    }

    #[test]
    fn the_specifications_vectors_read_and_write_the_same() {
        for (uuid, suffix) in VECTORS {
            let id = CampaignId::from_uuid(uuid.parse().unwrap());
            let text = format!("cmp_{suffix}");
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse::<CampaignId>(), Ok(id));
        }
    }

    #[test]
    fn an_id_of_any_version_survives_its_text_form() {
        for _ in 0..1_000 {
            let version_7 = ContactId::generate();
            // Two version 7 ids mixed into something with neither version nor variant.
            let any = ContactId::from_uuid(Uuid::from_u128(
                version_7.as_uuid().as_u128().wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
            ));
            for id in [version_7, any] {
                assert_eq!(id.to_string().parse::<ContactId>(), Ok(id));
            }
        }
    }

    #[test]
    fn generated_ids_are_of_version_7_and_sort_by_the_time_of_their_generation() {
        let ids: Vec<_> = (0..100).map(|_| EventId::generate()).collect();
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 7));
        assert!(ids.is_sorted());
        assert!(ids.iter().map(ToString::to_string).is_sorted(), "the text sorts like the id");
    }

    #[test]
    fn a_wrong_prefix_names_both_prefixes() {
        let message = refusal(&ContactId::generate().to_string());
        assert_eq!(message, "the id's prefix is `con`, expected `cmp`");
    }

    #[test]
    fn the_error_of_a_malformed_suffix_has_the_reason() {
        for (text, reason) in [
            ("cmp_01h455vb4pex5vsknk084sn02", "has 25 bytes"),
            ("cmp_01h455vb4pex5vsknk084sn02qq", "has 27 bytes"),
            ("cmp_", "has 0 bytes"),
            ("cmp_8zzzzzzzzzzzzzzzzzzzzzzzzz", "above 7"),
            ("cmp_01h455vb4pex5vsknk084sn02u", "without i, l, o, u"),
            ("cmp_01h455vb4pex5vsknk084sn0é", "without i, l, o, u"),
            ("cmp_01h455vb4pex5vsknk084-sn02", "without i, l, o, u"),
        ] {
            let message = refusal(text);
            assert!(message.contains(reason), "{text}: {message}");
        }
    }

    #[test]
    fn upper_case_is_refused() {
        assert!("cmp_01H455VB4PEX5VSKNK084SN02Q".parse::<CampaignId>().is_err());
        assert!("CMP_01h455vb4pex5vsknk084sn02q".parse::<CampaignId>().is_err());
    }

    #[test]
    fn a_bare_uuid_or_suffix_is_refused() {
        for text in ["01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q", ""] {
            assert_eq!(text.parse::<CampaignId>(), Err(ParseIdError::NoPrefix { expected: "cmp" }));
        }
        assert!("_01h455vb4pex5vsknk084sn02q".parse::<CampaignId>().is_err());
    }

    #[test]
    fn what_is_not_an_id_is_not_repeated_in_the_error() {
        let message = refusal("mario_rossi@example.com");
        assert!(!message.contains("mario") && !message.contains("rossi"), "{message}");
    }

    #[test]
    fn prefixes_are_three_lowercase_letters_and_unique() {
        for (table, prefix) in ID_PREFIXES {
            assert!(prefix.len() == 3 && prefix.bytes().all(|b| b.is_ascii_lowercase()), "{table}: {prefix}");
        }
        let unique: BTreeSet<_> = ID_PREFIXES.iter().map(|(_, prefix)| prefix).collect();
        assert_eq!(unique.len(), ID_PREFIXES.len());
    }

    #[test]
    fn serde_and_debug_use_the_text_form() {
        let id: CampaignId = "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""cmp_01h455vb4pex5vsknk084sn02q""#);
        assert_eq!(serde_json::from_str::<CampaignId>(r#""cmp_01h455vb4pex5vsknk084sn02q""#).unwrap(), id);
        assert_eq!(format!("{id:?}"), "cmp_01h455vb4pex5vsknk084sn02q");
        let error = serde_json::from_str::<CampaignId>(r#""con_01h455vb4pex5vsknk084sn02q""#).unwrap_err();
        assert!(error.to_string().contains("`con`, expected `cmp`"), "{error}");
    }

    #[test]
    fn an_id_is_never_created_from_a_count() {
        assert!(matches!(CampaignId::try_from_u64(1), Err(DbErr::ConvertFromU64("CampaignId"))));
    }
}
