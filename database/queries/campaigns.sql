-- The queries of this table; README.md beside this file describes the annotations.

-- name: Statistics :one
-- scope: customer
-- deleted: campaigns: hidden
-- deleted: organizations: bound
-- Counts a campaign's contacts by state and its call attempts by outcome. The duration of a call is the time from its
-- answer to its end, in seconds; `None`: no answered call has ended. The completion rate is the share of completed
-- contacts among those that are not excluded, 0 to 1; `None`: there are no such contacts. An unknown or
-- deleted campaign counts 0.
with contact_counts as (
    select
        count(*) as total,
        count(*) filter (where state = 'pending') as pending,
        count(*) filter (where state = 'in_progress') as in_progress,
        count(*) filter (where state = 'completed') as completed,
        count(*) filter (where state = 'refused') as refused,
        count(*) filter (where state = 'not_reached') as not_reached,
        count(*) filter (where state = 'excluded') as excluded
    from contacts
    where campaign_id = :campaign_id
        and exists (select from campaigns where id = :campaign_id and deleted_at is null)
), attempt_counts as (
    select
        count(*) as total,
        count(*) filter (where outcome = 'completed') as completed,
        count(*) filter (where outcome = 'refused') as refused,
        count(*) filter (where outcome = 'no_answer') as no_answer,
        count(*) filter (where outcome = 'busy') as busy,
        count(*) filter (where outcome = 'failed') as failed,
        count(*) filter (where outcome is null and ended_at is null) as under_way,
        avg(seconds) as average_seconds,
        min(seconds) as shortest_seconds,
        max(seconds) as longest_seconds
    from call_attempts
    cross join lateral (
        -- A provider's clock may be wrong.
        select case when ended_at >= answered_at
            then date_part('epoch', ended_at - answered_at)
        end as seconds
    ) as duration
    where campaign_id = :campaign_id
        and exists (select from campaigns where id = :campaign_id and deleted_at is null)
)
select
    contact_counts.total as "contacts!",
    contact_counts.pending as "contacts_pending!",
    contact_counts.in_progress as "contacts_in_progress!",
    contact_counts.completed as "contacts_completed!",
    contact_counts.refused as "contacts_refused!",
    contact_counts.not_reached as "contacts_not_reached!",
    contact_counts.excluded as "contacts_excluded!",
    attempt_counts.total as "attempts!",
    attempt_counts.completed as "attempts_completed!",
    attempt_counts.refused as "attempts_refused!",
    attempt_counts.no_answer as "attempts_no_answer!",
    attempt_counts.busy as "attempts_busy!",
    attempt_counts.failed as "attempts_failed!",
    attempt_counts.under_way as "attempts_under_way!",
    attempt_counts.average_seconds,
    attempt_counts.shortest_seconds,
    attempt_counts.longest_seconds,
    contact_counts.completed::double precision
        / nullif(contact_counts.total - contact_counts.excluded, 0) as completion_rate
from contact_counts
cross join attempt_counts;

-- name: CallsPerHour :many
-- scope: customer
-- deleted: campaigns: hidden
-- deleted: organizations: bound
-- Counts a campaign's calls by the UTC hour in which they started, oldest first. An hour without a call has no row.
-- param from - The earliest start, inclusive.
-- param until - The latest start, exclusive.
select
    date_trunc('hour', started_at, 'UTC') as "hour!",
    count(*) as "calls!",
    count(*) filter (where outcome = 'completed') as "completed!",
    count(*) filter (where outcome = 'refused') as "refused!",
    count(*) filter (where outcome in ('no_answer', 'busy', 'failed')) as "not_reached!"
from call_attempts
where campaign_id = :campaign_id and started_at >= :from and started_at < :until
    and exists (select from campaigns where id = :campaign_id and deleted_at is null)
group by 1
order by 1;

-- name: CallsPerDay :many
-- scope: customer
-- deleted: campaigns: hidden
-- deleted: organizations: bound
-- Counts a campaign's calls by the day on which they started, oldest first. A day without a call has no row.
-- param time_zone - The time zone of the days, as in `Europe/Rome`.
-- param from - The earliest start, inclusive.
-- param until - The latest start, exclusive.
select
    (started_at at time zone :time_zone)::date as "day!",
    count(*) as "calls!",
    count(*) filter (where outcome = 'completed') as "completed!",
    count(*) filter (where outcome = 'refused') as "refused!",
    count(*) filter (where outcome in ('no_answer', 'busy', 'failed')) as "not_reached!"
from call_attempts
where campaign_id = :campaign_id and started_at >= :from and started_at < :until
    and exists (select from campaigns where id = :campaign_id and deleted_at is null)
group by 1
order by 1;

-- name: Purge :execrows
-- scope: admin
-- deleted: campaigns, email_templates, organizations, users: reads - it removes what was deleted
-- Removes campaigns of an organization that have no contact, if they or the organization were deleted before
-- `deleted_days`, and returns their number. Those that another transaction has locked are skipped.
-- param batch - The maximum number of campaigns.
with purged as (
    select campaigns.id
    from campaigns
    join organizations on organizations.id = campaigns.organization_id
    where campaigns.organization_id = :organization_id
        and least(campaigns.deleted_at, organizations.deleted_at)
            < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
        and not exists (select from contacts where contacts.campaign_id = campaigns.id)
    order by campaigns.id
    limit :batch
    for update of campaigns skip locked
)
delete from campaigns where id = any(array(select id from purged));
