select name, 'is a foreign table', null from our_relations where relkind = 'f'
union all
select name, 'is unlogged', format('alter table %s set logged', name)
from our_relations
where relkind in ('r', 'p') and relpersistence = 'u'
union all
select format('%s.%s', r.name, w.rulename), 'is a rewrite rule', format('drop rule %I on %s', w.rulename, r.name)
from our_relations as r
join pg_rewrite as w on w.ev_class = r.oid
where w.rulename <> '_RETURN'
order by 1
