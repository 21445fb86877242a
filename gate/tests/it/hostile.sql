-- Violations through which a tenant reaches the rows of another one, or a customer more than rows. Each is created on a
-- migrated database by itself and rolled back; `-- finds:` lists the findings, and there are no others. All of them can
-- be created together, on distinct objects, for the comparison with pgrls in hostile.rs.

-- 01 Row Level Security is disabled.
-- finds: row_level_security_enabled call_attempts
alter table call_attempts disable row level security;

-- 02 Row Level Security is forced, so that retention jobs of the owner affect no rows.
-- finds: row_level_security_enabled user_organizations
alter table user_organizations force row level security;

-- 03 USING admits the rows of every tenant.
-- finds: policies_canonical campaigns.tenant_isolation
alter policy tenant_isolation on campaigns using (true);

-- 04 WITH CHECK admits rows of other tenants.
-- finds: policies_canonical events.tenant_isolation
alter policy tenant_isolation on events with check (true);

-- 05 WITH CHECK is missing.
-- finds: policies_canonical email_templates.tenant_isolation
drop policy tenant_isolation on email_templates;
create policy tenant_isolation on email_templates to customer
using (organization_id = (select bound_organization_id()));

-- 06 The policy applies to PUBLIC.
-- finds: policies_to_customer_role survey_responses.tenant_isolation
alter policy tenant_isolation on survey_responses to public;

-- 07 A second permissive policy is combined with OR.
-- finds: policies_canonical survey_responses.support
create policy support on survey_responses for select to customer using (true);

-- 08 DELETE has its own, wider policy.
-- finds: policies_canonical exclusion_list_entries.cleanup
create policy cleanup on exclusion_list_entries for delete to customer using (created_at < now());

-- 09 Without a tenant the policy returns no rows instead of an error.
-- finds: policies_canonical provider_configs.tenant_isolation
alter policy tenant_isolation on provider_configs
using (organization_id = (select current_setting('app.organization_id', true)::uuid))
with check (organization_id = (select current_setting('app.organization_id', true)::uuid));

-- 10 The setting is evaluated for each row.
-- finds: policies_canonical transcript_snippets.tenant_isolation
alter policy tenant_isolation on transcript_snippets
using (organization_id = current_setting('app.organization_id')::uuid)
with check (organization_id = current_setting('app.organization_id')::uuid);

-- 11 The policy compares another column.
-- finds: policies_canonical contacts.tenant_isolation
alter policy tenant_isolation on contacts
using (campaign_id = (select bound_organization_id()));

-- 12 The policy compares a column with itself.
-- finds: policies_canonical email_notifications.tenant_isolation
alter policy tenant_isolation on email_notifications using (organization_id = organization_id);

-- 13 Rows without a tenant are visible to all tenants.
-- finds: policies_canonical contacts.orphans
create policy orphans on contacts to customer
using (organization_id = (select bound_organization_id()) or organization_id is null);

-- 14 The policy is volatile.
-- finds: policies_canonical contacts.sampled
create policy sampled on contacts for select to customer using (random() < 0.1);

-- 15 The policy depends on a column that customers can update.
-- finds: policies_canonical contacts.lookup
create policy lookup on contacts for select to customer
using (exists (select from campaigns where campaigns.id = contacts.campaign_id and campaigns.name = 'public'));

-- 16 The policy queries a table without Row Level Security.
-- finds: policies_canonical contacts.unguarded
create policy unguarded on contacts for select to customer using (exists (select from seaql_migrations));

-- 17 The policy calls a function that is declared immutable and reads a setting.
-- finds: restrictive_policy_functions_stable events.of_tenant
create function tenant_of_session() returns uuid language sql immutable
return current_setting('app.organization_id', true)::uuid;
create policy of_tenant on events as restrictive to customer using (organization_id = tenant_of_session());

-- 18 A restrictive policy passes each row to a volatile function before it is filtered.
-- finds: restrictive_policy_functions_stable events.delayed
create policy delayed on events as restrictive to customer using (pg_sleep(0) is not null);

-- 19 A policy trusts a setting for the identity of the user.
-- finds: policies_canonical users.by_name
create policy by_name on users for select to customer using (name = current_setting('app.name', true));

-- 20 The policy of users admits the users of every tenant.
-- finds: policies_canonical users.users_visible
alter policy users_visible on users using (
    (select bound_organization_id()) is not null or id = (select current_user_id())
);

