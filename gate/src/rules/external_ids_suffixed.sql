with known (name, reason) as (
    values
    ('audit_log_entries.row_id', 'the row may be gone'),
    ('audit_log_entries.transaction_id', 'a number of PostgreSQL'),
    ('audit_log_entries.user_id', 'the user may be gone'),
    ('call_attempts.call_id', 'the product''s own name for a call; its clients use it'),
    ('call_attempts.provider_call_id', 'the product''s name; its clients use it'),
    ('contacts.external_contact_id', 'the product''s name; its clients use it'),
    ('email_notifications.provider_message_id', 'the product''s name; its clients use it'),
    ('users.oidc_sub', 'the product''s name; its clients use it')
)

select c.name, 'is not a foreign key', format(
        'alter table %s rename column %I to %I', c.table_name, c.attname,
        regexp_replace(c.attname, '(_id|_uid|_guid|_sub|_ref|_reference)$', '') || '_extid'
    )
from our_columns as c
where c.attname ~ '(_id|_uid|_guid|_sub|_ref|_reference|^external_.*[^d])$' and c.attname !~ '_extid$'
    -- tenant_column checks that it is a foreign key.
    and c.attname <> 'organization_id'
    and c.name not in (select name from known)
    and not exists (
        select
        from our_keys as k
        where k.conrelid = c.table_oid and c.attnum = any(k.conkey)
    )
order by c.name
