//! A live database has the schema that its migrations create, down to types, defaults, keys, policies, grants and comments.

use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::Subject;
use crate::drift::live;

/// `gate --database` compares a live database in the same way.
pub const RULE: Rule = Rule {
    id: "database_matches_migrations",
    level: Level::Block,
    family: Family::Drift,
    requires: "A live database has the schema that its migrations create, down to types, defaults, keys, policies, grants and comments.",
    why: "The schema in production is not the one that was tested: the next migration can fail, or a policy can be missing.",
    fix: "Undo the change in the database, or write a migration for it: cargo run -p migration -- generate.",
    source: "docs/conventions.md#live-databases",
    check: Check::Subject(look),
    breaks: BREAKS,
};

/// One change of each kind.
const BREAKS: &[Break] = &[
    Break {
        by: Mutation::Sql("alter table contacts alter phone_number drop not null"),
        finds: &["column contacts.phone_number"],
    },
    Break {
        by: Mutation::Sql("alter table contacts alter phone_number type varchar(50)"),
        finds: &["column contacts.phone_number"],
    },
    Break {
        by: Mutation::Sql("alter table contacts alter attempts_count set default 1"),
        finds: &["column contacts.attempts_count"],
    },
    Break {
        by: Mutation::Sql(
            "alter table events drop constraint fk_events_contact_id_contacts, \
             add constraint fk_events_contact_id_contacts foreign key (organization_id, contact_id) \
             references contacts (organization_id, id) on delete restrict",
        ),
        finds: &["constraint fk_events_contact_id_contacts on events"],
    },
    Break {
        by: Mutation::Sql("alter table call_attempts drop constraint uq_call_attempts_call_id"),
        finds: &["constraint uq_call_attempts_call_id on call_attempts"],
    },
    Break {
        by: Mutation::Sql(
            "alter table campaigns drop constraint ck_campaigns_max_attempts_range, \
             add constraint ck_campaigns_max_attempts_range check (max_attempts between 1 and 6)",
        ),
        finds: &["constraint ck_campaigns_max_attempts_range on campaigns"],
    },
    Break {
        by: Mutation::Sql(
            "drop index ix_contacts_campaign_created_due; \
             create index ix_contacts_campaign_created_due on contacts (campaign_id, created_at) where state = 'pending'",
        ),
        finds: &["index ix_contacts_campaign_created_due on contacts"],
    },
    Break {
        by: Mutation::Sql("alter type call_outcome add value 'voicemail'"),
        finds: &["enum call_outcome"],
    },
    Break {
        by: Mutation::Sql("alter policy tenant_isolation on contacts using (true)"),
        finds: &["policy tenant_isolation on contacts"],
    },
    Break {
        by: Mutation::Sql("alter table contacts disable row level security"),
        finds: &["table contacts"],
    },
    Break {
        by: Mutation::Sql("grant select on users to public"),
        finds: &["grants to public on table users"],
    },
    Break {
        by: Mutation::Sql("comment on column contacts.email is 'An address.'"),
        finds: &["column contacts.email"],
    },
    Break {
        by: Mutation::Sql("alter table contacts disable trigger updated_at"),
        finds: &["trigger updated_at on contacts"],
    },
    Break {
        by: Mutation::Sql(
            "create or replace function current_user_id() returns uuid language sql stable parallel safe return null::uuid",
        ),
        finds: &["function current_user_id()"],
    },
    Break {
        by: Mutation::Sql("alter table contacts add nickname text"),
        finds: &["column contacts.nickname"],
    },
    Break { by: Mutation::Sql("alter table contacts drop email"), finds: &["column contacts.email"] },
    Break {
        by: Mutation::Sql("drop index ix_contacts_phone"),
        finds: &["index ix_contacts_phone on contacts"],
    },
    Break { by: Mutation::Uncommitted("alter role customer bypassrls"), finds: &["role customer"] },
    Break {
        by: Mutation::Sql("create view names with (security_barrier) as select name from organizations"),
        finds: &["view names"],
    },
    Break {
        by: Mutation::Sql("create table notes (id uuid primary key, contact_id uuid references contacts)"),
        finds: &["table notes"],
    },
    Break {
        by: Mutation::Sql(
            "delete from seaql_migrations where version like '%transcript_snippets'; drop table transcript_snippets",
        ),
        finds: &["table seaql_migrations"],
    },
    Break {
        by: Mutation::Sql("insert into seaql_migrations values ('m20990101_000001_unknown', 0)"),
        finds: &["table seaql_migrations"],
    },
];

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async { live::differences(subject.reference().await?, subject.catalogue().await?).await })
}
