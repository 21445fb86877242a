-- Keys to users and organizations have a rule of their own.
select name, 'does nothing on delete', null
from our_keys
where confdeltype = 'a' and referred_name not in ('users', 'organizations')
order by name
