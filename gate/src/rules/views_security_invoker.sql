-- security_barrier is not asked for: what a policy says is a barrier by itself in a view that asks as its reader.
select name, case relkind
        when 'm' then 'is materialized: it keeps every tenant''s rows and has no policies'
        else 'reads with the rights of its owner'
    end, case relkind
        when 'm' then format('drop materialized view %s', name)
        else format('alter view %s set (security_invoker = true)', name)
    end
from our_relations
where relkind = 'm'
    or relkind = 'v' and not exists (
        select
        from pg_options_to_table(reloptions)
        where option_name = 'security_invoker' and option_value::boolean
    )
order by name
