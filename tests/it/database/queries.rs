//! The queries of `database/queries/`, alone and when several run at once.

use database::{CustomerTx, Error};
use entity::enums::{
    CallOutcome, CampaignStatus, ContactLanguage, ContactState, EventType, ExclusionSource, LanguageCode,
};
use entity::id::{CallAttemptId, ContactId};
use entity::json::CallMetadata;
use entity::{call_attempts, campaigns, contacts, email_notifications, events, survey_responses};
use futures_util::TryStreamExt;
use sea_orm::prelude::{ChronoTime, DateTimeUtc, Decimal};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
    Statement,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::factory::{T, open, settings};
use tests::{connect, migrated, run};

fn clock(text: &str) -> ChronoTime {
    text.parse().unwrap()
}

fn time(text: &str) -> DateTimeUtc {
    text.parse().unwrap()
}

/// A running campaign of the test's organization, which may have five calls at once.
async fn running(t: &T) -> campaigns::Model {
    t.factory.provider_config(&t.organization).await;
    t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await
}

/// Claims as a scheduler does, at noon.
async fn claim(
    tx: &CustomerTx,
    campaign: &campaigns::Model,
    batch: i64,
) -> Vec<database::contacts::ClaimedContact> {
    claim_at(tx, campaign, batch, "12:00:00").await
}

async fn claim_at(
    tx: &CustomerTx,
    campaign: &campaigns::Model,
    batch: i64,
    local_time: &str,
) -> Vec<database::contacts::ClaimedContact> {
    database::contacts::claim_due(tx, campaign.id, batch, || clock(local_time)).await.unwrap()
}

/// What the provider says of a call that reached nobody.
fn busy(call_id: &str) -> database::call_attempts::ApplyProviderEvent {
    database::call_attempts::ApplyProviderEvent {
        call_id: Some(call_id.to_owned()),
        provider_call_id: None,
        status: "busy".to_owned(),
        answered_at: None,
        ended_at: None,
        outcome: Some(CallOutcome::Busy),
        error_code: None,
        metadata: CallMetadata::default(),
    }
}

fn answers(call_attempt_id: CallAttemptId) -> database::call_attempts::CompleteSurvey {
    database::call_attempts::CompleteSurvey {
        call_attempt_id,
        q1_answer: Some("9".to_owned()),
        q2_answer: None,
        q3_answer: Some("yes".to_owned()),
        q1_confidence: Some(Decimal::new(95, 2)),
        q2_confidence: None,
        q3_confidence: Some(Decimal::ONE),
    }
}

/// `count` contacts that differ in their numbers.
async fn insert(tx: &CustomerTx, campaign: &campaigns::Model, count: usize) {
    let numbers = (0..count).map(|number| format!("+39{:09}", 100_000_000 + number)).collect();
    let refused = database::contacts::create_many(tx, given(campaign, numbers)).await.unwrap();
    assert_eq!(refused, []);
}

fn given(campaign: &campaigns::Model, phone_numbers: Vec<String>) -> database::contacts::CreateMany {
    let count = phone_numbers.len();
    database::contacts::CreateMany {
        campaign_id: campaign.id,
        external_contact_ids: vec![String::new(); count],
        phone_numbers,
        emails: vec![String::new(); count],
        preferred_languages: vec![ContactLanguage::Auto; count],
        have_prior_consent: vec![true; count],
        do_not_call: vec![false; count],
    }
}

async fn import(tx: &CustomerTx, phone_numbers: &[String]) -> database::exclusion_list_entries::Import {
    let reason = Some("imported".to_owned());
    database::exclusion_list_entries::import(tx, phone_numbers.to_vec(), reason, ExclusionSource::Import)
        .await
        .unwrap()
}

async fn contact(tx: &CustomerTx, id: ContactId) -> contacts::Model {
    contacts::Entity::find_by_id(id).one(tx).await.unwrap().unwrap()
}

async fn attempt(tx: &CustomerTx, id: CallAttemptId) -> call_attempts::Model {
    call_attempts::Entity::find_by_id(id).one(tx).await.unwrap().unwrap()
}

async fn events(tx: &CustomerTx) -> Vec<events::Model> {
    events::Entity::find().order_by_asc(events::Column::CreatedAt).all(tx).await.unwrap()
}

