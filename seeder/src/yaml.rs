//! Parses a fixture file into models with their line numbers.

use std::{borrow::Cow, fmt, sync::Arc};

use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_saphyr::{Location, Options, Spanned};

use crate::{Error, Fault, Place};

/// A fixture file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// As errors show it.
    pub(crate) file: Arc<str>,
    pub(crate) text: Cow<'static, str>,
}

/// A record of a fixture file.
pub(crate) struct Record<M> {
    pub(crate) model: M,
    lines: Lines,
}

impl<M> Record<M> {
    /// The line in which the record begins.
    pub(crate) fn line(&self) -> u64 {
        self.lines.record.line()
    }

    /// The line of a field, or of the record where the field is left out.
    pub(crate) fn line_of(&self, column: &str) -> u64 {
        let field = self.lines.fields.iter().find(|(name, _)| name == column);
        field.map_or(self.line(), |(_, location)| location.line())
    }
}

/// Reads a list of records; an empty file is an empty list.
pub(crate) fn read<E>(source: &Source) -> Result<Vec<Record<E::Model>>, Error>
where
    E: EntityTrait,
    E::Model: DeserializeOwned,
{
    // Read twice: a model has no room for lines, and the first reading finds faults of the YAML itself before
    // the second one reads the fields.
    let lines: Vec<Lines> = serde_saphyr::from_str_with_options(&source.text, options())
        .map_err(|error| fault::<E>(source, &[], &error))?;
    let models: Vec<E::Model> = serde_saphyr::from_str_with_options(&source.text, options())
        .map_err(|error| fault::<E>(source, &lines, &error))?;
    Ok(models.into_iter().zip(lines).map(|(model, lines)| Record { model, lines }).collect())
}

/// Where a record and its fields begin.
struct Lines {
    record: Location,
    fields: Vec<(String, Location)>,
}

impl Lines {
    /// The field that is being read at `location`.
    fn field_at(&self, location: &Location) -> Option<&str> {
        let before = |(_, begin): &&(String, Location)| position(begin) <= position(location);
        self.fields
            .iter()
            .filter(before)
            .max_by_key(|(_, begin)| position(begin))
            .map(|(name, _)| name.as_str())
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(String, Location)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Spanned { value, referenced, .. }) = map.next_key::<Spanned<String>>()? {
                    map.next_value::<IgnoredAny>()?;
                    fields.push((value, referenced));
                }
                Ok(fields)
            }
        }

        struct Record(Vec<(String, Location)>);

        impl<'de> Deserialize<'de> for Record {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Fields).map(Self)
            }
        }

        let Spanned { value: Record(fields), referenced: record, .. } = Spanned::deserialize(deserializer)?;
        Ok(Self { record, fields })
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        // The limit is for untrusted input, about 8,000 contacts; these files are the caller's own.
        budget: None,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn fault<E: EntityTrait>(source: &Source, lines: &[Lines], error: &serde_saphyr::Error) -> Error {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let record = lines.iter().rev().find(|lines| position(&lines.record) <= position(&location));
    let mut line = location.line().max(1);
    let message = match (error.without_snippet(), record) {
        (serde_saphyr::Error::SerdeUnknownField { field, expected, .. }, _) => {
            format!("unknown field {}, expected one of {}", quoted(field), expected.join(", "))
        }
        (serde_saphyr::Error::SerdeMissingField { field, .. }, record) => {
            // The parser's position is behind the last field; the record's first line is the more useful one.
            line = record.map_or(line, |lines| lines.record.line());
            format!("missing field `{field}`")
        }
        (serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. }, _) => {
            format!("the key {} is there twice", quoted(key))
        }
        (serde_saphyr::Error::MultipleDocuments { .. }, _) => {
            "a second YAML document, expected one list of records".to_owned()
        }
        (error, Some(lines)) => match lines.field_at(&location) {
            Some(name) => format!("field {}: {}{}", quoted(name), reason(error), example::<E>(name)),
            None => reason(error),
        },
        (serde_saphyr::Error::Unexpected { expected: "sequence start", .. }, None) => {
            "expected a list of records, each beginning with `- `".to_owned()
        }
        (serde_saphyr::Error::Unexpected { expected: "mapping start", .. }, None) => {
            "expected a record: fields and their values, such as `id: …`".to_owned()
        }
        (error, None) => reason(error),
    };
    Error::Fixture { place: Place { file: Arc::clone(&source.file), line }, fault: Fault::Yaml(message) }
}

