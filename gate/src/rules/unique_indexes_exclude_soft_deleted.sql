-- An id is never reused, so an index with it needs no predicate.
with kept (name, reason) as (
    values
    ('uq_organizations_slug', 'an old address must not resolve to another tenant'),
    ('uq_users_email', 'a sign-in to a closed account has to be found and refused'),
    ('uq_users_oidc_sub', 'a sign-in to a closed account has to be found and refused')
)

select i.indexrelid::regclass::text as object, format('also covers soft-deleted rows of %s', t.name), null
from our_tables as t
join our_columns as deleted on deleted.table_oid = t.oid and deleted.attname = 'deleted_at'
join our_columns as id on id.table_oid = t.oid and id.attname = 'id'
join pg_index as i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
    and id.attnum <> all(i.indkey::int2[])
where i.indexrelid::regclass::text not in (select name from kept)
    and coalesce(pg_get_expr(i.indpred, i.indrelid), '') !~ 'deleted_at IS NULL'
order by object