/// Until as many statements that change an attempt wait for a lock.
async fn until_waiting(t: &T, count: usize) {
    let tx = t.admin().await;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let sql = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock' \
                     and query like '%update call_attempts%'";
        let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
        if row.try_get_by_index::<i64>(0).unwrap() >= i64::try_from(count).unwrap() {
            return;
        }
        assert!(Instant::now() < deadline, "nothing waits");
        // Within a transaction the first look would be repeated.
        tx.execute_unprepared("select pg_stat_clear_snapshot()").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn under_way(tx: &impl ConnectionTrait, t: &T) -> u64 {
    call_attempts::Entity::find()
        .filter(call_attempts::Column::OrganizationId.eq(t.actor.organization))
        .filter(call_attempts::Column::Outcome.is_null())
        .filter(call_attempts::Column::EndedAt.is_null())
        .count(tx)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_claim_makes_the_attempt_and_marks_the_contact() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let first =
        t.factory.contact(&campaign).with(|row| row.preferred_language = Set(ContactLanguage::It)).await;
    let second = t.factory.contact(&campaign).with(|row| row.attempts_count = Set(1)).await;
    let tx = t.customer().await;
    let claimed = claim(&tx, &campaign, 10).await;
    let seen: Vec<_> = claimed.iter().map(|row| (row.contact_id, row.attempt_number, row.language)).collect();
    assert_eq!(seen, [(first.id, 1, LanguageCode::It), (second.id, 2, LanguageCode::En)], "the oldest first");
    for row in &claimed {
        let attempt = attempt(&tx, row.call_attempt_id).await;
        assert_eq!(
            (attempt.contact_id, attempt.call_id, attempt.outcome),
            (row.contact_id, row.call_id.clone(), None)
        );
        let contact = contact(&tx, row.contact_id).await;
        assert_eq!((contact.state, contact.attempts_count), (ContactState::InProgress, row.attempt_number));
        assert_eq!(
            (contact.phone_number, contact.last_attempt_at),
            (row.phone_number.clone(), Some(attempt.started_at))
        );
    }
    assert_eq!(claim(&tx, &campaign, 10).await, [], "nobody is claimed twice");
}

#[tokio::test]
async fn the_owner_inserts_and_completes_as_a_customer_does() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let tx = t.admin().await;
    let numbers = vec!["+39021".to_owned(), "+39022".to_owned()];
    assert_eq!(database::contacts::create_many(&tx, given(&campaign, numbers)).await.unwrap(), []);
    tx.commit().await.unwrap();
    let tx = t.customer().await;
    let calls = claim(&tx, &campaign, 10).await;
    tx.commit().await.unwrap();
    let tx = t.admin().await;
    assert!(
        database::call_attempts::complete_survey(&tx, answers(calls[0].call_attempt_id))
            .await
            .unwrap()
            .is_some()
    );
    assert!(database::call_attempts::refuse_survey(&tx, calls[1].call_attempt_id).await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert_eq!(events(&t.customer().await).await.len(), 2, "they are the organization's");
}

#[tokio::test]
async fn a_contact_whose_count_was_set_back_does_not_stop_the_campaign() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let contact = t.factory.contact(&campaign).await;
    t.factory.call_attempt(&contact).with(|row| row.outcome = Set(Some(CallOutcome::Busy))).await;
    let tx = t.customer().await;
    assert_eq!(claim(&tx, &campaign, 10).await[0].attempt_number, 2);
}

#[tokio::test]
async fn only_who_is_due_is_claimed() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let contact = || t.factory.contact(&campaign);
    let long_ago = Some(time("2025-01-01T12:00:00Z"));
    let excluded = t.factory.exclusion_list_entry(&t.organization).await;
    contact().with(|row| row.phone_number = Set(excluded.phone_number)).await;
    contact().with(|row| row.do_not_call = Set(true)).await;
    contact().with(|row| (row.attempts_count, row.last_attempt_at) = (Set(3), Set(long_ago))).await;
    contact()
        .with(|row| {
            (row.state, row.last_attempt_at) =
                (Set(ContactState::NotReached), Set(Some(time("2999-01-01T00:00:00Z"))));
        })
        .await;
    for state in
        [ContactState::InProgress, ContactState::Completed, ContactState::Refused, ContactState::Excluded]
    {
        contact().with(|row| row.state = Set(state)).await;
    }
    // The number that another organization excludes is not excluded here.
    let foreign = t.factory.exclusion_list_entry(&t.neighbour().await.organization).await;
    let due = [
        contact().with(|row| row.phone_number = Set(foreign.phone_number)).await.id,
        contact()
            .with(|row| {
                row.state = Set(ContactState::NotReached);
                (row.attempts_count, row.last_attempt_at) = (Set(2), Set(long_ago));
            })
            .await
            .id,
    ];
    let claimed = claim(&t.customer().await, &campaign, 100).await;
    let claimed: Vec<_> = claimed.into_iter().map(|row| row.contact_id).collect();
    assert_eq!(claimed, due);
}

#[tokio::test]
async fn nobody_is_claimed_outside_the_window_or_a_campaign_that_does_not_run() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    for (local_time, expected) in
        [("08:59:59.999999", 0), ("09:00:00", 1), ("19:59:59.999999", 1), ("20:00:00", 0)]
    {
        let tx = t.customer().await;
        assert_eq!(claim_at(&tx, &campaign, 10, local_time).await.len(), expected, "{local_time}");
    }
    for status in
        [CampaignStatus::Draft, CampaignStatus::Scheduled, CampaignStatus::Paused, CampaignStatus::Cancelled]
    {
        let campaign = t.factory.campaign(&t.organization).with(|row| row.status = Set(status)).await;
        t.factory.contact(&campaign).await;
        assert_eq!(claim(&t.customer().await, &campaign, 10).await, [], "{status}");
    }
    let deleted = t
        .factory
        .campaign(&t.organization)
        .with(|row| {
            (row.status, row.deleted_at) =
                (Set(CampaignStatus::Running), Set(Some(time("2026-01-01T00:00:00Z"))));
        })
        .await;
    t.factory.contact(&deleted).await;
    assert_eq!(claim(&t.customer().await, &deleted, 10).await, []);
}

#[tokio::test]
async fn an_organization_without_a_configuration_cannot_call_and_the_newest_counts() {
    let t = T::new().await;
    let campaign =
        t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    insert_committed(&t, &campaign, 10).await;
    assert_eq!(claim(&t.customer().await, &campaign, 100).await, []);
    let old = Set(time("2025-01-01T00:00:00Z"));
    t.factory.provider_config(&t.organization).with(|row| row.max_concurrent_calls = Set(3)).await;
    t.factory
        .provider_config(&t.organization)
        .with(|row| (row.max_concurrent_calls, row.created_at) = (Set(7), old))
        .await;
    let other = t.neighbour().await;
    other.factory.provider_config(&other.organization).await;
    assert_eq!(claim(&other.customer().await, &campaign, 100).await, [], "another's campaign");
    assert_eq!(claim(&t.customer().await, &campaign, 100).await.len(), 3);
}

