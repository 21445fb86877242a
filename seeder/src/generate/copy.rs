//! `COPY … (format binary)`: the encoding of any entity's rows, and their transfer.
//!
//! The format is that of <https://www.postgresql.org/docs/15/sql-copy.html>, "Binary Format". A value is encoded as sqlx
//! encodes it for a parameter.

#![expect(
    clippy::disallowed_methods,
    reason = "`COPY` and locks have no builder; they contain names of tables only"
)]

use std::{
    collections::HashSet,
    io::Write as _,
    time::{Duration, Instant},
};

use sea_orm::{
    DbErr, EntityTrait, IdenStatic as _, Iterable as _, ModelTrait as _, RuntimeErr, Value, prelude::Uuid,
    sea_query::OptionEnum,
};
use sqlx::{
    Connection as _, Encode, PgConnection, Postgres,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgConnectOptions},
};

use super::progress::Progress;
use crate::{
    Error, Target,
    reference::{Key, Reference},
};

/// The signature, and no flags and no header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The number of fields of the end.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The length of a null.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The bytes of one message, so that the buffer of a connection stays small.
const MESSAGE: usize = 64 * 1024;

/// Rows of one table in the binary format.
pub(super) struct Encoded {
    pub(super) table: &'static str,
    pub(super) rows: usize,
    statement: String,
    bytes: PgArgumentBuffer,
}

/// Keys of one reference whose rows are not written in the same transaction.
pub(super) struct Outside {
    pub(super) reference: Reference,
    pub(super) keys: HashSet<Key>,
}

/// Encodes rows.
pub(super) fn encode<E: EntityTrait>(models: &[E::Model]) -> Result<Encoded, Error> {
    let table = E::default().table_name();
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let count = u16::try_from(columns.len()).unwrap_or_default().to_be_bytes();
    let mut bytes = PgArgumentBuffer::default();
    bytes.extend(HEADER);
    for model in models {
        bytes.extend(count);
        for column in &columns {
            field(&mut bytes, &model.get(*column)).map_err(|error| Error::Unencodable {
                column: format!("{table}.{}", column.as_str()),
                cause: error.to_string(),
            })?;
        }
    }
    bytes.extend(TRAILER);
    let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.as_str())).collect();
    let statement = format!("copy \"{table}\" ({}) from stdin (format binary)", names.join(", "));
    Ok(Encoded { table, rows: models.len(), statement, bytes })
}

/// Appends the length of a value and the value.
fn field(bytes: &mut PgArgumentBuffer, value: &Value) -> Result<(), BoxDynError> {
    let start = bytes.len();
    bytes.extend(NULL);
    match value {
        Value::BigInt(Some(number)) => append(bytes, number)?,
        Value::Bool(Some(claim)) => append(bytes, claim)?,
        Value::ChronoDateTimeUtc(Some(time)) => append(bytes, time)?,
        Value::ChronoTime(Some(time)) => append(bytes, time)?,
        Value::Decimal(Some(number)) => append(bytes, number)?,
        Value::Enum(OptionEnum::Some(label)) => bytes.extend(label.value.as_bytes()),
        Value::Json(Some(document)) => {
            // The version of `jsonb`.
            bytes.push(1);
            serde_json::to_writer(&mut **bytes, document)?;
        }
        Value::String(Some(text)) => bytes.extend(text.as_bytes()),
        Value::Uuid(Some(id)) => append(bytes, id)?,
        null if *null == null.as_null() => return Ok(()),
        other => return Err(format!("no encoding of a {:?}", other.as_null()).into()),
    }
    let length = i32::try_from(bytes.len() - start - NULL.len())?;
    (&mut bytes[start..]).write_all(&length.to_be_bytes())?;
    Ok(())
}

fn append<'a, T: Encode<'a, Postgres>>(bytes: &mut PgArgumentBuffer, value: &T) -> Result<(), BoxDynError> {
    value.encode_by_ref(bytes).map(|_| ())
}

/// Serializes runs; it is the key of the fixtures, in ASCII "seeder".
const RUN: i64 = 0x7365_6564_6572;

/// Held in shared mode by each session that writes.
const WRITERS: i64 = RUN + 1;

/// How long a run waits for the sessions of one that was killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A session that holds the lock of a run. The lock ends with the session.
pub(super) struct RunLock {
    connection: PgConnection,
}

