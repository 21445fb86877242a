with prose (name, reason) as (
    values
    ('audit_seals.entries', 'a list of entries'),
    ('audit_seals.snapshot', 'a list of transactions'),
    ('campaigns.description', 'free text of the manager'),
    ('campaigns.intro_script', 'a script, read aloud'),
    ('campaigns.question_1_text', 'a script, read aloud'),
    ('campaigns.question_2_text', 'a script, read aloud'),
    ('campaigns.question_3_text', 'a script, read aloud'),
    ('email_notifications.error_message', 'an answer of the provider'),
    ('email_templates.body_html', 'the body of an e-mail'),
    ('email_templates.body_text', 'the body of an e-mail'),
    ('exclusion_list_entries.reason', 'free text of the requester'),
    ('survey_responses.q1_answer', 'a spoken answer'),
    ('survey_responses.q2_answer', 'a spoken answer'),
    ('survey_responses.q3_answer', 'a spoken answer'),
    ('transcript_snippets.transcript_text', 'a transcript')
)

select c.name,
    case
        when c.type_oid = 'text'::regtype then 'has no length check'
        else format('has the type %s', c.type_name)
    end,
    case
        when c.type_name like '%[]' then 'check (cardinality(…) <= …)'
        when c.type_oid = 'text'::regtype then format(
            'alter table %s add constraint %I check (length(%I) <= 255)',
            c.table_name, format('ck_%s_%s_length', c.relname, c.attname), c.attname
        )
        else format('alter table %s alter column %I type text', c.table_name, c.attname)
    end
from our_columns as c
where c.type_oid in ('varchar'::regtype, 'bpchar'::regtype, '"char"'::regtype, 'name'::regtype)
    or c.type_oid = 'text'::regtype
    and c.name not in (select name from prose)
    and not exists (
        select
        from pg_constraint as k
        where k.conrelid = c.table_oid and k.contype = 'c' and k.conname like 'ck\_%\_length'
            and pg_get_constraintdef(k.oid, true) ~ format(
                '^CHECK \(%s\("?%s"?\) <= \d+\)',
                case when c.type_name like '%[]' then 'cardinality' else 'length' end, c.attname
            )
            -- The check of a domain.
            or k.contypid = c.atttypid and pg_get_constraintdef(k.oid, true) ~ '^CHECK \(length\(VALUE\) <= \d+\)'
    )
order by c.name
