//! `docs/schema`: the data dictionary, a page for each table.

use super::areas::{self, Area};
use super::page::{self, NOTICE, cell, code, link, markdown};
use super::{mermaid, queries, readers};
use crate::catalogue::schema::{Enum, Schema, Table};
use crate::generated_files::{GeneratedFile, Kind};
use crate::migrations::files;
use crate::{Error, Finding, Subject};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the pages are.
pub const DIRECTORY: &str = "docs/schema";

/// The pages and diagrams as generated files.
pub const KIND: Kind = Kind { generate: |subject| Box::pin(generate(subject)), directory: Some(DIRECTORY) };

async fn generate(subject: &Subject) -> Result<Result<Vec<GeneratedFile>, Vec<Finding>>, Error> {
    let workspace = subject.workspace();
    let schema = subject.schema().await?;
    let areas = areas::read(workspace)?;
    let migrations = files::read(workspace)?;
    let names: Vec<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    let functions = readers::read(workspace, &names)?;
    let readers = readers::by_table(&functions);
    let prefixes: BTreeMap<&str, &str> = entity::ID_PREFIXES.iter().copied().collect();

    let mut generated_files = Vec::new();
    let mut add =
        |name: &str, text| generated_files.push(GeneratedFile { file: format!("{DIRECTORY}/{name}"), text });
    add("README.md", index(schema, &areas));
    add(queries::FILE, queries::render(&functions));
    for table in &schema.tables {
        let about = page::About {
            area: areas.iter().find(|area| area.has(&table.name)),
            prefix: prefixes.get(table.name.as_str()).copied(),
            migration: migrations.iter().find(|of| of.name.ends_with(&format!("_create_{}", table.name))),
            readers: readers.get(table.name.as_str()).map(Vec::as_slice).unwrap_or_default(),
        };
        add(&format!("{}.md", table.name), page::render(schema, table, &about));
    }
    Ok(Ok(generated_files))
}

fn index(schema: &Schema, areas: &[Area]) -> String {
    let columns: usize = schema.tables.iter().map(|table| table.columns.len()).sum();
    let mut text = format!(
        "{NOTICE}\n# The schema\n\n\
         {} tables with {columns} columns. The page of a table documents its columns, keys, indexes, policies and \
         privileges, and the functions that read and write it. [The queries](queries.md) lists all functions with what they do with \
         deleted rows. [Columns](#columns) lists every column with its \
         tables.\n\n\
         The diagram shows the keys; the diagrams of the [areas](#areas) show all columns.\n\n",
        schema.tables.len()
    );
    let tables: Vec<&Table> = schema.tables.iter().collect();
    text.push_str(&mermaid::render(schema, &tables, |mark| !mark.is_empty()));

    text.push_str("\n## Areas\n");
    for area in areas {
        let tables: Vec<&Table> = schema.tables.iter().filter(|table| area.has(&table.name)).collect();
        let rows = tables.iter().map(|Table { name, comment, .. }| {
            [format!("[`{name}`]({name}.md)"), cell(comment.as_deref().unwrap_or("?"))]
        });
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n### {}\n\n{}\n\n{}\n{}",
            area.name,
            area.about,
            markdown(["table", "description"], rows),
            mermaid::render(schema, &tables, |_| true)
        );
    }

    let enums = schema.enums.iter().map(|Enum { name, values }| {
        let used = schema.tables.iter().flat_map(|table| {
            let columns = table.columns.iter().filter(|column| column.kind == *name);
            columns.map(|column| link(&table.name, &column.name, &format!("{}.{}", table.name, column.name)))
        });
        [
            format!("<a id=\"{name}\"></a>`{name}`"),
            values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", "),
            used.collect::<Vec<_>>().join(", "),
        ]
    });
    let _ = write!(text, "\n## Enums\n\n{}", markdown(["type", "values", "columns"], enums));

    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Table { name, columns, .. } in &schema.tables {
        for column in columns {
            by_name.entry(&column.name).or_default().push(link(name, &column.name, name));
        }
    }
    let columns = by_name.into_iter().map(|(column, tables)| [code(column), tables.join(", ")]);
    let _ = write!(text, "\n## Columns\n\n{}", markdown(["column", "tables"], columns));
    text
}
