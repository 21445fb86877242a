//! The documents in `jsonb` columns: what the product knows by name, and everything else as it came.
//!
//! Reading never fails on an object. A known key whose value is null or of another type than the
//! field's stays in `other`, so a row of another writer is readable and is written back
//! unchanged. A field that is set wins over a key of the same name in `other`.

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::enums::CallOutcome;

/// What the dialogue understood of one answer; an element of [`EventPayload::answers`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Answer {
    /// 1 to 3.
    pub question_number: Option<i64>,
    pub answer: Option<String>,
    /// How sure the model was, 0 to 1; the number as it was written.
    pub confidence: Option<serde_json::Number>,
    pub other: Map<String, Value>,
}

/// `call_attempts.metadata`: facts that the telephony provider reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct CallMetadata {
    /// Length of the call in whole seconds.
    pub duration_seconds: Option<i64>,
    pub recording_url: Option<String>,
    pub other: Map<String, Value>,
}

/// `audit_log_entries.changes`: each changed column with its value before (`old`) and after (`new`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Changes(pub Map<String, Value>);

/// `events.payload`: what the event bus is told beyond the event's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct EventPayload {
    /// From 1.
    pub attempt_number: Option<i64>,
    pub outcome: Option<CallOutcome>,
    /// `None` when the key is absent, which is not the same as an empty list.
    pub answers: Option<Vec<Answer>>,
    pub other: Map<String, Value>,
}

/// `organizations.metadata` and `users.metadata`: settings that only their readers know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Preferences(pub Map<String, Value>);

/// `retention_runs.removed`: the number of rows that were removed from each table, and of `recordings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct RemovedRows(pub Map<String, Value>);

impl From<Map<String, Value>> for Answer {
    fn from(mut map: Map<String, Value>) -> Self {
        Self {
            question_number: take(&mut map, "question_number", Value::as_i64),
            answer: take(&mut map, "answer", text),
            confidence: take(&mut map, "confidence", |value| value.as_number().cloned()),
            other: map,
        }
    }
}

impl From<Answer> for Map<String, Value> {
    fn from(Answer { question_number, answer, confidence, other }: Answer) -> Self {
        let mut map = other;
        put(&mut map, "question_number", question_number);
        put(&mut map, "answer", answer);
        put(&mut map, "confidence", confidence);
        map
    }
}

impl From<Map<String, Value>> for CallMetadata {
    fn from(mut map: Map<String, Value>) -> Self {
        Self {
            duration_seconds: take(&mut map, "duration_seconds", Value::as_i64),
            recording_url: take(&mut map, "recording_url", text),
            other: map,
        }
    }
}

impl From<CallMetadata> for Map<String, Value> {
    fn from(CallMetadata { duration_seconds, recording_url, other }: CallMetadata) -> Self {
        let mut map = other;
        put(&mut map, "duration_seconds", duration_seconds);
        put(&mut map, "recording_url", recording_url);
        map
    }
}

impl From<Map<String, Value>> for EventPayload {
    fn from(mut map: Map<String, Value>) -> Self {
        Self {
            attempt_number: take(&mut map, "attempt_number", Value::as_i64),
            outcome: take(&mut map, "outcome", |value| value.as_str()?.parse().ok()),
            answers: take(&mut map, "answers", |value| {
                value.as_array()?.iter().map(|answer| answer.as_object().cloned().map(Answer::from)).collect()
            }),
            other: map,
        }
    }
}

impl From<EventPayload> for Map<String, Value> {
    fn from(EventPayload { attempt_number, outcome, answers, other }: EventPayload) -> Self {
        let mut map = other;
        put(&mut map, "attempt_number", attempt_number);
        put(&mut map, "outcome", outcome.map(|outcome| outcome.to_string()));
        put(&mut map, "answers", answers.map(|list| list.into_iter().map(Self::from).collect::<Vec<_>>()));
        map
    }
}

