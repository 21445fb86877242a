-- owner_keys_cascade_or_set_null checks keys to users and organizations.
select name, 'has no ON DELETE action', null
from our_keys
where confdeltype = 'a' and referred_name not in ('users', 'organizations')
order by name
