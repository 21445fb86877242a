//! What `sea-orm-cli generate entity --entity-format dense` reads from a migrated PostgreSQL is what we wrote.

use clap::Parser as _;
use sea_orm_cli::{Cli, Commands};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use syn::{Attribute, Fields, Item, LitStr, Type};
use tempfile::TempDir;
use tests::migrated;

#[tokio::test]
async fn generated_entities_compile_and_equal_ours() {
    let database = migrated("generated_entities").await;
    let generated = TempDir::new().unwrap();
    let source = generated.path().join("src");
    generate(&database.url(), &source).await;

    let theirs = read(&source);
    let ours = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../entity/src")));
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "the tables are the same");
    assert_eq!(theirs.len(), 13);
    assert_eq!(theirs.values().map(|table| table.keys.len()).sum::<usize>(), 30, "foreign keys");
    for (table, theirs) in &theirs {
        let ours = &ours[table];
        assert_eq!(theirs.columns, ours.columns, "the columns of {table}");
        assert_eq!(theirs.keys, ours.keys, "the foreign keys of {table}");
        assert_eq!(theirs.unique, ours.unique, "the unique constraints of {table}");
        let missing: Vec<_> = theirs.lists.difference(&ours.lists).collect();
        assert!(missing.is_empty(), "{table} has no list of {missing:?}");
    }
    check(generated.path());
}

async fn generate(url: &str, directory: &Path) {
    let directory = directory.to_str().unwrap();
    let arguments = [
        "sea-orm-cli",
        "generate",
        "entity",
        "--entity-format",
        "dense",
        "--lib",
        "-u",
        url,
        "-o",
        directory,
    ];
    let Commands::Generate { command } = Cli::parse_from(arguments).command else { unreachable!() };
    sea_orm_cli::run_generate_command(command, false).await.unwrap();
}

/// Compiles the generated files with the dependencies of this workspace.
fn check(directory: &Path) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let manifest = std::fs::read_to_string(format!("{root}/Cargo.toml")).unwrap();
    let start = manifest.find("sea-orm = {").unwrap();
    let end = start + manifest[start..].find("] }").unwrap() + 3;
    let manifest = format!(
        "[package]\nname = \"generated\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{}\n",
        &manifest[start..end]
    );
    std::fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(format!("{root}/Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What an entity file says of its table, names of relations aside.
#[derive(Default)]
struct Table {
    /// Name, type and whether it may be null, in order.
    columns: Vec<(String, String, bool)>,
    /// Columns, referred table, referred columns, action on delete, and whether it may be null.
    keys: BTreeSet<(String, String, String, String, bool)>,
    /// The tables that refer to this one.
    lists: BTreeSet<String>,
    /// The columns of each unique constraint.
    unique: BTreeSet<Vec<String>>,
}

/// The entities of a directory, by file name, which is the table's.
fn read(directory: &Path) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for item in file.items {
            let Item::Struct(item) = item else { continue };
            let attributes = sea_orm(&item.attrs);
            let Some(Some(table)) = attributes.get("table_name") else { continue };
            assert_eq!(path.file_stem().unwrap(), table.as_str(), "a file is named as its table");
            tables.insert(table.clone(), read_table(&item.fields));
        }
    }
    tables
}

fn read_table(fields: &Fields) -> Table {
    let mut table = Table::default();
    let mut unique: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for field in fields {
        let name = field.ident.as_ref().unwrap().to_string().trim_start_matches("r#").to_owned();
        let attributes = sea_orm(&field.attrs);
        let text = |key: &str| attributes.get(key).cloned().flatten().unwrap_or_default();
        let (outer, inner) = split(&field.ty);
        match outer.as_str() {
            "BelongsTo" => {
                let (nullable, target) = inner
                    .strip_prefix("Option<")
                    .map_or((false, inner.as_str()), |inner| (true, inner.trim_end_matches('>')));
                table.keys.insert((text("from"), module(target), text("to"), text("on_delete"), nullable));
            }
            "HasMany" | "HasOne" => {
                table.lists.insert(module(&inner));
            }
            _ => {
                let nullable = outer == "Option";
                let kind = if nullable { inner } else { whole(&field.ty) };
                let kind = format!("{} {}", kind_of(&kind), text("column_type"));
                table.columns.push((name.clone(), kind, nullable));
                if attributes.contains_key("unique") {
                    table.unique.insert(vec![name.clone()]);
                }
                if attributes.contains_key("unique_key") {
                    unique.entry(text("unique_key")).or_default().push(name);
                }
            }
        }
    }
    table.unique.extend(unique.into_values());
    table
}

/// A column's type as both sides call it: ids, times and documents have types of our own.
fn kind_of(kind: &str) -> &str {
    match kind {
        "CallMetadata" | "EventPayload" | "Preferences" => "Json",
        "DateTimeWithTimeZone" => "DateTimeUtc",
        id if id.ends_with("Id") => "Uuid",
        other => other,
    }
}

/// The module of `super::contacts::Entity`.
fn module(path: &str) -> String {
    path.split("::").nth(1).unwrap_or(path).to_owned()
}

/// `Option` and `Uuid` of `Option<Uuid>`; the second is empty where there is no argument.
fn split(kind: &Type) -> (String, String) {
    let text = whole(kind);
    match text.split_once('<') {
        Some((outer, inner)) => {
            (outer.to_owned(), inner.trim_end_matches(',').strip_suffix('>').unwrap().to_owned())
        }
        None => (text, String::new()),
    }
}

fn whole(kind: &Type) -> String {
    let Type::Path(path) = kind else { panic!("a field's type is a path") };
    let mut text = String::new();
    for segment in &path.path.segments {
        if !text.is_empty() {
            text.push_str("::");
        }
        text.push_str(&segment.ident.to_string());
        if let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments {
            let Some(syn::GenericArgument::Type(inner)) = arguments.args.first() else {
                panic!("a type argument")
            };
            text = format!("{text}<{}>", whole(inner));
        }
    }
    text
}

/// The words of `#[sea_orm(..)]`, with their texts.
fn sea_orm(attributes: &[Attribute]) -> BTreeMap<String, Option<String>> {
    let mut words = BTreeMap::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        attribute
            .parse_nested_meta(|meta| {
                let word = meta.path.get_ident().unwrap().to_string();
                let text = match meta.value() {
                    Ok(value) if value.peek(LitStr) => Some(value.parse::<LitStr>()?.value()),
                    Ok(value) => {
                        value.parse::<syn::Expr>()?;
                        None
                    }
                    Err(_) => None,
                };
                words.insert(word, text);
                Ok(())
            })
            .unwrap();
    }
    words
}