-- 21 The policy applies to another role with grants on the tables.
-- finds: policies_to_customer_role organizations.reporting
-- finds: policies_canonical organizations.reporting
-- finds: privileges_granted_to_customer_only organizations
create role hostile_reporting;
grant select on organizations to hostile_reporting;
create policy reporting on organizations for select to hostile_reporting using (true);

-- 22 A table has no policy.
-- finds: policies_canonical user_organizations
drop policy tenant_isolation on user_organizations;

-- 23 organization_id is nullable.
-- finds: tenant_column provider_configs.organization_id
alter table provider_configs alter organization_id drop not null;

-- 24 organization_id has a constant default.
-- finds: tenant_column exclusion_list_entries.organization_id
alter table exclusion_list_entries alter organization_id set default '00000000-0000-0000-0000-000000000001';

-- 25 customer bypasses Row Level Security.
-- finds: customer_role_unprivileged customer
alter role customer bypassrls;

-- 26 customer is a superuser.
-- finds: customer_role_unprivileged customer
alter role customer superuser;

-- 27 customer can become the owner.
-- finds: customer_role_unprivileged customer
create role hostile_owner;
grant hostile_owner to customer;

-- 28 customer is a member of pg_read_all_data.
-- finds: customer_role_unprivileged customer
grant pg_read_all_data to customer;

-- 29 A login that is a member of customer bypasses Row Level Security.
-- finds: customer_role_unprivileged customer
create role hostile_login login bypassrls;
grant customer to hostile_login;

-- 30 customer is bound to one tenant by default.
-- finds: customer_role_unprivileged customer
alter role customer set app.organization_id = '00000000-0000-0000-0000-000000000001';

-- 31 customer disables row_security.
-- finds: customer_role_unprivileged customer
alter role customer set row_security = off;

-- 32 Every role is bound to one tenant by default.
-- finds: customer_role_unprivileged database
do $$ begin
    execute format(
        'alter database %I set app.organization_id = %L', current_database(), '00000000-0000-0000-0000-000000000001'
    );
end $$;

-- 33 customer owns a table, to whose owner Row Level Security does not apply.
-- finds: customer_privileges_minimal transcript_snippets
-- finds: one_owner transcript_snippets
grant create on schema public to customer;
alter table transcript_snippets owner to customer;
revoke create on schema public from customer;

-- 34 A view runs with the privileges of its owner.
-- finds: views_security_invoker due_contacts
create view due_contacts as select * from contacts where state = 'pending';
grant select on due_contacts to customer;

-- 35 security_barrier is not security_invoker.
-- finds: views_security_invoker due_calls
create view due_calls with (security_barrier = true, security_invoker = false) as select * from call_attempts;
grant select on due_calls to customer;

-- 36 A materialized view stores the rows of every tenant.
-- finds: customer_privileges_minimal answer_counts
-- finds: views_security_invoker answer_counts
create materialized view answer_counts as select organization_id, count(*) from survey_responses group by 1;
grant select on answer_counts to customer;

-- 37 A SECURITY DEFINER function is executable by PUBLIC.
-- finds: functions_not_security_definer all_contacts()
create function all_contacts() returns bigint language sql security definer begin atomic
    select count(*) from contacts; end;

-- 38 The same with a search_path, and without a reason.
-- finds: functions_not_security_definer all_campaigns()
create function all_campaigns() returns bigint language sql security definer
set search_path = pg_catalog, public, pg_temp
begin atomic
    select count(*) from campaigns; end;
revoke execute on function all_campaigns() from public;

-- 39 A SECURITY DEFINER trigger function runs for each writer.
-- finds: functions_not_security_definer copy_contact()
create function copy_contact() returns trigger language plpgsql security definer as $$ begin return new; end $$;
create trigger copied after insert on contacts for each row execute function copy_contact();

-- 40 A LEAKPROOF function is called with rows hidden by policies.
-- finds: functions_not_security_definer current_user_id()
alter function current_user_id() leakproof;

-- 41 TRUNCATE bypasses Row Level Security.
-- finds: customer_privileges_minimal contacts
grant truncate on contacts to customer;

-- 42 REFERENCES reveals which rows of other tenants exist.
-- finds: customer_privileges_minimal campaigns
grant references on campaigns to customer;

-- 43 TRIGGER runs the customer's code with rows of other tenants.
-- finds: customer_privileges_minimal events
grant trigger on events to customer;

-- 44 customer holds a privilege with grant option.
-- finds: customer_privileges_minimal email_templates
grant select on email_templates to customer with grant option;

-- 45 A user can set its own role.
-- finds: customer_privileges_minimal users.role
grant update (role) on users to customer;

