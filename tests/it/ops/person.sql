insert into organizations (id, name, slug) values
    ('00000000-0000-4000-8000-00000000000a', 'A', 'a'), ('00000000-0000-4000-8000-00000000000b', 'B', 'b');

insert into email_templates (id, organization_id, name, type, subject, body_html, locale)
select uuid_generate_v4(), id, 'Thanks', 'completed', 'Thanks', '<p>Thanks</p>', 'en' from organizations;

insert into campaigns (id, organization_id, name, description, language, intro_script, question_1_text, question_1_type,
    question_2_text, question_2_type, question_3_text, question_3_type)
select ('00000000-0000-4000-8000-0000000000' || slug || n)::uuid, id, 'Campaign ' || n,
    case slug when 'a' then 'Ask Jane.Roe@example.org (tel:14155550142), key CRM-784512, first' end,
    'en', 'Hello', 'One?', 'free_text', 'Two?', 'free_text', 'Three?', 'free_text'
from organizations, generate_series(1, 2) as n;

insert into contacts (id, organization_id, campaign_id, external_contact_id, phone_number, email)
select ('00000000-0000-4000-8000-000000000' || slug || '01')::uuid, id,
    ('00000000-0000-4000-8000-0000000000' || slug || '1')::uuid, 'CRM-784512', '+14155550142', 'jane.roe@example.org'
from organizations
union all
select '00000000-0000-4000-8000-000000000a02', id, '00000000-0000-4000-8000-0000000000a2', '12', '+14155550142', null
from organizations where slug = 'a'
union all
select ('00000000-0000-4000-8000-000000000' || slug || '03')::uuid, id,
    ('00000000-0000-4000-8000-0000000000' || slug || '1')::uuid, 'CRM-784513', '+14155550143', 'john.roe@example.org'
from organizations;

insert into exclusion_list_entries (organization_id, phone_number, reason)
select id, number, 'Asked by ' || number from organizations, unnest(array['+14155550142', '+14155550143']) as number;

insert into call_attempts (organization_id, contact_id, campaign_id, attempt_number, call_id, provider_call_id,
    ended_at, outcome, metadata)
select c.organization_id, c.id, c.campaign_id, 1,
    'call ' || c.id, 'provider ' || c.id, now(), 'completed',
    jsonb_build_object('recording_url', format('https://recordings.example.org/%s/%s', o.slug, right(c.id::text, 1)))
from contacts as c join organizations as o on o.id = c.organization_id
where c.external_contact_id like 'CRM%';

insert into survey_responses (organization_id, contact_id, campaign_id, call_attempt_id, q1_answer, q2_answer, q3_answer)
select organization_id, contact_id, campaign_id, id, 'Write to jane.roe@example.org', 'Two', 'Three' from call_attempts
where attempt_number = 1 and contact_id in (select id from contacts where phone_number = '+14155550142');

insert into transcript_snippets (organization_id, call_attempt_id, transcript_text, language)
select a.organization_id, a.id,
    case c.phone_number when '+14155550142' then 'My number is +14155550142, key CRM-784512.' else 'Good bye.' end, 'en'
from call_attempts as a join contacts as c on c.id = a.contact_id;

insert into events (id, organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
select uuid_generate_v4(), organization_id, 'survey.completed', campaign_id, contact_id, id,
    '{"answers": ["Write to jane.roe@example.org"], "attempts": 1}'
from call_attempts where contact_id in (select id from contacts where phone_number = '+14155550142');

insert into email_notifications (organization_id, event_id, contact_id, campaign_id, template_id, to_email, status,
    error_message)
select e.organization_id, e.id, e.contact_id, e.campaign_id, t.id, 'Jane.Roe@example.org', 'failed',
    'no such mailbox: Jane.Roe@example.org'
from events as e join email_templates as t on t.organization_id = e.organization_id;

update organizations set metadata = '{"note": "call +14155550142 back", "CRM-784512": true}' where slug = 'b'
