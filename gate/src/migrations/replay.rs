//! The SQL of the migrations, executed one after the other on an empty PostgreSQL database.

pub(crate) mod rows;

use crate::{Catalogue, Error, subject};
use migration::Emitted;
use scratch::Database;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeMap;

/// A database and the one connection to it.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) connection: PgConnection,
    _database: Database,
}

impl Replay {
    /// Starts on an empty database.
    pub(crate) async fn start() -> Result<Self, Error> {
        Self::on(subject::empty("replay")?).await
    }

    /// Continues on a database.
    pub(crate) async fn on(database: Database) -> Result<Self, Error> {
        let connection = PgConnection::connect(&database.url()).await?;
        Ok(Self { connection, _database: database })
    }

    /// Runs `up`, as the migrator does it.
    pub(crate) async fn up(&mut self, migration: &Emitted) -> Result<(), sqlx::Error> {
        self.run(&migration.postgres.up, migration.transactional).await
    }

    /// Runs `down`, as the migrator does it.
    pub(crate) async fn down(&mut self, migration: &Emitted) -> Result<(), sqlx::Error> {
        self.run(&migration.postgres.down, migration.transactional).await
    }

    async fn run(&mut self, texts: &[String], transactional: bool) -> Result<(), sqlx::Error> {
        if !transactional {
            return execute(&mut self.connection, texts).await;
        }
        let mut transaction = self.connection.begin().await?;
        execute(&mut transaction, texts).await?;
        transaction.commit().await
    }

    /// Runs `up`, and returns the older tables that it locks in a mode stronger than ROW EXCLUSIVE, or rewrites, each with
    /// the strongest lock as headers write it: `access exclusive, rewritten`.
    pub(crate) async fn trace(&mut self, migration: &Emitted) -> Result<BTreeMap<String, String>, Error> {
        let before: Vec<(i64, String, i64)> =
            sqlx::query_as(include_str!("replay/tables.sql")).fetch_all(&mut self.connection).await?;
        let mut locks: Vec<(i64, String)> = Vec::new();
        if migration.transactional {
            let mut transaction = self.connection.begin().await?;
            execute(&mut transaction, &migration.postgres.up).await?;
            locks = sqlx::query_as(include_str!("replay/locks.sql")).fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
        } else {
            execute(&mut self.connection, &migration.postgres.up).await?;
        }
        let after: Vec<(i64, String, i64)> =
            sqlx::query_as(include_str!("replay/tables.sql")).fetch_all(&mut self.connection).await?;
        let touched = before.into_iter().filter_map(|(oid, table, storage)| {
            let mode = locks.iter().find(|(locked, _)| *locked == oid).map(|(_, mode)| mode.clone());
            let rewritten = after.iter().any(|(same, _, other)| *same == oid && *other != storage);
            let mode = mode.or_else(|| rewritten.then(|| "access exclusive".to_owned()))?;
            Some((table, if rewritten { mode + ", rewritten" } else { mode }))
        });
        Ok(touched.collect())
    }

    /// Every object of the database.
    pub(crate) async fn catalogue(&mut self) -> Result<Catalogue, Error> {
        Catalogue::read(&mut self.connection).await
    }
}

/// Runs texts as they are.
pub(crate) async fn execute(connection: &mut PgConnection, texts: &[String]) -> Result<(), sqlx::Error> {
    for text in texts {
        sqlx::raw_sql(AssertSqlSafe(text.as_str())).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Replay;
    use crate::catalogue::LEDGER;
    use crate::{Subject, Workspace};

    #[tokio::test]
    async fn a_replay_creates_what_the_migrator_creates() {
        let subject = Subject::migrated(Workspace::at(None)).await.unwrap();
        let mut replay = Replay::start().await.unwrap();
        for migration in subject.emitted() {
            replay.up(migration).await.unwrap();
        }
        let replayed = replay.catalogue().await.unwrap();
        let migrated = subject.catalogue().await.unwrap();
        // The migrator's own: the ledger, and the comments of schema_annotations.yaml.
        let differences = replayed.changes(migrated).into_keys();
        let mut others =
            differences.filter(|name| !name.starts_with("table ") && !name.starts_with("column "));
        assert!(others.all(|name| name.contains("seaql_migrations")));
        let differences =
            replayed.clone().without_comments().differences(&migrated.clone().without_comments());
        assert_eq!(differences.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(), [LEDGER]);
    }
}
