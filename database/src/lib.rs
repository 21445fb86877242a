//! The data-access layer: every query runs in a transaction whose type is its tenant scope, all rows or one
//! organization's rows.
//!
//! ```no_run
//! # async fn example(actor: database::Actor) -> Result<(), database::Error> {
//! use database::{Database, Settings};
//!
//! let database = Database::connect(&Settings::from_env()?).await?;
//! let tx = database.customer(actor).await?;
//! // … queries on `&tx` …
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Queries
//!
//! Each table has a module, named after the table, and each query is a function of the module of the table that it is
//! about. Most are written with SeaORM's builder; the SQL of the others lives in `database/queries/`. The path, the
//! signature and the span of a function do not show which kind it is. The conventions, which `tests/conventions.rs`
//! checks:
//!
//! - The first parameter is the transaction, and its type is the tenant scope: [`&CustomerTx`](CustomerTx) is limited to
//!   one organization by Row Level Security, [`&AdminTx`](AdminTx) sees all rows, and `&Tx<impl Scope>` accepts both. A
//!   connection is not accepted.
//! - `find` takes the primary key, `find_by_<key>` another key, and `find_<state>` none. They return `Option`: `None` if
//!   the row does not exist, is not visible in the scope, or is marked as deleted.
//! - `list` returns a [`Page`](page::Page) of the table's rows, newest first. `list_by_<key>` takes that key first, and
//!   `list_<state>` returns the rows in a state. The return type is a `Page` where the number of rows is unbounded, and
//!   a `Vec` where the key or the parameter `batch` bounds it.
//! - The key in a name lists its columns in the order of the parameters, without their `_id`:
//!   `find_by_contact_and_campaign(tx, contact_id, campaign_id)`. Filters follow the key; the filter `None` matches any
//!   value.
//! - `count` returns a number, and `count_by_<column>` a number for each value.
//! - `create` inserts a row and returns it, `create_many` inserts any number of rows, and `create_once` inserts a row
//!   unless it exists. `update` changes the columns that are set and returns the row. `delete` marks a row as deleted.
//! - `add` and `remove` edit a set, such as the exclusion list: adding an element twice is not an error.
//!
//! A query that changes one row, or needs one, returns [`Error::NotFound`] with the name of the entity if that row does
//! not exist, is not visible in the scope, or is marked as deleted. An insert or update returns [`Error::Constraint`] if
//! the input violates a constraint, and [`Error::Deleted`] if it refers to a row that is marked as deleted; the section
//! "Deleted rows" of a function states what it does with each such row. Every query can return [`Error::Unavailable`],
//! [`Error::Timeout`], [`Error::Retry`] and [`Error::Database`]. A query of `database/queries/` requires PostgreSQL, and
//! returns [`Error::PostgresRequired`] on SQLite. The section "Errors" of a function lists what these rules leave open.
//!
//! # Vocabulary
//!
//! A tenant is an organization: ids, columns and parameters call it the organization, and "tenant" appears only in the
//! terms tenant scope and tenant isolation. An [`Actor`] is a user who acts for an organization, a [`SystemActor`] a
//! program that does, and a customer transaction belongs to one of them.
//!
//! # Metrics and spans
//!
//! Metrics go to the recorder that the application installs with the crate `metrics`. Each transaction is a `tracing` span
//! `transaction` with the fields `scope`, `organization` and `user`, the ids of the actor. Each statement is a span `query`
//! in it, whose field `query` is the name of the function: `contacts.claim_due`. Neither contains another value of a row.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `database_pool_connections` | gauge | `pool`, `state` | connections of the pool `admin` or `customer`, or of a replica by its address, when a transaction last began: `open`, and of these `idle` and `in_use` |
//! | `database_pool_waiting` | gauge | `pool` | tasks waiting for a connection |
//! | `database_pool_acquire_seconds` | histogram | `pool` | seconds until a transaction has begun: the wait for a connection, its ping and `begin` |
//! | `database_transaction_seconds` | histogram | `scope` | seconds from the binding of a transaction of the scope `admin` or `customer` to its end |
//! | `database_query_seconds` | histogram | `query` | seconds until the first response to a statement |
//! | `database_query_errors_total` | counter | `query` | failed statements |
//! | `database_reads_total` | counter | `target` | transactions of `Database::read` and `read_after` on a `replica` or the `primary` |
//! | `database_replica_lag_seconds` | gauge | `replica` | the lag of the replica at this address when it was last examined |
//! | `database_replica_checks_total` | counter | `replica`, `state` | examinations that found the replica `usable`, `unreachable`, `behind`, `promoted` or `refused` |

#![warn(missing_docs)]
#![expect(
    clippy::missing_errors_doc,
    reason = "errors that every query can return are documented once, in the crate documentation"
)]

mod actor;
pub mod audit_log_entries;
pub mod call_attempts;
pub mod campaigns;
mod clock;
pub mod contacts;
mod database;
mod deadline;
mod driver;
pub mod email_notifications;
pub mod email_templates;
mod error;
pub mod events;
pub mod exclusion_list_entries;
mod failover;
mod generated;
mod mark;
mod observe;
pub mod organizations;
pub mod page;
mod parent;
mod pool;
mod position;
pub mod provider_configs;
mod replica;
mod row;
mod session;
mod settings;
mod shard;
mod signature;
mod startup;
mod streamed;
pub mod survey_responses;
mod transaction;
pub mod transcript_snippets;
pub mod user_organizations;
pub mod users;

pub use actor::{Actor, BoundActor, SystemActor};
pub use database::Database;
pub use driver::Rows;
pub use environment::{AppEnv, Mark, SigningKey};
pub use error::{ActorError, Error, Fault};
pub use generated::{constraint, schema};
pub use position::{NotAPosition, Position};
pub use settings::{Settings, SettingsError, Url};
pub use transaction::{Admin, AdminTx, Customer, CustomerTx, Named, Scope, Tx};
