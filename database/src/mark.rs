//! The mark of a production database, which a program that writes invented records reads first.

use crate::{AdminTx, Error};
use environment::Mark;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

impl AdminTx {
    /// Returns the name of the database if it is marked as production, and `None` otherwise, as on SQLite.
    #[expect(clippy::disallowed_methods, reason = "the catalogue has no entities")]
    pub async fn marked_as_production(&self) -> Result<Option<String>, Error> {
        let named = self.named("admin.marked_as_production");
        if ConnectionTrait::get_database_backend(&named) != DbBackend::Postgres {
            return Ok(None);
        }
        let row = named.query_one_raw(Statement::from_string(DbBackend::Postgres, Mark::QUERY)).await?;
        Ok(row.map(|row| row.try_get("", "name")).transpose()?)
    }
}
