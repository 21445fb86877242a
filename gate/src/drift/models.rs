//! The tables as entity files in the dense format of `sea-orm-cli` declare them, read without being compiled.

use super::entities::{list, nullability};
use super::{Description, Item, Model};
use crate::{Error, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Field, GenericArgument, Lit, LitStr, Meta, PathArguments, Type};

/// The models of a workspace's `entity/src`, by the names of their files.
pub(crate) fn read(workspace: &Workspace) -> Result<BTreeMap<String, Model>, Error> {
    let mut models = BTreeMap::new();
    for file in workspace.files("entity/src", "rs")? {
        models.extend(parse(&workspace.path(&file), &workspace.read(&file)?)?);
    }
    Ok(models)
}

/// The model of a file, by the file's name; `None`: it has none.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Option<(String, Model)>, Error> {
    let wrong = |error: syn::Error| Error::Source {
        path: path.to_owned(),
        reason: format!("line {}: {error}", error.span().start().line),
    };
    let file = syn::parse_file(text).map_err(wrong)?;
    let doc = doc(&file.attrs);
    for item in file.items {
        let syn::Item::Struct(item) = item else { continue };
        if let Some(table) = words(&item.attrs).map_err(wrong)?.remove("table_name") {
            let doc = capitalized(doc.strip_prefix(&format!("`{table}`: ")).unwrap_or(&doc));
            let mut model = Model { table, line: item.ident.span().start().line, doc, ..Model::default() };
            let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for field in &item.fields {
                model.add(field, &mut groups).map_err(wrong)?;
            }
            let unique = groups.into_values().map(|group| (Item::Unique(group), Description::default()));
            model.items.extend(unique);
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
        let mut words = words(&field.attrs)?;
        let (outer, inner) = name_and_argument(&field.ty)?;
        let optional = |of: &Type| name_and_argument(of).map(|(name, _)| name == "Option");
        let (item, kind, nullable) = match (outer.as_str(), inner) {
            ("HasMany" | "HasOne", Some(inner)) => (Item::List(module(inner)), String::new(), false),
            ("BelongsTo", Some(inner)) => {
                let mut columns = |word| {
                    let text = words.remove(word).unwrap_or_default();
                    text.trim_matches(['(', ')']).split(", ").map(ToOwned::to_owned).collect()
                };
                let nullable = optional(inner)?;
                let target = name_and_argument(inner)?.1.filter(|_| nullable).unwrap_or(inner);
                let (from, to) = (columns("from"), columns("to"));
                // `NoAction` is the action of a key that names none.
                words.retain(|word, action| word.starts_with("on_") && action != "NoAction");
                (Item::ForeignKey { from, table: module(target), to }, String::new(), nullable)
            }
            (_, inner) => {
                let nullable = outer == "Option";
                if words.remove("unique").is_some() {
                    let unique = Item::Unique(BTreeSet::from([name.clone()]));
                    self.items.insert(unique, Description::default());
                }
                if let Some(group) = words.remove("unique_key") {
                    groups.entry(group).or_default().insert(name.clone());
                }
                // The first repeats what the type states; the others are compared with the database.
                for word in ["nullable", "default_value", "indexed"] {
                    words.remove(word);
                }
                self.columns.push(name.clone());
                let kind = spelled(inner.filter(|_| nullable).unwrap_or(&field.ty))?;
                (Item::Column(name.clone()), kind, nullable)
            }
        };
        let words: Vec<String> = words
            .into_iter()
            .map(|(word, text)| if text.is_empty() { word } else { format!("{word} = {text}") })
            .collect();
        let mut facets =
            BTreeMap::from([("nullability", nullability(nullable)), ("attributes", list(&words))]);
        if matches!(item, Item::List(_)) {
            facets.clear();
        } else {
            facets.insert("type", generated(&kind).to_owned());
        }
        let line = ident.span().start().line;
        let doc = doc(&field.attrs);
        self.items.insert(item, Description { name, line, doc, rust_type: kind, facets });
        Ok(())
    }
}

/// A type as the generator calls it: ids, times, documents and secrets have types of our own.
fn generated(kind: &str) -> &str {
    match kind {
        "CallMetadata" | "Changes" | "EventPayload" | "Preferences" | "RemovedRows" => "Json",
        "DateTimeWithTimeZone" => "DateTimeUtc",
        // Both sides, because the argument of a list is not compared.
        "Secret" | "Vec" => "Vec<u8>",
        id if id.ends_with("Id") => "Uuid",
        other => other,
    }
}

/// The module of `super::contacts::Entity`, which is the table.
fn module(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    path.path.segments.iter().rev().nth(1).map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// `Option` and `Uuid` of `std::option::Option<Uuid>`.
fn name_and_argument(of: &Type) -> syn::Result<(String, Option<&Type>)> {
    let last = if let Type::Path(path) = of { path.path.segments.last() } else { None };
    let last = last.ok_or_else(|| syn::Error::new(of.span(), "the type of a field has to be a name"))?;
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            })
        }
        _ => None,
    };
    Ok((last.ident.to_string(), argument))
}

/// A type without the modules of its names.
fn spelled(of: &Type) -> syn::Result<String> {
    Ok(match name_and_argument(of)? {
        (name, Some(inner)) => format!("{name}<{}>", spelled(inner)?),
        (name, None) => name,
    })
}

/// The text of a comment, in one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = doc_lines(attributes);
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The lines of a comment.
pub(crate) fn doc_lines(attributes: &[Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident("doc") => Some(text.value()),
            _ => None,
        }
    });
    lines.collect()
}

/// The text with a capital letter.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}

/// The words of `#[sea_orm(..)]` with their texts; one without a text has an empty one.
fn words(attributes: &[Attribute]) -> syn::Result<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        attribute.parse_nested_meta(|meta| {
            let text = match meta.value() {
                Ok(value) if value.peek(LitStr) => value.parse::<LitStr>()?.value(),
                Ok(value) => match value.parse::<Lit>()? {
                    Lit::Bool(truth) => truth.value.to_string(),
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
