//! `gate/grants.yaml`: why the role customer holds each privilege, and the table of it in `docs/security.md`.

use super::page::{cell, code, markdown};
use super::readers::{self, Readers, Scope};
use crate::catalogue::schema::{Grant, Schema};
use crate::generated_files::{GeneratedFile, Kind};
use crate::{Error, Finding, Subject};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The file of the reasons.
pub const FILE: &str = "gate/grants.yaml";

/// The document that contains the table.
pub const DOCUMENT: &str = "docs/security.md";

/// The document as a generated file: only the text between the two lines is written.
pub const KIND: Kind = Kind { generate: |subject| Box::pin(generate(subject)), directory: None };

const BEGIN: &str = "<!-- grants: written by `cargo run -p gate -- write` from gate/grants.yaml -->\n";
const END: &str = "<!-- end of grants -->\n";

const ROLE: &str = "customer";

/// Why a privilege is granted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// A table, or the signature of a function.
    object: String,
    privilege: String,
    /// Empty: the whole object.
    #[serde(default)]
    columns: Vec<String>,
    reason: String,
}

/// An object, a privilege and a column; `None`: the whole object.
type Granted = (String, String, Option<String>);

async fn generate(subject: &Subject) -> Result<Result<Vec<GeneratedFile>, Vec<Finding>>, Error> {
    let workspace = subject.workspace();
    let schema = subject.schema().await?;
    let entries: Vec<Spanned<Entry>> = serde_saphyr::from_str(&workspace.read(FILE)?)
        .map_err(|error| Error::Source { path: workspace.path(FILE), reason: error.to_string() })?;
    let names: Vec<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    let functions = readers::read(workspace, &names)?;
    let readers = readers::by_table(&functions);
    let findings = defects(&entries, &granted(schema), &readers, schema);
    if !findings.is_empty() {
        return Ok(Err(findings));
    }
    let text = workspace.read(DOCUMENT)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        let problem = format!("it has no table of grants between `{}` and `{}`", BEGIN.trim(), END.trim());
        return Ok(Err(vec![Finding::of(DOCUMENT, problem)]));
    };
    let text = format!("{before}{BEGIN}\n{}\n{END}{after}", table(&entries));
    Ok(Ok(vec![GeneratedFile { file: DOCUMENT.to_owned(), text }]))
}

/// What the catalogue grants to the role.
fn granted(schema: &Schema) -> Vec<Granted> {
    let on_tables =
        schema.tables.iter().flat_map(|table| {
            table.grants.get(ROLE).into_iter().flatten().map(|Grant { privilege, column, .. }| {
                (table.name.clone(), privilege.clone(), column.clone())
            })
        });
    let on_functions = schema
        .functions
        .iter()
        .filter(|function| function.roles.contains(ROLE))
        .map(|function| (function.signature.clone(), "execute".to_owned(), None));
    on_tables.chain(on_functions).collect()
}

fn defects(
    entries: &[Spanned<Entry>],
    granted: &[Granted],
    readers: &Readers<'_>,
    schema: &Schema,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut explained: Vec<Granted> = Vec::new();
    for entry in entries {
        let line = usize::try_from(entry.referenced.line()).unwrap_or_default();
        let Entry { object, privilege, columns, reason } = &entry.value;
        let columns: Vec<Option<String>> =
            if columns.is_empty() { vec![None] } else { columns.iter().cloned().map(Some).collect() };
        for column in columns {
            let grant = (object.clone(), privilege.clone(), column);
            let problem = if !granted.contains(&grant) {
                format!("{ROLE} does not hold {privilege}, for which there is a reason")
            } else if explained.contains(&grant) {
                format!("{privilege} has a reason already")
            } else {
                explained.push(grant);
                continue;
            };
            findings.push(Finding::at(FILE, line, problem).about(name(&grant)));
        }
        if schema.table(object).is_some()
            && let Some(problem) = unfounded(object, privilege, reason, readers)
        {
            findings.push(Finding::at(FILE, line, problem).about(object));
        }
    }
    for grant in granted.iter().filter(|grant| !explained.contains(grant)) {
        let problem = format!("{ROLE} holds {}, without a reason in {FILE}", grant.1);
        findings.push(Finding::of(name(grant), problem));
    }
    findings
}

/// What is wrong with the reason of a table's privilege.
fn unfounded(table: &str, privilege: &str, reason: &str, readers: &Readers<'_>) -> Option<String> {
    let named: Vec<&str> = reason.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    let readers = readers.get(table).map(Vec::as_slice).unwrap_or_default();
    let needs = |name: &str| {
        readers.iter().any(|(function, writes)| {
            function.path() == name
                && function.scope != Some(Scope::Admin)
                && (*writes || privilege == "select")
        })
    };
    match named.iter().find(|name| !needs(name)) {
        _ if named.is_empty() => Some("the reason names no function of `database`".to_owned()),
        Some(name) => {
            let does = if privilege == "select" { "reads" } else { "writes" };
            Some(format!("`{name}` is no function that accepts a customer's transaction and {does} {table}"))
        }
        None => None,
    }
}

fn name((object, _, column): &Granted) -> String {
    column.as_ref().map_or_else(|| object.clone(), |column| format!("{object}.{column}"))
}

fn table(entries: &[Spanned<Entry>]) -> String {
    let rows = entries.iter().map(|entry| {
        let Entry { object, privilege, columns, reason } = &entry.value;
        let columns: Vec<String> = columns.iter().map(|column| code(column)).collect();
        [code(object), privilege.clone(), columns.join(", "), cell(reason)]
    });
    markdown(["object", "privilege", "columns", "needed by"], rows)
}
