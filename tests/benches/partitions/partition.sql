-- Replaces call_attempts and transcript_snippets, empty, by tables with a partition for each month, statement by statement,
-- each ending with an empty line. Every unique constraint gets the time, and so does the key of a transcript
-- (https://www.postgresql.org/docs/15/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-LIMITATIONS). The keys of
-- events and of survey responses to a call are dropped: they would need its time as well.
alter table call_attempts rename to plain_call_attempts;

alter table transcript_snippets rename to plain_transcript_snippets;

create table call_attempts (
    like plain_call_attempts including defaults including constraints,
    primary key (id, started_at),
    unique (organization_id, id, started_at),
    unique (call_id, started_at),
    unique (contact_id, attempt_number, started_at),
    foreign key (organization_id, contact_id) references contacts (organization_id, id) on delete cascade,
    foreign key (organization_id, campaign_id) references campaigns (organization_id, id) on delete cascade,
    foreign key (organization_id) references organizations (id) on delete cascade
) partition by range (started_at);

create table transcript_snippets (
    like plain_transcript_snippets including defaults including constraints,
    call_started_at timestamptz not null default now(),
    primary key (id, created_at),
    foreign key (organization_id, call_attempt_id, call_started_at)
    references call_attempts (organization_id, id, started_at) on delete cascade,
    foreign key (organization_id) references organizations (id) on delete cascade
) partition by range (created_at);

do $$
declare
    name text;
    first timestamptz := date_trunc('day', now()) - interval '720 days';
begin
    foreach name in array array['call_attempts', 'transcript_snippets'] loop
        for month in 0..24 loop
            execute format(
                'create table %I partition of %I for values from (%L) to (%L)',
                name || '_' || month, name, first + month * interval '30 days', first + (month + 1) * interval '30 days'
            );
        end loop;
    end loop;
end $$;

do $$
declare
    one record;
begin
    for one in
        select pg_get_indexdef(indexrelid) as definition, indexrelid::regclass as name
        from pg_index
        where indrelid in ('plain_call_attempts'::regclass, 'plain_transcript_snippets'::regclass)
            and not exists (select from pg_constraint where conindid = indexrelid)
    loop
        execute format('drop index %s', one.name);
        execute replace(replace(one.definition, ' ON public.plain_', ' ON public.'), 'ON ONLY', 'ON');
    end loop;
    for one in select tablename, policyname from pg_policies where tablename like 'plain\_%' loop
        execute format('alter table %I enable row level security', replace(one.tablename, 'plain_', ''));
        execute format(
            'create policy tenant_isolation on %I for all to customer
            using (organization_id = (select bound_organization_id() as bound_organization_id))
            with check (organization_id = (select bound_organization_id() as bound_organization_id))',
            replace(one.tablename, 'plain_', '')
        );
        execute format('grant all on %I to customer', replace(one.tablename, 'plain_', ''));
        execute format(
            'create trigger updated_at before update on %I for each row execute function set_updated_at()',
            replace(one.tablename, 'plain_', '')
        );
    end loop;
end $$;

drop table plain_call_attempts, plain_transcript_snippets cascade;