/// serde's message about a value, without the value, which may be personal.
fn reason(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::AliasError { error, .. } => reason(error),
        serde_saphyr::Error::InvalidBooleanStrict { .. } => "expected true or false".to_owned(),
        serde_saphyr::Error::InvalidScalar { ty: "i64", .. } => {
            "expected a whole number of 64 bits".to_owned()
        }
        serde_saphyr::Error::InvalidScalar { ty, .. } => format!("expected {ty}"),
        serde_saphyr::Error::NonFiniteFloat { .. } => "expected a finite number".to_owned(),
        serde_saphyr::Error::NullIntoString { .. } => "expected a text, found null".to_owned(),
        serde_saphyr::Error::SerdeInvalidType { expected, .. }
        | serde_saphyr::Error::SerdeInvalidValue { expected, .. } => format!("expected {expected}"),
        serde_saphyr::Error::Unexpected { expected, .. } => match *expected {
            "sequence start" => "expected a list".to_owned(),
            "mapping start" => "expected fields and their values".to_owned(),
            "string scalar" => "expected a text".to_owned(),
            other => format!("expected {other}"),
        },
        other => {
            let text = other.to_string();
            let location =
                other.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            let text = location.and_then(|location| text.strip_suffix(&location)).unwrap_or(&text);
            // Messages of enums quote the value.
            text.split('`')
                .enumerate()
                .map(|(index, part)| if index % 2 == 0 { part.into() } else { Cow::Owned(quoted(part)) })
                .collect()
        }
    }
}

/// The text in backticks, if it looks like a name; a number or an address in a name's place is not repeated.
fn quoted(text: &str) -> String {
    let name = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char));
    if name { format!("`{text}`") } else { "`…`".to_owned() }
}

/// The form of a column's values, where it is not obvious.
fn example<E: EntityTrait>(column: &str) -> &'static str {
    let Some(column) = E::Column::iter().find(|candidate| candidate.as_str() == column) else { return "" };
    match column.def().get_column_type() {
        ColumnType::TimestampWithTimeZone => ", write a time such as 2025-01-31T09:00:00Z",
        ColumnType::Time => ", write a time of day such as 09:00:00",
        _ => "",
    }
}

fn position(location: &Location) -> (u64, u64) {
    (location.line(), location.column())
}

#[cfg(test)]
mod tests {
    use entity::{campaigns, contacts, survey_responses, users};

    use super::*;

    const USER: &str = "- id: usr_0000000000e0080000000000g1
  oidc_sub: sub
  email: secret@example.com
  name: Mario Secret
  role: viewer
  metadata: {}
  created_at: 2025-01-01T00:00:00Z
  updated_at: 2025-01-01T00:00:00Z
";

    fn source(text: &str) -> Source {
        Source { file: "f.yaml".into(), text: text.to_owned().into() }
    }

