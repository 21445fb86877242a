//! `ops audit seal`: lists the entries that no seal lists yet in new seals.

use super::{CONTENT, Fault, Head, INSERTED, ORDER, SEAL, Seal, UNSEALED, broken, close, digest, open_trail};
use crate::{Error, Target};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// The largest number of entries in a seal: what is held in memory.
const ENTRIES: usize = 1000;

/// Seals the entries that no seal lists yet. Returns their number, and the newest seal.
///
/// An entry of a transaction that is still running is not visible, and the next call seals it. Two calls at the same time
/// seal one after the other.
///
/// # Errors
/// The newest seal was changed; or an entry claims a time that it covers, unless `accept_inserted`. The database is no
/// PostgreSQL, has no seals, or refuses the login.
pub async fn seal(target: &Target, accept_inserted: bool) -> Result<(usize, Head), Error> {
    let mut connection = open_trail(target).await?;
    let failed = Error::statement("sealing the audit trail", target);
    // The lock comes before the snapshot, which the first query takes: the seals of others are visible.
    sqlx::raw_sql(
        "begin isolation level repeatable read; lock table audit_seals in share row exclusive mode",
    )
    .execute(&mut connection)
    .await
    .map_err(&failed)?;
    let row = sqlx::query("select statement_timestamp()::text, pg_current_snapshot()::text")
        .fetch_one(&mut connection)
        .await
        .map_err(&failed)?;
    let moment: (String, String) = (row.try_get(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
    let newest = format!("select {SEAL} from audit_seals order by number desc limit 1");
    let newest = sqlx::query(AssertSqlSafe(newest)).fetch_optional(&mut connection).await.map_err(&failed)?;
    let newest = newest.map(|row| Seal::read(&row)).transpose().map_err(&failed)?;
    if let Some(newest) = &newest {
        newest.check().map_err(broken(target))?;
        if !accept_inserted {
            not_inserted(&mut connection, newest, target).await?;
        }
    }
    let cursor = format!(
        "declare unsealed no scroll cursor for {UNSEALED} select id::text, {CONTENT} from unsealed {ORDER}"
    );
    sqlx::raw_sql(AssertSqlSafe(cursor)).execute(&mut connection).await.map_err(&failed)?;
    let (mut total, mut head) = (0, newest.map_or_else(Head::zero, |newest| newest.head));
    loop {
        let (count, entries) = next(&mut connection).await.map_err(&failed)?;
        if count == 0 {
            break;
        }
        let (created_at, snapshot) = moment.clone();
        let seal = Seal::new(&head, created_at, snapshot, entries);
        append(&mut connection, &seal).await.map_err(&failed)?;
        (total, head) = (total + count, seal.head);
    }
    sqlx::raw_sql("commit").execute(&mut connection).await.map_err(&failed)?;
    close(connection).await;
    Ok((total, head))
}

/// Fails if an entry that no seal lists claims a time that the newest one covers.
pub(super) async fn not_inserted(
    connection: &mut PgConnection,
    newest: &Seal,
    target: &Target,
) -> Result<(), Error> {
    let inserted: Option<String> = sqlx::query_scalar(AssertSqlSafe(format!("{UNSEALED} {INSERTED}")))
        .bind(&newest.created_at)
        .bind(&newest.snapshot)
        .fetch_optional(connection)
        .await
        .map_err(Error::statement("reading the audit trail", target))?;
    match inserted {
        Some(id) => Err(broken(target)(Fault::Inserted(id, newest.head.number))),
        None => Ok(()),
    }
}

/// The next lines of a seal, and their number.
async fn next(connection: &mut PgConnection) -> sqlx::Result<(usize, String)> {
    let fetch = format!("fetch {ENTRIES} from unsealed");
    let mut rows = sqlx::raw_sql(AssertSqlSafe(fetch)).fetch(connection);
    let (mut count, mut entries) = (0, String::new());
    while let Some(row) = rows.try_next().await? {
        let (id, content): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        entries.extend([&*id, " ", &*digest(&content), "\n"]);
        count += 1;
    }
    Ok((count, entries))
}

/// Appends a seal to the chain.
async fn append(connection: &mut PgConnection, seal: &Seal) -> sqlx::Result<()> {
    let Seal { head: Head { number, digest }, previous_digest, created_at, snapshot, entries } = seal;
    sqlx::query(
        "insert into audit_seals (number, previous_digest, digest, created_at, updated_at, snapshot, entries) \
         values ($1, $2, $3, $4::timestamptz, $4::timestamptz, $5, $6)",
    )
    .bind(number)
    .bind(previous_digest)
    .bind(digest)
    .bind(created_at)
    .bind(snapshot)
    .bind(entries)
    .execute(connection)
    .await
    .map(|_| ())
}
