-- The SQL that SeaORM's builder says badly. `cargo run -p gate -- codegen` makes database/src/codegen/ of it and
-- says in gate/src/codegen.rs what the annotations mean.
--
-- Every query runs in a customer's transaction and in the owner's alike. Whose rows it touches is said by the keys it
-- is given, and in a customer's transaction by Row Level Security besides; an organization is a parameter only where
-- no key leads to one. What is inserted takes its organization from the row it belongs to.
--
-- `now()` is the server's clock, the only one that all schedulers share. Rows are locked in the order attempt,
-- contact, so that no two of these statements wait for each other.

-- name: LockCalls :optional
-- Makes the caller the only one to claim for the campaign's organization until its transaction ends, and returns the
-- calls that the organization may have under way at once; `None`: it has no provider configuration, and cannot call.
--
-- [`claim_due_contacts`] wants the number, so that it cannot come first. The two cannot be one statement: under READ
-- COMMITTED a statement sees what was committed before it began, so one that waits for the lock and then counts calls
-- does not count those which the transaction that it waited for has made. Under REPEATABLE READ and SERIALIZABLE the
-- second statement would see no more than the first; claim in a READ COMMITTED transaction, which is the default.
-- All configurations are locked, not only the newest, so that one that is added meanwhile does not split the lock.
with locked as (
    select max_concurrent_calls, created_at, id
    from provider_configs
    where organization_id = (select organization_id from campaigns where id = :campaign_id)
    order by id
    for no key update
)
select max_concurrent_calls as "max_concurrent_calls!"
from locked
order by created_at desc, id desc
limit 1;

-- name: ClaimDueContacts :many
-- Claims contacts that are due: makes a call attempt for each, marks it as in progress, and returns what the call
-- needs. The oldest come first.
--
-- Due is a contact that is pending or not reached, has attempts left, has waited for the retry interval, may be called
-- and is not on the exclusion list. Nothing is due unless the campaign is running, its organization is not closed, and
-- `local_time` lies inside its window, whose start is a part of it and whose end is not.
--
-- A call counts as under way until its outcome or its end is known. Call [`lock_calls`] first, in the same transaction.
-- param local_time - The time of day where the campaign calls, which the database does not know.
-- param max_concurrent_calls - What [`lock_calls`] returned.
-- param batch - The most to claim.
with campaign as (
    select id, organization_id, max_attempts, language,
        -- Ten years are never.
        now() - least(retry_interval_minutes, 5256000) * interval '1 minute' as retry_before
    from campaigns
    where id = :campaign_id
        and status = 'running'
        and deleted_at is null
        and exists (
            select from organizations
            where organizations.id = campaigns.organization_id and organizations.deleted_at is null
        )
        and allowed_call_start_local <= :local_time
        and allowed_call_end_local > :local_time
), capacity as (
    -- Without a campaign there is no row, so that the scan of the contacts never begins.
    select :max_concurrent_calls - (
        select count(*)
        from call_attempts
        where organization_id = campaign.organization_id and outcome is null and ended_at is null
    ) as free
    from campaign
), due as (
    -- Only `contacts` is in this list of tables, whatever else it asks: it is read by its index in the order of
    -- `created_at` until enough are found, and the planner has no join by which to read it whole.
    select id, created_at
    from contacts
    where campaign_id = :campaign_id
        and state in ('pending', 'not_reached')
        and do_not_call is false
        and attempts_count < (select max_attempts from campaign)
        and (last_attempt_at is null or last_attempt_at <= (select retry_before from campaign))
        and not exists (
            select from exclusion_list_entries as excluded
            where excluded.organization_id = contacts.organization_id
                and excluded.phone_number = contacts.phone_number
            -- Keeps it from being turned into a join.
            offset 0  -- noqa: AM09
        )
        and (select free from capacity) > 0
    order by created_at
    limit :batch
    for update skip locked
), chosen as (
    select id from due order by created_at limit greatest((select free from capacity), 0)
), claimed as (
    update contacts
    set
        state = 'in_progress',
        -- A count that was set back by hand must not stop the campaign: attempt numbers are unique.
        attempts_count = 1 + greatest(
            attempts_count,
            (select max(attempt_number) from call_attempts where contact_id = contacts.id)
        ),
        last_attempt_at = now()
    where id = any(array(select id from chosen))
    returning id, organization_id, campaign_id, attempts_count, phone_number, preferred_language, created_at
), attempts as (
    insert into call_attempts (organization_id, contact_id, campaign_id, attempt_number, call_id)
    select organization_id, id, campaign_id, attempts_count, uuid_generate_v4()::text
    from claimed
    returning id, contact_id, attempt_number, call_id
)
select
    attempts.id as call_attempt_id,
    attempts.contact_id,
    attempts.attempt_number,
    attempts.call_id,
    claimed.phone_number,
    case claimed.preferred_language
        when 'auto' then (select language from campaign)
        else claimed.preferred_language::text::language_code
    end as "language!"
