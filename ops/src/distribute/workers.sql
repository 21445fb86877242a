-- On each worker: the login of the customer, the privileges that Citus does not take from everyone, and a tenant that policies
-- read for each statement.
do $do$
declare
    closed regprocedure;
begin
    perform set_config('citus.enable_ddl_propagation', 'off', true);
    if to_regrole('customer') is null then
        create role customer;
    end if;
    if not (select rolcanlogin from pg_roles where rolname = 'customer') then
        alter role customer login;
    end if;
    if to_regprocedure('routed_organization_id()') is not null then
        alter function routed_organization_id() stable;
        for closed in
            select oid from pg_proc
            where pronamespace = current_schema()::regnamespace and proname in (
                'accepts_unsigned_actors', 'bind_actor', 'bound_context', 'organization_of_each_shard', 'run_on_shard',
                'run_on_shards', 'statement_on_shard', 'verify_actor', 'write_audit_log_entry'
            )
        loop
            execute format('revoke execute on function %s from public', closed);
        end loop;
    end if;
end $do$;
