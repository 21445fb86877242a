do $$
begin
    if not exists (select from pg_roles where rolname = '{role}') then
        create role {role} nologin;
    end if;
    if not has_schema_privilege('{role}', current_schema(), 'usage') then
        execute format('grant usage on schema %I to {role}', current_schema());
    end if;
end
$$;
