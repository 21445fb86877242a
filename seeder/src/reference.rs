//! Foreign keys, as the entities declare them.

use sea_orm::{EntityTrait, IdenStatic as _, Iterable, ModelTrait as _, RelationTrait, Value, prelude::Uuid};

/// The values of a key, in the order of its columns; the last one is an id, any before it the tenant's.
pub(crate) type Key = Vec<Uuid>;

/// A foreign key as an entity declares it; the columns of both sides in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) columns: Vec<String>,
    /// The referenced table.
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
}

/// The columns with these names.
pub(crate) fn columns<E: EntityTrait>(names: &[String]) -> Vec<E::Column> {
    names.iter().filter_map(|name| E::Column::iter().find(|column| column.as_str() == name)).collect()
}

/// The key of a row in these columns; `None` if one of them is null, as such a key refers to nothing.
pub(crate) fn key<E: EntityTrait>(model: &E::Model, columns: &[E::Column]) -> Option<Key> {
    let ids = columns.iter().map(|column| match model.get(*column) {
        Value::Uuid(id) => id,
        _ => None,
    });
    ids.collect()
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
