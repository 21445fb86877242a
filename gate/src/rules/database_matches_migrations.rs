use crate::drift::live;
use crate::mutation::Mutation;
use crate::rule::{Break, Check, Level, Rule, sql};
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
    breaks: BREAKS,
};

/// One change of each kind.
const BREAKS: &[Break] = &[
    sql("alter table contacts alter phone_number drop not null", &["column contacts.phone_number"]),
    sql("alter table contacts alter phone_number type varchar(50)", &["column contacts.phone_number"]),
    sql("alter table contacts alter attempts_count set default 1", &["column contacts.attempts_count"]),
    sql(
        "alter table events drop constraint fk_events_contact_id_contacts, add constraint \
         fk_events_contact_id_contacts foreign key (organization_id, contact_id) references contacts \
         (organization_id, id) on delete restrict",
        &["constraint fk_events_contact_id_contacts on events"],
    ),
    sql(
        "alter table call_attempts drop constraint uq_call_attempts_call_id",
        &["constraint uq_call_attempts_call_id on call_attempts"],
    ),
    sql(
        "alter table campaigns drop constraint ck_campaigns_max_attempts_range, add constraint \
         ck_campaigns_max_attempts_range check (max_attempts between 1 and 6)",
        &["constraint ck_campaigns_max_attempts_range on campaigns"],
    ),
    sql(
        "drop index ix_contacts_campaign_created_due; create index ix_contacts_campaign_created_due on \
         contacts (campaign_id, created_at) where state = 'pending'",
        &["index ix_contacts_campaign_created_due on contacts"],
    ),
    sql("alter type call_outcome add value 'voicemail'", &["enum call_outcome"]),
    sql("alter policy tenant_isolation on contacts using (true)", &["policy tenant_isolation on contacts"]),
    sql("alter table contacts disable row level security", &["table contacts"]),
    sql("grant select on users to public", &["grants to public on table users"]),
    sql("comment on column contacts.email is 'An address.'", &["column contacts.email"]),
    sql("alter table contacts disable trigger updated_at", &["trigger updated_at on contacts"]),
    sql(
        "create or replace function current_user_id() returns uuid language sql stable parallel safe return \
         null::uuid",
        &["function current_user_id()"],
    ),
    sql("alter table contacts add nickname text", &["column contacts.nickname"]),
    sql("alter table contacts drop email", &["column contacts.email"]),
    sql("drop index ix_contacts_phone", &["index ix_contacts_phone on contacts"]),
    sql("alter role customer bypassrls", &["role customer"]),
    sql("create view names with (security_barrier) as select name from organizations", &["view names"]),
    sql("create table notes (id uuid primary key, contact_id uuid references contacts)", &["table notes"]),
    Break { by: Mutation::RolledBack, finds: &["table seaql_migrations"] },
    sql("insert into seaql_migrations values ('m20990101_000001_unknown', 0)", &["table seaql_migrations"]),
];

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    live::differences(subject.reference().await?, subject.catalogue().await?, None).await
}
