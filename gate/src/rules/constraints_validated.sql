-- NOT ENFORCED exists since PostgreSQL 18.
select format('%s.%s', t.name, k.conname) as object, 'is not validated', format(
        'alter table %s validate constraint %I', t.name, k.conname
    )
from our_tables as t
join pg_constraint as k on k.conrelid = t.oid
where not k.convalidated or to_jsonb(k) ->> 'conenforced' = 'false'
order by object
