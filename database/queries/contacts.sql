-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockCalls :one
-- scope: customer
-- visibility: crate
-- Locks the provider configurations of the campaign's organization until the transaction ends, so that no other
-- transaction claims for it, and returns the limit of concurrent calls; null: there is no configuration.
--
-- All configurations are locked, not only the newest: if one is inserted concurrently, transactions that read
-- different configurations as the newest still exclude each other.
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
-- The claim itself, under the lock of [`lock_calls`]; the public function of this name calls both.
-- param max_concurrent_calls - The result of [`lock_calls`].
with campaign as (
    -- Locked until the calls are committed, so that neither is marked as deleted, nor the campaign paused, meanwhile.
    -- The order, after the provider configurations, is the same in every claim.
    select campaigns.id, campaigns.organization_id, campaigns.max_attempts, campaigns.language,
        -- A limit of ten years, because an interval of 2^63 minutes is out of range.
        now() - least(campaigns.retry_interval_minutes, 5256000) * interval '1 minute' as retry_before
    from campaigns
    join organizations on organizations.id = campaigns.organization_id
    where campaigns.id = :campaign_id
        and campaigns.status = 'running'
        and campaigns.deleted_at is null
        and organizations.deleted_at is null
        and campaigns.allowed_call_start_local <= :local_time
        and campaigns.allowed_call_end_local > :local_time
    for share
), capacity as (
    -- No row without a campaign, so that the scan of the contacts does not start.
    select :max_concurrent_calls - (
        select count(*)
        from call_attempts
        where organization_id = campaign.organization_id and outcome is null and ended_at is null
    ) as free
    from campaign
), attempts_made as (
    -- One scan of the index for each number of attempts below the campaign's limit, so that contacts without an attempt
    -- left are not read. No row without a campaign or without capacity. The limit is beyond the highest one of a
    -- campaign: the planner would expect a thousand scans.
    select generate_series(0, campaign.max_attempts - 1) as count
    from campaign
    cross join capacity
    where capacity.free > 0
    limit 10  -- noqa: AM09
), never_called as (
    -- `contacts` is the only table of the inner FROM, and the rest are subqueries: the planner then scans its index in
    -- the order of `created_at` until the limit is reached, and cannot choose a join that reads the whole table.
    select due.id, due.created_at
    from attempts_made
    cross join lateral (
        select id, created_at
        from contacts
        where campaign_id = :campaign_id
            and state in ('pending', 'not_reached')
            and do_not_call is false
            and attempts_count = attempts_made.count
            and last_attempt_at is null
            and not exists (
                select from exclusion_list_entries as excluded
                where excluded.organization_id = contacts.organization_id
                    and excluded.phone_number = contacts.phone_number
                -- Prevents the planner from turning the subquery into an anti-join.
                offset 0  -- noqa: AM09
            )
        -- `last_attempt_at` is constant here, and belongs to the order of the index. The limit is a subquery, so that
        -- the planner does not know it: it expects fewer contacts than there are, and would rather sort them.
        order by last_attempt_at, created_at
        limit (select :batch::bigint)
        for update skip locked
    ) as due
), called as (
    -- The same for those whose retry interval has passed. In the order of `created_at` the scan would read past those
    -- whose interval has not.
    select due.id, due.created_at
    from attempts_made
    cross join lateral (
        select id, created_at
        from contacts
        where campaign_id = :campaign_id
            and state in ('pending', 'not_reached')
            and do_not_call is false
            and attempts_count = attempts_made.count
            and last_attempt_at <= (select retry_before from campaign)
            and not exists (
                select from exclusion_list_entries as excluded
                where excluded.organization_id = contacts.organization_id
                    and excluded.phone_number = contacts.phone_number
                offset 0  -- noqa: AM09
            )
        order by last_attempt_at, created_at
        limit (select :batch::bigint)
        for update skip locked
    ) as due
), chosen as (
    select id
    from (
        select * from never_called
        union all
        select * from called
    ) as due
    order by created_at
    limit least(:batch, (select free from capacity))
), claimed as (
    update contacts
    set
        state = 'in_progress',
        -- Attempt numbers are unique: a count that was reset by hand must not stop the campaign.
        attempts_count = 1 + greatest(
            attempts_count,
            (select max(attempt_number) from call_attempts where contact_id = contacts.id)
        ),
        last_attempt_at = now()
    where id = any(array(select id from chosen))
    returning id, organization_id, campaign_id, attempts_count, phone_number, preferred_language, created_at
), calls as (
    -- The ids are those of the inserted rows. A join of the returned rows with `claimed` would compare each with each:
    -- the planner expects few.
    select uuid_generate_v4() as call_attempt_id, uuid_generate_v4()::text as call_id, claimed.*
    from claimed
), attempts as (
    insert into call_attempts (id, organization_id, contact_id, campaign_id, attempt_number, call_id)
    select call_attempt_id, organization_id, id, campaign_id, attempts_count, call_id
    from calls
)
select
    call_attempt_id as "call_attempt_id!",
    id as "contact_id!",
    attempts_count as "attempt_number!",
    call_id as "call_id!",
    phone_number as "phone_number!",
    case preferred_language
        when 'auto' then (select language from campaign)
        else preferred_language::text::language_code
    end as "language!"