    fn error<E>(text: &str) -> String
    where
        E: EntityTrait,
        E::Model: DeserializeOwned,
    {
        match read::<E>(&source(text)) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    /// The error after one replacement in a valid file.
    fn broken(from: &str, to: &str) -> String {
        assert!(USER.contains(from), "{from}");
        error::<users::Entity>(&USER.replace(from, to))
    }

    #[test]
    fn a_record_knows_its_lines() {
        let text =
            format!("# comment\n{USER}\n-\n{}", USER.replacen("- ", "  ", 1).replace("  name", "\n  name"));
        let records = read::<users::Entity>(&source(&text)).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].model.oidc_sub, "sub");
        assert_eq!((records[0].line(), records[0].line_of("email"), records[0].line_of("role")), (2, 4, 6));
        assert_eq!(
            (records[1].line(), records[1].line_of("email"), records[1].line_of("role")),
            (12, 14, 17)
        );
        assert_eq!(records[0].line_of("deleted_at"), 2, "a field that is left out is the record's");
    }

    #[test]
    fn a_file_without_records_is_an_empty_list() {
        for text in ["", "# nothing yet\n", "---\n", "[]", "~"] {
            assert!(read::<users::Entity>(&source(text)).unwrap().is_empty(), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_the_known_ones() {
        let error = broken("  role", "  rank");
        assert!(
            error.starts_with("f.yaml:5: unknown field `rank`, expected one of id, oidc_sub, email"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_field_is_reported_in_the_records_first_line() {
        assert_eq!(broken("  role: viewer\n", ""), "f.yaml:1: missing field `role`");
    }

    #[test]
    fn an_unknown_enum_value_is_named_with_the_known_ones() {
        assert_eq!(
            broken("viewer", "root"),
            "f.yaml:5: field `role`: `root` is not a value of user_role, \
             expected one of admin, campaign_manager, viewer"
        );
    }

    #[test]
    fn a_duplicate_key_is_an_error_at_every_depth() {
        assert_eq!(broken("  role", "  name: x\n  role"), "f.yaml:5: the key `name` is there twice");
        assert_eq!(broken("{}", "\n    a: 1\n    a: 2"), "f.yaml:8: the key `a` is there twice");
    }

    #[test]
    fn a_wrong_id_prefix_names_both() {
        assert_eq!(broken("usr_", "con_"), "f.yaml:1: field `id`: the id's prefix is `con`, expected `usr`");
    }

    #[test]
    fn a_personal_value_is_never_repeated() {
        for (from, to) in [
            ("viewer", "\"+14155550101\""),
            ("viewer", "secret@example.com"),
            ("2025-01-01T00:00:00Z", "secret@example.com"),
            ("usr_0000000000e0080000000000g1", "secret@example.com"),
            ("  role", "  secret@example.com: 1\n  role"),
            ("{}", "secret@example.com"),
        ] {
            let error = broken(from, to);
            assert!(!error.contains("secret") && !error.contains("1415555"), "{error}");
        }
    }

    #[test]
    fn a_value_of_another_type_names_the_field() {
        let contact = |line: &str| {
            let fields = "- id: con_0000000000e0080000000001g1
  organization_id: org_0000000000e008000000000081
  campaign_id: cmp_0000000000e008000000000181
  phone_number: x
  preferred_language: en
  has_prior_consent: true
";
            error::<contacts::Entity>(&format!("{fields}  {line}\n"))
        };
        assert_eq!(contact("do_not_call: yes"), "f.yaml:7: field `do_not_call`: expected true or false");
        assert_eq!(
            contact("attempts_count: 1.5"),
            "f.yaml:7: field `attempts_count`: expected a whole number of 64 bits"
        );
        assert_eq!(contact("email: [a]"), "f.yaml:7: field `email`: expected a text");
        let error = contact("created_at: 2025-13-01T00:00:00Z");
        assert!(error.ends_with(", write a time such as 2025-01-31T09:00:00Z"), "{error}");
    }

    #[test]
    fn a_value_on_a_line_of_several_names_its_own_field() {
        let error = error::<campaigns::Entity>("- {name: x, max_attempts: many, description: y}");
        assert_eq!(error, "f.yaml:1: field `max_attempts`: expected a whole number of 64 bits");
    }

    #[test]
    fn broken_yaml_is_reported_before_its_fields() {
        let error = broken("  email", " email");
        assert!(error.starts_with("f.yaml:3: ") && !error.contains("missing"), "{error}");
        assert!(broken("sub\n", "'sub\n").starts_with("f.yaml:"), "an open quote");
        assert!(broken("sub\n", "*sub\n").starts_with("f.yaml:2: "), "an unknown anchor");
    }

    #[test]
    fn what_is_no_list_of_records_is_refused() {
        assert!(error::<users::Entity>("id: x").contains("expected a list of records"));
        assert!(error::<users::Entity>("- x").contains("expected a record"));
        assert!(error::<users::Entity>("- [x]").contains("expected a record"));
        assert!(error::<users::Entity>(&format!("{USER}---\n{USER}")).contains("second YAML document"));
    }

    #[test]
    fn a_decimal_is_read_exactly() {
        let text = "- id: rsp_0000000000e0080000000001g1
  organization_id: org_0000000000e008000000000081
  contact_id: con_0000000000e0080000000001g1
  campaign_id: cmp_0000000000e008000000000181
  call_attempt_id: att_0000000000e008000000000181
  q1_confidence: 0.95
  q2_confidence: \"0.1\"
  q3_confidence: 1
  completed_at: 2025-01-01T00:00:00Z
  created_at: 2025-01-01T00:00:00Z
  updated_at: 2025-01-01T00:00:00Z
";
        let records = read::<survey_responses::Entity>(&source(text)).unwrap();
        let texts =
            [records[0].model.q1_confidence, records[0].model.q2_confidence, records[0].model.q3_confidence]
                .map(|decimal| decimal.unwrap().to_string());
        assert_eq!(texts, ["0.95", "0.1", "1"]);
    }
}
