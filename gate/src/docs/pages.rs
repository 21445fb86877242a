//! `docs/schema`: the data dictionary, a page for each table.

use super::areas::{self, Area};
use super::page::{self, NOTICE, cell, code};
use super::{mermaid, queries, readers};
use crate::catalogue::schema::{Schema, Table};
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
            readers: readers.get(&table.name).map(Vec::as_slice).unwrap_or_default(),
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
        // Writing to a string does not fail.
        let _ = write!(text, "\n### {}\n\n{}\n\n| table | description |\n|---|---|\n", area.name, area.about);
        let tables: Vec<&Table> = schema.tables.iter().filter(|table| area.has(&table.name)).collect();
        for table in &tables {
            let about = table.comment.as_deref().unwrap_or("?");
            let _ = writeln!(text, "| [`{0}`]({0}.md) | {1} |", table.name, cell(about));
        }
        let _ = write!(text, "\n{}", mermaid::render(schema, &tables, |_| true));
    }

    text.push_str("\n## Enums\n\n| type | values | columns |\n|---|---|---|\n");
    for of in &schema.enums {
        let values: Vec<String> = of.values.iter().map(|value| code(value)).collect();
        let used = schema.tables.iter().flat_map(|table| {
            let columns = table.columns.iter().filter(|column| column.kind == of.name);
            columns.map(|column| link(&table.name, &column.name, &format!("{}.{}", table.name, column.name)))
        });
        let used: Vec<String> = used.collect();
        let _ = writeln!(
            text,
            "| <a id=\"{0}\"></a>`{0}` | {1} | {2} |",
            of.name,
            values.join(", "),
            used.join(", ")
        );
    }

    text.push_str("\n## Columns\n\n| column | tables |\n|---|---|\n");
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for table in &schema.tables {
        for column in &table.columns {
            by_name.entry(&column.name).or_default().push(&table.name);
        }
    }
    for (column, tables) in by_name {
        let tables: Vec<String> = tables.iter().map(|table| link(table, column, table)).collect();
        let _ = writeln!(text, "| `{column}` | {} |", tables.join(", "));
    }
    text
}

fn link(table: &str, column: &str, text: &str) -> String {
    format!("[`{text}`]({table}.md#{column})")
}
