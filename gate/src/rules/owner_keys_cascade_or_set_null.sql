select name, case confdeltype
        when 'r' then 'restricts the deletion of ' else 'has neither cascade nor set null for '
    end || referred_name, null
from our_keys
where referred_name in ('users', 'organizations') and confdeltype not in ('c', 'n')
order by name
