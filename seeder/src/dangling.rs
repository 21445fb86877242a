//! Refuses references to records that do not exist.

use std::collections::{BTreeSet, HashSet};

use database::AdminTx;
use sea_orm::{ConnectionTrait, DbErr, prelude::Uuid};
use sea_query::{Expr, ExprTrait, Query};

use crate::{
    Error, Fault,
    reference::{Key, Reference},
    table::{Table, bind_limit},
};

/// Refuses the first key without a record in the fixtures or in the database.
///
/// The database would refuse it too, but SQLite without the key and the record.
pub(crate) async fn refuse_dangling(tables: &[Box<dyn Table>], tx: &AdminTx) -> Result<(), Error> {
    for table in tables {
        for reference in table.references() {
            let keys = table.keys(&reference.columns);
            let target = tables.iter().find(|target| target.name() == reference.table);
            let mut known: HashSet<Key> = target
                .into_iter()
                .flat_map(|target| target.keys(&reference.referred))
                .map(|(key, _)| key)
                .collect();
            let open: Vec<&Key> =
                keys.iter().map(|(key, _)| key).filter(|key| !known.contains(*key)).collect();
            if !open.is_empty() {
                let found = in_database(&reference, &open, tx).await;
                known.extend(found.map_err(|error| Error::database(&reference.table, &error))?);
            }
            let Some((key, place)) = keys.iter().find(|(key, _)| !known.contains(key)) else { continue };
            let column = reference.columns.last().cloned().unwrap_or_default();
            let fault = if known.iter().any(|known| known.last() == key.last()) {
                Fault::Foreign { column, table: reference.table }
            } else {
                Fault::Dangling { column, table: reference.table }
            };
            return Err(Error::Fixture { place: place.clone(), fault });
        }
    }
    Ok(())
}

/// The keys in the database with the same id as one of `keys`.
async fn in_database(reference: &Reference, keys: &[&Key], tx: &AdminTx) -> Result<Vec<Key>, DbErr> {
    let Some(id) = reference.referred.last() else { return Ok(Vec::new()) };
    let ids: BTreeSet<Uuid> = keys.iter().filter_map(|key| key.last().copied()).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut found = Vec::new();
    for ids in ids.chunks(bind_limit(tx)) {
        let select = Query::select()
            .columns(reference.referred.iter().cloned())
            .from(reference.table.clone())
            .and_where(Expr::col(id.clone()).is_in(ids.iter().copied()))
            .take();
        for row in tx.query_all(&select).await? {
            let key: Result<Key, DbErr> =
                (0..reference.referred.len()).map(|index| row.try_get_by_index(index)).collect();
            found.push(key?);
        }
    }
    Ok(found)
}
