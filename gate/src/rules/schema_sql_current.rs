use crate::docs::schema_sql;
use crate::generated_files;
use crate::rule::{Check, Level, Rule, replace, sql};

pub const RULE: Rule = Rule {
    id: "schema_sql_current",
    level: Level::Block,
    requires: "migration/schema.sql is current with the migrations.",
    why: "A reviewer of a stale file approves a schema that does not exist.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#schemasql",
    check: Check::Comparison(|subject| Box::pin(generated_files::check(subject, &schema_sql::KIND))),
    breaks: &[
        replace(schema_sql::FILE, "", "-- edited\n", &[schema_sql::FILE]),
        sql("alter table campaigns alter column max_attempts set default 4", &[schema_sql::FILE]),
        sql("create statistics ghosts on state, campaign_id from contacts", &["statistics ghosts"]),
        sql("alter table contacts alter column email set (n_distinct = 5)", &["column contacts.email"]),
    ],
};
