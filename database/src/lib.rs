//! The data-access layer: every query runs in a transaction whose type states its tenant scope, all rows for the owner
//! or one organization's rows for a customer.
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
//! Each table has a module, whose functions are its queries; the first argument is the transaction, and its type is the
//! tenant scope. `find` takes the primary key and `find_by_x` another key, both return `None` for a row that does not
//! exist, is not visible to the actor or is deleted; `list` is paged and `list_by_x` states what it is keyed on. Every
//! query can fail with [`Error::Unavailable`], [`Error::Timeout`], [`Error::Retry`] and [`Error::Database`]; the
//! section "Errors" of a function lists what it returns besides. A query that is generated from `database/queries/`
//! needs PostgreSQL, and returns [`Error::PostgresRequired`] on SQLite.
//!
//! # Metrics and spans
//!
//! The crate `metrics` reports to whatever recorder the application installs; each query is a `tracing` span `query` with
//! its name, as in `contacts.claim_due`. Neither holds a value of a row.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `database_pool_connections` | gauge | `pool`, `state` | connections that are `open`, of them `idle` and `in_use`, when a transaction last began; of the pool `admin` or `customer` |
//! | `database_pool_waiting` | gauge | `pool` | tasks that wait for a connection |
//! | `database_pool_acquire_seconds` | histogram | `pool` | the wait for a connection, ping and `begin` included |
//! | `database_query_seconds` | histogram | `query` | the time of a statement until its first answer |
//! | `database_query_errors_total` | counter | `query` | statements that failed |

#![warn(missing_docs)]
#![expect(clippy::missing_errors_doc, reason = "the errors of every query are documented once, above")]

pub mod call_attempts;
pub mod campaigns;
mod clock;
pub mod contacts;
mod deadline;
pub mod email_notifications;
pub mod email_templates;
mod error;
pub mod events;
pub mod exclusion_list_entries;
mod generated;
mod observe;
pub mod organizations;
pub mod page;
mod pool;
pub mod provider_configs;
mod row;
mod settings;
mod startup;
pub mod survey_responses;
mod transaction;
pub mod transcript_snippets;
pub mod user_organizations;
pub mod users;

pub use error::{Error, Fault};
pub use generated::{constraint, schema};
pub use pool::Database;
pub use settings::{AppEnv, Settings, SettingsError, Url};
pub use transaction::{Actor, Admin, AdminTx, Customer, CustomerTx, Named, Rows, Scope, Tx};
