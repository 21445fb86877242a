//! Tests on both engines.

use crate::{SqliteFile, connect, empty_with_role, migrated};
use sea_orm::{DatabaseConnection, DbBackend};
use std::any::Any;

/// A database of one engine, and a connection to it.
#[derive(Debug)]
pub struct Engine {
    /// One connection; see [`connect`].
    pub db: DatabaseConnection,
    /// The database's URL.
    pub url: String,
    // Dropped after the connection.
    _database: Box<dyn Any + Send + Sync>,
}

impl Engine {
    /// An empty PostgreSQL database, on a server with the role `customer`.
    pub async fn empty_postgresql(name: &str) -> Self {
        let database = empty_with_role(name).await;
        Self::new(database.url(), database).await
    }

    /// A SQLite file without tables.
    pub async fn empty_sqlite(_: &str) -> Self {
        let file = SqliteFile::new();
        Self::new(file.url(), file).await
    }

    /// A migrated PostgreSQL database.
    pub async fn migrated_postgresql(name: &str) -> Self {
        let database = migrated(name).await;
        Self::new(database.url(), database).await
    }

    /// A migrated SQLite file.
    pub async fn migrated_sqlite(_: &str) -> Self {
        let file = SqliteFile::migrated().await;
        Self::new(file.url(), file).await
    }

    /// Another migrated database of the same engine.
    pub async fn another(&self, name: &str) -> Self {
        match self.db.get_database_backend() {
            DbBackend::Postgres => Self::migrated_postgresql(name).await,
            _ => Self::migrated_sqlite(name).await,
        }
    }

    /// An empty database of the same engine.
    pub async fn another_empty(&self, name: &str) -> Self {
        match self.db.get_database_backend() {
            DbBackend::Postgres => Self::empty_postgresql(name).await,
            _ => Self::empty_sqlite(name).await,
        }
    }

    async fn new(url: String, database: impl Any + Send + Sync) -> Self {
        let db = connect(&url).await.unwrap_or_else(|error| panic!("{error}"));
        Self { db, url, _database: Box::new(database) }
    }
}

/// Declares the tests `<name>::on_postgresql` and `<name>::on_sqlite` of each function. The function takes the
/// [`Engine`] of a new database, which is `empty` or `migrated`.
///
/// ```
/// use tests::engine::{Engine, on_both_engines};
///
/// on_both_engines!(migrated: every_table_is_empty);
///
/// async fn every_table_is_empty(Engine { db, .. }: &Engine) {
///     // …
/// #   let _ = db;
/// }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    (empty: $($name:ident),+ $(,)?) => {
        $($crate::on_both_engines!(@ $name empty_postgresql empty_sqlite);)+
    };
    (migrated: $($name:ident),+ $(,)?) => {
        $($crate::on_both_engines!(@ $name migrated_postgresql migrated_sqlite);)+
    };
    (@ $name:ident $postgresql:ident $sqlite:ident) => {
        mod $name {
            #[tokio::test]
            async fn on_postgresql() {
                super::$name(&$crate::engine::Engine::$postgresql(stringify!($name)).await).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                super::$name(&$crate::engine::Engine::$sqlite(stringify!($name)).await).await;
            }
        }
    };
}
pub use on_both_engines;