from calls
order by created_at, id;

-- name: CreateMany :many
-- scope: either
-- visibility: crate
-- parameters: public
-- row: CreateManyRow
-- The insert of the public function of this name, which locks the campaign before.
-- param external_contact_ids - The contacts' keys in the system that they come from.
-- param phone_numbers - E.164: `+` and 2 to 15 digits.
-- param emails - The addresses for follow-up e-mails.
-- param preferred_languages - The languages of the calls.
-- param have_prior_consent - Whether the contact agreed to be called.
-- param do_not_call - Whether the contact must not be called.
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
-- reads: all - each contact that would still be called is looked up in the exclusion list
-- deleted: campaigns, organizations: reads - an excluded number is not called, whatever is restored
-- Sets the state of contacts that would still be called, but are on the exclusion list or marked do-not-call, to
-- excluded, and returns their number. An admin transaction covers all organizations.
with found as (
    select contacts.organization_id, contacts.id
    from contacts
    join exclusion_list_entries as excluded
        on excluded.organization_id = contacts.organization_id and excluded.phone_number = contacts.phone_number
    where contacts.state in ('pending', 'not_reached')
    union
    select organization_id, id
    from contacts
    where state in ('pending', 'not_reached') and do_not_call
)
update contacts
set state = 'excluded'
from found, campaigns
where contacts.organization_id = found.organization_id
    and contacts.id = found.id
    and campaigns.organization_id = contacts.organization_id
    and campaigns.id = contacts.campaign_id
    -- Checked again on the locked row: a scheduler may have claimed the contact concurrently.
    and contacts.state in ('pending', 'not_reached')
    -- A contact without an attempt left keeps its state.
    and contacts.attempts_count < campaigns.max_attempts;

-- name: ExcludeNumbers :execrows
-- scope: customer
-- visibility: crate
-- Sets the state of an organization's contacts that would still be called, and have one of these numbers, to excluded,
-- and returns their number.
update contacts
set state = 'excluded'
-- Not `= any(…)`, which would compare a contact that an index did not find with each of them.
from campaigns, unnest(:phone_numbers::text[]) as given (phone_number)
where contacts.organization_id = :organization_id
    and contacts.phone_number = given.phone_number
    and campaigns.id = contacts.campaign_id
    and contacts.state in ('pending', 'not_reached')
    and contacts.attempts_count < campaigns.max_attempts;