#[tokio::test]
async fn a_query_that_counts_under_a_lock_is_an_error_in_another_isolation_level() {
    let postgres = migrated("isolation_level").await;
    for level in ["repeatable read", "serializable"] {
        let db = connect(&postgres.url()).await.unwrap();
        let default =
            format!("alter database {} set default_transaction_isolation = '{level}'", postgres.name());
        run(&db, &default).await.unwrap();
        let t = T::on(open(&settings(&[("DATABASE_URL", &postgres.url())])).await).await;
        let campaign = running(&t).await;
        insert_committed(&t, &campaign, 1).await;
        let tx = t.customer().await;
        let refused = database::contacts::claim_due(&tx, campaign.id, 1, || clock("12:00:00")).await;
        let found = level.to_owned();
        let (query, required) = ("contacts.claim_due", "read committed");
        assert_eq!(refused, Err(Error::IsolationLevel { query, required, found: found.clone() }));
        assert_eq!(call_attempts::Entity::find().count(&tx).await.unwrap(), 0);
        let event = t.factory.event(&t.factory.contact(&campaign).await).await;
        let email = database::email_notifications::NewEmailNotification {
            event_id: event.id,
            template_id: t.factory.email_template(&t.organization).await.id,
            to_email: "a@b.c".to_owned(),
        };
        // In a new transaction, because this one's snapshot lacks the event.
        let refused = database::email_notifications::create_once(&t.customer().await, email).await;
        let query = "email_notifications.create_once";
        assert_eq!(refused, Err(Error::IsolationLevel { query, required, found }));
    }
}

async fn insert_committed(t: &T, campaign: &campaigns::Model, count: usize) {
    let tx = t.customer().await;
    insert(&tx, campaign, count).await;
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn schedulers_at_once_claim_everybody_once_and_never_more_than_may_be_called() {
    const CONTACTS: usize = 2_000;
    const EXCLUDED: usize = 100;
    const MOST: u64 = 25;
    let t = Arc::new(T::new().await);
    t.factory.provider_config(&t.organization).with(|row| row.max_concurrent_calls = Set(25)).await;
    // Two campaigns share what the organization may do.
    let mut campaigns = Vec::new();
    for _ in 0..2 {
        let campaign =
            t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
        insert_committed(&t, &campaign, CONTACTS / 2).await;
        campaigns.push(campaign);
    }
    let excluded: Vec<String> =
        (0..EXCLUDED / 2).map(|number| format!("+39{:09}", 100_000_000 + 7 * number)).collect();
    let tx = t.customer().await;
    import(&tx, &excluded).await;
    tx.commit().await.unwrap();

    let done = Arc::new(AtomicUsize::new(0));
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut tasks = Vec::new();
    for task in 0..20 {
        let (t, done, campaigns) = (Arc::clone(&t), Arc::clone(&done), campaigns.clone());
        tasks.push(tokio::spawn(async move {
            let mut claimed = Vec::new();
            let mut round = task;
            while done.load(Ordering::Relaxed) < CONTACTS - EXCLUDED && Instant::now() < deadline {
                round += 1;
                let tx = t.customer().await;
                let rows = claim(&tx, &campaigns[round % 2], 10).await;
                // The lock is held: nobody adds to this until the commit.
                assert!(under_way(&tx, &t).await <= MOST);
                if round % 7 == 0 {
                    // As one that was killed in between.
                    continue;
                }
                tx.commit().await.unwrap();
                for row in rows {
                    let tx = t.customer().await;
                    let applied =
                        database::call_attempts::apply_provider_event(&tx, busy(&row.call_id)).await.unwrap();
                    assert!(applied.unwrap().applied);
                    tx.commit().await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                    claimed.push(row);
                }
            }
            claimed
        }));
    }
    let mut claimed = Vec::new();
    for task in tasks {
        claimed.extend(task.await.unwrap());
    }
    let contacts: HashSet<_> = claimed.iter().map(|row| row.contact_id).collect();
    assert_eq!((claimed.len(), contacts.len()), (CONTACTS - EXCLUDED, CONTACTS - EXCLUDED), "each once");
    assert!(claimed.iter().all(|row| !excluded.contains(&row.phone_number)));
    let attempts = call_attempts::Entity::find().count(&t.customer().await).await.unwrap();
    assert_eq!(attempts, u64::try_from(claimed.len()).unwrap(), "nothing is left of the killed ones");
}

#[tokio::test]
async fn a_webhook_event_is_applied_once() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let apply = async |event: database::call_attempts::ApplyProviderEvent| {
        database::call_attempts::apply_provider_event(&tx, event).await.unwrap().map(|row| row.applied)
    };
    let event = |status: &str| database::call_attempts::ApplyProviderEvent {
        provider_call_id: Some(format!("CA-{}", call.call_id)),
        status: status.to_owned(),
        outcome: None,
        ..busy(&call.call_id)
    };
    let answered = database::call_attempts::ApplyProviderEvent {
        answered_at: Some(time("2026-01-01T10:00:00Z")),
        ..event("in-progress")
    };
    let ended = database::call_attempts::ApplyProviderEvent {
        // By the provider's name, which the first event told.
        call_id: None,
        ended_at: Some(time("2026-01-01T10:01:30Z")),
        metadata: CallMetadata { duration_seconds: Some(90), ..CallMetadata::default() },
        ..event("completed")
    };
    assert_eq!(apply(event("ringing")).await, Some(true));
    assert_eq!(apply(event("ringing")).await, Some(false), "repeated");
    assert_eq!(apply(answered.clone()).await, Some(true));
    assert_eq!(apply(answered.clone()).await, Some(false), "repeated");
    assert_eq!(apply(event("ringing")).await, Some(false), "late");
    assert_eq!(apply(ended.clone()).await, Some(true));
    let after = attempt(&tx, call.call_attempt_id).await;
    for late in [ended.clone(), answered.clone(), event("ringing"), busy(&call.call_id)] {
        assert_eq!(apply(late).await, Some(false));
    }
    assert_eq!(apply(busy("no such call")).await, None);
    assert_eq!(attempt(&tx, call.call_attempt_id).await, after);
    assert_eq!(
        (after.answered_at, after.ended_at, after.outcome),
        (answered.answered_at, ended.ended_at, None)
    );
    assert_eq!(after.provider_raw_status.as_deref(), Some("completed"));
    assert_eq!(after.metadata.duration_seconds, Some(90));
    // The line is closed, and the dialogue still has the last word.
    assert_eq!(contact(&tx, call.contact_id).await.state, ContactState::InProgress);
    assert!(
        database::call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap().is_some()
    );
}

