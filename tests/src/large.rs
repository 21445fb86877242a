//! A database of any number of contacts, and of what belongs to them, by SQL.

use crate::{connect, run};
use scratch::Database;

/// Fills a migrated database.
pub async fn fill(url: &str, contacts: u32) {
    let db = connect(url).await.unwrap();
    let rows = include_str!("large.sql").replace(":contacts", &format!("{contacts}::bigint"));
    for sql in rows.split(";\n\n") {
        run(&db, sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
    db.close().await.unwrap();
}

/// Sets parameters for later sessions on the database.
pub async fn configure(database: &Database, parameters: &[(&str, &str)]) {
    let db = connect(&database.url()).await.unwrap();
    for (name, value) in parameters {
        let sql = format!("alter database \"{}\" set {name} = {value}", database.name());
        run(&db, &sql).await.unwrap();
    }
    db.close().await.unwrap();
}
