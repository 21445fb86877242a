//! A database as text, to compare two states of it: its catalogue, and its rows.

use crate::schema::model::{self, insert, model};
use sea_orm::{DatabaseConnection, DbBackend};
use std::collections::BTreeSet;
use tests::{catalog, chain, run, texts};

/// Its catalogue. Of the server's roles only `customer`: others come and go with the tests beside this one.
pub async fn catalogue(db: &DatabaseConnection) -> Vec<String> {
    let mut lines = catalog::dump(db).await.unwrap();
    lines.retain(|line| {
        line.starts_with("role customer ") || !line.starts_with("role ") && !line.starts_with("member ")
    });
    lines
}

/// Fails unless two states are the same, naming what only one of them has.
#[track_caller]
pub fn assert_same(before: &[String], after: &[String], when: &str) {
    // The comparison line by line is slow, and only for the message.
    if before != after {
        assert_eq!(catalog::difference(before, after), [""; 0], "{when}");
        panic!("{when}: a line is there once more than before");
    }
}

/// Every row of every table but the ledger, every value of it.
pub async fn rows(db: &DatabaseConnection) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables(db).await {
        let row = if db.get_database_backend() == DbBackend::Postgres {
            format!("select '{table}: ' || t::text from {table} t")
        } else {
            let columns = columns(db, &table).await;
            let values: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
            format!("select '{table}: ' || {} from {table}", values.join(" || ',' || "))
        };
        lines.extend(texts(db, &row).await);
    }
    lines.sort();
    lines
}

/// Gives each table of the data model that exists, and is empty, two rows of two organizations.
pub async fn fill(db: &DatabaseConnection) {
    let backend = db.get_database_backend();
    let there = tables(db).await;
    for table in model().tables.iter().filter(|table| there.contains(table.name)) {
        let columns = columns(db, table.name).await;
        if !texts(db, &format!("select 'a row' from {} limit 1", table.name)).await.is_empty() {
            continue;
        }
        for organization in 0..2 {
            let mut values = model::row(backend, table, organization, 1, |_| 1);
            values.retain(|column, _| columns.contains(*column));
            let sql = insert(table.name, &values);
            run(db, &sql).await.unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
        }
    }
}

/// The tables of the current schema, without the ledger.
async fn tables(db: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "select relname::text from pg_class join pg_namespace n on n.oid = relnamespace
             where nspname = current_schema() and relkind in ('r', 'p') and relname <> 'seaql_migrations'"
        }
        _ => {
            "select name from sqlite_schema
             where type = 'table' and name not like 'sqlite\\_%' escape '\\' and name <> 'seaql_migrations'"
        }
    };
    texts(db, sql).await.into_iter().collect()
}

async fn columns(db: &DatabaseConnection, table: &str) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => format!(
            "select attname::text from pg_attribute
             where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped"
        ),
        _ => format!("select name from pragma_table_info('{table}')"),
    };
    texts(db, &sql).await.into_iter().collect()
}