#[tokio::test]
async fn a_provider_does_not_know_the_dialogues_outcome() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let event = database::call_attempts::ApplyProviderEvent {
        outcome: Some(CallOutcome::Refused),
        ..busy(&call.call_id)
    };
    assert!(database::call_attempts::apply_provider_event(&tx, event).await.unwrap().unwrap().applied);
    let after = attempt(&tx, call.call_attempt_id).await;
    assert!((after.outcome, after.ended_at.is_some()) == (None, true), "{after:?}");
    assert!(database::call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap().is_some());
}

#[tokio::test]
async fn of_calls_that_the_provider_names_alike_the_newest_is_meant() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let calls = claim(&tx, &campaign, 2).await;
    run(&tx, "update call_attempts set provider_call_id = '7'").await.unwrap();
    let sql = format!(
        "update call_attempts set started_at = started_at - interval '1 s' where id = '{}'",
        calls[1].call_attempt_id.as_uuid()
    );
    run(&tx, &sql).await.unwrap();
    let event = database::call_attempts::ApplyProviderEvent {
        call_id: None,
        provider_call_id: Some("7".to_owned()),
        ..busy("")
    };
    let applied = database::call_attempts::apply_provider_event(&tx, event).await.unwrap().unwrap();
    assert_eq!((applied.call_attempt_id, applied.applied), (calls[0].call_attempt_id, true));
    assert_eq!(attempt(&tx, calls[1].call_attempt_id).await.outcome, None);
}

#[tokio::test]
async fn the_largest_numbers_mean_never_and_stop_nobody() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let change = [
        "update campaigns set retry_interval_minutes = 9223372036854775807",
        "update provider_configs set recording_retention_days = 9223372036854775807, \
         transcript_retention_days = 9223372036854775807",
    ];
    let tx = t.customer().await;
    for sql in change {
        run(&tx, sql).await.unwrap();
    }
    let tried = |row: &mut contacts::ActiveModel| {
        (row.state, row.last_attempt_at) =
            (Set(ContactState::NotReached), Set(Some(time("2025-01-01T00:00:00Z"))));
    };
    tx.commit().await.unwrap();
    t.factory.contact(&campaign).with(tried).await;
    let tx = t.customer().await;
    assert_eq!(claim(&tx, &campaign, 10).await, []);
    assert_eq!(database::call_attempts::list_expired_recordings(&tx, 10).await.unwrap(), []);
    assert_eq!(database::transcript_snippets::list_expired(&tx, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_closed_organization_calls_nobody() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    let noon = ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    assert_eq!(database::campaigns::list_callable(&t.customer().await, noon).await.unwrap().len(), 1);
    let tx = t.admin().await;
    database::organizations::delete(&tx, t.organization.id).await.unwrap();
    tx.commit().await.unwrap();
    let tx = t.customer().await;
    assert!(database::campaigns::list_callable(&tx, noon).await.unwrap().is_empty());
    assert_eq!(claim(&tx, &campaign, 10).await, []);
}

#[tokio::test]
async fn a_call_that_reached_nobody_is_tried_again_until_no_attempt_is_left() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let last = t.factory.contact(&campaign).with(|row| row.attempts_count = Set(2)).await;
    let first = t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    for row in claim(&tx, &campaign, 10).await {
        assert!(
            database::call_attempts::apply_provider_event(&tx, busy(&row.call_id))
                .await
                .unwrap()
                .unwrap()
                .applied
        );
        assert!(
            !database::call_attempts::apply_provider_event(&tx, busy(&row.call_id))
                .await
                .unwrap()
                .unwrap()
                .applied
        );
    }
    for (id, attempts) in [(last.id, 3), (first.id, 1)] {
        let contact = contact(&tx, id).await;
        assert_eq!((contact.state, contact.attempts_count), (ContactState::NotReached, attempts));
        assert_eq!(contact.last_outcome, Some(CallOutcome::Busy));
    }
    let events = events(&tx).await;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].event_type, events[0].contact_id), (EventType::SurveyNotReached, last.id));
    assert_eq!(
        (events[0].payload.attempt_number, events[0].payload.outcome),
        (Some(3), Some(CallOutcome::Busy))
    );
}