-- 46 A user can join another organization.
-- finds: customer_privileges_minimal user_organizations
grant insert on user_organizations to customer;

-- 47 A table is granted to PUBLIC.
-- finds: privileges_granted_to_customer_only provider_configs
grant select on provider_configs to public;

-- 48 A column is granted to PUBLIC.
-- finds: privileges_granted_to_customer_only users.email
grant select (email) on users to public;

-- 49 customer can select from the ledger, which has no policies.
-- finds: customer_privileges_minimal seaql_migrations
grant select on seaql_migrations to customer;

-- 50 customer can create functions in public.
-- finds: customer_privileges_minimal schema public
grant create on schema public to customer;

-- 51 PUBLIC can create functions in public.
-- finds: privileges_granted_to_customer_only schema public
grant create on schema public to public;

-- 52 Default privileges grant new tables to PUBLIC before they have policies.
-- finds: no_default_privileges default privileges
alter default privileges in schema public grant select on tables to customer;

-- 53 customer can disable triggers, and with them foreign keys.
-- finds: customer_privileges_minimal parameter session_replication_role
grant set on parameter session_replication_role to customer;

-- 54 A foreign key can refer to a row of another tenant.
-- finds: tenant_foreign_keys_composite contacts.fk_contacts_campaign_id_campaigns
alter table contacts drop constraint fk_contacts_campaign_id_campaigns,
add constraint fk_contacts_campaign_id_campaigns foreign key (campaign_id) references campaigns (id) on delete restrict;

-- 55 A cascade can delete a row of another tenant.
-- finds: tenant_foreign_keys_composite transcript_snippets.fk_transcript_snippets_call_attempt_id_call_attempts
alter table transcript_snippets drop constraint fk_transcript_snippets_call_attempt_id_call_attempts,
add constraint fk_transcript_snippets_call_attempt_id_call_attempts
foreign key (call_attempt_id) references call_attempts (id) on delete cascade;

-- 56 organization_id is at both ends of the key, paired with other columns.
-- finds: tenant_foreign_keys_composite events.fk_events_contact_id_contacts
alter table events drop constraint fk_events_contact_id_contacts;
alter table contacts add constraint uq_contacts_id_organization_id unique (id, organization_id);
alter table events add constraint fk_events_contact_id_contacts
foreign key (organization_id, contact_id) references contacts (id, organization_id) on delete cascade;

-- 57 Deleting a parent sets organization_id to null.
-- finds: tenant_foreign_keys_composite events.fk_events_call_attempt_id_call_attempts
alter table events drop constraint fk_events_call_attempt_id_call_attempts,
add constraint fk_events_call_attempt_id_call_attempts
foreign key (organization_id, call_attempt_id) references call_attempts (organization_id, id) on delete set null;

-- 58 A unique violation reveals a value of another tenant.
-- finds: unique_within_tenant uq_contacts_phone_number
alter table contacts add constraint uq_contacts_phone_number unique (phone_number);

-- 59 A sequence reveals the number of rows of other tenants.
-- finds: no_sequences email_notifications.ticket
alter table email_notifications add column ticket bigint generated always as identity;
comment on column email_notifications.ticket is 'The number that the letter carries, counted over everybody.';

-- 60 The triggers of foreign keys are disabled.
-- finds: triggers_enabled survey_responses
alter table survey_responses disable trigger all;

