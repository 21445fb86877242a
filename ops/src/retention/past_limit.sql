-- Each row that retention would remove, as its organization and its kind: a table, or `recordings`. A cursor reads it
-- in parts, so each branch returns the rows that it reads as it reads them: with the kind null where one is kept, or is
-- one of another branch. $1, $2 and $3 are the days of what is marked as deleted, of e-mails, and of events.
with limits as (
    select
        -- A limit of a hundred years, because an interval of 2^63 days is out of range.
        now() - least($1::bigint, 36500) * interval '1 day' as deleted_before,
        now() - least($2::bigint, 36500) * interval '1 day' as emails_before,
        now() - least($3::bigint, 36500) * interval '1 day' as events_before
), tenant as materialized (
    select organizations.id, organizations.deleted_at < limits.deleted_before as is_past, limits.*,
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
-- Past the period of the organization.
select tenant.id as organization_id, 'recordings' as kind
from tenant
join call_attempts on call_attempts.organization_id = tenant.id
where (call_attempts.metadata ->> 'recording_url') is not null
    and call_attempts.started_at < tenant.recordings_before
union all
select tenant.id, 'transcript_snippets'
from tenant
join transcript_snippets on transcript_snippets.organization_id = tenant.id
where transcript_snippets.created_at < tenant.transcripts_before
-- Of what was deleted.
union all
select tenant.id, removed.kind
from tenant
join call_attempts on call_attempts.campaign_id = any(tenant.campaigns)
cross join lateral (
    select 'call_attempts' as kind
    union all
    select 'recordings'
    where (call_attempts.metadata ->> 'recording_url') is not null
        and (call_attempts.started_at < tenant.recordings_before) is not true
    union all
    select 'transcript_snippets'
    from transcript_snippets
    where transcript_snippets.call_attempt_id = call_attempts.id
        and (transcript_snippets.created_at < tenant.transcripts_before) is not true
) as removed
union all
select tenant.id, 'survey_responses'
from tenant
join survey_responses on survey_responses.campaign_id = any(tenant.campaigns)
union all
select tenant.id, 'contacts'
from tenant
join contacts on contacts.campaign_id = any(tenant.campaigns)
union all
select
    tenant.id,
    case
        when status = 'pending' or updated_at >= tenant.emails_before or created_at >= tenant.emails_before
            then 'email_notifications'
    end
from tenant
join email_notifications on email_notifications.campaign_id = any(tenant.campaigns)
union all
select
    tenant.id,
    case
        when (published_at < tenant.events_before and created_at < tenant.events_before) is not true then 'events'
    end
from tenant
join events on events.campaign_id = any(tenant.campaigns)
union all
select tenant.id, 'campaigns'
from tenant
cross join lateral unnest(tenant.campaigns)
union all
select tenant.id, 'exclusion_list_entries'
from tenant
join exclusion_list_entries on exclusion_list_entries.organization_id = tenant.id
where tenant.is_past
union all
select
    tenant.id,
    case
        when not exists (
            select from email_notifications
            where email_notifications.template_id = email_templates.id
                and email_notifications.campaign_id <> all(tenant.campaigns)
                and (
                    email_notifications.status = 'pending'
                    or email_notifications.updated_at >= tenant.emails_before
                )
        ) then 'email_templates'
    end
from tenant
join email_templates on email_templates.organization_id = tenant.id
where tenant.is_past or email_templates.deleted_at < tenant.deleted_before
union all
select tenant.id, 'provider_configs'
from tenant
join provider_configs on provider_configs.organization_id = tenant.id
where tenant.is_past
union all
select tenant.id, 'erasure_requests'
from tenant
join erasure_requests on erasure_requests.organization_id = tenant.id
where tenant.is_past
union all
select tenant.id, case when tenant.is_past or users.deleted_at < tenant.deleted_before then 'user_organizations' end
from tenant
join user_organizations on user_organizations.organization_id = tenant.id
join users on users.id = user_organizations.user_id
union all
select id, 'organizations' from tenant where is_past
union all
select null, 'users'
from limits
join users on users.deleted_at < limits.deleted_before
-- By age, of all organizations.
union all
select
    organization_id,
    case when status <> 'pending' and updated_at < limits.emails_before then 'email_notifications' end
from limits
join email_notifications on email_notifications.created_at < limits.emails_before
union all
select
    organization_id,
    case
        when not exists (
            select from email_notifications
            where email_notifications.event_id = events.id
                and (
                    email_notifications.status = 'pending'
                    or email_notifications.updated_at >= limits.emails_before
                )
                -- One that is not removed with its campaign.
                and not exists (
                    select from tenant
                    where tenant.id = email_notifications.organization_id
                        and email_notifications.campaign_id = any(tenant.campaigns)
                )
        ) then 'events'
    end
from limits
join events on events.created_at < limits.events_before and events.published_at < limits.events_before
