//! The keys that sign the actors of customer transactions: `signing_keys`.
//!
//! As long as there is one, the server refuses unsigned actors: customers lose the privilege to execute
//! `accepts_unsigned_actors()`. To replace a key without downtime, add the new one, give it to the applications, and retire
//! the old one.

use crate::{Error, Target};
use chrono::{DateTime, Utc};
use environment::SigningKey;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    TransactionTrait,
};
use std::fmt::Write as _;

/// A row of `signing_keys`, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The id, the first part of `CONTEXT_SIGNING_KEY`.
    pub id: Uuid,
    /// The time at which it was added.
    pub created_at: DateTime<Utc>,
    /// The time from which it is no longer accepted; `None`: no end is set.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the server accepts it now.
    pub valid: bool,
}

/// A change of the keys.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds a key, which is valid at once. A key that exists is left as it is.
    Add(SigningKey),
    /// Lets a key expire, unless it is the last valid one.
    Retire(Uuid),
    /// Removes every key, so that unsigned actors are accepted again.
    Disable,
}

/// A new key, from the random source of the operating system.
pub(crate) fn generate() -> Result<SigningKey, Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Error::Random(error.to_string()))?;
    Ok(SigningKey::new(secret))
}

pub(crate) async fn list(db: &DatabaseConnection, target: &Target) -> Result<Vec<Key>, Error> {
    require_table(db, target).await?;
    let rows = "select id, created_at, expires_at, coalesce(expires_at > now(), true) as valid \
                from signing_keys order by created_at desc, id";
    let read = async {
        let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, rows)).await?;
        let key = |row: QueryResult| {
            Ok(Key {
                id: row.try_get("", "id")?,
                created_at: row.try_get("", "created_at")?,
                expires_at: row.try_get("", "expires_at")?,
                valid: row.try_get("", "valid")?,
            })
        };
        rows.into_iter().map(key).collect::<Result<_, DbErr>>()
    };
    read.await.map_err(|error| Error::database("reading the signing keys", target, &error))
}

pub(crate) async fn change(db: &DatabaseConnection, target: &Target, change: &Change) -> Result<(), Error> {
    require_table(db, target).await?;
    let failed = |error: DbErr| Error::database("changing the signing keys", target, &error);
    let transaction = db.begin().await.map_err(failed)?;
    match change {
        Change::Add(key) => add(&transaction, key).await.map_err(failed)?,
        Change::Retire(id) => retire(&transaction, target, *id).await?,
        Change::Disable => {
            let sql =
                "delete from signing_keys; grant execute on function accepts_unsigned_actors() to customer";
            transaction.execute_unprepared(sql).await.map_err(failed)?;
        }
    }
    transaction.commit().await.map_err(failed)
}

async fn add(db: &DatabaseTransaction, key: &SigningKey) -> Result<(), DbErr> {
    // HMAC's inner and outer key (RFC 2104, section 2).
    let [inner, outer] = [0x36, 0x5c].map(|pad| key.expose_block().map(|byte| byte ^ pad).to_vec());
    db.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into signing_keys (id, inner_key, outer_key) values ($1, $2, $3) on conflict (id) do nothing",
        [key.id().into(), inner.into(), outer.into()],
    ))
    .await?;
    db.execute_unprepared("revoke execute on function accepts_unsigned_actors() from customer").await?;
    Ok(())
}

async fn retire(db: &DatabaseTransaction, target: &Target, id: Uuid) -> Result<(), Error> {
    let failed = |error: DbErr| Error::database("changing the signing keys", target, &error);
    // Two runs at once do not each retire the other's last key.
    db.execute_unprepared("lock table signing_keys in share row exclusive mode").await.map_err(failed)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "update signing_keys set expires_at = now() where id = $1 and coalesce(expires_at > now(), true)",
        [id.into()],
    );
    if db.execute_raw(statement).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Error::UnknownKey { target: target.to_string(), id });
    }
    let others = "select 1 from signing_keys where coalesce(expires_at > now(), true) limit 1";
    let others = db.query_one_raw(Statement::from_string(DbBackend::Postgres, others)).await;
    if others.map_err(failed)?.is_none() {
        return Err(Error::LastKey { target: target.to_string(), id });
    }
    Ok(())
}

async fn require_table(db: &DatabaseConnection, target: &Target) -> Result<(), Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Err(Error::SigningOnSqlite);
    }
    let found = "select 1 where to_regclass('signing_keys') is not null";
    let found = db.query_one_raw(Statement::from_string(DbBackend::Postgres, found)).await;
    let found = found.map_err(|error| Error::database("reading the signing keys", target, &error))?;
    found.map(|_| ()).ok_or_else(|| Error::NoSigningKeys { target: target.to_string() })
}

/// Formats the list: a line for each key.
pub(crate) fn render(list: &[Key]) -> String {
    let mut text = String::new();
    for Key { id, created_at, expires_at, valid } in list {
        let state = match expires_at {
            None => "valid".to_owned(),
            Some(time) if *valid => format!("valid until {} UTC", time.format("%Y-%m-%d %H:%M:%S")),
            Some(time) => format!("expired {} UTC", time.format("%Y-%m-%d %H:%M:%S")),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{id}  added {} UTC  {state}", created_at.format("%Y-%m-%d %H:%M:%S"));
    }
    if list.is_empty() {
        text.push_str("There is no signing key: unsigned actors are accepted.");
    }
    text.truncate(text.trim_end().len());
    text
}