-- name: Export :stream
-- scope: customer
-- deleted: campaigns: hidden
-- deleted: organizations: bound
-- Streams a campaign's contacts in a final state, with their answers, in the order of insertion: completed, refused,
-- and not reached with no attempt left or in a campaign that has ended.
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
    and exists (select from campaigns where id = :campaign_id and deleted_at is null)
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
-- deleted: campaigns, email_templates, organizations: reads - erasure covers them
-- Erases a contact's personal data in every table, and keeps the rows for statistics: the phone number becomes
-- `DELETED`, the e-mail address, external id, answers and transcripts are removed, and the contact is not called
-- again. `None`: there is no such contact.
--
-- The statement records the request in `erasure_requests`. The exclusion list keeps the phone number, so that the
-- person is not called by another campaign. The recordings are stored by the provider: this call returns their URLs
-- and removes them. Until a call has its outcome its answers may still arrive, after its end too, and the request
-- stays open: erase again then.
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
        -- Always true: it forces the update of the attempts to run first, the order in which all queries lock.
        and (select count(*) from calls) >= 0
    returning id, organization_id
), known as (
    -- The snapshot of the statement's start: before `calls` removed the metadata.
    select
        coalesce(array_agg(metadata ->> 'recording_url') filter (where metadata ? 'recording_url'), '{}') as recordings,
        count(*) filter (where outcome is null) as calls_without_outcome
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
), payloads as (
    update events
    set payload = payload - 'answers'
    where contact_id = :contact_id and payload ? 'answers'
), emails as (
    update email_notifications
    set to_email = 'DELETED', error_message = null
    where contact_id = :contact_id
), answered as (
    update erasure_requests
    set completed_at = now()
    from known
    where contact_id = :contact_id and completed_at is null and known.calls_without_outcome = 0
), requests as (
    insert into erasure_requests (organization_id, contact_id, due_at, completed_at)
    select
        erased.organization_id, erased.id, now() + interval '72 hours',
        case when known.calls_without_outcome = 0 then now() end
    from erased
    cross join known
    where not exists (select from erasure_requests where contact_id = :contact_id and completed_at is null)
)
select erased.id as contact_id, known.recordings as "recordings!",
    known.calls_without_outcome as "calls_without_outcome!",
    (select count(*) from transcripts) as "transcripts_deleted!"
from erased
cross join known;

-- name: Purge :one
-- scope: admin
-- citus: shard - it changes several tables, each by the result of another
-- deleted: campaigns, email_templates, organizations: reads - it removes what was deleted
-- Looks at the next contacts of an organization, by campaign and from the oldest, whose campaign or organization was
-- deleted before `deleted_days`. Removes them with everything that belongs to them, and returns the numbers of removed
-- rows. A contact with a recording is kept, because nothing else names the file. Those that another transaction has
-- locked are skipped.
-- param after_campaign_id CampaignId - The campaign of the last contact of the previous batch; nil for the first one.
-- param after_created_at - The same contact's time; the epoch for the first batch.
-- param after_id ContactId - The same contact; nil for the first batch.
-- param deleted_days - Days after which what is marked as deleted is removed.
-- param batch - The maximum number of contacts.
-- column last_campaign_id CampaignId
-- column last_id ContactId
with candidate as materialized (
    -- Before the condition on recordings, whose selectivity the planner does not know. By campaign, so that the
    -- contacts of live ones are not read.
    select id, campaign_id, created_at
    from contacts
    where (campaign_id, created_at, id) > (:after_campaign_id::uuid, :after_created_at::timestamptz, :after_id::uuid)
        and campaign_id = any(array(
            select campaigns.id
            from campaigns
            join organizations on organizations.id = campaigns.organization_id
            where campaigns.organization_id = :organization_id
                and least(campaigns.deleted_at, organizations.deleted_at)
                    < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
        ))
    order by campaign_id, created_at, id
    limit :batch
), last as (
    select * from candidate order by campaign_id desc, created_at desc, id desc limit 1
), purged as (
    select contacts.id
    from contacts
    where contacts.id = any(array(select id from candidate))
        and not exists (
            select from call_attempts
            where call_attempts.contact_id = contacts.id
                and (call_attempts.metadata ->> 'recording_url') is not null
        )
    for update of contacts skip locked
), email as (
    delete from email_notifications where contact_id = any(array(select id from purged)) returning id
), event as (
    delete from events where contact_id = any(array(select id from purged)) returning id
), transcript as (
    delete from transcript_snippets
    where call_attempt_id = any(array(
        select call_attempts.id
        from call_attempts
        where call_attempts.contact_id = any(array(select id from purged))
    ))
    returning id
), request as (
    -- The key does the same, except on Citus.
    update erasure_requests set contact_id = null where contact_id = any(array(select id from purged))
), response as (
    delete from survey_responses where contact_id = any(array(select id from purged)) returning id
), attempt as (
    delete from call_attempts where contact_id = any(array(select id from purged)) returning id
), contact as (
    delete from contacts where id = any(array(select id from purged)) returning id
)
select
    (select count(*) from email) as "email_notifications!",
    (select count(*) from event) as "events!",
    (select count(*) from transcript) as "transcript_snippets!",
    (select count(*) from response) as "survey_responses!",
    (select count(*) from attempt) as "call_attempts!",
    (select count(*) from contact) as "contacts!",
    (select count(*) from candidate) as "seen!",
    (select campaign_id from last) as "last_campaign_id?",
    (select created_at from last) as "last_created_at?",
    (select id from last) as "last_id?";
