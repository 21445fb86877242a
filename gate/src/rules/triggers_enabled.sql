select t.name, format('has disabled triggers: %s', string_agg(distinct coalesce(k.conname, g.tgname), ', ')),
    format('alter table %s enable trigger all', t.name)
from our_relations as t
join pg_trigger as g on g.tgrelid = t.oid and g.tgenabled not in ('O', 'A')
left join pg_constraint as k on k.oid = g.tgconstraint
group by t.name
order by t.name
