use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "personal_data_classified",
    level: Level::Block,
    requires: "Every text or jsonb column states its class of personal data, and the audit trail keeps none of it.",
    why: "A column without a class is neither erased nor exported.",
    fix: "End the description in migration/schema_annotations.yaml with [personal data: CLASS].",
    source: "docs/conventions.md#personal-data",
    check: Check::Catalogue(include_str!("personal_data_classified.sql")),
    breaks: &[
        sql("comment on column contacts.email is 'Address for the follow-up e-mail.'", &["contacts.email"]),
        sql(
            "comment on column contacts.email is 'Address for the e-mail. [personal data: maybe]'",
            &["contacts.email"],
        ),
        sql(
            "alter table contacts add column notes jsonb; \
             comment on column contacts.notes is 'What the agent noted during the call.'",
            &["contacts.notes"],
        ),
        sql(
            "create or replace trigger audit after insert or update or delete on exclusion_list_entries \
             for each row execute function write_audit_log_entry('phone_number')",
            &["exclusion_list_entries.reason"],
        ),
    ],
};
