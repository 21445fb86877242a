select t.name, concat_ws(
        ', ',
        case
            when k.oid is null then 'has no primary key'
            when k.conkey <> array[id.attnum] or id.attnum is null then
                format('has a primary key other than id: %s', pg_get_constraintdef(k.oid))
        end,
        case when id.type_oid <> 'uuid'::regtype then format('id has the type %s', id.type_name) end,
        -- The extension can be in another schema.
        case when id.attnum is not null and coalesce(id.default_text, '') !~ '^(\w+\.)?uuid_generate_v4\(\)$' then
            format('id has the default %s', coalesce(id.default_text, 'null'))
        end
    ), null
from our_tables as t
left join pg_constraint as k on k.conrelid = t.oid and k.contype = 'p'
left join our_columns as id on id.table_oid = t.oid and id.attname = 'id'
where k.oid is null or id.attnum is null or k.conkey <> array[id.attnum] or id.type_oid <> 'uuid'::regtype
    or coalesce(id.default_text, '') !~ '^(\w+\.)?uuid_generate_v4\(\)$'
order by t.name
