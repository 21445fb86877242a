//! The result of a check.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use entity::id::{
    CallAttemptId, CampaignId, ContactId, EmailNotificationId, EventId, OrganizationId, SurveyResponseId,
};
use sea_orm::{DbErr, QueryResult, prelude::Uuid};

use super::rule::Rule;

/// The text of an id.
type Text = fn(Uuid) -> String;

/// The types of ids by the name of the column.
const IDS: [(&str, Text); 7] = [
    ("call_attempt_id", |id| CallAttemptId::from_uuid(id).to_string()),
    ("campaign_id", |id| CampaignId::from_uuid(id).to_string()),
    ("contact_id", |id| ContactId::from_uuid(id).to_string()),
    ("email_notification_id", |id| EmailNotificationId::from_uuid(id).to_string()),
    ("event_id", |id| EventId::from_uuid(id).to_string()),
    ("organization_id", |id| OrganizationId::from_uuid(id).to_string()),
    ("survey_response_id", |id| SurveyResponseId::from_uuid(id).to_string()),
];

/// The outcome for each rule, by name.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// The rules and what was found.
    pub rules: Vec<(Rule, Checked)>,
}

/// What was found for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The rule is not checked on this engine, for this reason.
    Skipped(&'static str),
    /// The number of violations, and the first of them.
    Violations {
        /// All of them.
        total: u64,
        /// At most five, by id.
        first: Vec<Violation>,
    },
}

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The row, as in `con_…`.
    pub id: String,
    /// What is wrong, without personal data.
    pub found: String,
}

impl Violation {
    pub(super) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let columns = row.column_names();
        let found = IDS.iter().find(|(name, _)| columns.iter().any(|column| column == name));
        let (column, text) = found.ok_or_else(|| DbErr::Custom("the rule returns no id".to_owned()))?;
        Ok(Self { id: text(row.try_get("", column)?), found: row.try_get("", "found")? })
    }
}

impl CheckReport {
    /// Returns the rules with a violation, by name.
    pub fn violated(&self) -> impl Iterator<Item = &'static str> {
        let violated = |checked: &Checked| matches!(checked, Checked::Violations { total, .. } if *total > 0);
        self.rules.iter().filter(move |(_, checked)| violated(checked)).map(|(rule, _)| rule.name)
    }

    /// Whether no rule is violated.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.violated().next().is_none()
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["rule", "violations"]);
        for (rule, checked) in &self.rules {
            let count = match checked {
                Checked::Skipped(_) => "-".to_owned(),
                Checked::Violations { total, .. } => total.to_string(),
            };
            table.add_row([rule.name.to_owned(), count]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{}", table.trim_fmt())?;
        let (mut violated, mut skipped) = (0, 0);
        for (rule, checked) in &self.rules {
            match checked {
                Checked::Violations { total: 1.., first } => {
                    violated += 1;
                    writeln!(f, "\n{}: {}", rule.name, rule.requires)?;
                    for Violation { id, found } in first {
                        writeln!(f, "  {id}  {found}")?;
                    }
                }
                Checked::Violations { .. } => {}
                Checked::Skipped(_) => skipped += 1,
            }
        }
        match (violated, self.rules.len() - skipped) {
            (0, rules) => write!(f, "\nconsistent: {rules} rules hold")?,
            (violated, rules) => write!(f, "\n{violated} of {rules} rules are violated")?,
        }
        if skipped > 0 { write!(f, "; {skipped} are checked on PostgreSQL only") } else { Ok(()) }
    }
}
