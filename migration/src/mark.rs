//! The mark of a production database: the comment of the ledger.
//!
//! A comment adds no object, belongs to the owner of the ledger, and is dumped and restored with it: a copy of production
//! stays marked until somebody removes the mark. A dump without comments, or without the ledger, is not marked.

use crate::ddl::literal;
use environment::Mark;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

/// Reads the mark; absent on SQLite.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Mark, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(Mark::Absent);
    }
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, Mark::QUERY)).await?;
    Ok(if row.is_some() { Mark::Production } else { Mark::Absent })
}

/// Returns whether the ledger of this schema exists and has the comment.
pub(crate) async fn is_set(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "select obj_description(to_regclass('seaql_migrations'), 'pg_class') is not null as marked";
    one(db, sql).await?.try_get("", "marked")
}

/// Marks the database, by the ledger of this schema.
pub(crate) async fn set(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let sql = format!("comment on table seaql_migrations is {}", literal(Mark::COMMENT));
    db.execute_unprepared(&sql).await.map(|_| ())
}

/// Removes the mark, from the ledgers of all schemas.
pub(crate) async fn remove(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared(
        "do $$
         declare ledger regclass;
         begin
             for ledger in
                 select oid from pg_class
                 where relname = 'seaql_migrations' and relkind in ('r', 'p')
                   and obj_description(oid, 'pg_class') is not null
             loop
                 execute format('comment on table %s is null', ledger);
             end loop;
         end $$",
    )
    .await
    .map(|_| ())
}

/// The name of the database on its server, which a pooler may hide behind another one in the URL.
pub(crate) async fn database(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    one(db, "select current_database()::text as name").await?.try_get("", "name")
}

async fn one(db: &impl ConnectionTrait, sql: &str) -> Result<QueryResult, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))
}