/// Moves a key's value out of the map if `read` understands it, and leaves it there if not.
fn take<T>(map: &mut Map<String, Value>, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
    let value = map.get(key).and_then(read)?;
    map.remove(key);
    Some(value)
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    fn read<T: DeserializeOwned + Serialize>(document: &Value) -> T {
        let read = serde_json::from_value::<T>(document.clone()).expect("an object is readable");
        assert_eq!(serde_json::to_value(&read).unwrap(), *document, "written back unchanged");
        read
    }

    #[test]
    fn known_keys_are_typed_and_unknown_keys_are_kept() {
        let payload: EventPayload = read(&json!({
            "attempt_number": 2,
            "outcome": "no_answer",
            "answers": [
                { "question_number": 1, "answer": "nine", "confidence": 0.95, "audio": [0, 1] },
                { "answer": "yes", "confidence": 1 },
                {},
            ],
            "trace": { "id": "7" },
        }));
        assert_eq!(payload.attempt_number, Some(2));
        assert_eq!(payload.outcome, Some(CallOutcome::NoAnswer));
        let answers = payload.answers.unwrap();
        assert_eq!(answers[0].question_number, Some(1));
        assert_eq!(answers[0].confidence, serde_json::Number::from_f64(0.95));
        assert_eq!(answers[0].other["audio"], json!([0, 1]));
        assert_eq!(answers[1].answer.as_deref(), Some("yes"));
        assert_eq!(answers[2], Answer::default());
        assert_eq!(Value::Object(payload.other), json!({ "trace": { "id": "7" } }));

        let metadata: CallMetadata =
            read(&json!({ "duration_seconds": 61, "recording_url": "https://r/1", "price": "0.01" }));
        assert_eq!(metadata.duration_seconds, Some(61));
        assert_eq!(metadata.recording_url.as_deref(), Some("https://r/1"));
        assert_eq!(metadata.other["price"], "0.01");

        let preferences: Preferences = read(&json!({ "theme": "dark", "pages": [10, 20] }));
        assert_eq!(preferences.0["theme"], "dark");
    }

    #[test]
    fn a_known_key_of_another_type_is_left_in_other() {
        for known in ["attempt_number", "outcome", "answers"] {
            for value in [
                json!(null),
                json!("?"),
                json!(1.5),
                json!(u64::MAX),
                json!(["x"]),
                json!({ "completed": null }),
            ] {
                let payload: EventPayload = read(&json!({ known: value }));
                assert_eq!(payload, EventPayload { other: payload.other.clone(), ..EventPayload::default() });
                assert_eq!(payload.other[known], value);
            }
        }
        let metadata: CallMetadata = read(&json!({ "duration_seconds": "61", "recording_url": null }));
        assert_eq!((metadata.duration_seconds, metadata.recording_url), (None, None));
        let payload: EventPayload =
            read(&json!({ "answers": [{ "answer": 9, "confidence": null, "question_number": "1" }] }));
        assert_eq!(payload.answers.unwrap()[0].other["answer"], 9);
    }

    #[test]
    fn a_field_that_is_set_wins_over_what_was_not_understood() {
        let mut payload: EventPayload = read(&json!({ "outcome": null }));
        payload.outcome = Some(CallOutcome::Busy);
        assert_eq!(serde_json::to_string(&payload).unwrap(), r#"{"outcome":"busy"}"#);
    }

    #[test]
    fn the_default_document_is_empty() {
        assert_eq!(serde_json::to_string(&EventPayload::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&CallMetadata::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Preferences::default()).unwrap(), "{}");
    }

    #[test]
    fn a_document_that_is_not_an_object_is_refused() {
        for document in [json!(null), json!([]), json!("{}"), json!(1), json!([["theme", "dark"]])] {
            assert!(serde_json::from_value::<EventPayload>(document.clone()).is_err(), "{document}");
            assert!(serde_json::from_value::<CallMetadata>(document.clone()).is_err(), "{document}");
            assert!(serde_json::from_value::<Preferences>(document.clone()).is_err(), "{document}");
        }
    }
}
