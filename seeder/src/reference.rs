//! Keys from one record to another, and whether they lead anywhere.

use std::collections::{BTreeSet, HashSet};

use database::AdminTx;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, Iterable, RelationTrait,
    prelude::{Expr, Uuid},
    sea_query::{ExprTrait, Query},
};

use crate::{
    Error, Fault,
    table::{Table, bind_limit},
};

/// The values of a key, in the order of its columns; the last one is an id, any before it the tenant's.
pub(crate) type Key = Vec<Uuid>;

/// A foreign key as an entity declares it; the columns of both sides in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) columns: Vec<String>,
    /// The table referred to.
    pub(crate) table: String,
    pub(crate) referred: Vec<String>,
}

impl Reference {
    /// The foreign keys of a table.
    pub(crate) fn all<E: EntityTrait>() -> Vec<Self> {
        E::Relation::iter()
            .map(|relation| relation.def())
            // `has_many` is the other table's key, seen from here.
            .filter(|relation| !relation.is_owner)
            .map(|relation| Self {
                columns: relation.from_col.iter().map(ToString::to_string).collect(),
                table: relation.to_tbl.sea_orm_table().to_string(),
                referred: relation.to_col.iter().map(ToString::to_string).collect(),
            })
            .collect()
    }

    /// The keys that the database has, among those with the same id as one of `keys`.
    async fn in_database(&self, keys: &[&Key], tx: &AdminTx) -> Result<Vec<Key>, DbErr> {
        let Some(id) = self.referred.last() else { return Ok(Vec::new()) };
        let ids: BTreeSet<Uuid> = keys.iter().filter_map(|key| key.last().copied()).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut found = Vec::new();
        for ids in ids.chunks(bind_limit(tx)) {
            let select = Query::select()
                .columns(self.referred.iter().cloned())
                .from(self.table.clone())
                .and_where(Expr::col(id.clone()).is_in(ids.iter().copied()))
                .take();
            for row in tx.query_all(&select).await? {
                let key: Result<Key, DbErr> =
                    (0..self.referred.len()).map(|index| row.try_get_by_index(index)).collect();
                found.push(key?);
            }
        }
        Ok(found)
    }
}

/// Refuses the first key that leads to no record of the fixtures and to none of the database.
///
/// The database would refuse it too, but SQLite without saying which key of which record.
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
                let found = reference.in_database(&open, tx).await;
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

#[cfg(test)]
mod tests {
    use entity::{contacts, users};

    use super::*;

    #[test]
    fn a_tenant_table_refers_by_organization_and_id() {
        let references = Reference::all::<contacts::Entity>();
        let key = |columns: &[&str], table: &str, referred: &[&str]| Reference {
            columns: columns.iter().map(ToString::to_string).collect(),
            table: table.to_owned(),
            referred: referred.iter().map(ToString::to_string).collect(),
        };
        assert!(references.contains(&key(
            &["organization_id", "campaign_id"],
            "campaigns",
            &["organization_id", "id"]
        )));
        assert!(references.contains(&key(&["organization_id"], "organizations", &["id"])));
        assert_eq!(references.len(), 2, "{references:?}");
    }

    #[test]
    fn a_table_that_is_only_referred_to_refers_to_nothing() {
        assert_eq!(Reference::all::<users::Entity>(), []);
    }
}
