//! Spans and metrics of transactions and statements: names, ids and durations, never another value of a row.

use crate::actor::BoundActor;
use metrics::{counter, histogram};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::{Instrument, Span, debug_span, warn};

/// Watches a transaction from its binding until it is dropped, which its end includes.
pub(crate) struct Watch {
    scope: &'static str,
    span: Span,
    started: Instant,
    /// The duration from which a transaction is logged; zero: never.
    long: Duration,
    /// The names of its queries, in the order of their first run.
    queries: Mutex<Vec<&'static str>>,
}

impl Watch {
    pub(crate) fn new(scope: &'static str, actor: Option<BoundActor>, long: Duration) -> Self {
        let span = debug_span!(
            "transaction",
            scope,
            organization = actor.map(|actor| display(actor.organization())),
            user = actor.and_then(BoundActor::user).map(display),
        );
        Self { scope, span, started: Instant::now(), long, queries: Mutex::default() }
    }

    /// Runs a statement in a span, and records its duration and whether it failed.
    pub(crate) async fn query<T, E>(
        &self,
        name: &'static str,
        query: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.remember(name);
        let span = debug_span!(parent: &self.span, "query", query = name);
        let started = Instant::now();
        let result = query.instrument(span).await;
        histogram!("database_query_seconds", "query" => name).record(started.elapsed());
        if result.is_err() {
            counter!("database_query_errors_total", "query" => name).increment(1);
        }
        result
    }

    fn remember(&self, name: &'static str) {
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        if !queries.contains(&name) {
            queries.push(name);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        histogram!("database_transaction_seconds", "scope" => self.scope).record(took);
        if !self.long.is_zero() && took >= self.long {
            let queries = self.queries.get_mut().unwrap_or_else(PoisonError::into_inner).join(", ");
            warn!(parent: &self.span, scope = self.scope, ?took, queries, "a transaction was open for long");
        }
    }
}
