//! migration/schema.sql is current with the migrations.

use crate::docs::schema_sql;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Subject, generated_files};

pub const RULE: Rule = Rule {
    id: "schema_sql_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "migration/schema.sql is current with the migrations.",
    why: "A reviewer of a stale file approves a schema that does not exist.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#schemasql",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Replace { file: schema_sql::FILE, text: "", with: "-- edited\n" },
            finds: &[schema_sql::FILE],
        },
        Break {
            by: Mutation::Sql("alter table campaigns alter column max_attempts set default 4"),
            finds: &[schema_sql::FILE],
        },
        Break {
            by: Mutation::Sql("create statistics ghosts on state, campaign_id from contacts"),
            finds: &["statistics ghosts"],
        },
        Break {
            by: Mutation::Sql("alter table contacts alter column email set (n_distinct = 5)"),
            finds: &["column contacts.email"],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(generated_files::check(subject, &schema_sql::KIND))
}
