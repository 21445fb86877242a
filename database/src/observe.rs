//! What is told of queries and pools: names and times, and never a value.

use metrics::{counter, histogram};
use std::time::Instant;
use tracing::Instrument;

/// A query as it is observed: its operation and the table it names first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    operation: &'static str,
    table: String,
}

impl Query {
    /// Reads both from the statement's text, which holds placeholders in place of values.
    pub(crate) fn of(sql: &str) -> Self {
        let mut words = sql.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'));
        let first = words.by_ref().find(|word| !word.is_empty()).unwrap_or_default();
        let operation = ["select", "insert", "update", "delete", "with", "copy", "set", "lock"]
            .into_iter()
            .find(|known| first.eq_ignore_ascii_case(known))
            .unwrap_or("other");
        let mut after = first.eq_ignore_ascii_case("update");
        let table = words
            .filter(|word| !word.is_empty())
            .find(|word| {
                if word.eq_ignore_ascii_case("only") {
                    return false;
                }
                let found = after;
                after =
                    ["from", "into", "update", "join"].iter().any(|known| word.eq_ignore_ascii_case(known));
                found
            })
            .map(|word| word.trim_matches('"'))
            .filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        Self { operation, table: table.unwrap_or_default().to_owned() }
    }

    /// Runs the query in a span, and records its time and whether it failed.
    pub(crate) async fn run<T, E>(self, query: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let Self { operation, table } = self;
        let span = tracing::debug_span!("query", operation, table = table.as_str());
        let started = Instant::now();
        let result = query.instrument(span).await;
        let labels = [("operation", operation.to_owned()), ("table", table)];
        histogram!("database_query_seconds", &labels).record(started.elapsed());
        if result.is_err() {
            counter!("database_query_errors_total", &labels).increment(1);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn a_query_is_named_by_its_operation_and_first_table() {
        for (sql, operation, table) in [
            (r#"SELECT "c"."id" FROM "contacts" AS c JOIN "users""#, "select", "contacts"),
            ("insert into events(id) values ($1)", "insert", "events"),
            (r#"UPDATE "campaigns" SET "name" = $1"#, "update", "campaigns"),
            ("delete from only call_attempts where id = $1", "delete", "call_attempts"),
            ("with due as (select id from contacts)\nupdate contacts", "with", "contacts"),
            ("select set_config('a', $1, true)", "select", ""),
            ("", "other", ""),
        ] {
            let expected = Query { operation, table: table.to_owned() };
            assert_eq!(Query::of(sql), expected, "{sql}");
        }
    }
}
