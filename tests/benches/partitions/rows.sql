-- The rows of the benchmark `partitions`, statement by statement, each ending with an empty line; `:calls` is the number
-- of call attempts, spread over the 24 months until now, each campaign in its own month. A quarter of them has a
-- transcript. The contacts of finished calls are not loaded: nothing that is measured reads them.
create function pg_temp.id(kind int, number bigint) returns uuid immutable language sql
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;

-- Loading keeps no key and fires no trigger.
set session_replication_role = replica;

set maintenance_work_mem = '512MB';

create temporary table secondary as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid::regclass::text in ('call_attempts', 'transcript_snippets')
    and not exists (select from pg_constraint where conindid = indexrelid);

do $$ begin execute (select 'drop index ' || string_agg(name, ', ') from secondary); end $$;

insert into organizations (id, name, slug) values (pg_temp.id(0, 1), 'Organization', 'organization');

insert into users (id, oidc_sub, email, name, role)
values (pg_temp.id(0, 1), 'subject', 'user@example.com', 'User', 'campaign_manager');

insert into user_organizations (user_id, organization_id) values (pg_temp.id(0, 1), pg_temp.id(0, 1));

-- Only transcripts of the oldest month are past their limit.
insert into provider_configs (organization_id, outbound_number, max_concurrent_calls, transcript_retention_days)
values (pg_temp.id(0, 1), '+14155551234', 1000000, 690);

-- 24 that are finished, and the one that runs.
insert into campaigns (
    id, organization_id, name, status, intro_script, question_1_text, question_2_text, question_3_text,
    question_1_type, question_2_type, question_3_type, allowed_call_start_local, allowed_call_end_local
)
select
    pg_temp.id(0, n), pg_temp.id(0, 1), 'Campaign ' || n,
    (case when n < 25 then 'completed' else 'running' end)::campaign_status,
    'Hello, may I ask you three questions?', 'How satisfied are you, from 1 to 10?', 'What could be better?',
    'How often did you visit us?', 'scale', 'free_text', 'numeric', '09:00', '20:00'
from generate_series(1, 25) as n;

insert into contacts (id, organization_id, campaign_id, phone_number)
select pg_temp.id(25, n), pg_temp.id(0, 1), pg_temp.id(0, 25), '+1' || lpad(n::text, 10, '0')
from generate_series(1, 100000) as n;

insert into call_attempts (
    id, organization_id, contact_id, campaign_id, attempt_number, call_id, provider_call_id, started_at, answered_at,
    ended_at, outcome
)
select
    pg_temp.id(1, n), pg_temp.id(0, 1), pg_temp.id(2, n / 2), pg_temp.id(0, 1 + (n - 1) * 24 / :calls), 1 + n % 2,
    'call-' || n, 'provider-call-' || n, started_at,
    case when n % 3 < 2 then started_at + interval '5 s' end, started_at + interval '95 s',
    ('{completed,refused,no_answer}'::call_outcome[])[1 + n % 3]
from (
    select n, now() - interval '720 days' + n * (interval '720 days' / :calls) as started_at
    from generate_series(1::bigint, :calls) as n
) as call;

insert into transcript_snippets (id, organization_id, call_attempt_id, transcript_text, created_at)
select pg_temp.id(3, n), pg_temp.id(0, 1), pg_temp.id(1, n), repeat('nine ', 20),
    now() - interval '720 days' + n * (interval '720 days' / :calls)
from generate_series(4::bigint, :calls, 4) as n;

do $$ declare one text; begin
    for one in select definition from secondary loop execute one; end loop;
end $$;

set session_replication_role = origin;

vacuum (analyze) call_attempts;

vacuum (analyze) transcript_snippets;

analyze;
