-- The queries of this table; README.md beside this file describes the annotations.

-- name: ApplyProviderEvent :optional
-- scope: either
-- deleted: campaigns, organizations: reads - a call under way is finished
-- Applies an event of the telephony provider to its call attempt, once. `applied` is false if nothing changed: the
-- event is a duplicate, or arrived after the answer or the end that it would report. `None`: there is no such call
-- attempt.
--
-- An event with an outcome or an end ends the call. The outcomes `completed` and `refused` are not stored, because
-- only the dialogue knows them and reports them by [`complete_survey`] or [`refuse_survey`]; an outcome that is
-- already set is kept. If the call did not reach the contact, the contact becomes not reached, and if that was its
-- last attempt, an event `survey.not_reached` is inserted.
-- param call_id - The call attempt's `call_id`; `None`: look it up by `provider_call_id`.
-- param provider_call_id - The provider's id of the call, stored if none is; if several match, the newest.
-- param status - The status as the provider spells it.
-- param answered_at - The time of the answer; `None`: this event does not report one.
-- param ended_at - The time of the end; `None`: the server's time if there is an outcome, else the call continues.
-- param outcome - `no_answer`, `busy` or `failed`; `None`: this event does not report one.
-- param metadata CallMetadata - Fields that are merged into the stored metadata.
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
        -- A call that has ended does not change. Before that an answer applies once, and a new status until then.
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
        -- Unless a newer call has claimed the contact.
        and contacts.state = 'in_progress'
        and contacts.attempts_count = changed.attempt_number
    returning contacts.id, contacts.attempts_count
), published as (
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
-- deleted: campaigns, organizations: reads - a call under way is finished
-- Stores the answers of a call, once: inserts the survey response and the event `survey.completed`, and sets the
-- outcome of the call attempt and the state of the contact to completed. `None`: nothing was changed, because there
-- is no such attempt, it ended without a conversation, or the contact has a survey response already.
-- param q1_confidence - The model's confidence in the answer, 0 to 1.
-- param q2_confidence - The model's confidence in the second answer, 0 to 1.
-- param q3_confidence - The model's confidence in the third answer, 0 to 1.
with attempt as (
    update call_attempts
    set outcome = 'completed', answered_at = coalesce(answered_at, started_at)
    where id = :call_attempt_id
        -- The provider's event may have set `completed` before.
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
    -- Two calls to one contact may end concurrently. Without columns: on Citus the constraint has one more.
    on conflict do nothing
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
-- deleted: campaigns, organizations: reads - a call under way is finished
-- Records that the contact did not consent, once: inserts the event `survey.refused`, and sets the outcome of the
-- call attempt and the state of the contact to refused. `None`: nothing was changed, because there is no such
-- attempt, it ended without a conversation, or the contact has answered or refused already.
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
-- deleted: campaigns, organizations: reads - a call under way is finished
-- Ends call attempts without an outcome that started before `started_before`, as after a crash, oldest first: their
-- outcome becomes failed with the error code `never_ended`, and their contacts become not reached. For a contact
-- without an attempt left, an event `survey.not_reached` is inserted. Attempts that another transaction has locked
-- are skipped.
-- param batch - The maximum number of attempts.
with under_way as materialized (
    -- Few, whatever the number of attempts. In one step, the planner may look for them among all attempts by their
    -- time.
    select id, started_at
    from call_attempts
    where outcome is null
), stalled as (
    select id
    from call_attempts
    where id = any(array(select id from under_way where started_at < :started_before)) and outcome is null
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
), published as (
    insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload)
    select ended.organization_id, 'survey.not_reached', ended.campaign_id, ended.contact_id, ended.id,
        jsonb_build_object('attempt_number', ended.attempt_number, 'outcome', 'failed')
    from ended
    join released on released.id = ended.contact_id and released.attempts_count = ended.attempt_number
    join campaigns on campaigns.id = ended.campaign_id
    where released.attempts_count >= campaigns.max_attempts
)
select id as call_attempt_id, contact_id, campaign_id, attempt_number from ended;

-- name: LockExpiredRecordings :many
-- scope: admin
-- deleted: campaigns, organizations: reads - retention covers them
-- Locks recordings of an organization that are past its retention period, oldest first, until the transaction ends, and
-- returns them: delete them where they are stored, then call [`clear_recordings`] in the same transaction. Those of a
-- campaign or an organization that was deleted before `deleted_days` are past it as well. An organization without a
-- provider configuration keeps its recordings otherwise. Recordings that another transaction has locked are skipped.
--
-- NO KEY UPDATE, because a plain row lock would block inserts of rows that reference the call attempt.
-- param after_started_at - The last recording of the previous batch; the epoch for the first one.
-- param after_id CallAttemptId - The same recording; nil for the first batch.
-- param batch - The maximum number of recordings.
with limits as (
    select
        -- A limit of a hundred years, because an interval of 2^63 days is out of range.
        coalesce((
            select now() - least(recording_retention_days, 36500) * interval '1 day'
            from provider_configs
            where organization_id = :organization_id
            order by created_at desc, id desc
            limit 1
        ), '-infinity') as expires_before,
        now() - least(:deleted_days::bigint, 36500) * interval '1 day' as deleted_before
), bound as (
    -- Without something deleted, recordings that are not past the retention period need not be read.
    select case
        when exists (select from organizations where id = :organization_id and deleted_at < deleted_before)
            or exists (select from campaigns where organization_id = :organization_id and deleted_at < deleted_before)
            then 'infinity'
        else expires_before
    end as started_before
    from limits
)
select call_attempts.id as call_attempt_id, call_attempts.call_id, call_attempts.provider_call_id,
    call_attempts.metadata ->> 'recording_url' as "recording_url!", call_attempts.started_at
from call_attempts
join campaigns
    on campaigns.organization_id = call_attempts.organization_id and campaigns.id = call_attempts.campaign_id
join organizations on organizations.id = call_attempts.organization_id
cross join limits
where call_attempts.organization_id = :organization_id
    and (call_attempts.metadata ->> 'recording_url') is not null
    and call_attempts.started_at < (select started_before from bound)
    -- With the organization, which is the same, because the planner may prefer an index that begins with the time, and
    -- read the attempts of all organizations.
    and (call_attempts.organization_id, call_attempts.started_at, call_attempts.id)
        > (:organization_id::uuid, :after_started_at::timestamptz, :after_id::uuid)
    and (
        call_attempts.started_at < limits.expires_before
        or campaigns.deleted_at < limits.deleted_before
        or organizations.deleted_at < limits.deleted_before
    )
order by call_attempts.started_at, call_attempts.id
limit :batch
for no key update of call_attempts skip locked;

-- name: ClearRecordings :execrows
-- scope: either
-- deleted: campaigns, organizations: reads - retention covers them
-- Removes the URLs of recordings that the provider has deleted, and returns the number of changed call attempts.
update call_attempts
set metadata = metadata - 'recording_url'
where id = any(:call_attempt_ids) and metadata ? 'recording_url';