from attempts
join claimed on claimed.id = attempts.contact_id
order by claimed.created_at, claimed.id;

-- name: ApplyProviderEvent :optional
-- Applies what the telephony provider reports of a call, once: `applied` says whether anything has changed. A repeated
-- event changes nothing, nor does one that comes late, after an answer or an end that is known already. `None`: no
-- such call.
--
-- An event with an outcome or an end ends the call. Of a call that was connected, a provider knows the end and not the
-- outcome: `completed` or `refused` is not stored, because the dialogue's result, by [`complete_survey`] or
-- [`refuse_survey`], is the outcome, and one that was there before stays. A contact whom this call did not reach
-- becomes not reached, with an event for the bus when no attempt is left.
-- param call_id - Our name for the call; or else give the provider's.
-- param provider_call_id - The provider's name for the call, the newest of that name; kept if it was not known.
-- param status - The status in the provider's own words.
-- param answered_at - When the call was answered, if it was.
-- param ended_at - When the call ended, if it has.
-- param outcome - How it ended, where the provider is the one to know.
-- param metadata CallMetadata - Facts that are added to those known.
with named as (
    select id
    from call_attempts
    where call_id = :call_id? or (:call_id?::text is null and provider_call_id = :provider_call_id?)
    order by started_at desc, id desc
    limit 1
), changed as (
    update call_attempts
    set
        provider_call_id = coalesce(provider_call_id, :provider_call_id?),
        provider_raw_status = :status,
        answered_at = coalesce(answered_at, :answered_at?),
        ended_at = case
            when :ended_at?::timestamptz is not null or :outcome?::call_outcome is not null
                then coalesce(:ended_at?, now())
        end,
        outcome = case
            when :outcome?::call_outcome in ('no_answer', 'busy', 'failed') then coalesce(outcome, :outcome?)
            else outcome
        end,
        error_code = coalesce(:error_code?, error_code),
        metadata = call_attempts.metadata || :metadata
    where id = (select named.id from named)
        -- What has ended is over; before that, an answer is news once, and before the answer any other status is.
        and ended_at is null
        and (
            :ended_at?::timestamptz is not null
            or :outcome?::call_outcome is not null
            or (outcome is null and answered_at is null
                and (:answered_at?::timestamptz is not null or provider_raw_status is distinct from :status))
        )
    returning id, organization_id, contact_id, campaign_id, attempt_number, outcome
), missed as (
    update contacts
    set state = 'not_reached', last_outcome = changed.outcome
    from changed
    where contacts.id = changed.contact_id
        and changed.outcome in ('no_answer', 'busy', 'failed')
        -- Not a newer call's contact.
        and contacts.state = 'in_progress'
        and contacts.attempts_count = changed.attempt_number
    returning contacts.id, contacts.attempts_count
), told as (
    insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
    select changed.organization_id, 'survey.not_reached', changed.campaign_id, changed.contact_id, changed.id,
        jsonb_build_object('attempt_number', changed.attempt_number, 'outcome', changed.outcome)
    from changed
    join missed on missed.id = changed.contact_id
    join campaigns on campaigns.id = changed.campaign_id
    where missed.attempts_count >= campaigns.max_attempts
)
select id as call_attempt_id, contact_id, campaign_id,
    id in (select changed.id from changed) as "applied!"
from call_attempts
where id = (select named.id from named);

