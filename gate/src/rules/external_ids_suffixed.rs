use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "external_ids_suffixed",
    level: Level::Block,
    requires: "A column with an id from an external system ends in _extid; a column that ends in _id is a foreign key.",
    why: "An external id that looks like a key of this schema is joined with it, or passed where a typed id is expected.",
    fix: "Rename the column to end in _extid; list an id whose name clients use in external_ids_suffixed.sql, with the reason.",
    source: "docs/conventions.md#external-ids",
    check: Check::Catalogue(include_str!("external_ids_suffixed.sql")),
    breaks: &[sql(
        "alter table campaigns add column crm_id text constraint ck_campaigns_crm_id_length check \
         (length(crm_id) <= 255); comment on column campaigns.crm_id is 'What the sales system calls the \
         campaign. [personal data: none]'",
        &["campaigns.crm_id"],
    )],
};
