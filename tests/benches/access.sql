-- The rows of the benchmark `access`, statement by statement, each ending with an empty line. Ids count up, as those
-- of version 7 do.
create function pg_temp.id(kind int, number int) returns uuid immutable language sql
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;

-- Loading keeps no key and fires no trigger: the rows below refer to each other as they should.
set session_replication_role = replica;

set maintenance_work_mem = '256MB';

create temporary table secondary as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid in ('contacts'::regclass, 'call_attempts'::regclass, 'survey_responses'::regclass)
    and not exists (select from pg_constraint where conindid = indexrelid);

do $$ begin execute (select 'drop index ' || string_agg(name, ', ') from secondary); end $$;

-- The first organization is the one that asks.
insert into organizations (id, name, slug)
select pg_temp.id(0, n), 'Organization ' || n, 'organization-' || n
from generate_series(1, 10) as n;

insert into users (id, oidc_sub, email, name, role)
values (pg_temp.id(0, 1), 'subject', 'user@example.com', 'User', 'campaign_manager');

insert into user_organizations (user_id, organization_id) values (pg_temp.id(0, 1), pg_temp.id(0, 1));

insert into provider_configs (organization_id, outbound_number, max_concurrent_calls)
values (pg_temp.id(0, 1), '+14155551234', 1000000);

-- No contact has one of these numbers, but each claim has to look.
insert into exclusion_list_entries (organization_id, phone_number)
select pg_temp.id(0, 1), '+2' || lpad(n::text, 10, '0')
from generate_series(1, 10000) as n;

insert into campaigns (
    id, organization_id, name, status, intro_script, question_1_text, question_2_text, question_3_text,
    question_1_type, question_2_type, question_3_type, allowed_call_start_local, allowed_call_end_local, created_at
)
select
    pg_temp.id(0, n), pg_temp.id(0, 1 + n / 200), 'Campaign ' || n,
    (case when n <= 2 then 'completed' else 'running' end)::campaign_status,
    'Hello, may I ask you three questions?', 'How satisfied are you, from 1 to 10?', 'What could be better?',
    'How often did you visit us?', 'scale', 'free_text', 'numeric', '09:00', '20:00',
    now() - n * interval '1 minute'
from generate_series(1, 1999) as n;

-- Finished: three in five have answered.
insert into contacts (
    id, organization_id, campaign_id, external_contact_id, phone_number, email, state, attempts_count,
    last_attempt_at, last_outcome, created_at
)
select
    pg_temp.id(campaign, n), pg_temp.id(0, 1), pg_temp.id(0, campaign), 'EXT-' || n,
    '+1' || lpad(n::text, 10, '0'), 'contact-' || n || '@example.com',
    ('{completed,completed,completed,refused,not_reached}'::contact_state[])[1 + n % 5], 1 + n % 3,
    now() - interval '2 days' + n * interval '1 ms',
    ('{completed,completed,completed,refused,no_answer}'::call_outcome[])[1 + n % 5],
    now() - interval '10 days' + n * interval '1 ms'
from (values (1, 10000), (2, 1000000)) as finished (campaign, size), generate_series(1, size) as n;

insert into call_attempts (
    id, organization_id, contact_id, campaign_id, attempt_number, call_id, provider_call_id, started_at, answered_at,
    ended_at, outcome
)
select
    id, organization_id, id, campaign_id, attempts_count, 'call-' || id, 'provider-call-' || id, last_attempt_at,
    case when last_outcome <> 'no_answer' then last_attempt_at + interval '5 s' end,
    last_attempt_at + interval '95 s', last_outcome
from contacts;

insert into survey_responses (
    id, organization_id, contact_id, campaign_id, call_attempt_id, q1_answer, q2_answer, q3_answer, q1_confidence,
    q2_confidence, q3_confidence, completed_at
)
select
    id, organization_id, contact_id, campaign_id, id, '9', 'The waiting time, and nothing else.', '4', 0.95, 0.80,
    1.00, ended_at
from call_attempts
where outcome = 'completed';

-- Due, all of them.
insert into contacts (
    id, organization_id, campaign_id, external_contact_id, phone_number, email, state, created_at
)
select
    pg_temp.id(5, n), pg_temp.id(0, 1), pg_temp.id(0, 5), 'EXT-' || n, '+1' || lpad(n::text, 10, '0'),
    'contact-' || n || '@example.com', 'pending', now() - interval '10 days' + n * interval '1 ms'
from generate_series(1, 1000000) as n;

do $$
declare
    one text;
begin
    for one in select definition from secondary loop
        execute one;
    end loop;
end $$;

vacuum (analyze);

checkpoint
