do $$
begin
    if to_regprocedure('uuid_generate_v4()') is null then
        create extension if not exists "uuid-ossp";
        comment on extension "uuid-ossp" is 'UUID generators; installed by the migration create_functions';
    end if;
exception when others then
    -- The extension cannot be had here.
    create function uuid_generate_v4() returns uuid
        language sql volatile parallel safe
        return gen_random_uuid();
    comment on function uuid_generate_v4() is 'A random id (version 4), in place of the extension uuid-ossp.';
end
$$;
