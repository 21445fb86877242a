//! Descriptions of new tables and columns in `migration/schema_annotations.yaml`, from the doc comments of the entities.

use super::plan::{Kind, Plan, Step};
use crate::drift::{Item, Model};
use std::collections::BTreeMap;

/// The one source of the descriptions.
pub(super) const FILE: &str = "migration/schema_annotations.yaml";

/// Descriptions of the columns that every table has, where the entity has no comment.
const USUAL: [(&str, &str); 4] = [
    ("id", "Identifies the row in links, logs and exports."),
    ("organization_id", "The tenant; Row Level Security compares it with the transaction's organization."),
    ("created_at", "When the row was created (UTC)."),
    ("updated_at", "When the row was last changed (UTC); moved by the trigger, never by the application."),
];

/// The file with the new descriptions.
#[derive(Clone, Debug, Default)]
pub(super) struct Described {
    pub(super) text: String,
    /// The descriptions of the new tables.
    pub(super) sentences: BTreeMap<String, String>,
    /// What a person has to write.
    pub(super) left: Vec<String>,
}

/// Adds what the plan creates to the text of the file. What is described already stays.
pub(super) fn describe(text: &str, plan: &Plan, models: &BTreeMap<String, Model>) -> Described {
    let mut described = Described { text: text.to_owned(), ..Described::default() };
    for step in &plan.steps {
        match step {
            Step::CreateTable(table) => {
                let model = models.get(&table.name);
                let sentence = model.map(|model| model.doc.clone()).unwrap_or_default();
                described.add(&table.name, "_table", &sentence, false);
                described.sentences.insert(table.name.clone(), sentence);
                for column in model.map(|model| model.columns.as_slice()).unwrap_or_default() {
                    let is_classified =
                        table.columns.iter().any(|of| of.name == *column && needs_class(&of.kind));
                    described.add(&table.name, column, &comment(model, column), is_classified);
                }
            }
            Step::AddColumn { table, column } => {
                let comment = comment(models.get(table), &column.name);
                described.add(table, &column.name, &comment, needs_class(&column.kind));
            }
            _ => {}
        }
    }
    described.sentences.retain(|_, sentence| !sentence.is_empty());
    described
}

/// Whether the description states the class of the personal data.
fn needs_class(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Plain("json_binary"))
}

fn comment(model: Option<&Model>, column: &str) -> String {
    let own = model.and_then(|model| model.items.get(&Item::Column(column.to_owned())));
    let own = own.map(|description| description.doc.replace("`None`", "NULL")).filter(|doc| !doc.is_empty());
    let usual = || USUAL.iter().find(|(name, _)| *name == column).map(|(_, sentence)| (*sentence).to_owned());
    own.or_else(usual).unwrap_or_default()
}

impl Described {
    /// Adds a line at the end of the table's block, which is created at the end of the file if it is missing.
    fn add(&mut self, table: &str, key: &str, sentence: &str, is_classified: bool) {
        let object = if key == "_table" { table.to_owned() } else { format!("{table}.{key}") };
        let mut lines: Vec<String> = self.text.lines().map(ToOwned::to_owned).collect();
        let start = lines.iter().position(|line| *line == format!("{table}:"));
        let block = lines.iter().skip(start.map_or(lines.len(), |start| start + 1));
        let length = block.take_while(|line| line.starts_with("  ")).count();
        let entry = format!("  {key}: ");
        if start
            .is_some_and(|start| lines[start..=start + length].iter().any(|line| line.starts_with(&entry)))
        {
            return;
        }
        if sentence.is_empty() {
            self.left.push(format!("the description of {object} in {FILE}"));
            return;
        }
        if is_classified && !sentence.ends_with(']') {
            self.left.push(format!("the class of personal data of {object} in {FILE}"));
        }
        let line = format!("{entry}{}", serde_json::Value::from(sentence));
        match start {
            Some(start) => lines.insert(start + 1 + length, line),
            None => lines.extend([String::new(), format!("{table}:"), line]),
        }
        self.text = lines.join("\n") + "\n";
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::change::plan::{Column, Kind, NewTable, Plan, Step};
    use crate::drift::models::parse;
    use std::collections::BTreeMap;
    use std::path::Path;

    const INVOICES: &str = "//! `invoices`: what an organization owes,\n//! a row for each month.\n
        #[sea_orm(table_name = \"invoices\")]
        pub struct Model {
            pub id: InvoiceId,
            /// The \"number\" on the invoice. [personal data: none]
            pub number: String,
            /// What the accountant adds; `None`: nothing.
            pub remark: Option<String>,
            pub total: i64,
        }";

    #[test]
    fn descriptions_are_the_comments_of_the_entities() {
        let model = parse(Path::new("entity/src/invoices.rs"), INVOICES).unwrap().unwrap();
        let column =
            |name: &str, kind| Column { name: name.to_owned(), kind, nullable: false, default: None };
        let table = NewTable {
            name: "invoices".to_owned(),
            columns: vec![
                column("number", Kind::Text),
                column("remark", Kind::Text),
                column("total", Kind::Plain("big_integer")),
            ],
            ..NewTable::default()
        };
        let new = Step::CreateTable(table);
        let added = Step::AddColumn { table: "users".to_owned(), column: column("id", Kind::Plain("uuid")) };
        let plan = Plan { steps: vec![added, new], refusals: Vec::new() };
        let text = "users:\n  name: \"x\"\n\nevents:\n  id: \"y\"\n";
        let described = describe(text, &plan, &[model].into());
        assert_eq!(
            described.text,
            "users:\n  name: \"x\"\n  id: \"Identifies the row in links, logs and exports.\"\n\nevents:\n  id: \"y\"\n\n\
             invoices:\n  _table: \"What an organization owes, a row for each month.\"\n  \
             id: \"Identifies the row in links, logs and exports.\"\n  \
             number: \"The \\\"number\\\" on the invoice. [personal data: none]\"\n  \
             remark: \"What the accountant adds; NULL: nothing.\"\n"
        );
        assert_eq!(
            described.left,
            [
                "the class of personal data of invoices.remark in migration/schema_annotations.yaml",
                "the description of invoices.total in migration/schema_annotations.yaml"
            ]
        );
        assert_eq!(
            describe(&described.text, &plan, &BTreeMap::default()).text,
            described.text,
            "nothing twice"
        );
    }
}
