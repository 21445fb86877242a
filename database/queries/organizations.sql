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
-- reads: all - each row that is past its limit is counted
-- deleted: campaigns, email_templates, organizations, users: reads - retention covers them
-- Counts what retention would remove, by organization and kind: a table, or `recordings`. Users belong to no
-- organization.
-- param deleted_days - Days after which a row that is marked as deleted is removed.
-- param email_days - Days after which an e-mail that was sent, or failed, is removed.
-- param event_days - Days after which a published event is removed.
with provider as (
    select distinct on (organization_id)
        -- A limit of a hundred years, because an interval of 2^63 days is out of range.
        organization_id,
        now() - least(recording_retention_days, 36500) * interval '1 day' as recordings_before,
        now() - least(transcript_retention_days, 36500) * interval '1 day' as transcripts_before
    from provider_configs
    order by organization_id asc, created_at desc, id desc
), limits as (
    select
        now() - least(:deleted_days::bigint, 36500) * interval '1 day' as deleted_before,
        now() - least(:email_days::bigint, 36500) * interval '1 day' as emails_before,
        now() - least(:event_days::bigint, 36500) * interval '1 day' as events_before
), organization as (
    select id from organizations where deleted_at < (select deleted_before from limits)
), campaign as (
    select campaigns.id, campaigns.organization_id
    from campaigns
    join organizations on organizations.id = campaigns.organization_id
    where least(campaigns.deleted_at, organizations.deleted_at) < (select deleted_before from limits)
), gone as (
    -- As an array, so that the planner expects few: what was deleted is a small part of all, and read by an index.
    select array(select id from campaign) as campaigns
), attempt as (
    select call_attempts.id, call_attempts.organization_id, call_attempts.started_at,
        (call_attempts.metadata ->> 'recording_url') is not null as recorded
    from call_attempts
    where call_attempts.campaign_id = any((select campaigns from gone)::uuid[])
), recording as (
    select provider.organization_id
    from provider
    cross join lateral (
        select id
        from call_attempts
        where call_attempts.organization_id = provider.organization_id
            and (call_attempts.metadata ->> 'recording_url') is not null
            and call_attempts.started_at < provider.recordings_before
        -- For each organization by itself: a join would read all attempts.
        offset 0  -- noqa: AM09
    ) as expired
    union all
    select attempt.organization_id
    from attempt
    left join provider on provider.organization_id = attempt.organization_id
    where attempt.recorded and (attempt.started_at < provider.recordings_before) is not true
), transcript as (
    select provider.organization_id
    from provider
    cross join lateral (
        select id
        from transcript_snippets
        where transcript_snippets.organization_id = provider.organization_id
            and transcript_snippets.created_at < provider.transcripts_before
        offset 0  -- noqa: AM09
    ) as expired
    union all
    select attempt.organization_id
    from attempt
    join transcript_snippets on transcript_snippets.call_attempt_id = attempt.id
    left join provider on provider.organization_id = attempt.organization_id
    where (transcript_snippets.created_at < provider.transcripts_before) is not true
), email as (
    select organization_id
    from email_notifications
    where status <> 'pending'
        and updated_at < (select emails_before from limits)
        and created_at < (select emails_before from limits)
    union all
    select organization_id
    from email_notifications
    where campaign_id = any((select campaigns from gone)::uuid[])
        and (status = 'pending' or updated_at >= (select emails_before from limits))
), event as (
    select events.organization_id
    from events
    where events.published_at < (select events_before from limits)
        and events.created_at < (select events_before from limits)
        and not exists (
            select from email_notifications
            where email_notifications.event_id = events.id
                and email_notifications.campaign_id <> all((select campaigns from gone)::uuid[])
                and (
                    email_notifications.status = 'pending'
                    or email_notifications.updated_at >= (select emails_before from limits)
                )
        )
    union all
    -- The others of what was deleted: their e-mails are removed as well.
    select events.organization_id
    from events
    where events.campaign_id = any((select campaigns from gone)::uuid[])
        and (
            events.published_at < (select events_before from limits)
            and events.created_at < (select events_before from limits)
        ) is not true
)
select organization_id as "organization_id?", kind as "kind!", count(*) as "rows!"
from (
    select organization_id, 'recordings' as kind from recording
    union all
    select organization_id, 'transcript_snippets' from transcript
    union all
    select organization_id, 'email_notifications' from email
    union all
    select organization_id, 'events' from event
    union all
    select organization_id, 'survey_responses'
    from survey_responses
    where campaign_id = any((select campaigns from gone)::uuid[])
    union all
    select organization_id, 'call_attempts' from attempt
    union all
    select organization_id, 'contacts'
    from contacts
    where campaign_id = any((select campaigns from gone)::uuid[])
    union all
    select organization_id, 'campaigns' from campaign
    union all
    select organization_id, 'exclusion_list_entries'
    from exclusion_list_entries
    where organization_id in (select id from organization)
    union all
    select email_templates.organization_id, 'email_templates'
    from email_templates
    join organizations on organizations.id = email_templates.organization_id
    where least(email_templates.deleted_at, organizations.deleted_at) < (select deleted_before from limits)
        and not exists (
            select from email_notifications
            where email_notifications.template_id = email_templates.id
                and email_notifications.campaign_id <> all((select campaigns from gone)::uuid[])
                and (
                    email_notifications.status = 'pending'
                    or email_notifications.updated_at >= (select emails_before from limits)
                )
        )
    union all
    select organization_id, 'provider_configs'
    from provider_configs
    where organization_id in (select id from organization)
    union all
    select organization_id, 'erasure_requests'
    from erasure_requests
    where organization_id in (select id from organization)
    union all
    select user_organizations.organization_id, 'user_organizations'
    from user_organizations
    join users on users.id = user_organizations.user_id
    where user_organizations.organization_id in (select id from organization)
        or users.deleted_at < (select deleted_before from limits)
    union all
    select id, 'organizations' from organization
    union all
    select null, 'users' from users where deleted_at < (select deleted_before from limits)
) as found
group by organization_id, kind
order by organization_id, kind;
