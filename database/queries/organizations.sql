-- The queries of this table; README.md beside this file describes the annotations.

-- name: Purge :one
-- scope: admin
-- deleted: campaigns, email_templates, organizations, users: reads - it removes what was deleted
-- Removes an organization that was deleted before `deleted_days`, with its configurations, memberships and erasure
-- requests, and returns the numbers of removed rows. An organization that still has a campaign, an exclusion or a
-- template is kept: remove these before, in batches, because a cascade over millions of rows would be one long
-- transaction.
with purged as (
    select organizations.id
    from organizations
    where organizations.id = :organization_id
        and organizations.deleted_at < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
        and not exists (select from campaigns where campaigns.organization_id = organizations.id)
        and not exists (
            select from exclusion_list_entries where exclusion_list_entries.organization_id = organizations.id
        )
        and not exists (select from email_templates where email_templates.organization_id = organizations.id)
    for update skip locked
), config as (
    delete from provider_configs where organization_id = any(array(select id from purged)) returning id
), membership as (
    delete from user_organizations where organization_id = any(array(select id from purged)) returning id
), request as (
    delete from erasure_requests where organization_id = any(array(select id from purged)) returning id
), organization as (
    delete from organizations where id = any(array(select id from purged)) returning id
)
select
    (select count(*) from config) as "provider_configs!",
    (select count(*) from membership) as "user_organizations!",
    (select count(*) from request) as "erasure_requests!",
    (select count(*) from organization) as "organizations!";

-- name: ListPastRetention :many
-- scope: admin
-- visibility: crate
-- row: PastRetention
-- citus: shard - it reads a few rows of each organization
-- The list of the public function of this name. On Citus each shard lists what has no organization, and the
-- organizations.
-- param deleted_days - Days after which a row that is marked as deleted is removed.
-- param email_days - Days after which an e-mail that was sent, or failed, is removed.
-- param event_days - Days after which a published event is removed.
with limits as (
    select
        -- A limit of a hundred years, because an interval of 2^63 days is out of range.
        now() - least(:deleted_days::bigint, 36500) * interval '1 day' as deleted_before,
        now() - least(:email_days::bigint, 36500) * interval '1 day' as emails_before,
        now() - least(:event_days::bigint, 36500) * interval '1 day' as events_before
), tenant as (
    select organizations.id, organizations.deleted_at < limits.deleted_before as is_past, limits.deleted_before,
        now() - least(provider.recording_retention_days, 36500) * interval '1 day' as recordings_before,
        now() - least(provider.transcript_retention_days, 36500) * interval '1 day' as transcripts_before,
        array(
            select campaigns.id
            from campaigns
            where campaigns.organization_id = organizations.id
                and least(campaigns.deleted_at, organizations.deleted_at) < limits.deleted_before
        ) as campaigns
    from organizations
    cross join limits
    left join lateral (
        select recording_retention_days, transcript_retention_days
        from provider_configs
        where provider_configs.organization_id = organizations.id
        order by created_at desc, id desc
        limit 1
    ) as provider on true
)
select tenant.id as "organization_id?", found.kind as "kind!"
from tenant
cross join lateral (
    -- In the order of an index, and not `exists`, for which the planner may read the table, or all that an index finds.
    values
        (
            'recordings',
            (
                select true
                from call_attempts
                where call_attempts.organization_id = tenant.id
                    and (call_attempts.metadata ->> 'recording_url') is not null
                    -- Those of a deleted campaign are among all, because an index finds one of these at once.
                    and call_attempts.started_at
                        < case when tenant.campaigns = '{}' then tenant.recordings_before else 'infinity' end
                order by started_at, id
                limit 1
            )
        ),
        (
            'transcript_snippets',
            (
                select true
                from transcript_snippets
                where transcript_snippets.organization_id = tenant.id
                    and transcript_snippets.created_at < tenant.transcripts_before
                order by created_at, id
                limit 1
            )
        ),
        ('contacts', tenant.campaigns <> '{}'),
        ('campaigns', tenant.campaigns <> '{}'),
        ('exclusion_list_entries', tenant.is_past),
        (
            'email_templates',
            exists (
                select from email_templates
                where email_templates.organization_id = tenant.id
                    and (tenant.is_past or email_templates.deleted_at < tenant.deleted_before)
                    and not exists (
                        select from email_notifications where email_notifications.template_id = email_templates.id
                    )
            )
        ),
        ('organizations', tenant.is_past)
) as found (kind, is_found)
where found.is_found
union all
select null, 'email_notifications'
from limits
cross join lateral (
    select
    from email_notifications
    where status <> 'pending' and updated_at < limits.emails_before and created_at < limits.emails_before
    order by created_at
    limit 1
) as oldest
union all
select null, 'events'
from limits
cross join lateral (
    select
    from events
    where published_at < limits.events_before and created_at < limits.events_before
    order by created_at
    limit 1
) as oldest
union all
select null, 'users' from limits where exists (select from users where deleted_at < limits.deleted_before)
order by 1, 2;
