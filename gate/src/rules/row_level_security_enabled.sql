-- A query on a partition itself uses its own policies: without any, only the owner sees its rows.
select name, case
        when not relrowsecurity then 'has Row Level Security disabled'
        else 'forces Row Level Security on its owner, which migrates'
    end, format(
        'alter table %s %s row level security', name, case when relrowsecurity then 'no force' else 'enable' end
    )
from our_relations
where relkind in ('r', 'p') and not is_ledger and (not relrowsecurity or relforcerowsecurity)
order by name
