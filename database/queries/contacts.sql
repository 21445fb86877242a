-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockCalls :one
-- scope: customer
-- visibility: crate
-- Locks the provider configurations of the campaign's organization until the transaction ends, so that no other
-- transaction claims for it, and returns how many calls may be under way at once; null: there is no configuration.
--
-- All configurations are locked, not only the newest, so that one that is inserted meanwhile does not split the lock.
with locked as (
    select max_concurrent_calls, created_at, id
    from provider_configs
    where organization_id = (select organization_id from campaigns where id = :campaign_id)
    order by id
    for no key update
)
select
    (select max_concurrent_calls from locked order by created_at desc, id desc limit 1) as "max_concurrent_calls?",
    current_setting('transaction_isolation') as "isolation_level!";

-- name: ClaimDue :many
-- scope: customer
-- visibility: crate
-- row: ClaimedContact
-- The claim of the public function of this name, under the lock of [`lock_calls`].
-- param max_concurrent_calls - The result of [`lock_calls`].
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

-- name: CreateMany :many
-- scope: either
-- Adds contacts to a campaign, any number of them at once, and returns the places, from 1, of those that were refused,
-- with the reason. A contact on the exclusion list or marked do-not-call is added as excluded. No such campaign adds
-- and returns nothing.
--
-- The lists are as long as each other; an empty text stands for none.
-- param external_contact_ids - The keys in the system that they come from.
-- param phone_numbers - E.164.
-- param emails - The addresses for follow-up mails.
-- param preferred_languages - The languages of the calls.
-- param have_prior_consent - Whether they agreed to be called.
-- param do_not_call - Whether they are not to be called.
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

-- name: SweepExcluded :execrows
-- scope: either
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

-- name: Export :stream
-- scope: either
-- Streams a campaign's contacts whose survey is over, with their answers, in the order of insertion: completed,
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

-- name: Erase :optional
-- scope: either
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