-- name: CompleteSurvey :optional
-- Stores the answers of a call, once, with everything that follows from them: the outcome of the attempt, the state of
-- the contact, and the event for the bus, in this one statement. `None`: nothing was changed, because there is no such
-- attempt, it ended without a conversation, or the contact has answered already.
-- param q1_confidence - How sure the model was of the answer, 0 to 1.
-- param q2_confidence - The same of the second answer.
-- param q3_confidence - The same of the third answer.
with attempt as (
    update call_attempts
    set outcome = 'completed', answered_at = coalesce(answered_at, started_at)
    where id = :call_attempt_id
        -- The provider may have reported first that the call was completed.
        and (outcome is null or outcome = 'completed')
        and not exists (
            select from survey_responses as answered
            where answered.contact_id = call_attempts.contact_id
                and answered.campaign_id = call_attempts.campaign_id
        )
    returning id, organization_id, contact_id, campaign_id, attempt_number
), response as (
    insert into survey_responses (
        organization_id, contact_id, campaign_id, call_attempt_id,
        q1_answer, q2_answer, q3_answer, q1_confidence, q2_confidence, q3_confidence
    )
    select organization_id, contact_id, campaign_id, id,
        :q1_answer?, :q2_answer?, :q3_answer?, :q1_confidence?, :q2_confidence?, :q3_confidence?
    from attempt
    -- Two calls of one contact may end at once.
    on conflict (contact_id, campaign_id) do nothing
    returning id, contact_id, campaign_id, call_attempt_id,
        q1_answer, q2_answer, q3_answer, q1_confidence, q2_confidence, q3_confidence
), contact as (
    update contacts
    set state = 'completed', last_outcome = 'completed'
    from response
    where contacts.id = response.contact_id
    returning contacts.id
), event as (
    insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
    select attempt.organization_id, 'survey.completed', attempt.campaign_id, attempt.contact_id, attempt.id,
        jsonb_build_object(
            'attempt_number', attempt.attempt_number,
            'outcome', 'completed',
            'answers', jsonb_build_array(
                jsonb_build_object(
                    'question_number', 1, 'answer', response.q1_answer, 'confidence', response.q1_confidence
                ),
                jsonb_build_object(
                    'question_number', 2, 'answer', response.q2_answer, 'confidence', response.q2_confidence
                ),
                jsonb_build_object(
                    'question_number', 3, 'answer', response.q3_answer, 'confidence', response.q3_confidence
                )
            )
        )
    from attempt
    join response on response.call_attempt_id = attempt.id
    returning id, contact_id
)
select response.id as survey_response_id, event.id as event_id, response.contact_id, response.campaign_id
from response
join event on event.contact_id = response.contact_id;

-- name: RefuseSurvey :optional
-- Ends a call whose contact did not consent, once: the outcome of the attempt, the state of the contact, and the event
-- for the bus, in this one statement. `None`: nothing was changed, because there is no such attempt, it ended without a
-- conversation, or the contact has answered or refused already.
with attempt as (
    update call_attempts
    set outcome = 'refused', answered_at = coalesce(answered_at, started_at)
    where id = :call_attempt_id
        and (outcome is null or outcome = 'completed')
        and not exists (
            select from survey_responses as answered
            where answered.contact_id = call_attempts.contact_id
                and answered.campaign_id = call_attempts.campaign_id
        )
    returning id, organization_id, contact_id, campaign_id, attempt_number
), contact as (
    update contacts
    set state = 'refused', last_outcome = 'refused'
    from attempt
    where contacts.id = attempt.contact_id
    returning contacts.id
), event as (
    insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
    select attempt.organization_id, 'survey.refused', attempt.campaign_id, attempt.contact_id, attempt.id,
        jsonb_build_object('attempt_number', attempt.attempt_number, 'outcome', 'refused')
    from attempt
    join contact on contact.id = attempt.contact_id
    returning id, contact_id, campaign_id
)
select id as event_id, contact_id, campaign_id from event;

