//! The audit trail: seals over its entries, their verification, exports, and the log of the server.
//!
//! A seal is a list of entries, each with the SHA-256 of its content, and contains the digest of the seal before it. The
//! digests are computed here, not by functions of the server, which its superuser can replace.

mod list;
mod seal;
mod server;
mod verify;

pub use crate::trail::{Fault, Head};
pub use list::{Filter, Format, list};
pub use seal::seal;
pub use server::{Setup, server};
pub use verify::{Trail, verify};

use crate::manifest::sha256;
use crate::target::connect;
use crate::{Error, Target};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};

/// The content of an entry as one text: a JSON array of its columns. A column of a later migration is not part of it.
const CONTENT: &str = "jsonb_build_array(id, organization_id, actor, user_id, login, transaction_id, action, table_name, \
                       row_id, changes, created_at, updated_at)::text";

/// The order of the entries in a seal.
const ORDER: &str = "order by transaction_id, created_at, id";

/// The columns of a seal, in the order of [`Seal::read`].
const SEAL: &str = "number, previous_digest, digest, created_at::text, snapshot, entries";

/// The entries that no seal lists. Membership decides, and not the time or the transaction, because a restored database has
/// another clock, and gives its transactions lower numbers again.
const UNSEALED: &str = "with sealed as (
    select left(line, 36)::uuid as id
    from audit_seals, string_to_table(rtrim(entries, E'\\n'), E'\\n') as line
), unsealed as (
    select * from audit_log_entries as e where not exists (select from sealed where sealed.id = e.id)
)";

/// The first unsealed entry of a time that the newest seal covers. An entry of a transaction that was running when the seal
/// was taken is late. One of a later transaction is from a clock that was set back, by a minute at most.
const INSERTED: &str = "select id::text from unsealed
where created_at < $1::timestamptz
          - case when transaction_id < pg_snapshot_xmax($2::pg_snapshot)::text::bigint then '0' else '1 minute' end::interval
  and transaction_id not in (select running::text::bigint from pg_snapshot_xip($2::pg_snapshot) as running)
order by transaction_id, created_at, id
limit 1";

/// A seal as it is stored.
struct Seal {
    head: Head,
    previous_digest: String,
    created_at: String,
    snapshot: String,
    /// A line for each entry: its id, a space, and its digest.
    entries: String,
}

impl Seal {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            head: Head { number: row.try_get(0)?, digest: row.try_get(2)? },
            previous_digest: row.try_get(1)?,
            created_at: row.try_get(3)?,
            snapshot: row.try_get(4)?,
            entries: row.try_get(5)?,
        })
    }

    /// The seal that lists `entries` and follows `previous`.
    fn new(previous: &Head, created_at: String, snapshot: String, entries: String) -> Self {
        let head = Head { number: previous.number + 1, digest: String::new() };
        let mut seal = Self { head, previous_digest: previous.digest.clone(), created_at, snapshot, entries };
        seal.head.digest = seal.computed();
        seal
    }

    /// The digest of its content. No field but the last one has a line break, so no two contents are the same bytes.
    fn computed(&self) -> String {
        let Self { head: Head { number, digest: _ }, previous_digest, created_at, snapshot, entries } = self;
        digest(&format!("{number}\n{previous_digest}\n{created_at}\n{snapshot}\n{entries}"))
    }

    fn check(&self) -> Result<(), Fault> {
        if self.head.digest == self.computed() { Ok(()) } else { Err(Fault::SealChanged(self.head.number)) }
    }

    /// The ids and digests that it lists.
    fn listed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.lines().map(|line| line.split_once(' ').unwrap_or((line, "")))
    }
}

/// The SHA-256 as hexadecimal digits.
fn digest(content: &str) -> String {
    sha256(content.as_bytes())
}

async fn open(target: &Target) -> Result<PgConnection, Error> {
    let Target::Postgres(options) = target else {
        return Err(Error::PostgresRequired { command: "audit", target: target.to_string() });
    };
    connect(options).await
}

/// A session that names the tables of the trail without their schema.
async fn open_trail(target: &Target) -> Result<PgConnection, Error> {
    let mut connection = open(target).await?;
    let failed = Error::statement("reading the catalogue", target);
    sqlx::raw_sql("reset search_path").execute(&mut connection).await.map_err(&failed)?;
    let exists: bool = sqlx::query_scalar("select to_regclass('audit_seals') is not null")
        .fetch_one(&mut connection)
        .await
        .map_err(&failed)?;
    if exists {
        Ok(connection)
    } else {
        Err(Error::NoTable { target: target.to_string(), table: "audit_seals" })
    }
}

/// Ends the session. The work is done, whether or not the server is told.
async fn close(connection: PgConnection) {
    let _ = connection.close().await;
}

/// The error of a fault.
fn broken(target: &Target) -> impl Fn(Fault) -> Error {
    let target = target.to_string();
    move |fault| Error::Audit { target: target.clone(), fault }
}