-- 61 A tenant table has no organization_id.
-- finds: tenant_column notes.organization_id
-- finds: policies_canonical notes.readable
create table notes (
    id uuid default uuid_generate_v4(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint pk_notes primary key (id)
);
alter table notes enable row level security;
create trigger updated_at before update on notes for each row execute function set_updated_at();
create policy readable on notes to customer using (true);
grant select on notes to customer;
comment on table notes is 'What people write down about a call.';
comment on column notes.id is 'Tells one note from another.';
comment on column notes.created_at is 'When it was written, in UTC.';
comment on column notes.updated_at is 'When it was last changed, in UTC.';

-- 62 A partition is queried without the policies of its parent.
-- finds: customer_privileges_minimal recordings_0
-- finds: row_level_security_enabled recordings_0
create table recordings (
    id uuid default uuid_generate_v4(),
    organization_id uuid not null default current_organization_id(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint pk_recordings primary key (id),
    constraint uq_recordings_organization_id_id unique (organization_id, id),
    constraint fk_recordings_organization_id_organizations
    foreign key (organization_id) references organizations (id) on delete cascade
) partition by hash (id);
create table recordings_0 partition of recordings for values with (modulus 1, remainder 0);
alter table recordings enable row level security;
create trigger updated_at before update on recordings for each row execute function set_updated_at();
create policy tenant_isolation on recordings to customer
using (organization_id = (select bound_organization_id()))
with check (organization_id = (select bound_organization_id()));
grant select, insert on recordings, recordings_0 to customer;
comment on table recordings is 'What was recorded of a call.';
comment on column recordings.id is 'Tells one recording from another.';
comment on column recordings.organization_id is 'The tenant that was on the phone.';
comment on column recordings.created_at is 'When it was recorded, in UTC.';
comment on column recordings.updated_at is 'When it was last changed, in UTC.';

-- 63 A child table inherits columns, but neither policies nor keys.
-- finds: tables_and_columns_documented former_members
-- finds: tables_and_columns_documented former_members.created_at
-- finds: tables_and_columns_documented former_members.id
-- finds: tables_and_columns_documented former_members.organization_id
-- finds: tables_and_columns_documented former_members.updated_at
-- finds: tables_and_columns_documented former_members.user_id
-- finds: external_ids_suffixed former_members.user_id
-- finds: policies_canonical former_members
-- finds: primary_key_uuid former_members
-- finds: row_level_security_enabled former_members
-- finds: tenant_column former_members.organization_id
-- finds: updated_at_trigger former_members
create table former_members () inherits (user_organizations);
grant select on former_members to customer;

-- 64 Rows of tenants are in another schema.
-- finds: tables_and_columns_documented hidden.contacts
-- finds: tables_and_columns_documented hidden.contacts.phone_number
-- finds: policies_canonical hidden.contacts
-- finds: primary_key_uuid hidden.contacts
-- finds: row_level_security_enabled hidden.contacts
-- finds: tenant_column hidden.contacts.organization_id
-- finds: text_length_checked hidden.contacts.phone_number
-- finds: timestamps_present hidden.contacts.created_at
-- finds: timestamps_present hidden.contacts.updated_at
-- finds: updated_at_trigger hidden.contacts
create schema hidden;
create table hidden.contacts (phone_number text);
grant usage on schema hidden to customer;
grant select on hidden.contacts to customer;

-- 65 A table in another schema has the name of the ledger.
-- finds: tables_and_columns_documented hidden_too.seaql_migrations
-- finds: tables_and_columns_documented hidden_too.seaql_migrations.applied_at
-- finds: tables_and_columns_documented hidden_too.seaql_migrations.stolen
-- finds: tables_and_columns_documented hidden_too.seaql_migrations.version
-- finds: policies_canonical hidden_too.seaql_migrations
-- finds: primary_key_uuid hidden_too.seaql_migrations
-- finds: row_level_security_enabled hidden_too.seaql_migrations
-- finds: tenant_column hidden_too.seaql_migrations.organization_id
-- finds: text_length_checked hidden_too.seaql_migrations.version
-- finds: timestamps_present hidden_too.seaql_migrations.created_at
-- finds: timestamps_present hidden_too.seaql_migrations.updated_at
-- finds: updated_at_trigger hidden_too.seaql_migrations
create schema hidden_too;
create table hidden_too.seaql_migrations (version text, applied_at bigint, stolen jsonb);

-- 66 A foreign table has no policies.
-- finds: customer_privileges_minimal far_contacts
-- finds: ordinary_tables_only far_contacts
create foreign data wrapper hostile_wrapper;
create server hostile_server foreign data wrapper hostile_wrapper;
create foreign table far_contacts (id uuid) server hostile_server;
grant select on far_contacts to customer;

-- 67 A rewrite rule runs with the privileges of the owner.
-- finds: ordinary_tables_only email_templates.copied
create rule copied as on update to email_templates do also delete from events;

-- 68 A sequence is shared by all tenants.
-- finds: customer_privileges_minimal tickets
-- finds: no_sequences tickets
create sequence tickets;
grant usage on sequence tickets to customer;

-- 69 An event trigger runs during every later migration.
-- finds: no_event_triggers grants_again
create function grant_again() returns event_trigger language plpgsql as 'begin end';
create event trigger grants_again on ddl_command_end execute function grant_again();

-- 70 A foreign key is not validated.
-- finds: constraints_validated survey_responses.fk_survey_responses_contact_id_contacts
alter table survey_responses drop constraint fk_survey_responses_contact_id_contacts,
add constraint fk_survey_responses_contact_id_contacts
foreign key (organization_id, contact_id) references contacts (organization_id, id) on delete cascade not valid;