impl RunLock {
    /// Takes the lock, and waits until no session of another run writes: a session whose client was killed may still be
    /// committing.
    pub(super) async fn acquire(target: &Target, options: &PgConnectOptions) -> Result<Self, Error> {
        let mut connection = connect(target, options).await?;
        let started = Instant::now();
        for key in [RUN, WRITERS] {
            while !sqlx::query_scalar::<_, bool>("select pg_try_advisory_lock($1)")
                .bind(key)
                .fetch_one(&mut connection)
                .await
                .map_err(|error| failed("the lock", error))?
            {
                if started.elapsed() > PATIENCE {
                    return Err(Error::Busy { target: target.to_string() });
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(WRITERS)
            .execute(&mut connection)
            .await
            .map_err(|error| failed("the lock", error))?;
        Ok(Self { connection })
    }

    /// Vacuums and analyzes the tables, as autovacuum would later: without it, a plan has no statistics, and an index-only
    /// scan reads the table as well.
    pub(super) async fn analyze(&mut self, tables: &[&str]) -> Result<(), Error> {
        let tables: Vec<String> = tables.iter().map(|table| format!("\"{table}\"")).collect();
        let statement = format!("vacuum (analyze) {}", tables.join(", "));
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut self.connection)
            .await
            .map_err(|error| failed("the statistics", error))?;
        Ok(())
    }
}

/// A session that writes chunks.
pub(super) struct Writer {
    connection: PgConnection,
    /// Whether PostgreSQL does not check foreign keys.
    checks_keys: bool,
}

impl Writer {
    /// Opens a session.
    pub(super) async fn connect(target: &Target, options: &PgConnectOptions) -> Result<Self, Error> {
        let mut connection = connect(target, options).await?;
        sqlx::query("select pg_advisory_lock_shared($1)")
            .bind(WRITERS)
            .execute(&mut connection)
            .await
            .map_err(|error| failed("the lock", error))?;
        Ok(Self { connection, checks_keys: false })
    }

    /// Leaves out PostgreSQL's own checks of foreign keys, if the login may set `session_replication_role`; `write` checks
    /// each different key instead. No table of a chunk has another trigger of inserts.
    pub(super) async fn check_keys_once(&mut self) -> Result<(), Error> {
        let fail = |error| failed("the checks of foreign keys", error);
        self.checks_keys =
            sqlx::query_scalar("select has_parameter_privilege('session_replication_role', 'set')")
                .fetch_one(&mut self.connection)
                .await
                .map_err(fail)?;
        if self.checks_keys {
            let set =
                sqlx::query("set session_replication_role = replica").execute(&mut self.connection).await;
            set.map_err(fail)?;
        }
        Ok(())
    }

    /// Writes rows in one transaction: all of them, or none. The time since `began`, which includes the wait for the rows,
    /// is shared among the tables in proportion to their `COPY`.
    pub(super) async fn write(
        &mut self,
        (tables, outside): &(Vec<Encoded>, Vec<Outside>),
        began: Instant,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut times = Vec::new();
        let mut tx = self.connection.begin().await.map_err(|error| failed("the transaction", error))?;
        if self.checks_keys {
            for keys in outside {
                lock_referred(&mut tx, keys).await?;
            }
        }
        for Encoded { table, statement, bytes, .. } in tables {
            let started = Instant::now();
            let fail = |error| failed(table, error);
            let mut copy = tx.copy_in_raw(statement).await.map_err(fail)?;
            for message in bytes.chunks(MESSAGE) {
                copy.send(message).await.map_err(fail)?;
            }
            copy.finish().await.map_err(fail)?;
            times.push(started.elapsed());
        }
        tx.commit().await.map_err(|error| failed("the transaction", error))?;
        let factor = began.elapsed().as_secs_f64() / times.iter().sum::<Duration>().as_secs_f64();
        for (Encoded { table, rows, .. }, time) in tables.iter().zip(times) {
            progress.add(table, *rows, time.mul_f64(factor));
        }
        Ok(())
    }
}

/// Locks the rows that the keys refer to until the transaction ends, as PostgreSQL does, or fails if one is missing.
async fn lock_referred(tx: &mut PgConnection, Outside { reference, keys }: &Outside) -> Result<(), Error> {
    let Reference { table, referred, .. } = reference;
    let columns: Vec<String> = referred.iter().map(|column| format!("\"{column}\"")).collect();
    let parameters: Vec<String> = (1..=columns.len()).map(|number| format!("${number}::uuid[]")).collect();
    let statement = format!(
        "select count(*) from (\
             select from \"{table}\" where ({}) in (select * from unnest({})) for key share\
         ) as locked",
        columns.join(", "),
        parameters.join(", ")
    );
    let mut query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(statement));
    for place in 0..columns.len() {
        query = query.bind(keys.iter().filter_map(|key| key.get(place).copied()).collect::<Vec<Uuid>>());
    }
    let found = query.fetch_one(tx).await.map_err(|error| failed(table, error))?;
    if usize::try_from(found).is_ok_and(|found| found == keys.len()) {
        Ok(())
    } else {
        Err(Error::Deleted { table: table.clone() })
    }
}

async fn connect(target: &Target, options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let options = options
        .clone()
        .application_name("seeder")
        // A transaction that a crash of the server loses is missing as a whole, and `--resume` writes it again.
        .options([("synchronous_commit", "off"), ("statement_timeout", "0")]);
    PgConnection::connect_with(&options).await.map_err(|error| {
        Error::connection(target.to_string(), DbErr::Conn(RuntimeErr::SqlxError(error.into())).into())
    })
}

fn failed(table: &str, error: sqlx::Error) -> Error {
    Error::database(table, &DbErr::Exec(RuntimeErr::SqlxError(error.into())))
}
