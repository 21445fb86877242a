//! `ops audit verify`: compares the entries with the seals, and the seals with each other.

use super::seal::not_inserted;
use super::{CONTENT, Fault, Head, ORDER, SEAL, Seal, UNSEALED, broken, close, digest, open_trail};
use crate::{Error, Target};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use std::collections::HashMap;

/// An intact trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The newest seal.
    pub newest: Head,
    /// The number of seals.
    pub seals: i64,
    /// The number of sealed entries.
    pub sealed: usize,
    /// The number of entries that no seal lists yet.
    pub unsealed: i64,
}

/// Compares the entries with the seals, and the seals with each other and with an `expected` one.
///
/// # Errors
/// [`Error::Audit`]: the first difference. The database is no PostgreSQL, has no seals, or refuses the login.
pub async fn verify(target: &Target, expected: Option<&Head>) -> Result<Trail, Error> {
    let mut connection = open_trail(target).await?;
    let failed = Error::statement("reading the audit trail", target);
    let broken = broken(target);
    sqlx::raw_sql("begin isolation level repeatable read, read only")
        .execute(&mut connection)
        .await
        .map_err(&failed)?;
    let after = format!("select {SEAL} from audit_seals where number > $1 order by number limit 1");
    let (mut head, mut newest, mut sealed) = (Head::zero(), None, 0);
    loop {
        if let Some(expected) = expected
            && (expected.number == head.number && *expected != head)
        {
            return Err(broken(Fault::Expected(expected.clone())));
        }
        let row =
            sqlx::query(AssertSqlSafe(after.clone())).bind(head.number).fetch_optional(&mut connection).await;
        let Some(row) = row.map_err(&failed)? else { break };
        let seal = Seal::read(&row).map_err(&failed)?;
        if seal.head.number != head.number + 1 {
            return Err(broken(Fault::SealRemoved(head.number + 1)));
        }
        if seal.previous_digest != head.digest {
            return Err(broken(Fault::SealChanged(seal.head.number)));
        }
        seal.check().map_err(&broken)?;
        let found = Found::read(&mut connection, &seal).await.map_err(&failed)?;
        found.compare(&seal).map_err(&broken)?;
        sealed += found.entries.len();
        head = seal.head.clone();
        newest = Some(seal);
    }
    if let Some(expected) = expected
        && expected.number > head.number
    {
        return Err(broken(Fault::Expected(expected.clone())));
    }
    if let Some(newest) = newest {
        not_inserted(&mut connection, &newest, target).await?;
    }
    let count = format!("{UNSEALED} select count(*) from unsealed");
    let unsealed =
        sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.map_err(&failed)?;
    close(connection).await;
    Ok(Trail { seals: head.number, newest: head, sealed, unsealed })
}

/// The entries of a seal as they are now, by their ids: place and digest.
struct Found {
    entries: HashMap<String, (usize, String)>,
}

impl Found {
    async fn read(connection: &mut PgConnection, seal: &Seal) -> sqlx::Result<Self> {
        let ids: Vec<&str> = seal.listed().map(|(id, _)| id).collect();
        let select = format!(
            "select id::text, {CONTENT} from audit_log_entries where id = any($1::text[]::uuid[]) {ORDER}"
        );
        let mut rows = sqlx::query(AssertSqlSafe(select)).bind(ids).fetch(connection);
        let mut entries = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let (id, content): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            entries.insert(id, (entries.len(), digest(&content)));
        }
        Ok(Self { entries })
    }

    /// Compares them with the list of the seal.
    fn compare(&self, seal: &Seal) -> Result<(), Fault> {
        for (place, (id, expected)) in seal.listed().enumerate() {
            let fault = match self.entries.get(id) {
                None => Fault::Removed,
                Some((_, digest)) if digest == expected => continue,
                Some((found, _)) if *found != place => Fault::Reordered,
                Some(_) => Fault::Changed,
            };
            return Err(fault(id.to_owned(), seal.head.number));
        }
        Ok(())
    }
}