-- name: RequeueAttempts :many
-- Gives up attempts of which nothing was heard since `started_before`, as after a crash: they have failed, and their
-- contacts are not reached, with an event for the bus when no attempt is left. The oldest come first; other callers'
-- are skipped.
-- param batch - The most to give up.
with stalled as (
    select id
    from call_attempts
    where outcome is null and started_at < :started_before
    order by started_at
    limit :batch
    for update skip locked
), ended as (
    update call_attempts
    set outcome = 'failed', ended_at = coalesce(ended_at, now()), error_code = coalesce(error_code, 'never_ended')
    where id = any(array(select id from stalled))
    returning id, organization_id, contact_id, campaign_id, attempt_number
), released as (
    update contacts
    set state = 'not_reached', last_outcome = 'failed'
    from ended
    where contacts.id = ended.contact_id
        and contacts.state = 'in_progress'
        and contacts.attempts_count = ended.attempt_number
    returning contacts.id, contacts.attempts_count
), told as (
    insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
    select ended.organization_id, 'survey.not_reached', ended.campaign_id, ended.contact_id, ended.id,
        jsonb_build_object('attempt_number', ended.attempt_number, 'outcome', 'failed')
    from ended
    join released on released.id = ended.contact_id and released.attempts_count = ended.attempt_number
    join campaigns on campaigns.id = ended.campaign_id
    where released.attempts_count >= campaigns.max_attempts
)
select id as call_attempt_id, contact_id, campaign_id, attempt_number from ended;

-- name: CampaignStatistics :one
-- Counts a campaign's contacts by state and its attempts by outcome. A call's duration is the time from its answer to
-- its end, in seconds; `None`: no call was answered and has ended. The completion rate is the share of completed
-- contacts in all that are not excluded; `None`: there are none.
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
        -- The clock of a provider may be off.
        select case when ended_at >= answered_at
            then date_part('epoch', ended_at - answered_at)
        end as seconds
    ) as duration
    where campaign_id = :campaign_id
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

-- name: CampaignCallsPerHour :many
-- Counts a campaign's calls by the hour in which they started, oldest first. An hour without a call has no row.
-- param from - The first moment that counts.
-- param until - The first moment that counts no more.
select
    date_trunc('hour', started_at, 'UTC') as "hour!",
    count(*) as "calls!",
    count(*) filter (where outcome = 'completed') as "completed!",
    count(*) filter (where outcome = 'refused') as "refused!",
    count(*) filter (where outcome in ('no_answer', 'busy', 'failed')) as "not_reached!"
from call_attempts
where campaign_id = :campaign_id and started_at >= :from and started_at < :until
group by 1
order by 1;

-- name: CampaignCallsPerDay :many
-- Counts a campaign's calls by the day on which they started, oldest first. A day without a call has no row.
-- param time_zone - Whose days, as `Europe/Rome`.
-- param from - The first moment that counts.
-- param until - The first moment that counts no more.
select
    (started_at at time zone :time_zone)::date as "day!",
    count(*) as "calls!",
    count(*) filter (where outcome = 'completed') as "completed!",
    count(*) filter (where outcome = 'refused') as "refused!",
    count(*) filter (where outcome in ('no_answer', 'busy', 'failed')) as "not_reached!"
from call_attempts
where campaign_id = :campaign_id and started_at >= :from and started_at < :until
group by 1
order by 1;

-- name: ExportContacts :stream
-- Streams a campaign's contacts whose survey is over, with their answers, in the order of their making: completed,
-- refused, and not reached with no attempt left or in a campaign that has ended.
select
    contacts.id as "contact_id!",
    contacts.external_contact_id,
    contacts.phone_number as "phone_number!",
    contacts.email,
    contacts.state as "state!",
    contacts.attempts_count as "attempts_count!",
    contacts.last_attempt_at,
    contacts.last_outcome,
    answers.q1_answer,
    answers.q1_confidence,
    answers.q2_answer,
    answers.q2_confidence,
    answers.q3_answer,
    answers.q3_confidence,
    answers.completed_at
from contacts
left join survey_responses as answers
    on answers.contact_id = contacts.id and answers.campaign_id = contacts.campaign_id
where contacts.campaign_id = :campaign_id
    and (
        contacts.state in ('completed', 'refused')
        or contacts.state = 'not_reached'
        and contacts.attempts_count >= (
            select case when status in ('completed', 'cancelled') then 0 else max_attempts end
            from campaigns
            where id = :campaign_id
        )
    )
order by contacts.created_at, contacts.id;

-- name: LockUnpublishedEvents :many
-- Returns events that the bus has not heard, oldest first, and keeps other publishers from them until the transaction
-- ends. Publish them, then call [`mark_events_published`] in the same transaction: after a crash in between they are
-- published again, and never lost.
-- param batch - The most to return.
select id, organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload, created_at
from events
where published_at is null
order by created_at
limit :batch
for update skip locked;

-- name: MarkEventsPublished :execrows
-- Marks events as heard by the bus; those that were already keep their time and do not count.
update events
set published_at = now()
where id = any(:event_ids) and published_at is null;

