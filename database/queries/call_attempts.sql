-- The queries of this table; README.md beside this file describes the annotations.

-- name: ApplyProviderEvent :optional
-- scope: either
-- Applies what the telephony provider reports of a call, once: `applied` is false if nothing has changed. A repeated
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
-- scope: either
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
-- scope: either
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

-- name: RequeueStalled :many
-- scope: either
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

-- name: ListExpiredRecordings :many
-- scope: either
-- Returns recordings older than their organization keeps them, oldest first: delete them at the provider, then call
-- [`clear_recordings`]. An organization without a provider configuration keeps them.
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

-- name: ClearRecordings :execrows
-- scope: either
-- Removes the addresses of recordings that are no more.
update call_attempts
set metadata = metadata - 'recording_url'
where id = any(:call_attempt_ids) and metadata ? 'recording_url';
