-- The rows of `Large`, statement by statement, each ending with an empty line; `:contacts` is their number. Ids count up,
-- as those of version 7 do. Ten organizations have five campaigns each: one that is completed, two that run, one that was
-- deleted long ago and one that is paused. One that runs has a fifth of the contacts.
create function pg_temp.id(kind int, number bigint) returns uuid immutable language sql
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;

-- Loading keeps no key and fires no trigger: the rows below refer to each other as they should.
set session_replication_role = replica;

set maintenance_work_mem = '256MB';

create temporary table secondary as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid::regclass::text in (
    'contacts', 'call_attempts', 'survey_responses', 'events', 'email_notifications', 'transcript_snippets'
) and not exists (select from pg_constraint where conindid = indexrelid);

do $$ begin execute (select 'drop index ' || string_agg(name, ', ') from secondary); end $$;

insert into organizations (id, name, slug)
select pg_temp.id(0, n), 'Organization ' || n, 'organization-' || n
from generate_series(1, 10) as n;

insert into users (id, oidc_sub, email, name, role, deleted_at)
select
    pg_temp.id(0, n), 'subject-' || n, 'user-' || n || '@example.com', 'User ' || n, 'campaign_manager',
    case when n % 50 = 0 then now() - interval '40 days' end
from generate_series(1, 100 + :contacts / 100) as n;

insert into user_organizations (id, user_id, organization_id)
select pg_temp.id(0, n), pg_temp.id(0, n), pg_temp.id(0, 1 + n % 10)
from generate_series(1, 100 + :contacts / 100) as n;

insert into user_organizations (user_id, organization_id)
values (pg_temp.id(0, 1), pg_temp.id(0, 1)) on conflict do nothing;

insert into provider_configs (id, organization_id, outbound_number, max_concurrent_calls)
select pg_temp.id(0, n), pg_temp.id(0, n), '+14155551234', 1000000
from generate_series(1, 10) as n;

insert into email_templates (id, organization_id, name, type, subject, body_html)
select
    pg_temp.id(0, n), pg_temp.id(0, 1 + (n - 1) / 3), 'Template ' || n,
    ('{completed,refused,not_reached}'::email_template_type[])[1 + n % 3], 'Thank you', '<p>Thank you</p>'
from generate_series(1, 30) as n;

insert into campaigns (
    id, organization_id, name, status, intro_script, question_1_text, question_2_text, question_3_text,
    question_1_type, question_2_type, question_3_type, email_completed_template_id, created_by_user_id, deleted_at,
    created_at
)
select
    pg_temp.id(0, n), pg_temp.id(0, 1 + (n - 1) / 5), 'Campaign ' || n,
    ('{paused,completed,running,running,completed}'::campaign_status[])[1 + n % 5],
    'Hello, may I ask you three questions?', 'How satisfied are you, from 1 to 10?', 'What could be better?',
    'How often did you visit us?', 'scale', 'free_text', 'numeric', pg_temp.id(0, 1 + (n - 1) / 5 * 3),
    pg_temp.id(0, n), case when n % 5 = 4 then now() - interval '40 days' end, now() - n * interval '1 minute'
from generate_series(1, 50) as n;

-- Most numbers belong to no contact; some to one that would still be called.
insert into exclusion_list_entries (id, organization_id, phone_number, created_at)
select
    pg_temp.id(0, n), pg_temp.id(0, 1 + (n + 1) % 10),
    case when n % 40 = 29 then '+1' else '+2' end || lpad(n::text, 10, '0'), now() - n * interval '1 s'
from generate_series(1, :contacts / 20) as n;

-- Of a campaign that has ended, three in five have answered; of one that runs, three in ten. There, two in ten have no
-- attempt left, one in ten waits for the retry interval, one in ten is due again, and the rest was not called yet. Five
-- hundred calls are under way, whatever the number of contacts.
insert into contacts (
    id, organization_id, campaign_id, external_contact_id, phone_number, email, state, attempts_count,
    last_attempt_at, last_outcome, created_at
)
select
    pg_temp.id(1, n), pg_temp.id(0, 1 + (campaign - 1) / 5), pg_temp.id(0, campaign), 'EXT-' || n,
    '+1' || lpad(n::text, 10, '0'), 'contact-' || n || '@example.com', state,
    case
        when state = 'pending' or state = 'excluded' then 0
        when kind = 'exhausted' then 3
        else 1 + n % 2
    end,
    case
        when state = 'pending' or state = 'excluded' then null
        when kind = 'waiting' then now() + interval '1 day' - n % 60 * interval '1 s'
        when state = 'in_progress' then now() - n % 60 * interval '1 s'
        else created_at + interval '1 day' + n % 60 * interval '1 minute'
    end,
    case state when 'completed' then 'completed' when 'refused' then 'refused' when 'not_reached' then 'no_answer'
    end::call_outcome,
    created_at