#[tokio::test]
async fn the_end_of_an_earlier_call_leaves_the_contact_to_the_newer_one() {
    let t = T::new().await;
    let contact_before = t
        .factory
        .contact(&running(&t).await)
        .with(|row| (row.state, row.attempts_count) = (Set(ContactState::InProgress), Set(3)))
        .await;
    let earlier = t.factory.call_attempt(&contact_before).with(|row| row.attempt_number = Set(2)).await;
    t.factory.call_attempt(&contact_before).with(|row| row.attempt_number = Set(3)).await;
    let tx = t.customer().await;
    assert!(
        database::call_attempts::apply_provider_event(&tx, busy(&earlier.call_id))
            .await
            .unwrap()
            .unwrap()
            .applied
    );
    assert_eq!(attempt(&tx, earlier.id).await.outcome, Some(CallOutcome::Busy));
    assert_eq!(contact(&tx, contact_before.id).await, contact_before);
    assert!(events(&tx).await.is_empty());
}

#[tokio::test]
async fn a_webhook_that_comes_twice_at_once_is_applied_once() {
    let t = Arc::new(T::new().await);
    let campaign = running(&t).await;
    t.factory.contact(&campaign).with(|row| row.attempts_count = Set(2)).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    tx.commit().await.unwrap();
    let first = t.customer().await;
    let row =
        database::call_attempts::apply_provider_event(&first, busy(&call.call_id)).await.unwrap().unwrap();
    let mut applied = usize::from(row.applied);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (t, call_id) = (Arc::clone(&t), call.call_id.clone());
            tokio::spawn(async move {
                let tx = t.customer().await;
                let row = database::call_attempts::apply_provider_event(&tx, busy(&call_id))
                    .await
                    .unwrap()
                    .unwrap();
                tx.commit().await.unwrap();
                usize::from(row.applied)
            })
        })
        .collect();
    until_waiting(&t, tasks.len()).await;
    first.commit().await.unwrap();
    for task in tasks {
        applied += task.await.unwrap();
    }
    assert_eq!(applied, 1);
    assert_eq!(events(&t.customer().await).await.len(), 1);
}

#[tokio::test]
async fn a_survey_is_completed_once_with_all_that_follows() {
    let t = Arc::new(T::new().await);
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    tx.commit().await.unwrap();
    let first = t.customer().await;
    let mut done = Vec::from_iter(
        database::call_attempts::complete_survey(&first, answers(call.call_attempt_id)).await.unwrap(),
    );
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (t, id) = (Arc::clone(&t), call.call_attempt_id);
            tokio::spawn(async move {
                let tx = t.customer().await;
                let done = database::call_attempts::complete_survey(&tx, answers(id)).await.unwrap();
                tx.commit().await.unwrap();
                done
            })
        })
        .collect();
    until_waiting(&t, tasks.len()).await;
    first.commit().await.unwrap();
    for task in tasks {
        done.extend(task.await.unwrap());
    }
    assert_eq!(done.len(), 1);

    let tx = t.customer().await;
    assert_eq!(
        database::call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap(),
        None
    );
    assert_eq!(database::call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap(), None);
    let response = survey_responses::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!((response.id, response.q1_answer.as_deref()), (done[0].survey_response_id, Some("9")));
    assert_eq!(response.q1_confidence, Some(Decimal::new(95, 2)));
    assert_eq!(attempt(&tx, call.call_attempt_id).await.outcome, Some(CallOutcome::Completed));
    let contact = contact(&tx, call.contact_id).await;
    assert_eq!(
        (contact.state, contact.last_outcome),
        (ContactState::Completed, Some(CallOutcome::Completed))
    );
    let events = events(&tx).await;
    assert_eq!(
        (events.len(), events[0].id, events[0].event_type),
        (1, done[0].event_id, EventType::SurveyCompleted)
    );
    assert_eq!(events[0].call_attempt_id, Some(call.call_attempt_id));
    let told = events[0].payload.answers.as_ref().unwrap();
    assert_eq!((told[0].question_number, told[0].answer.as_deref()), (Some(1), Some("9")));
    assert_eq!(told[0].confidence.as_ref().map(ToString::to_string).as_deref(), Some("0.95"));

    // The provider reports the end later: its facts are kept, the outcome stays.
    let ended = database::call_attempts::ApplyProviderEvent {
        metadata: CallMetadata { duration_seconds: Some(7), ..CallMetadata::default() },
        ..busy(&call.call_id)
    };
    assert!(database::call_attempts::apply_provider_event(&tx, ended).await.unwrap().unwrap().applied);
    let attempt = attempt(&tx, call.call_attempt_id).await;
    assert_eq!((attempt.outcome, attempt.metadata.duration_seconds), (Some(CallOutcome::Completed), Some(7)));
}

#[tokio::test]
async fn a_survey_is_refused_once() {
    let t = T::new().await;
    let campaign = running(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let refused = database::call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap().unwrap();
    assert_eq!(database::call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap(), None);
    assert_eq!(
        database::call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap(),
        None
    );
    assert_eq!(contact(&tx, call.contact_id).await.state, ContactState::Refused);
    let events = events(&tx).await;
    assert_eq!(
        (events.len(), events[0].id, events[0].event_type),
        (1, refused.event_id, EventType::SurveyRefused)
    );
}

#[tokio::test]
async fn attempts_of_which_nothing_was_heard_are_given_up() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let contact_of = |attempts| {
        t.factory.contact(&campaign).with(move |row| {
            (row.state, row.attempts_count) = (Set(ContactState::InProgress), Set(attempts));
        })
    };
    let (stuck, last, fresh) = (contact_of(1).await, contact_of(3).await, contact_of(1).await);
    let long_ago = Set(time("2025-01-01T12:00:00Z"));
    t.factory.call_attempt(&stuck).with(|row| row.started_at = long_ago.clone()).await;
    t.factory
        .call_attempt(&last)
        .with(|row| (row.started_at, row.attempt_number) = (long_ago.clone(), Set(3)))
        .await;
    t.factory.call_attempt(&fresh).await;
    // The line of one whose survey is over was not reported closed.
    let over = contact_of(1).with(|row| row.state = Set(ContactState::Refused)).await;
    t.factory.call_attempt(&over).with(|row| row.started_at = long_ago).await;
    let tx = t.customer().await;
    let before = time("2025-06-01T00:00:00Z");
    assert_eq!(database::call_attempts::requeue_stalled(&tx, before, 10).await.unwrap().len(), 3);
    assert_eq!(database::call_attempts::requeue_stalled(&tx, before, 10).await.unwrap().len(), 0);
    assert_eq!(contact(&tx, stuck.id).await.state, ContactState::NotReached);
    assert_eq!(contact(&tx, fresh.id).await.state, ContactState::InProgress);
    assert_eq!(contact(&tx, over.id).await.state, ContactState::Refused);
    let events = events(&tx).await;
    assert_eq!((events.len(), events[0].contact_id), (1, last.id), "no attempt is left");
}

