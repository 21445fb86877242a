-- security_barrier is not required: with security_invoker the policies of the reader apply.
select name, case relkind
        when 'm' then 'is materialized: it stores the rows of every tenant and has no policies'
        else 'runs with the privileges of its owner'
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
