//! Entity files as `sea-orm-cli` writes them in its dense format, read without being compiled.

use crate::{Error, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fmt, fs};
use syn::spanned::Spanned as _;
use syn::{Attribute, Field, GenericArgument, Item, LitStr, PathArguments, Type};

/// A `Model`: what it says of its table, without what only Rust hears, as the names of relations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) table: String,
    pub(crate) line: usize,
    /// In the order of the fields.
    pub(crate) columns: Vec<Column>,
    pub(crate) keys: BTreeMap<Place, Key>,
    /// The tables that refer to this one.
    pub(crate) lists: BTreeSet<String>,
    /// The columns of each unique constraint.
    pub(crate) unique: BTreeSet<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// The Rust type without `Option`.
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    /// What `#[sea_orm(..)]` says of the column itself, by word.
    pub(crate) words: BTreeMap<String, String>,
}

/// From where to where a foreign key leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) from: Vec<String>,
    pub(crate) table: String,
    pub(crate) to: Vec<String>,
}

impl Place {
    /// Whether one was meant where the other stands.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let columns = |place: &Self| place.from.iter().cloned().collect::<BTreeSet<_>>();
        self.table == other.table || columns(self) == columns(other)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from ({}) to {} ({})", self.from.join(", "), self.table, self.to.join(", "))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) field: String,
    pub(crate) line: usize,
    pub(crate) nullable: bool,
    /// The actions, by word, without `NoAction`, which is what a key does that says nothing.
    pub(crate) actions: BTreeMap<String, String>,
}

/// The models of a workspace's `entity/src`, by the names of their files.
pub(crate) fn read(workspace: &Workspace) -> Result<BTreeMap<String, Model>, Error> {
    let directory = workspace.path("entity/src");
    let entries = fs::read_dir(&directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(Error::io("read", &directory))?;
    let mut models = BTreeMap::new();
    for path in entries.into_iter().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            models.extend(parse(&path, &text)?);
        }
    }
    Ok(models)
}

/// The model of a file, by the file's name; `None`: it has none.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Option<(String, Model)>, Error> {
    let wrong = |error: syn::Error| Error::Source {
        path: path.to_owned(),
        reason: format!("line {}: {error}", error.span().start().line),
    };
    for item in syn::parse_file(text).map_err(wrong)?.items {
        let Item::Struct(item) = item else { continue };
        if let Some(table) = words(&item.attrs).map_err(wrong)?.remove("table_name") {
            let mut model = Model { table, line: item.ident.span().start().line, ..Model::default() };
            let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for field in &item.fields {
                model.add(field, &mut groups).map_err(wrong)?;
            }
            model.unique.extend(groups.into_values());
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Some((name, model)));
        }
    }
    Ok(None)
}

impl Model {
    fn add(&mut self, field: &Field, groups: &mut BTreeMap<String, BTreeSet<String>>) -> syn::Result<()> {
        let Some(ident) = &field.ident else { return Ok(()) };
        let name = ident.to_string().trim_start_matches("r#").to_owned();
        let line = ident.span().start().line;
        let mut words = words(&field.attrs)?;
        let outer = name_of(&field.ty)?;
        match (outer.as_str(), argument(&field.ty)) {
            ("BelongsTo", Some(inner)) => {
                let nullable = name_of(inner)? == "Option";
                let target = argument(inner).filter(|_| nullable).unwrap_or(inner);
                let mut columns = |word| {
                    let text = words.remove(word).unwrap_or_default();
                    text.trim_matches(['(', ')']).split(", ").map(ToOwned::to_owned).collect()
                };
                let place = Place { from: columns("from"), table: module(target), to: columns("to") };
                words.retain(|word, action| word.starts_with("on_") && action != "NoAction");
                self.keys.insert(place, Key { field: name, line, nullable, actions: words });
            }
            ("HasMany" | "HasOne", Some(inner)) => {
                self.lists.insert(module(inner));
            }
            (_, inner) => {
                let nullable = outer == "Option";
                let kind = spelled(inner.filter(|_| nullable).unwrap_or(&field.ty))?;
                if words.remove("unique").is_some() {
                    self.unique.insert(BTreeSet::from([name.clone()]));
                }
                if let Some(group) = words.remove("unique_key") {
                    groups.entry(group).or_default().insert(name.clone());
                }
                // Says again what the type says.
                words.remove("nullable");
                self.columns.push(Column { name, line, kind, nullable, words });
            }
        }
        Ok(())
    }
}

/// The module of `super::contacts::Entity`, which is the table.
fn module(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    path.path.segments.iter().rev().nth(1).map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// The last name of a path: `Option` of `Option<Uuid>`.
fn name_of(of: &Type) -> syn::Result<String> {
    match of {
        Type::Path(path) if !path.path.segments.is_empty() => Ok(path
            .path
            .segments
            .iter()
            .next_back()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default()),
        other => Err(syn::Error::new(other.span(), "a field's type has to be a name")),
    }
}

/// `Uuid` of `Option<Uuid>`.
fn argument(of: &Type) -> Option<&Type> {
    let Type::Path(path) = of else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// A type without the modules of its names.
fn spelled(of: &Type) -> syn::Result<String> {
    let name = name_of(of)?;
    Ok(match argument(of) {
        Some(inner) => format!("{name}<{}>", spelled(inner)?),
        None => name,
    })
}

/// The words of `#[sea_orm(..)]`, with their texts; one without a text has an empty one.
fn words(attributes: &[Attribute]) -> syn::Result<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        attribute.parse_nested_meta(|meta| {
            let text = match meta.value() {
                Ok(value) if value.peek(LitStr) => value.parse::<LitStr>()?.value(),
                Ok(value) => match value.parse::<syn::Lit>()? {
                    syn::Lit::Bool(truth) => truth.value.to_string(),
                    _ => String::new(),
                },
                Err(_) => String::new(),
            };
            words.extend(meta.path.get_ident().map(|word| (word.to_string(), text)));
            Ok(())
        })?;
    }
    Ok(words)
}
