-- What each node has otherwise than the coordinator, and which node does not answer. $1: node.sql.
with answer as (
    select n.groupid, format('%s:%s', n.nodename, n.nodeport) as node, a.success, a.result
    from run_command_on_all_nodes($1) as a
    join pg_dist_node as n on n.nodeid = a.nodeid
    where n.noderole = 'primary' and n.isactive
),

found as (
    select a.groupid, p.object, p.shard, p.part, p.value
    from answer as a
    cross join lateral json_to_recordset(a.result::json) as p (object text, shard bigint, part text, value text)
    where a.success
),

coordinator as (
    select f.object, f.part, f.value
    from found as f
    where f.groupid = 0 and f.shard = 0
),

expected as (
    select a.groupid, c.object, 0 as shard, c.part, c.value
    from coordinator as c
    cross join answer as a
    union all
    select p.groupid, c.object, s.shardid, c.part, c.value
    from coordinator as c
    join pg_dist_shard as s on 'table ' || s.logicalrelid = c.object
    join pg_dist_placement as p on p.shardid = s.shardid
),

difference as (
    select
        coalesce(e.groupid, f.groupid) as groupid, coalesce(e.object, f.object) as object,
        coalesce(e.shard, f.shard) as shard, coalesce(e.part, f.part) as part, e.part is not null as is_expected,
        f.part is not null as is_found
    from expected as e
    full join found as f
        on f.groupid = e.groupid and f.object = e.object and f.shard = e.shard and f.part = e.part
    where e.value is distinct from f.value
)

select
    case d.shard when 0 then d.object else replace(d.object, 'table ', 'shard ') || '_' || d.shard end
    || ' on ' || a.node as object,
    case
        when not bool_or(d.is_found) then 'lacks, unlike the coordinator: '
        when not bool_or(d.is_expected) then 'has, unlike the coordinator: '
        else 'differs from the coordinator: '
    end || string_agg(d.part, ', ' order by d.part) as problem,
    'Undo the change on this node.' as fix
from difference as d
join answer as a on a.groupid = d.groupid and a.success
where exists (select from coordinator)
group by a.node, d.object, d.shard
union all
select
    'node ' || node, 'was not examined: ' || result,
    'Start it, and let its pg_hba.conf admit this login from the coordinator.'
from answer
where not success
order by 1
