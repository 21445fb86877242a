-- A partition that is named directly is read under its own policies: it has none, so nobody reads it but its owner.
select name, case
        when not relrowsecurity then 'has no Row Level Security'
        else 'forces Row Level Security on its owner, who migrates'
    end, format(
        'alter table %s %s row level security', name, case when relrowsecurity then 'no force' else 'enable' end
    )
from our_relations
where relkind in ('r', 'p') and not is_ledger and (not relrowsecurity or relforcerowsecurity)
order by name
