-- The functions in place of the subqueries of policies, which Citus does not accept. They read the copy of a reference table
-- that is on the same node by the name of its shard: a query of the table itself would be a distributed one in a task of
-- another. Before the tables are reference tables, they read those.
do $do$
declare
    members text;
    persons text;
begin
    select
        max(coalesce(relname || '_' || shardid, relname)) filter (where relname = 'user_organizations'),
        max(coalesce(relname || '_' || shardid, relname)) filter (where relname = 'users')
    into members, persons
    from pg_class c
    left join pg_dist_shard on logicalrelid = c.oid
    where c.relname in ('users', 'user_organizations') and c.relnamespace = current_schema()::regnamespace;
    execute format($create$
        create or replace function user_is_visible(visible_user uuid) returns boolean
            language plpgsql stable parallel restricted
            set search_path = %I, pg_temp
            as $$ begin
                return visible_user = bound_user_id() or exists (
                    select from %I where user_id = visible_user and organization_id = bound_organization_id()
                );
            end $$
    $create$, current_schema(), members);
    execute format($create$
        create or replace function user_exists(visible_user uuid) returns boolean
            language plpgsql stable parallel restricted
            set search_path = %I, pg_temp
            as $$ begin return exists (select from %I where id = visible_user); end $$
    $create$, current_schema(), persons);
end $do$;