from (
    select n, campaign, kind,
        -- Imported ten thousand at a time.
        now() - interval '200 days' + n / 10000 * 10000 * (interval '190 days' / :contacts) as created_at,
        case
            when campaign % 5 in (2, 3) and n % (:contacts / 500) = :contacts / 500 - 1 then 'in_progress'
            when kind in ('exhausted', 'waiting', 'again') then 'not_reached'
            when kind = 'fresh' and n % 50 = 19 then 'excluded'
            when kind = 'fresh' then 'pending'
            else kind
        end::contact_state as state
    from (
        select n, campaign,
            case
                when campaign % 5 in (2, 3) then
                    ('{completed,completed,refused,exhausted,exhausted,waiting,again,fresh,fresh,fresh}'::text[])[1 + n % 10]
                else ('{completed,completed,completed,refused,exhausted}'::text[])[1 + n % 5]
            end as kind
        from generate_series(1::bigint, :contacts) as n
        cross join lateral (
            select case when n <= :contacts / 5 then 2 else 1 + (n - 1) * 50 / :contacts end as campaign
        ) as of
    ) as numbered
) as contact;

insert into call_attempts (
    id, organization_id, contact_id, campaign_id, attempt_number, call_id, provider_call_id, started_at, answered_at,
    ended_at, outcome, metadata
)
select
    overlay(id::text placing lpad(to_hex(1 + number), 8, '0') from 1 for 8)::uuid, organization_id, id, campaign_id,
    number, 'call-' || id || '-' || number, 'provider-call-' || id || '-' || number, started_at,
    case when outcome in ('completed', 'refused') then started_at + interval '5 s' end,
    case when outcome is not null then started_at + interval '95 s' end, outcome,
    case
        when outcome = 'completed' and right(phone_number, 1) in ('0', '1', '2')
            then jsonb_build_object('recording_url', 'https://recordings.example/' || id)
        else '{}'
    end
from (
    select contacts.*, number, last_attempt_at - (attempts_count - number) * interval '1 hour' as started_at,
        case when number = attempts_count then last_outcome else 'no_answer' end as outcome
    from contacts, generate_series(1, attempts_count) as number
) as attempt;

insert into survey_responses (
    id, organization_id, contact_id, campaign_id, call_attempt_id, q1_answer, q2_answer, q3_answer, q1_confidence,
    q2_confidence, q3_confidence, completed_at, created_at
)
select
    contact_id, organization_id, contact_id, campaign_id, id, '9', 'The waiting time, and nothing else.', '4', 0.95,
    0.80, 1.00, ended_at, ended_at
from call_attempts
where outcome = 'completed';

-- One event in a thousand waits for the publisher.
insert into events (
    id, organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload, published_at, created_at
)
select
    contact_id, organization_id,
    (case outcome when 'no_answer' then 'survey.not_reached' else 'survey.' || outcome end)::event_type, campaign_id,
    contact_id, id, jsonb_build_object('attempt_number', attempt_number, 'outcome', outcome),
    case when right(call_id, 5) not in ('007-2', '00f-2') then ended_at + interval '1 s' end, ended_at
from call_attempts
where outcome in ('completed', 'refused') or outcome = 'no_answer' and attempt_number = 3;

insert into email_notifications (
    id, organization_id, event_id, contact_id, campaign_id, template_id, to_email, status, created_at, updated_at
)
select
    id, organization_id, id, contact_id, campaign_id,
    pg_temp.id(0, ('x' || right(organization_id::text, 8))::bit(32)::bigint * 3 - 2),
   
    'contact@example.com', (case when published_at is null then 'pending' else 'sent' end)::email_status,
    created_at + interval '1 minute', created_at + interval '2 minutes'
from events
where right(id::text, 1) < '8';

insert into transcript_snippets (organization_id, call_attempt_id, transcript_text, created_at)
select organization_id, id, repeat('nine ', 20), ended_at
from call_attempts
where outcome = 'completed';

insert into audit_log_entries (organization_id, actor, login, transaction_id, action, table_name, created_at)
select pg_temp.id(0, 1 + n % 10), 'system', 'app', n, 'update', 'campaigns', now() - n * interval '1 minute'
from generate_series(1, :contacts / 10) as n;

insert into erasure_requests (organization_id, contact_id, due_at, completed_at, created_at)
select organization_id, id, created_at + interval '3 days', created_at + interval '1 day', created_at
from contacts
where right(phone_number, 2) = '77';

do $$
declare
    one text;
begin
    for one in select definition from secondary loop
        execute one;
    end loop;
end $$;

reset session_replication_role;

vacuum (analyze);

checkpoint
