-- Ends migration/src/distributed/tables.sql: what prevents the distribution, each with its remedy.
select objection from (
    select 1 as place, 'this node is not the coordinator: connect to the coordinator' as objection
    where (select groupid from pg_dist_local_group) <> 0
    union all
    select 2, 'the coordinator is not in the metadata: select citus_set_coordinator_host(''its address'')'
    where not exists (select from pg_dist_node where groupid = 0)
    union all
    select 3, format(
        'the coordinator has shards, whose plans outlive a tenant: '
        'select citus_set_node_property(%L, %s, ''shouldhaveshards'', false)', nodename, nodeport
    )
    from pg_dist_node
    where groupid = 0 and shouldhaveshards
    union all
    select 4, 'fewer than two workers are active: select citus_add_node(''their address'', port)'
    where (
        select count(*) from pg_dist_node
        where groupid <> 0 and noderole = 'primary' and isactive and shouldhaveshards
    ) < 2
    union all
    select 5, 'actors are signed, and no other node can verify a signature: cargo run -p migration -- keys disable'
    where not has_function_privilege('customer', 'accepts_unsigned_actors()', 'execute')
    union all
    select 6, format(
        'the policy %s of %s has a subquery, which Citus does not accept: replace it by a function', polname, name
    )
    from pg_policy
    join citus_tables on citus_tables.oid = polrelid and shape <> 'local' and not is_done
    where regexp_replace(
            concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
            '\( SELECT bound_\w+\(\) AS \w+\)', '', 'g'
        ) ~ 'SELECT'
        and polname not in ('author_is_visible', 'users_visible')
    union all
    select 7, format(
        'the policy %s of %s is restrictive, which shards do not keep: add its condition to the other policies',
        polname, name
    )
    from pg_policy
    join citus_tables on citus_tables.oid = polrelid and shape <> 'local'
    where not polpermissive
        -- Of a table that is not distributed yet, one for inserts beside policies for all commands is replaced.
        and (is_done or polcmd <> 'a' or exists (
            select from pg_policy as other
            where other.polrelid = pg_policy.polrelid and other.polpermissive and other.polcmd <> '*'
        ))
    union all
    select 8, format(
        'the unique index %s of %s is no constraint: create it as one that begins with %s', indexrelid::regclass, name,
        shard_column
    )
    from pg_index
    join citus_tables on citus_tables.oid = indrelid and shape = 'distributed' and not is_done
    where indisunique and not exists (select from pg_constraint where conindid = indexrelid)
) as objections
order by place, objection;
