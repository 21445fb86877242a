use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "owner_keys_cascade_or_set_null",
    level: Level::Block,
    requires: "Keys to users and organizations cascade or set null.",
    why: "Otherwise a user or an organization whose erasure was requested cannot be deleted.",
    fix: "Use on delete cascade for rows that belong to it, on delete set null for rows that outlive it.",
    source: "docs/conventions.md#keys-to-users-and-organizations",
    check: Check::Catalogue(include_str!("owner_keys_cascade_or_set_null.sql")),
    breaks: &[sql(
        "alter table campaigns drop constraint fk_campaigns_created_by_user_id_users, add constraint \
         fk_campaigns_created_by_user_id_users foreign key (created_by_user_id) references users (id) on \
         delete restrict",
        &["campaigns.fk_campaigns_created_by_user_id_users"],
    )],
};