#[tokio::test]
async fn statistics_are_right_on_a_constructed_campaign() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let tx = t.customer().await;
    let empty = database::campaigns::statistics(&tx, campaign.id).await.unwrap();
    assert_eq!((empty.contacts, empty.average_seconds, empty.completion_rate), (0, None, None));

    let at = |text: &str| Set(Some(time(text)));
    for (state, outcome, started, ended) in [
        (
            ContactState::Completed,
            Some(CallOutcome::Completed),
            "2026-01-01T22:30:00Z",
            Some("2026-01-01T22:32:00Z"),
        ),
        (
            ContactState::Completed,
            Some(CallOutcome::Completed),
            "2026-01-01T23:30:00Z",
            Some("2026-01-01T23:30:30Z"),
        ),
        // A provider's clock that is off is no duration.
        (
            ContactState::Refused,
            Some(CallOutcome::Refused),
            "2026-01-01T23:59:59Z",
            Some("2026-01-01T20:00:00Z"),
        ),
        (ContactState::NotReached, Some(CallOutcome::Busy), "2026-01-02T00:00:00Z", None),
        (ContactState::InProgress, None, "2026-01-02T00:10:00Z", None),
        (ContactState::Excluded, None, "", None),
    ] {
        let contact = t.factory.contact(&campaign).with(|row| row.state = Set(state)).await;
        if !started.is_empty() {
            t.factory
                .call_attempt(&contact)
                .with(|row| {
                    row.started_at = Set(time(started));
                    row.outcome = Set(outcome);
                    if let Some(ended) = ended {
                        (row.answered_at, row.ended_at) = (at(started), at(ended));
                    }
                })
                .await;
        }
    }
    let seen = database::campaigns::statistics(&tx, campaign.id).await.unwrap();
    assert_eq!(
        (seen.contacts, seen.contacts_pending, seen.contacts_in_progress, seen.contacts_completed),
        (6, 0, 1, 2)
    );
    assert_eq!((seen.contacts_refused, seen.contacts_not_reached, seen.contacts_excluded), (1, 1, 1));
    assert_eq!(
        (seen.attempts, seen.attempts_completed, seen.attempts_refused, seen.attempts_busy),
        (5, 2, 1, 1)
    );
    assert_eq!((seen.attempts_no_answer, seen.attempts_failed, seen.attempts_under_way), (0, 0, 1));
    let close =
        |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-9);
    assert!(
        close(seen.average_seconds, 75.0)
            && close(seen.shortest_seconds, 30.0)
            && close(seen.longest_seconds, 120.0)
    );
    assert!(close(seen.completion_rate, 0.4), "{seen:?}");

    let (from, until) = (time("2026-01-01T23:00:00Z"), time("2026-01-02T00:10:00Z"));
    let hours = database::campaigns::calls_per_hour(&tx, campaign.id, from, until).await.unwrap();
    let hours: Vec<_> =
        hours.iter().map(|row| (row.hour, row.calls, row.completed, row.refused, row.not_reached)).collect();
    assert_eq!(hours, [(from, 2, 1, 1, 0), (time("2026-01-02T00:00:00Z"), 1, 0, 0, 1)]);
    let days = database::campaigns::calls_per_day(
        &tx,
        database::campaigns::CallsPerDay {
            campaign_id: campaign.id,
            time_zone: "Europe/Rome".to_owned(),
            from: time("2026-01-01T00:00:00Z"),
            until: time("2026-02-01T00:00:00Z"),
        },
    )
    .await
    .unwrap();
    let days: Vec<_> = days.iter().map(|row| (row.day.to_string(), row.calls)).collect();
    assert_eq!(days, [("2026-01-01".to_owned(), 1), ("2026-01-02".to_owned(), 4)]);
}

#[tokio::test]
async fn the_export_streams_finished_contacts_with_their_answers() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let make = |state, attempts| {
        t.factory
            .contact(&campaign)
            .with(move |row| (row.state, row.attempts_count) = (Set(state), Set(attempts)))
    };
    let completed = make(ContactState::Completed, 1).await;
    let refused = make(ContactState::Refused, 1).await;
    let exhausted = make(ContactState::NotReached, 3).await;
    let waiting = make(ContactState::NotReached, 2).await;
    make(ContactState::Pending, 0).await;
    make(ContactState::Excluded, 0).await;
    t.factory.survey_response(&t.factory.call_attempt(&completed).await).await;
    let tx = t.customer().await;
    let export = async || {
        let rows = database::contacts::export(&tx, campaign.id).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap()
    };
    let rows = export().await;
    let ids: Vec<_> = rows.iter().map(|row| row.contact_id).collect();
    assert_eq!(ids, [completed.id, refused.id, exhausted.id]);
    assert_eq!((rows[0].q1_answer.as_deref(), rows[1].q1_answer.as_deref()), (Some("9"), None));
    assert_eq!(rows[0].phone_number, completed.phone_number);
    tx.execute_unprepared("update campaigns set status = 'completed'").await.unwrap();
    assert_eq!(export().await[3].contact_id, waiting.id, "nobody calls again");
}

