//! The checks before the first transaction. A service that refuses to start is better than one without tenant isolation.
//!
//! Each check runs in a transaction, because behind PgBouncer in transaction mode the parse and the execution of a
//! statement can otherwise reach different server connections.

use crate::driver::OpenTransaction;
use crate::schema::MIGRATIONS;
use crate::{AppEnv, Error, Settings, SigningKey};
use sea_orm::{DbBackend, QueryResult, Statement};
use std::collections::BTreeSet;
use tracing::warn;
use uuid::Uuid;

/// Returns [`Error::Refused`] if Row Level Security does not limit the login of the variable, that of a customer pool.
///
/// Superusers, roles with `BYPASSRLS` and table owners are exempt from it
/// (<https://www.postgresql.org/docs/15/ddl-rowsecurity.html>), and so are members of such roles.
pub(crate) async fn check_customer(db: &OpenTransaction, variable: &str) -> Result<(), Error> {
    const REASONS: &[(&str, &str)] = &[
        ("superuser", "is a superuser"),
        ("bypasses", "has BYPASSRLS"),
        ("stranger", "is not a member of the role customer; run: grant customer to that login"),
        ("owner", "owns a table of the schema"),
        (
            "may_become",
            "is a member of a role that is a superuser, has BYPASSRLS or owns a table of the schema",
        ),
    ];
    let row = one(
        db,
        "with owners as ( \
             select relowner as role from pg_class \
             where relkind in ('r', 'p', 'v', 'm') and relnamespace = current_schema()::regnamespace) \
         select r.rolname::text as login, r.rolsuper as superuser, r.rolbypassrls as bypasses, \
                to_regrole('customer') is null or not pg_has_role(r.oid, 'customer', 'member') as stranger, \
                r.oid in (select role from owners) as owner, \
                exists (select from pg_roles o \
                        where o.oid <> r.oid and pg_has_role(r.oid, o.oid, 'member') \
                          and (o.rolsuper or o.rolbypassrls or o.oid in (select role from owners))) as may_become \
         from pg_roles r where r.rolname = session_user",
    )
    .await?;
    let login: String = row.try_get("", "login")?;
    for (column, reason) in REASONS {
        if row.try_get("", column)? {
            return Err(Error::Refused(format!("the login {login} of {variable} {reason}")));
        }
    }
    Ok(())
}

/// Returns [`Error::Refused`] if the settings and what is between the application and the server disagree about prepared
/// statements.
///
/// The server has this statement under the name that the driver gave it, or under one that a pooler gave it. Otherwise one
/// client would run what another one prepared, or meet the settings and tables that it left.
pub(crate) async fn check_pooler(db: &OpenTransaction, variable: &str) -> Result<(), Error> {
    let Some(is_shared) = db.shares_prepared() else { return Ok(()) };
    let row = one(
        db,
        "select coalesce(bool_or(name like 'sqlx%'), false) as direct \
         from pg_prepared_statements where statement = current_query()",
    )
    .await?;
    let reason = match (row.try_get("", "direct")?, is_shared) {
        (true, true) => {
            "leads to a server that receives the driver's names of prepared statements, though \
             DATABASE_TRANSACTION_POOLER=true; behind PgBouncer set max_prepared_statements (1.21 or newer) or \
             DATABASE_STATEMENT_CACHE=0, without a pooler DATABASE_TRANSACTION_POOLER=false"
        }
        (false, false) => {
            "leads to a pooler that assigns connections to transactions, as PgBouncer does with \
             pool_mode = transaction; set DATABASE_TRANSACTION_POOLER=true"
        }
        _ => return Ok(()),
    };
    Err(Error::Refused(format!("the URL of {variable} {reason}")))
}

/// Returns [`Error::Refused`] if a migration of this build is pending. Additional applied migrations are accepted: they are
/// those of a newer build during a rolling deployment.
#[expect(clippy::disallowed_methods, reason = "the ledger has no entity")]
pub(crate) async fn check_migrations(db: &OpenTransaction, required: bool) -> Result<(), Error> {
    if !required {
        return Ok(());
    }
    let found = match db.backend() {
        DbBackend::Postgres => "select to_regclass('seaql_migrations') is not null as found",
        _ => "select exists (select 1 from sqlite_schema where name = 'seaql_migrations') as found",
    };
    let mut applied = BTreeSet::new();
    if one(db, found).await?.try_get("", "found")? {
        let statement = Statement::from_string(db.backend(), "select version from seaql_migrations");
        for row in db.query_all(statement).await? {
            applied.insert(row.try_get::<String>("", "version")?);
        }
    }
    let pending: Vec<&str> = MIGRATIONS.iter().copied().filter(|name| !applied.contains(*name)).collect();
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(Error::Refused(format!(
            "{} of {} migrations are pending, first {first}; run: cargo run -p migration -- up",
            pending.len(),
            MIGRATIONS.len()
        ))),
    }
}

/// Returns [`Error::Refused`] if the application and the server disagree about signing, in which case no customer
/// transaction could begin.
pub(crate) async fn check_signing(db: &OpenTransaction, settings: &Settings) -> Result<(), Error> {
    if db.backend() != DbBackend::Postgres {
        return Ok(());
    }
    let key = settings.signing_key.as_ref().map_or_else(Uuid::nil, SigningKey::id);
    // Without the table the database is not migrated, which the settings may permit; only the owner reads it.
    let found = "select coalesce(has_table_privilege(to_regclass('signing_keys'), 'select'), false) as found";
    if !one(db, found).await?.try_get("", "found")? {
        return Ok(());
    }
    let row = one(
        db,
        &format!(
            "select not has_function_privilege('customer', 'accepts_unsigned_actors()', 'execute') as signed, \
                    exists (select from signing_keys \
                            where id = '{key}' and (expires_at is null or expires_at > now())) as known, \
                    (select count(*) from (select from organizations where deleted_at is null limit 2) o) > 1 as several"
        ),
    )
    .await?;
    let (signed, known): (bool, bool) = (row.try_get("", "signed")?, row.try_get("", "known")?);
    match &settings.signing_key {
        Some(key) if !known => Err(Error::Refused(format!(
            "the key {} of CONTEXT_SIGNING_KEY is not valid in this database; run: cargo run -p migration -- keys add",
            key.id()
        ))),
        None if signed => Err(Error::Refused(
            "this database accepts signed actors only and CONTEXT_SIGNING_KEY is not set; set it to a key that \
             `cargo run -p migration -- keys list` shows as valid"
                .to_owned(),
        )),
        None if settings.app_env == AppEnv::Production && row.try_get("", "several")? => {
            warn!(
                "this database has several organizations and no signing key, so an injected statement can act for any \
                 of them; see docs/security.md"
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Returns whether `ops distribute` has distributed the database over several nodes.
pub(crate) async fn is_distributed(db: &OpenTransaction) -> Result<bool, Error> {
    if db.backend() != DbBackend::Postgres {
        return Ok(false);
    }
    let found = "select to_regprocedure('run_on_shard(text, text[])') is not null as found";
    Ok(one(db, found).await?.try_get("", "found")?)
}

#[expect(clippy::disallowed_methods, reason = "the catalogue has no entities")]
async fn one(db: &OpenTransaction, sql: &str) -> Result<QueryResult, Error> {
    let statement = Statement::from_string(db.backend(), sql);
    db.query_one(statement).await?.ok_or(Error::NotFound("row"))
}
