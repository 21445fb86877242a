//! The plan of each statement that a query of `database` runs, as the server reports it to the session that ran it.
//!
//! The server's `auto_explain` logs the plan of each statement, those of triggers and foreign keys included, as a notice.
//! sqlx passes notices to `tracing`, where the span of the query names it.

use crate::cases::{Case, Run};
use crate::large::configure;
use crate::world::World;
use database::{Error, Scope, Tx};
use scratch::Database;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The rows from which a table counts as large, as a part of the contacts.
const LARGE: f64 = 0.02;

/// The part of a large table that a query reads at most, unless it states why it reads more.
const READ: f64 = 0.25;

/// The part of the rows read that a filter, or a limit after a sort, discards at most.
const DISCARDED: f64 = 0.9;

/// What the server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The plan of each statement, those of triggers and foreign keys included, with the numbers of its run.
    Plans,
    /// The same of the query's own statements.
    Own,
    /// The same for a reader, with times.
    Text,
    /// The time of the query's own statements.
    Times,
}

/// How the server plans a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For its values, as in the first five runs.
    Custom,
    /// Once for all values.
    Generic,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Custom { "custom" } else { "generic" })
    }
}

/// Has later sessions on the database report what they run. `None`: the server chooses between both modes, as usual.
pub async fn report(database: &Database, report: Report, mode: Option<Mode>) {
    let on = |wanted: bool| if wanted { "on" } else { "off" };
    let mode = mode.map_or("auto".to_owned(), |mode| format!("force_{mode}_plan"));
    // Parallel workers depend on the machine, and not on the query.
    let workers = if report == Report::Plans { "0" } else { "default" };
    let parameters = [
        ("session_preload_libraries", "'auto_explain'"),
        ("auto_explain.log_analyze", on(report != Report::Times)),
        ("auto_explain.log_buffers", on(report != Report::Times)),
        (
            "auto_explain.log_format",
            if matches!(report, Report::Plans | Report::Own) { "json" } else { "text" },
        ),
        ("auto_explain.log_level", "notice"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", on(report == Report::Plans)),
        ("auto_explain.log_timing", on(report == Report::Text)),
        ("max_parallel_workers_per_gather", workers),
        ("plan_cache_mode", &mode),
    ];
    configure(database, &parameters).await;
}

/// What the server reported about one statement.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The name of the query, as `contacts.claim_due`; empty: the beginning of a transaction.
    pub query: String,
    /// Its text.
    pub text: String,
}

impl Notice {
    /// The time that the server took, in milliseconds.
    pub fn milliseconds(&self) -> f64 {
        let time = self.text.strip_prefix("duration: ").and_then(|text| text.split(' ').next());
        time.and_then(|time| time.parse().ok()).unwrap_or_else(|| panic!("no report: {}", self.text))
    }

    /// The plan of [`Report::Plans`].
    pub fn plan(&self) -> Plan {
        let (_, json) = self.text.split_once("plan:\n").unwrap_or_default();
        let mut whole: Value = serde_json::from_str(json).unwrap();
        let sql = whole["Query Text"].as_str().unwrap_or_default().to_owned();
        Plan { query: self.query.clone(), sql, root: whole["Plan"].take() }
    }
}

/// The plan of one statement, with the numbers of its run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the query, as `contacts.claim_due`.
    pub query: String,
    /// The statement.
    pub sql: String,
    /// The root.
    root: Value,
}

/// A part of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0[key].as_str()
    }

    fn number(self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_default()
    }

    /// What it does, as `Index Scan`.
    pub fn kind(self) -> &'a str {
        self.text("Node Type").unwrap_or_default()
    }

    /// The table that it reads.
    pub fn table(self) -> Option<&'a str> {
        self.text("Relation Name").filter(|_| self.kind() != "ModifyTable")
    }

    /// The index that it reads.
    pub fn index(self) -> Option<&'a str> {
        self.text("Index Name")
    }

    /// The rows that it read and then discarded.
    fn discarded(self) -> f64 {
        let keys = ["Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter"];
        keys.map(|key| self.number(key)).iter().sum::<f64>() * self.number("Actual Loops")
    }

    /// The rows that it read.
    fn read(self) -> f64 {
        self.returned() + self.discarded()
    }

    /// The rows that it returned.
    fn returned(self) -> f64 {
        self.number("Actual Rows") * self.number("Actual Loops")
    }

    /// The rows that it sorted; 0: it does not sort.
    fn sorted(self) -> f64 {
        let input = self.0["Plans"][0].as_object().filter(|_| self.kind().ends_with("Sort"));
        input.map_or(0.0, |_| Node(&self.0["Plans"][0]).returned())
    }
}

