//! Every function of `database` that an application calls in a transaction decides what it does with deleted rows.

use crate::docs::{deleted_rows, readers};
use crate::rule::{Check, Level, Rule, replace};
use crate::{Error, Finding, Subject};

pub const RULE: Rule = Rule {
    id: "deleted_rows_decided",
    level: Level::Block,
    requires: "Every function of database decides what it does with a row that is marked as deleted: its own, and those that its rows belong to.",
    why: "A query without a decision reads what was deleted, or writes below it.",
    fix: "Add the table to the section `# Deleted rows` of the function's documentation, or to a line `-- deleted:` of its query.",
    source: "docs/conventions.md#deleted-rows",
    check: Check::Subject(|subject| Box::pin(look(subject))),
    breaks: &[
        replace(
            "database/src/contacts.rs",
            "/// - `campaigns`, `organizations`: refused\n",
            "/// - `organizations`: refused\n",
            &["contacts::create"],
        ),
        replace(
            "database/src/users.rs",
            "/// # Deleted rows\n/// - `users`: hidden\npub async fn find(",
            "pub async fn find(",
            &["users::find"],
        ),
        replace(
            "database/queries/campaigns.sql",
            "-- deleted: campaigns: hidden",
            "-- deleted: campaigns, events: ignored",
            &["campaigns::statistics", "campaigns::statistics"],
        ),
        replace(
            "database/queries/transcript_snippets.sql",
            "-- deleted: campaigns, organizations: reads - retention covers them",
            "-- deleted: campaigns, campaigns: reads\n-- deleted: organizations: bound",
            &[
                "transcript_snippets::delete_expired",
                "transcript_snippets::delete_expired",
                "transcript_snippets::delete_expired",
            ],
        ),
    ],
};

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let schema = subject.schema().await?;
    let names: Vec<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    Ok(deleted_rows::defects(&readers::read(subject.workspace(), &names)?, schema))
}
