-- In place of Citus, on a server without it: the relations and functions that the distribution uses. They record what
-- is distributed, and do nothing.
create schema citus;
create table citus.copies (relname name, shardid bigint);
create table citus.pg_dist_partition (
    logicalrelid regclass, partmethod text, partkey text, repmodel text, colocationid integer
);
create view citus.pg_dist_shard as
select d.logicalrelid, copies.shardid
from citus.pg_dist_partition as d
join pg_class as c on c.oid = d.logicalrelid
join citus.copies on copies.relname = c.relname;
create function citus.column_to_column_name(logicalrelid regclass, partkey text) returns text
    language sql as $$ select partkey $$;
create function citus.create_reference_table(logicalrelid regclass) returns void
    language sql as $$ insert into citus.pg_dist_partition values (logicalrelid, 'n', null, 't', 1) $$;
create function citus.create_distributed_table(logicalrelid regclass, partkey text, colocate_with text) returns void
    language sql as $$ insert into citus.pg_dist_partition values (logicalrelid, 'h', partkey, 's', 2) $$;
set local search_path = public, citus;
-- A function may name what only Citus has.
set local check_function_bodies = off;
