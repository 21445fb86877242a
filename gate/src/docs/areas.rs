//! `gate/areas.yaml`: the areas of the schema.

use crate::catalogue::schema::Schema;
use crate::{Error, Finding, Workspace};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The file of the areas.
pub const FILE: &str = "gate/areas.yaml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Area {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) tables: Vec<Spanned<String>>,
}

impl Area {
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|of| of.value == table)
    }
}

/// Reads the file.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<Area>, Error> {
    serde_saphyr::from_str(&workspace.read(FILE)?)
        .map_err(|error| Error::Source { path: workspace.path(FILE), reason: error.to_string() })
}

/// Tables in no area or in two, and areas with unknown tables.
pub(crate) fn defects(areas: &[Area], schema: &Schema) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listed: Vec<&Spanned<String>> = areas.iter().flat_map(|area| &area.tables).collect();
    for table in &schema.tables {
        if !listed.iter().any(|of| of.value == table.name) {
            findings.push(Finding::of(&table.name, format!("the table is in no area of {FILE}")));
        }
    }
    for (place, table) in listed.iter().enumerate() {
        let problem = if schema.table(&table.value).is_none() {
            "there is no such table"
        } else if listed[..place].iter().any(|of| of.value == table.value) {
            "the table is in an area already"
        } else {
            continue;
        };
        let line = usize::try_from(table.referenced.line()).unwrap_or_default();
        findings.push(Finding::at(FILE, line, problem).about(&table.value));
    }
    findings
}
