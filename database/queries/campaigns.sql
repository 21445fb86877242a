-- The queries of this table; README.md beside this file describes the annotations.

-- name: Statistics :one
-- scope: customer
-- deleted: campaigns: hidden
-- deleted: organizations: bound
-- Counts a campaign's contacts by state and its call attempts by outcome. The duration of a call is the time from its
-- answer to its end, in seconds; `None`: no answered call has ended. The completion rate is the share of completed
-- contacts among those that are not excluded, 0 to 1; `None`: there are no such contacts. An unknown or
-- deleted campaign counts 0.
with contacts_by_state as (
    -- In the order of the index. A count for each state would test each contact for each of them.
    select state, count(*) as contacts
    from contacts
    where campaign_id = :campaign_id
    group by state
), contact_counts as (
    select
        coalesce(sum(contacts), 0)::bigint as total,
        coalesce(sum(contacts) filter (where state = 'pending'), 0)::bigint as pending,
        coalesce(sum(contacts) filter (where state = 'in_progress'), 0)::bigint as in_progress,
        coalesce(sum(contacts) filter (where state = 'completed'), 0)::bigint as completed,
        coalesce(sum(contacts) filter (where state = 'refused'), 0)::bigint as refused,
        coalesce(sum(contacts) filter (where state = 'not_reached'), 0)::bigint as not_reached,
        coalesce(sum(contacts) filter (where state = 'excluded'), 0)::bigint as excluded
    from contacts_by_state
    -- Here and not above, where each contact would have to pass the condition.
    where exists (select from campaigns where id = :campaign_id and deleted_at is null)
), attempts_by_outcome as (
    -- `tstzrange_subdiff` is the difference in seconds as a number: the sum and the extremes of intervals take three
    -- times as long.
    select
        outcome,
        count(*) as attempts,
        count(*) filter (where answered_at is not null and ended_at is not null) as durations,
        sum(tstzrange_subdiff(ended_at, answered_at)) as seconds,
        min(tstzrange_subdiff(ended_at, answered_at)) as shortest_seconds,
        max(tstzrange_subdiff(ended_at, answered_at)) as longest_seconds
    from call_attempts
    where campaign_id = :campaign_id
    group by outcome
), attempt_counts as (
    select
        coalesce(sum(attempts), 0)::bigint as total,
        coalesce(sum(attempts) filter (where outcome = 'completed'), 0)::bigint as completed,
        coalesce(sum(attempts) filter (where outcome = 'refused'), 0)::bigint as refused,
        coalesce(sum(attempts) filter (where outcome = 'no_answer'), 0)::bigint as no_answer,
        coalesce(sum(attempts) filter (where outcome = 'busy'), 0)::bigint as busy,
        coalesce(sum(attempts) filter (where outcome = 'failed'), 0)::bigint as failed,
        sum(durations)::bigint as durations,
        sum(seconds) as seconds,
        min(shortest_seconds) as shortest_seconds,
        max(longest_seconds) as longest_seconds
    from attempts_by_outcome
    where exists (select from campaigns where id = :campaign_id and deleted_at is null)
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
    under_way.attempts as "attempts_under_way!",
    durations.seconds / nullif(durations.calls, 0) as average_seconds,
    durations.shortest_seconds,
    durations.longest_seconds,
    contact_counts.completed::double precision
        / nullif(contact_counts.total - contact_counts.excluded, 0) as completion_rate
from contact_counts
cross join attempt_counts
cross join lateral (
    select count(*) as attempts
    from call_attempts
    where campaign_id = :campaign_id and outcome is null and ended_at is null
        and exists (select from campaigns where id = :campaign_id and deleted_at is null)
) as under_way
cross join lateral (
    select
        attempt_counts.durations as calls,
        attempt_counts.seconds,
        attempt_counts.shortest_seconds,
        attempt_counts.longest_seconds
    where attempt_counts.shortest_seconds < 0 is not true
    union all
    -- A provider's clock may be wrong: a call that ended before its answer has no duration. A test of each call would
    -- take a fifth of the time, so the calls are read again, but only if there is such a call.
    select
        count(*) as calls,
        sum(tstzrange_subdiff(ended_at, answered_at)) as seconds,
        min(tstzrange_subdiff(ended_at, answered_at)) as shortest_seconds,
        max(tstzrange_subdiff(ended_at, answered_at)) as longest_seconds
    from call_attempts
    where campaign_id = :campaign_id and ended_at >= answered_at
    having attempt_counts.shortest_seconds < 0
) as durations;

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
        and not exists (
            select from contacts
            where contacts.organization_id = campaigns.organization_id and contacts.campaign_id = campaigns.id
        )
    order by campaigns.id
    limit :batch
    for update of campaigns skip locked
)
delete from campaigns where organization_id = :organization_id and id = any(array(select id from purged));