impl Plan {
    /// Its parts, the root first.
    pub fn nodes(&self) -> Vec<Node<'_>> {
        let (mut found, mut open) = (Vec::new(), vec![&self.root]);
        while let Some(node) = open.pop() {
            found.push(Node(node));
            open.extend(node["Plans"].as_array().into_iter().flatten().rev());
        }
        found
    }

    /// What it does, in the order of the plan: each kind of step once, a scan with its index or table.
    pub fn shape(&self) -> Vec<String> {
        let mut shape = Vec::new();
        for node in self.nodes() {
            let step = match (node.index(), node.table()) {
                (Some(index), _) => format!("{} `{index}`", node.kind()),
                (None, Some(table)) if node.kind() != "Bitmap Heap Scan" => {
                    format!("{} {table}", node.kind())
                }
                _ => node.kind().to_owned(),
            };
            if !["CTE Scan", "Result", "Subquery Scan", "Hash", "Materialize"].contains(&node.kind())
                && !shape.contains(&step)
            {
                shape.push(step);
            }
        }
        shape
    }

    /// The indexes that it reads.
    pub fn indexes(&self) -> impl Iterator<Item = &str> {
        self.nodes().into_iter().filter_map(Node::index)
    }

    /// What it reads in excess: a large table sequentially, a large part of one, or rows of which a filter, or a limit after
    /// a sort, discards nearly all. `rows` are the numbers of rows by table.
    pub fn excesses(&self, rows: &BTreeMap<String, f64>) -> Vec<String> {
        let large = rows["contacts"] * LARGE;
        let mut found = Vec::new();
        for node in self.nodes() {
            let table = node.table().unwrap_or("a join");
            let all = node.table().and_then(|table| rows.get(table)).copied().unwrap_or_default();
            let (read, discarded) = (node.read(), node.discarded());
            let what = if node.kind() == "Seq Scan" && all >= large {
                format!("a sequential scan of {table}")
            } else if discarded >= large && discarded > DISCARDED * read {
                format!("{} on {table} discards {discarded} of {read} rows", node.kind())
            } else if node.sorted() >= large && node.returned() < (1.0 - DISCARDED) * node.sorted() {
                format!("a sort of {} rows of which {} are returned", node.sorted(), node.returned())
            } else if all >= large && read >= READ * all {
                format!("{} on {table} reads {read} of {all} rows", node.kind())
            } else {
                continue;
            };
            found.push(what);
        }
        found
    }
}

/// Records the reports about this thread's statements until it is dropped.
pub struct Recorder {
    state: Recorded,
    _recording: DefaultGuard,
    _second: Dispatch,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<(String, Vec<Notice>)>>);

impl Recorder {
    /// A recorder that has recorded nothing.
    pub fn start() -> Self {
        let state = Recorded::default();
        let recording = tracing::subscriber::set_default(tracing_subscriber::registry().with(state.clone()));
        // With one subscriber alone, tracing asks that of the thread which meets a span first.
        let second = Dispatch::new(tracing_subscriber::registry());
        Self { state, _recording: recording, _second: second }
    }

    /// What was reported since the last call.
    pub fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut self.state.0.lock().unwrap().1)
    }
}

impl<S: Subscriber> Layer<S> for Recorded {
    /// Statements run one after the other, so that a notice belongs to the newest span. A stream's arrive outside of it.
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let name = attributes.metadata().name();
        if ["query", "transaction"].contains(&name) {
            let mut text = Text::default();
            attributes.record(&mut text);
            self.0.lock().unwrap().0 = if name == "query" { text.0 } else { String::new() };
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            let mut text = Text::default();
            event.record(&mut text);
            let mut state = self.0.lock().unwrap();
            if text.0.starts_with("duration: ") {
                let query = state.0.clone();
                state.1.push(Notice { query, text: text.0 });
            }
        }
    }
}

/// The field `query` of a span, or the message of an event.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if ["query", "message"].contains(&field.name()) {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Runs a case in each scope that it accepts, and rolls back.
pub async fn run(world: &World, case: &Case) {
    if let Some(call) = case.admin {
        run_in(world, world.database.admin().await.unwrap(), case.query, call).await;
    }
    if let Some(call) = case.customer {
        run_in(world, world.database.customer(world.actor).await.unwrap(), case.query, call).await;
    }
}

/// Runs a case in the narrowest scope that it accepts, and rolls back.
pub async fn run_once(world: &World, case: &Case) {
    match (case.customer, case.admin) {
        (Some(call), _) => {
            run_in(world, world.database.customer(world.actor).await.unwrap(), case.query, call).await;
        }
        (None, Some(call)) => {
            run_in(world, world.database.admin().await.unwrap(), case.query, call).await;
        }
        (None, None) => {}
    }
}

/// Runs a case in a transaction, and rolls back.
pub async fn run_in<S: Scope>(world: &World, tx: Tx<S>, query: &str, call: Run<Tx<S>>) {
    let result = call(world, &tx).await;
    tx.rollback().await.unwrap();
    // Some insert what exists.
    assert!(matches!(result, Ok(_) | Err(Error::Constraint(_))), "{query}: {result:?}");
}

/// The names that the sources of `database` give to their statements.
pub fn names() -> BTreeSet<String> {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../database/src");
    let mut found = BTreeSet::new();
    for directory in [sources.join("generated"), sources] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                for call in ["tx.query(\"", "tx.postgres(\""] {
                    let names = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                    found.extend(names.map(ToOwned::to_owned));
                }
            }
        }
    }
    found
}
