-- The rows of the claims of the benchmark `access`, statement by statement, each ending with an empty line: a campaign of
-- 10,000 due contacts, one of 5,000,000, and one of 5,000,000 whose first 2,500,000 have no attempt left and whose next
-- 500,000 wait for the retry interval.
create function pg_temp.id(kind int, number int) returns uuid immutable language sql
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;

-- Loading keeps no key and fires no trigger: the rows below refer to each other as they should.
set session_replication_role = replica;

set maintenance_work_mem = '256MB';

create temporary table secondary as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid = 'contacts'::regclass and not exists (select from pg_constraint where conindid = indexrelid);

do $$ begin execute (select 'drop index ' || string_agg(name, ', ') from secondary); end $$;

insert into organizations (id, name, slug) values (pg_temp.id(0, 1), 'Organization', 'organization');

insert into users (id, oidc_sub, email, name, role)
values (pg_temp.id(0, 1), 'subject', 'user@example.com', 'User', 'campaign_manager');

insert into user_organizations (user_id, organization_id) values (pg_temp.id(0, 1), pg_temp.id(0, 1));

insert into provider_configs (organization_id, outbound_number, max_concurrent_calls)
values (pg_temp.id(0, 1), '+14155551234', 1000000);

insert into exclusion_list_entries (organization_id, phone_number)
select pg_temp.id(0, 1), '+2' || lpad(n::text, 10, '0')
from generate_series(1, 10000) as n;

insert into campaigns (
    id, organization_id, name, status, intro_script, question_1_text, question_2_text, question_3_text,
    question_1_type, question_2_type, question_3_type, allowed_call_start_local, allowed_call_end_local
)
select
    pg_temp.id(0, n), pg_temp.id(0, 1), 'Campaign ' || n, 'running', 'Hello, may I ask you three questions?',
    'How satisfied are you, from 1 to 10?', 'What could be better?', 'How often did you visit us?', 'scale', 'free_text',
    'numeric', '09:00', '20:00'
from generate_series(1, 3) as n;

insert into contacts (
    id, organization_id, campaign_id, phone_number, state, attempts_count, last_attempt_at, last_outcome, created_at
)
select
    pg_temp.id(campaign, n), pg_temp.id(0, 1), pg_temp.id(0, campaign), '+1' || lpad(n::text, 10, '0'),
    (case when n <= waiting then 'not_reached' else 'pending' end)::contact_state,
    case when n <= exhausted then 3 when n <= waiting then 1 else 0 end,
    case
        when n <= exhausted then now() - interval '2 days'
        when n <= waiting then now() + interval '1 day' - n * interval '1 ms'
    end,
    case when n <= waiting then 'no_answer' end::call_outcome,
    now() - interval '10 days' + n * interval '1 ms'
from (values (1, 10000, 0, 0), (2, 5000000, 0, 0), (3, 5000000, 2500000, 3000000)) as due (campaign, size, exhausted, waiting),
    generate_series(1, size) as n;

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
