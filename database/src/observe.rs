//! Spans and metrics of statements: the query's name and the duration, never a value.

use metrics::{counter, histogram};
use std::time::Instant;
use tracing::Instrument;

/// Runs a statement in a span, and records its duration and whether it failed.
pub(crate) async fn query<T, E>(
    name: &'static str,
    query: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::debug_span!("query", query = name);
    let started = Instant::now();
    let result = query.instrument(span).await;
    histogram!("database_query_seconds", "query" => name).record(started.elapsed());
    if result.is_err() {
        counter!("database_query_errors_total", "query" => name).increment(1);
    }
    result
}
