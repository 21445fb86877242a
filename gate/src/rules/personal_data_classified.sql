with classified as (
    select
        c.table_oid, c.attname, c.name,
        substring(col_description(c.table_oid, c.attnum) from '\[personal data: (\w+)\]$') as class,
        -- Another rule requires a description.
        col_description(c.table_oid, c.attnum) ~ '\S+\s+\S+\s+\S+' as is_described
    from our_columns as c
    where c.type_oid in (
        'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'jsonb'::regtype, 'json'::regtype, 'xml'::regtype
    )
)

select name, case
        when class is null then 'has no class of personal data'
        else format('has an unknown class of personal data: %s', class)
    end, null
from classified
where is_described and coalesce(class not in ('contact', 'user', 'possible', 'none'), true)
union all
select
    c.name, format('may hold personal data, which the trigger %s writes into the audit trail', t.tgname),
    'Name the column in the arguments of the trigger.'
from classified as c
join pg_trigger as t on t.tgrelid = c.table_oid
join pg_proc as p on p.oid = t.tgfoid and p.proname = 'write_audit_log_entry'
where c.class in ('contact', 'user', 'possible')
    -- Triggers for each row; that of truncate has no row.
    and t.tgtype & 1 = 1
    and c.attname::text <> all (
        select argument
        from regexp_split_to_table(encode(t.tgargs, 'escape'), '\\000') as argument
    )
order by 1