#[tokio::test]
async fn the_outbox_gives_each_event_to_one_publisher_and_marks_it_once() {
    let t = T::new().await;
    let contact = t.factory.contact(&running(&t).await).await;
    let (first, second) = (t.factory.event(&contact).await.id, t.factory.event(&contact).await.id);
    let (one, other) = (t.customer().await, t.customer().await);
    let ids = |events: &[database::events::UnpublishedEvent]| -> Vec<_> {
        events.iter().map(|event| event.id).collect()
    };
    let marked = database::events::publish(&one, 1, async |events| {
        assert_eq!(ids(&events), [first]);
        let none = database::events::publish(&other, 10, async |events| {
            assert_eq!(ids(&events), [second], "another transaction skips what this one has locked");
            Vec::new()
        });
        assert_eq!(none.await.unwrap(), 0);
        ids(&events)
    });
    assert_eq!(marked.await.unwrap(), 1);
    one.commit().await.unwrap();
    other.rollback().await.unwrap();
    let tx = t.customer().await;
    let again = database::events::publish(&tx, 10, async |events| {
        assert_eq!(ids(&events), [second], "what was not published comes again");
        vec![first, second]
    });
    assert_eq!(again.await.unwrap(), 1, "an event is marked once");
    let nothing = database::events::publish(&tx, 10, async |_| panic!("no event is left")).await;
    assert_eq!(nothing.unwrap(), 0);
}

#[tokio::test]
async fn what_is_past_its_organizations_retention_is_found_and_forgotten() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let old = time("2025-01-01T00:00:00Z");
    let recorded = |attempt_number, started_at| {
        t.factory.call_attempt(&contact).with(move |row| {
            (row.attempt_number, row.started_at) = (Set(attempt_number), started_at);
            row.metadata = Set(CallMetadata {
                recording_url: Some("https://r/1".to_owned()),
                duration_seconds: Some(1),
                ..CallMetadata::default()
            });
        })
    };
    let (past, present) = (recorded(1, Set(old)).await, recorded(2, sea_orm::NotSet).await);
    let expired = t.factory.transcript_snippet(&past).with(|row| row.created_at = Set(old)).await;
    t.factory.transcript_snippet(&present).await;
    let tx = t.customer().await;
    assert_eq!(
        database::transcript_snippets::list_expired(&tx, 10).await.unwrap(),
        [],
        "nothing is said of retention"
    );
    assert_eq!(database::call_attempts::list_expired_recordings(&tx, 10).await.unwrap(), []);
    t.factory.provider_config(&t.organization).await;

    let transcripts = database::transcript_snippets::list_expired(&tx, 10).await.unwrap();
    let ids: Vec<_> = transcripts.iter().map(|row| row.transcript_snippet_id).collect();
    assert_eq!(ids, [expired.id]);
    assert_eq!(database::transcript_snippets::delete_many(&tx, ids).await.unwrap(), 1);
    let recordings = database::call_attempts::list_expired_recordings(&tx, 10).await.unwrap();
    assert_eq!((recordings.len(), recordings[0].call_attempt_id), (1, past.id));
    assert_eq!(recordings[0].recording_url, "https://r/1");
    assert_eq!(database::call_attempts::clear_recordings(&tx, vec![past.id]).await.unwrap(), 1);
    assert_eq!(database::call_attempts::list_expired_recordings(&tx, 10).await.unwrap(), []);
    assert_eq!(attempt(&tx, past.id).await.metadata.duration_seconds, Some(1), "the rest is kept");

    t.factory.provider_config(&t.organization).with(|row| row.recording_retention_days = Set(100_000)).await;
    assert_eq!(
        database::call_attempts::list_expired_recordings(&tx, 10).await.unwrap(),
        [],
        "the newest configuration counts"
    );
}

