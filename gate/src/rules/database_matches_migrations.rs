use crate::drift::live;
use crate::rule::{Check, Level, Rule, sql};
use crate::{Error, Finding, Subject};

/// `gate --database` compares a live database in the same way.
pub const RULE: Rule = Rule {
    id: "database_matches_migrations",
    level: Level::Block,
    requires: "A live database has the schema that its migrations create, down to types, defaults, keys, policies, grants and comments.",
    why: "The schema in production is not the one that was tested: the next migration can fail, or a policy can be missing.",
    fix: "Undo the change in the database, or write a migration for it: cargo run -p migration -- generate.",
    source: "docs/conventions.md#live-databases",
    check: Check::Comparison(|subject| Box::pin(look(subject))),
    // tests/it/drift.rs has a change of each kind of object.
    breaks: &[
        sql(
            "alter table call_attempts drop constraint uq_call_attempts_call_id",
            &["constraint uq_call_attempts_call_id on call_attempts"],
        ),
        sql(
            "alter table campaigns drop constraint ck_campaigns_max_attempts_range, add constraint \
             ck_campaigns_max_attempts_range check (max_attempts between 1 and 6)",
            &["constraint ck_campaigns_max_attempts_range on campaigns"],
        ),
        sql("alter table contacts disable row level security", &["table contacts"]),
        sql("alter role customer bypassrls", &["role customer"]),
        sql("create view names with (security_barrier) as select name from organizations", &["view names"]),
        sql(
            "create table notes (id uuid primary key, contact_id uuid references contacts)",
            &["table notes"],
        ),
        sql(
            "insert into seaql_migrations values ('m20990101_000001_unknown', 0)",
            &["table seaql_migrations"],
        ),
    ],
};

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    live::differences(subject.reference().await?, subject.catalogue().await?, None).await
}
