-- A call is answered after it starts, and ends after both. An hour is allowed, because a provider's clock may be off.
-- PostgreSQL: SQLite has no intervals.
select
    id as call_attempt_id,
    case
        when answered_at < started_at - interval '1 hour' then 'answered before it started'
        when ended_at < answered_at - interval '1 hour' then 'ended before it was answered'
        else 'ended before it started'
    end as found
from call_attempts
where answered_at < started_at - interval '1 hour'
    or ended_at < answered_at - interval '1 hour'
    or ended_at < started_at - interval '1 hour'
