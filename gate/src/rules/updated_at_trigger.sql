-- Bits of tgtype: 1 for each row, 2 before, 16 update. triggers_enabled checks that it is enabled.
select t.name, case
        when g.oid is null then 'has no trigger updated_at'
        else format('has a different trigger updated_at: %s', pg_get_triggerdef(g.oid))
    end, format(
        'create or replace trigger updated_at before update on %s for each row execute function set_updated_at()',
        t.name
    )
from our_tables as t
left join pg_trigger as g on g.tgrelid = t.oid and g.tgname = 'updated_at' and not g.tgisinternal
where g.oid is null or g.tgtype <> 1 + 2 + 16 or cardinality(g.tgattr::int2[]) > 0 or g.tgqual is not null
    or g.tgfoid is distinct from to_regproc('set_updated_at')
order by t.name