-- name: ExpiredTranscripts :many
-- Returns transcripts older than their organization keeps them, oldest first. An organization without a provider
-- configuration has said nothing of it, and keeps them.
-- param batch - The most to return.
with retention as (
    select distinct on (organization_id)
        -- A hundred years are for ever.
        organization_id, now() - least(transcript_retention_days, 36500) * interval '1 day' as expires_before
    from provider_configs
    order by organization_id asc, created_at desc, id desc
)
select transcript_snippets.id as transcript_snippet_id, transcript_snippets.organization_id,
    transcript_snippets.call_attempt_id, transcript_snippets.created_at
from transcript_snippets
join retention on retention.organization_id = transcript_snippets.organization_id
where transcript_snippets.created_at < retention.expires_before
    -- Implied by the line above, and an index can use it.
    and transcript_snippets.created_at < (select max(expires_before) from retention)
order by transcript_snippets.created_at
limit :batch;

-- name: DeleteTranscripts :execrows
-- Deletes transcripts.
delete from transcript_snippets where id = any(:transcript_snippet_ids);

-- name: ExpiredRecordings :many
-- Returns recordings older than their organization keeps them, oldest first: delete them at the provider, then call
-- [`forget_recordings`]. An organization without a provider configuration keeps them.
-- param batch - The most to return.
with retention as (
    select distinct on (organization_id)
        -- A hundred years are for ever.
        organization_id, now() - least(recording_retention_days, 36500) * interval '1 day' as expires_before
    from provider_configs
    order by organization_id asc, created_at desc, id desc
)
select call_attempts.id as call_attempt_id, call_attempts.organization_id, call_attempts.call_id,
    call_attempts.provider_call_id, call_attempts.metadata ->> 'recording_url' as "recording_url!",
    call_attempts.started_at
from call_attempts
join retention on retention.organization_id = call_attempts.organization_id
where call_attempts.started_at < retention.expires_before
    and call_attempts.started_at < (select max(expires_before) from retention)
    and call_attempts.metadata ->> 'recording_url' is not null
order by call_attempts.started_at
limit :batch;

-- name: ForgetRecordings :execrows
-- Removes the addresses of recordings that are no more.
update call_attempts
set metadata = metadata - 'recording_url'
where id = any(:call_attempt_ids) and metadata ? 'recording_url';

-- name: EraseContact :optional
-- Erases who a contact is, in every table, and keeps what is counted: the number becomes `DELETED`, the e-mail address,
-- the external key, the answers and the transcripts go, and the contact is not called again. `None`: no such contact.
--
-- The exclusion list keeps a number, because it is what keeps that person from being called. Recordings lie at the
-- provider: their addresses are returned for the last time. A call that is under way may still report: erase again
-- once it has ended.
with calls as (
    update call_attempts
    set metadata = '{}', provider_call_id = null
    where contact_id = :contact_id
    returning id
), erased as (
    update contacts
    set
        phone_number = 'DELETED',
        email = null,
        external_contact_id = null,
        do_not_call = true,
        state = case when state in ('pending', 'in_progress', 'not_reached') then 'excluded' else state end
    where id = :contact_id
        -- Never false: the attempts are locked first, as everywhere.
        and (select count(*) from calls) >= 0
    returning id
), known as (
    -- As they were when the statement began.
    select
        coalesce(array_agg(metadata ->> 'recording_url') filter (where metadata ? 'recording_url'), '{}') as recordings,
        count(*) filter (where outcome is null and ended_at is null) as calls_under_way
    from call_attempts
    where contact_id = :contact_id
), transcripts as (
    delete from transcript_snippets
    where call_attempt_id in (select id from call_attempts where contact_id = :contact_id)
    returning id
), answers as (
    update survey_responses
    set q1_answer = null, q2_answer = null, q3_answer = null
    where contact_id = :contact_id
), told as (
    update events
    set payload = payload - 'answers'
    where contact_id = :contact_id and payload ? 'answers'
), mails as (
    update email_notifications
    set to_email = 'DELETED', error_message = null
    where contact_id = :contact_id
)
select erased.id as contact_id, known.recordings as "recordings!", known.calls_under_way as "calls_under_way!",
    (select count(*) from transcripts) as "transcripts_deleted!"
from erased
cross join known;

