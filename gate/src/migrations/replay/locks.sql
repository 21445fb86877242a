-- The strongest lock that this transaction holds on each table, if writers have to wait for it or with it.
select distinct on (l.relation) l.relation::int8, m.name
from pg_locks as l
join (
    values (1, 'ShareUpdateExclusiveLock', 'share update exclusive'), (2, 'ShareLock', 'share'),
        (3, 'ShareRowExclusiveLock', 'share row exclusive'), (4, 'ExclusiveLock', 'exclusive'),
        (5, 'AccessExclusiveLock', 'access exclusive')
) as m (strength, mode, name) using (mode)
where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
order by l.relation, m.strength desc
