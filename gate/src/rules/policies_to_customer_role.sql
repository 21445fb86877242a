select name, format(
        'is for %s',
        (
            select string_agg(case role when 0 then 'PUBLIC' else pg_get_userbyid(role) end, ', ' order by role)
            from unnest(polroles) as role
        )
    ), format('alter policy %I on %s to customer', polname, table_name)
from our_policies
where polroles <> array[to_regrole('customer')::oid]
order by name
