//! The one way to the database: a transaction of the owner, or of a customer who sees one organization's rows.
//!
//! ```no_run
//! # async fn example(tenant: database::Tenant) -> Result<(), database::Error> {
//! use database::{Database, Settings};
//!
//! let database = Database::connect(&Settings::from_env()?).await?;
//! let tx = database.customer(tenant).await?;
//! // … queries on `&tx` …
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is measured
//!
//! Through the crate `metrics`, into whatever recorder the application installs; and each query is a `tracing` span
//! `query` with `operation` and `table`. Neither holds a value of a row.
//!
//! | figure | kind | labels | meaning |
//! |---|---|---|---|
//! | `database_pool_connections` | gauge | `pool`, `state` | connections that are `open`, of them `idle` and `in_use`, when a transaction last began; of the pool `admin` or `customer` |
//! | `database_pool_waiting` | gauge | `pool` | tasks that wait for a connection |
//! | `database_pool_acquire_seconds` | histogram | `pool` | how long a task waited for its connection, including the ping and `begin` |
//! | `database_query_seconds` | histogram | `operation`, `table` | how long a statement took, until its first answer |
//! | `database_query_errors_total` | counter | `operation`, `table` | statements that failed |

pub mod call_attempts;
pub mod campaigns;
mod clock;
pub mod codegen;
pub mod contacts;
mod deadline;
pub mod email_notifications;
pub mod email_templates;
mod error;
pub mod events;
pub mod exclusion_list_entries;
mod observe;
pub mod organizations;
pub mod page;
mod pool;
pub mod provider_configs;
mod row;
pub mod schema;
mod settings;
mod startup;
pub mod survey_responses;
mod transaction;
pub mod transcript_snippets;
pub mod user_organizations;
pub mod users;

pub use error::{Error, Fault};
pub use pool::Database;
pub use settings::{AppEnv, Settings, SettingsError, Url};
pub use transaction::{Admin, AdminTx, Customer, CustomerTx, Rows, Tenant, Tx};