-- name: ImportExclusions :one
-- Puts numbers on the exclusion list, any number of them at once. Those that are there already keep their reason;
-- what is not an E.164 number is left out and counted. [`sweep_excluded_contacts`] then marks the contacts.
-- param organization_id - Whose list; for a customer, its own.
-- param phone_numbers - In any order, repeated or not.
-- param reason - Of all of them.
-- param source - Of all of them.
with given as (
    select distinct phone_number
    from unnest(:phone_numbers::text[]) as given (phone_number)
), valid as (
    select phone_number from given where phone_number ~ '^[+][1-9][0-9]{1,14}$'
), imported as (
    insert into exclusion_list_entries (organization_id, phone_number, reason, source)
    select :organization_id, phone_number, :reason?, :source
    from valid
    on conflict (organization_id, phone_number) do nothing
    returning id
)
select
    imported.count as "imported!",
    valid.count - imported.count as "known!",
    given.count - valid.count as "malformed!"
from (select count(*) from given) as given
cross join (select count(*) from valid) as valid
cross join (select count(*) from imported) as imported;

-- name: ExcludedNumbers :many
-- Returns those of the numbers that are on the exclusion list.
-- param organization_id - Whose list; for a customer, its own.
select phone_number
from exclusion_list_entries
where organization_id = :organization_id and phone_number = any(:phone_numbers);

-- name: SweepExcludedContacts :execrows
-- Marks as excluded the contacts that would still be called but are on the exclusion list or marked do-not-call. A
-- customer sweeps its organization, the owner all of them.
with found as (
    select contacts.id
    from contacts
    join exclusion_list_entries as excluded
        on excluded.organization_id = contacts.organization_id and excluded.phone_number = contacts.phone_number
    where contacts.state in ('pending', 'not_reached')
    union
    select id
    from contacts
    where state in ('pending', 'not_reached') and do_not_call
)
update contacts
set state = 'excluded'
from found, campaigns
where contacts.id = found.id
    and campaigns.id = contacts.campaign_id
    -- Asked again: a scheduler may have claimed it meanwhile.
    and contacts.state in ('pending', 'not_reached')
    -- One that will not be called any more stays what it is.
    and contacts.attempts_count < campaigns.max_attempts;

-- name: InsertContacts :many
-- Adds contacts to a campaign, any number of them at once, and returns the places, from 1, of those that were refused,
-- with the reason. A contact on the exclusion list or marked do-not-call is added as excluded. No such campaign adds
-- and returns nothing.
--
-- The lists are as long as each other; an empty text stands for none.
-- param external_contact_ids - The keys in the system that they come from.
-- param phone_numbers - E.164.
-- param emails - The addresses for follow-up mails.
-- param preferred_languages - The languages in which they want to be called.
-- param have_prior_consent - Whether they agreed to be called.
-- param do_not_call - Whether they said that they do not want to be called.
with campaign as (
    select id, organization_id from campaigns where id = :campaign_id
), given as (
    select *,
        case
            when phone_number is null or phone_number !~ '^[+][1-9][0-9]{1,14}$' then 'phone_number is not E.164'
            when length(external_contact_id) > 255 then 'external_contact_id has more than 255 characters'
            when length(email) > 255 then 'email has more than 255 characters'
            when language is null or consent is null or refused is null then 'the lists have different lengths'
        end as reason
    from unnest(
        :external_contact_ids::text[], :phone_numbers::text[], :emails::text[],
        :preferred_languages::contact_language[], :have_prior_consent::boolean[], :do_not_call::boolean[]
    ) with ordinality as given (external_contact_id, phone_number, email, language, consent, refused, place)
), added as (
    insert into contacts (
        organization_id, campaign_id, external_contact_id, phone_number, email, preferred_language,
        has_prior_consent, do_not_call, state
    )
    select
        campaign.organization_id, campaign.id, nullif(external_contact_id, ''), phone_number, nullif(email, ''),
        language, consent, refused,
        case
            when refused or exists (
                select from exclusion_list_entries as excluded
                where excluded.organization_id = campaign.organization_id
                    and excluded.phone_number = given.phone_number
            ) then 'excluded'::contact_state
            else 'pending'
        end
    from given
    cross join campaign
    where reason is null
)
select place as "place!", reason as "reason!"
from given
cross join campaign
where reason is not null
order by place;
