//! The types that the entities give to columns whose PostgreSQL type is not specific enough: `uuid` and `jsonb`.

use crate::drift::{Item, Model, models};
use crate::{Error, Workspace};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of every `Model`, and the id type of each column name.
#[derive(Debug, Default)]
pub(super) struct Entities {
    models: BTreeMap<String, Model>,
    /// By column: every id type that a column of that name has.
    ids: BTreeMap<String, BTreeSet<String>>,
}

impl Entities {
    /// Reads `entity/src`.
    pub(super) fn read(workspace: &Workspace) -> Result<Self, Error> {
        let mut entities = Self { models: models::read(workspace)?, ids: BTreeMap::new() };
        let fields = entities.models.values().flat_map(Model::rust_types);
        for (column, rust_type) in fields.filter(|(_, rust_type)| rust_type.ends_with("Id")) {
            entities.ids.entry(column.to_owned()).or_default().insert(rust_type.to_owned());
            // A column that refers to a table is named after the id type of that table.
            if column == "id" {
                let name = heck::ToSnakeCase::to_snake_case(rust_type);
                entities.ids.entry(name).or_default().insert(rust_type.to_owned());
            }
        }
        Ok(entities)
    }

    /// The type of a column, without `Option`.
    pub(super) fn field(&self, table: &str, column: &str) -> Option<&str> {
        let column = self.models.get(table)?.items.get(&Item::Column(column.to_owned()))?;
        Some(&column.rust_type)
    }

    /// The id type of a value called `campaign_id`, or `campaign_ids` for a list.
    ///
    /// `None`: no column has that name, or columns of that name have several types, as `id` has.
    pub(super) fn id_named(&self, name: &str) -> Option<&str> {
        let types = self.ids.get(name).or_else(|| self.ids.get(name.strip_suffix('s')?))?;
        types.first().filter(|_| types.len() == 1).map(String::as_str)
    }

    /// Whether a field has this type.
    pub(super) fn knows(&self, type_name: &str) -> bool {
        self.models.values().flat_map(Model::rust_types).any(|(_, known)| known == type_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_an_id_where_it_is_no_ones_else() {
        let entities = Entities::read(&Workspace::at(None)).unwrap();
        assert_eq!(entities.id_named("campaign_id"), Some("CampaignId"));
        assert_eq!(entities.id_named("event_ids"), Some("EventId"));
        assert_eq!(
            entities.id_named("transcript_snippet_id"),
            Some("TranscriptSnippetId"),
            "no key refers to it"
        );
        assert_eq!(entities.id_named("id"), None, "every table has one");
        assert_eq!(entities.id_named("name"), None);
    }
}