#[tokio::test]
async fn an_erased_contact_is_nowhere_any_more_and_still_counted() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let person = t.factory.contact(&campaign).await;
    let neighbour = t.factory.contact(&campaign).await;
    let call = t
        .factory
        .call_attempt(&person)
        .with(|row| {
            row.metadata = Set(CallMetadata {
                recording_url: Some("https://r/1".to_owned()),
                ..CallMetadata::default()
            });
        })
        .await;
    t.factory.transcript_snippet(&call).await;
    let tx = t.customer().await;
    database::call_attempts::complete_survey(&tx, answers(call.id)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let event = events(&t.customer().await).await.remove(0);
    t.factory.email_notification(&event, &t.factory.email_template(&t.organization).await).await;

    let tx = t.customer().await;
    let erased = database::contacts::erase(&tx, person.id).await.unwrap().unwrap();
    assert_eq!(
        (erased.recordings, erased.transcripts_deleted, erased.calls_under_way),
        (vec!["https://r/1".to_owned()], 1, 0)
    );
    let after = contact(&tx, person.id).await;
    assert_eq!(
        (after.phone_number.as_str(), after.email, after.external_contact_id),
        ("DELETED", None, None)
    );
    assert!(after.do_not_call);
    assert_eq!(after.state, ContactState::Completed, "it still counts as what it was");
    assert_eq!(attempt(&tx, call.id).await.metadata, CallMetadata::default());
    let response = survey_responses::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!((response.q1_answer, response.q2_answer, response.q3_answer), (None, None, None));
    assert_eq!(events(&tx).await[0].payload.answers, None);
    let mail = email_notifications::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!(mail.to_email, "DELETED");
    assert_eq!(contact(&tx, neighbour.id).await, neighbour, "nobody else is touched");
    let other = t.neighbour().await;
    assert_eq!(database::contacts::erase(&other.customer().await, neighbour.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_exclusion_import_has_no_limit_and_counts_what_it_did() {
    const NUMBERS: usize = 70_000;
    let t = T::new().await;
    let tx = t.customer().await;
    let mut numbers: Vec<String> =
        (0..NUMBERS).map(|number| format!("+39{:09}", 200_000_000 + number)).collect();
    numbers.extend(["+39200000000".to_owned(), "0039 02".to_owned(), String::new()]);
    let seen = import(&tx, &numbers).await;
    assert_eq!((seen.imported, seen.known, seen.malformed), (70_000, 0, 2));
    numbers.push("+393".to_owned());
    let seen = import(&tx, &numbers).await;
    assert_eq!((seen.imported, seen.known, seen.malformed), (1, 70_000, 2));
    let asked = vec!["+393".to_owned(), "+394".to_owned(), "+39200069999".to_owned()];
    let mut found =
        database::exclusion_list_entries::list_excluded(&tx, t.actor.organization, asked).await.unwrap();
    found.sort();
    assert_eq!(found, ["+39200069999", "+393"]);
}

#[tokio::test]
async fn an_exclusion_import_marks_the_contacts_of_its_organization_only() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let (ours, theirs) = (running(&t).await, other.factory.campaign(&other.organization).await);
    let contact_of = |campaign, number: &str| {
        let number = Set(number.to_owned());
        t.factory.contact(campaign).with(move |row| row.phone_number = number)
    };
    let (listed, kept) = (contact_of(&ours, "+393").await, contact_of(&ours, "+394").await);
    let neighbour = contact_of(&theirs, "+393").await;
    let tx = t.customer().await;
    assert_eq!(import(&tx, &["+393".to_owned()]).await.excluded_contacts, 1);
    assert_eq!(contact(&tx, listed.id).await.state, ContactState::Excluded);
    assert_eq!(contact(&tx, kept.id).await, kept);
    tx.commit().await.unwrap();
    assert_eq!(contact(&other.customer().await, neighbour.id).await, neighbour);
}

#[tokio::test]
async fn the_sweep_excludes_who_would_still_be_called() {
    let t = T::new().await;
    let campaign = running(&t).await;
    let excluded = t.factory.exclusion_list_entry(&t.organization).await;
    let make = |state, attempts| {
        let number = excluded.phone_number.clone();
        t.factory.contact(&campaign).with(move |row| {
            (row.phone_number, row.state, row.attempts_count) = (Set(number), Set(state), Set(attempts));
        })
    };
    let listed = [make(ContactState::Pending, 0).await, make(ContactState::NotReached, 1).await];
    let marked = t.factory.contact(&campaign).with(|row| row.do_not_call = Set(true)).await;
    let kept = [
        make(ContactState::NotReached, 3).await,
        make(ContactState::Completed, 1).await,
        t.factory.contact(&campaign).await,
    ];
    let tx = t.customer().await;
    assert_eq!(database::contacts::sweep_excluded(&tx).await.unwrap(), 3);
    assert_eq!(database::contacts::sweep_excluded(&tx).await.unwrap(), 0);
    for before in listed.iter().chain([&marked]) {
        assert_eq!(contact(&tx, before.id).await.state, ContactState::Excluded);
    }
    for before in &kept {
        assert_eq!(contact(&tx, before.id).await, *before);
    }
}

#[tokio::test]
async fn contacts_are_inserted_without_a_limit_and_refusals_say_which_and_why() {
    const CONTACTS: usize = 70_000;
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    insert(&tx, &campaign, CONTACTS).await;
    assert_eq!(contacts::Entity::find().count(&tx).await.unwrap(), 70_000);

    let campaign = t.factory.campaign(&t.organization).await;
    let excluded = t.factory.exclusion_list_entry(&t.organization).await.phone_number;
    let numbers = ["+39021", "02 1", &excluded, "+39022", "+39023"].map(ToOwned::to_owned).to_vec();
    let mut rows = given(&campaign, numbers);
    rows.emails[0] = "a@example.com".to_owned();
    rows.external_contact_ids[3] = "x".repeat(256);
    rows.do_not_call[4] = true;
    let refused = database::contacts::create_many(&tx, rows).await.unwrap();
    let refused: Vec<_> = refused.iter().map(|row| (row.place, row.reason.as_str())).collect();
    assert_eq!(
        refused,
        [(2, "phone_number is not E.164"), (4, "external_contact_id has more than 255 characters")]
    );
    let added = contacts::Entity::find()
        .filter(contacts::Column::CampaignId.eq(campaign.id))
        .order_by_asc(contacts::Column::PhoneNumber)
        .all(&tx)
        .await
        .unwrap();
    let seen: Vec<_> =
        added.iter().map(|row| (row.phone_number.as_str(), row.email.as_deref(), row.state)).collect();
    let mut expected = vec![
        ("+39021", Some("a@example.com"), ContactState::Pending),
        ("+39023", None, ContactState::Excluded),
        (excluded.as_str(), None, ContactState::Excluded),
    ];
    expected.sort_by_key(|row| row.0);
    assert_eq!(seen, expected);
    let mut uneven = given(&campaign, vec!["+39024".to_owned()]);
    uneven.do_not_call.clear();
    assert_eq!(
        database::contacts::create_many(&tx, uneven).await.unwrap()[0].reason,
        "the lists have different lengths"
    );
}
