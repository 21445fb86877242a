//! The right of access: everything that is stored about a person, as JSON (GDPR, article 15).

use crate::person::{Person, rows, select};
use crate::snapshot::identifier;
use crate::{Error, Store};
use database::AdminTx;
use serde_json::{Map, Value};

/// Returns every row about the person by table, oldest first, with all its columns.
///
/// The rows are those of the person's contacts, those that refer to one of them by foreign keys, and the exclusions of the
/// phone number; so the rows of a new table are exported as well.
///
/// # Errors
/// [`Error::NoPerson`]: nothing is stored about the person. A statement failed.
pub async fn subject(store: &Store, person: &Person) -> Result<Map<String, Value>, Error> {
    let read = async {
        let tx = store.begin().await?;
        let found = tables(&tx, person).await?;
        tx.rollback().await?;
        Ok(found)
    };
    let found = read.await.map_err(store.failed("exporting the person's data"))?;
    if found.is_empty() { Err(Error::NoPerson { target: store.to_string() }) } else { Ok(found) }
}

async fn tables(tx: &AdminTx, person: &Person) -> Result<Map<String, Value>, database::Error> {
    let names = person.find(tx).await?;
    let mut tables = Map::new();
    for (table, ids) in rows(tx, &names).await? {
        let sql = format!(
            "select to_jsonb(t) as row from {} as t where id = any($1) order by created_at, id",
            identifier(&table)
        );
        let ids: Vec<_> = ids.into_iter().collect();
        let rows = select(tx, &sql, [ids.into()]).await?;
        let rows = rows.iter().map(|row| row.try_get::<Value>("", "row")).collect::<Result<_, _>>()?;
        tables.insert(table, Value::Array(rows));
    }
    Ok(tables)
}
