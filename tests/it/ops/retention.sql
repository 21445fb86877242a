-- Rows before and past each limit, statement by statement, each ending with an empty line. Of organization a, b was
-- deleted 40 days ago, c 10 days ago, and d has no provider configuration.
insert into organizations (name, slug, deleted_at)
values ('A', 'a', null), ('B', 'b', now() - interval '40 days'), ('C', 'c', now() - interval '10 days'),
    ('D', 'd', null);

insert into provider_configs (
    organization_id, outbound_number, recording_retention_days, transcript_retention_days, created_at
)
select id, '+14155551234', 10, 20, now() - interval '1 year' from organizations where slug <> 'd'
union all
-- Not the current one.
select id, '+14155551234', 1, 1, now() - interval '2 years' from organizations where slug = 'a';

insert into users (oidc_sub, email, name, deleted_at)
values ('here', 'here@example.com', 'Here', null), ('gone', 'gone@example.com', 'Gone', now() - interval '40 days'),
    ('closed', 'closed@example.com', 'Closed', now() - interval '10 days');

insert into user_organizations (user_id, organization_id)
select users.id, organizations.id from users, organizations where slug in ('a', 'b');

insert into email_templates (organization_id, name, type, subject, body_html, deleted_at)
select organizations.id, template.name, 'completed', 'Subject', 'Body', now() - days * interval '1 day'
from organizations, (values ('used', null), ('withdrawn', 40), ('unused', 40), ('recent', 10)) as template (name, days);

insert into campaigns (
    organization_id, name, status, intro_script, question_1_text, question_2_text, question_3_text, question_1_type,
    question_2_type, question_3_type, created_by_user_id, deleted_at
)
select
    organizations.id, campaign.name, 'running', 'Hello', 'One', 'Two', 'Three', 'scale', 'scale', 'scale', users.id,
    now() - days * interval '1 day'
from organizations, (values ('live', null), ('removed', 40), ('closing', 10)) as campaign (name, days), users
where users.oidc_sub = 'gone';

-- As one import: all at the same time.
insert into contacts (organization_id, campaign_id, phone_number)
select organization_id, id, '+1' || lpad(n::text, 10, '0')
from campaigns, generate_series(1, :contacts) as n;

-- They outlive their contact, and not their organization.
insert into erasure_requests (organization_id, contact_id, due_at)
select distinct on (contacts.organization_id) contacts.organization_id, contacts.id, now()
from contacts
join campaigns on campaigns.id = campaign_id
where campaigns.name = 'removed';

insert into exclusion_list_entries (organization_id, phone_number)
select id, '+1' || lpad(n::text, 10, '0')
from organizations, generate_series(1, :contacts) as n;

-- Past the limit of recordings and of transcripts, and before both.
insert into call_attempts (
    organization_id, contact_id, campaign_id, attempt_number, call_id, started_at, outcome, metadata
)
select
    organization_id, id, campaign_id, n, format('%s-%s', id, n), now() - days * interval '1 day', 'completed',
    jsonb_build_object('recording_url', format('https://recordings.example/%s/%s', id, n), 'duration_seconds', 60)
from contacts, (values (1, 100), (2, 5)) as attempt (n, days);

insert into transcript_snippets (organization_id, call_attempt_id, transcript_text, created_at)
select organization_id, id, 'Nine.', started_at
from call_attempts, generate_series(1, 2);

insert into survey_responses (organization_id, contact_id, campaign_id, call_attempt_id, q1_answer)
select organization_id, contact_id, campaign_id, id, '9' from call_attempts where attempt_number = 2;

-- Past its limit, with an e-mail that is as well; before it; not published; past its limit, with an e-mail that is not.
insert into events (organization_id, campaign_id, contact_id, event_type, payload, created_at, published_at)
select
    organization_id, campaign_id, id, 'survey.completed', jsonb_build_object('attempt_number', n),
    now() - created * interval '1 day' + random() * interval '1 hour', now() - published * interval '1 day'
from contacts, (values (1, 100, 99), (2, 100, 5), (3, 100, null), (4, 100, 99)) as event (n, created, published);

insert into email_notifications (
    organization_id, event_id, contact_id, campaign_id, template_id, to_email, status, created_at, updated_at
)
select
    events.organization_id, events.id, contact_id, campaign_id, email_templates.id, 'a@example.com',
    status::email_status, now() - interval '100 days', now() - days * interval '1 day'
from events
join (
    values (1, 'sent', 99, 'used'), (2, 'sent', 5, 'withdrawn'), (3, 'pending', 99, 'used'), (4, 'failed', 5, 'used')
) as email (n, status, days, template) on email.n = (payload ->> 'attempt_number')::bigint
join email_templates
    on email_templates.organization_id = events.organization_id and email_templates.name = email.template
