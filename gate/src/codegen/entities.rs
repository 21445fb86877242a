//! The types that the entities give to columns whose type in PostgreSQL says too little: `uuid` and `jsonb`.

use crate::{Error, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use syn::{Fields, GenericArgument, Item, PathArguments, Type};

/// The fields of every `Model`, and what the names of ids say.
#[derive(Debug, Default)]
pub(super) struct Entities {
    /// By table and column: the type's name, without `Option`.
    fields: BTreeMap<(String, String), String>,
    /// By column: every type that a column of that name has.
    by_name: BTreeMap<String, BTreeSet<String>>,
}

impl Entities {
    /// Reads `entity/src`.
    pub(super) fn read(workspace: &Workspace) -> Result<Self, Error> {
        let directory = workspace.path("entity/src");
        let mut files: Vec<_> = fs::read_dir(&directory)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(Error::io("read", &directory))?
            .into_iter()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .collect();
        files.sort();
        let mut entities = Self::default();
        for path in files {
            let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            let file = syn::parse_file(&text)
                .map_err(|error| Error::Source { path: path.clone(), reason: error.to_string() })?;
            // The table's name is the file's.
            if let Some(table) = path.file_stem().and_then(|stem| stem.to_str()) {
                entities.add(table, &file);
            }
        }
        Ok(entities)
    }

    /// The type of a column, without `Option`.
    pub(super) fn field(&self, table: &str, column: &str) -> Option<&str> {
        self.fields.get(&(table.to_owned(), column.to_owned())).map(String::as_str)
    }

    /// The id type of whatever is called `campaign_id`, or `campaign_ids` for a list.
    ///
    /// `None`: no column has that name, or columns of that name have several types, as `id` has.
    pub(super) fn id_named(&self, name: &str) -> Option<&str> {
        let types = self.by_name.get(name).or_else(|| self.by_name.get(name.strip_suffix('s')?))?;
        let mut types = types.iter().filter(|name| name.ends_with("Id"));
        types.next().filter(|_| types.next().is_none()).map(String::as_str)
    }

    /// Whether a field has this type.
    pub(super) fn knows(&self, type_name: &str) -> bool {
        self.fields.values().any(|known| known == type_name)
    }

    fn add(&mut self, table: &str, file: &syn::File) {
        let model = file.items.iter().find_map(|item| match item {
            Item::Struct(item) if item.ident == "Model" => Some(item),
            _ => None,
        });
        let Some(Fields::Named(fields)) = model.map(|model| &model.fields) else { return };
        for field in &fields.named {
            let (Some(column), Some(type_name)) = (&field.ident, last_name(&field.ty)) else { continue };
            let column = column.to_string();
            self.by_name.entry(column.clone()).or_default().insert(type_name.clone());
            // What refers to a table is called like its singular, which is also the start of its id's type.
            if column == "id" {
                let name = heck::ToSnakeCase::to_snake_case(type_name.as_str());
                self.by_name.entry(name).or_default().insert(type_name.clone());
            }
            self.fields.insert((table.to_owned(), column), type_name);
        }
    }
}

/// `X` of `X`, `a::X` and `Option<X>`.
fn last_name(of: &Type) -> Option<String> {
    let Type::Path(path) = of else { return None };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => last_name(inner),
                _ => None,
            })
        }
        _ => Some(last.ident.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entities_tell_ids_and_documents() {
        let entities = Entities::read(&Workspace::at(None)).unwrap();
        assert_eq!(entities.field("contacts", "id"), Some("ContactId"));
        assert_eq!(
            entities.field("events", "call_attempt_id"),
            Some("CallAttemptId"),
            "also where it may be null"
        );
        assert_eq!(entities.field("events", "payload"), Some("EventPayload"));
        assert_eq!(entities.field("contacts", "ghost"), None);
    }

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
