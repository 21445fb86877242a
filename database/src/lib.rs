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

mod error;
mod observe;
mod pool;
pub mod schema;
mod settings;
mod startup;
mod transaction;

pub use error::{Error, Fault};
pub use pool::Database;
pub use settings::{AppEnv, Settings, SettingsError, Url};
pub use transaction::{Admin, AdminTx, Customer, CustomerTx, Rows, Tenant, Tx};
