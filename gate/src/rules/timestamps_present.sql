select format('%s.%s', t.name, expected.attname), case
        when c.attname is null then 'is missing'
        else concat_ws(
            ', ',
            case when c.type_oid <> 'timestamptz'::regtype then format('has the type %s', c.type_name) end,
            case when not c.attnotnull then 'may be null' end,
            case when c.default_text is null or c.default_text not in ('now()', 'CURRENT_TIMESTAMP') then
                format('has the default %s', coalesce(c.default_text, 'null'))
            end
        )
    end, null
from our_tables as t
cross join (values ('created_at'), ('updated_at')) as expected (attname)
left join our_columns as c on c.table_oid = t.oid and c.attname = expected.attname
where c.attname is null or c.type_oid <> 'timestamptz'::regtype or not c.attnotnull
    or c.default_text is null or c.default_text not in ('now()', 'CURRENT_TIMESTAMP')
order by t.name, expected.attname
