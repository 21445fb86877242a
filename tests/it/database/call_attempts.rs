//! Queries of `database::call_attempts`.

use database::{call_attempts, contacts};
use entity::enums::{CallOutcome, ContactState, EventType};
use entity::json::CallMetadata;
use sea_orm::prelude::Decimal;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Set, Statement};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::factory::T;
use tests::queries::{
    answers, attempt, busy_event, claim, contact, contacts_with, delete_expired_transcripts, events,
    expired_recordings, running_campaign, time,
};
use tests::run;

#[tokio::test]
async fn a_call_is_found_by_each_of_its_names() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let at = |text: &'static str| {
        let attempt = t.factory.call_attempt(&contact);
        attempt.with(move |row| row.started_at = Set(time(text)))
    };
    let later = at("2025-01-15T12:00:00Z")
        .with(|row| {
            row.attempt_number = Set(2);
            row.provider_call_id = Set(Some(format!("shared-{}", contact.id)));
        })
        .await;
    let shared = later.provider_call_id.clone();
    let earlier = at("2025-01-15T11:00:00Z").with(|row| row.provider_call_id = Set(shared.clone())).await;
    let tx = t.customer().await;
    let found = Some(later.clone());
    assert_eq!(call_attempts::find(&tx, later.id).await.unwrap(), found);
    assert_eq!(call_attempts::find_by_call_id(&tx, &later.call_id).await.unwrap(), found);
    assert_eq!(call_attempts::find_by_provider_call_id(&tx, &shared.unwrap()).await.unwrap(), found);
    assert_eq!(call_attempts::find_by_call_id(&tx, "none").await.unwrap(), None);
    assert_eq!(call_attempts::find_by_provider_call_id(&tx, "none").await.unwrap(), None);
    assert_eq!(call_attempts::list_by_contact(&tx, contact.id).await.unwrap(), [earlier.clone(), later]);
    let webhook = t.admin().await;
    assert_eq!(call_attempts::find_by_call_id(&webhook, &earlier.call_id).await.unwrap(), Some(earlier));
}

#[tokio::test]
async fn the_calls_without_an_outcome_are_counted() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    for (outcome, ended) in [
        (None, None),
        (None, Some("2025-01-15T12:00:00Z")),
        (Some(CallOutcome::Busy), Some("2025-01-15T12:00:00Z")),
        (Some(CallOutcome::Completed), None),
    ] {
        let contact = t.factory.contact(&campaign).await;
        let attempt = t.factory.call_attempt(&contact);
        attempt.with(|row| (row.outcome, row.ended_at) = (Set(outcome), Set(ended.map(time)))).await;
    }
    assert_eq!(call_attempts::count_without_outcome(&t.customer().await).await.unwrap(), 2);
    let admin = t.admin().await;
    assert!(call_attempts::count_without_outcome(&admin).await.unwrap() >= 2);
}

#[tokio::test]
async fn the_owner_inserts_and_completes_as_a_customer_does() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let tx = t.admin().await;
    let numbers = vec!["+39021".to_owned(), "+39022".to_owned()];
    assert_eq!(contacts::create_many(&tx, contacts_with(&campaign, numbers)).await.unwrap(), []);
    tx.commit().await.unwrap();
    let tx = t.customer().await;
    let calls = claim(&tx, &campaign, 10).await;
    tx.commit().await.unwrap();
    let tx = t.admin().await;
    assert!(call_attempts::complete_survey(&tx, answers(calls[0].call_attempt_id)).await.unwrap().is_some());
    assert!(call_attempts::refuse_survey(&tx, calls[1].call_attempt_id).await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert_eq!(events(&t.customer().await).await.len(), 2, "they are the organization's");
}

#[tokio::test]
async fn a_webhook_event_is_applied_once() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let apply = async |event: call_attempts::ApplyProviderEvent| {
        call_attempts::apply_provider_event(&tx, event).await.unwrap().map(|row| row.applied)
    };
    let event = |status: &str| call_attempts::ApplyProviderEvent {
        provider_call_id: Some(format!("CA-{}", call.call_id)),
        status: status.to_owned(),
        outcome: None,
        ..busy_event(&call.call_id)
    };
    let answered = call_attempts::ApplyProviderEvent {
        answered_at: Some(time("2026-01-01T10:00:00Z")),
        ..event("in-progress")
    };
    let ended = call_attempts::ApplyProviderEvent {
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
    for late in [ended.clone(), answered.clone(), event("ringing"), busy_event(&call.call_id)] {
        assert_eq!(apply(late).await, Some(false));
    }
    assert_eq!(apply(busy_event("no such call")).await, None);
    assert_eq!(attempt(&tx, call.call_attempt_id).await, after);
    assert_eq!(
        (after.answered_at, after.ended_at, after.outcome),
        (answered.answered_at, ended.ended_at, None)
    );
    assert_eq!(after.provider_raw_status.as_deref(), Some("completed"));
    assert_eq!(after.metadata.duration_seconds, Some(90));
    // The line is closed, and the dialogue still has the last word.
    assert_eq!(contact(&tx, call.contact_id).await.state, ContactState::InProgress);
    assert!(call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_provider_does_not_know_the_dialogues_outcome() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let event = call_attempts::ApplyProviderEvent {
        outcome: Some(CallOutcome::Refused),
        ..busy_event(&call.call_id)
    };
    assert!(call_attempts::apply_provider_event(&tx, event).await.unwrap().unwrap().applied);
    let after = attempt(&tx, call.call_attempt_id).await;
    assert!((after.outcome, after.ended_at.is_some()) == (None, true), "{after:?}");
    assert!(call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap().is_some());
}

#[tokio::test]
async fn of_calls_with_the_same_provider_call_id_the_newest_is_meant() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let calls = claim(&tx, &campaign, 2).await;
    tx.commit().await.unwrap();
    let tx = t.admin().await;
    let [one, other] = [0, 1].map(|place: usize| calls[place].call_attempt_id.as_uuid());
    let sql = format!("update call_attempts set provider_call_id = '7' where id in ('{one}', '{other}')");
    run(&tx, &sql).await.unwrap();
    let sql =
        format!("update call_attempts set started_at = started_at - interval '1 s' where id = '{other}'");
    run(&tx, &sql).await.unwrap();
    tx.commit().await.unwrap();
    let tx = t.customer().await;
    let event = call_attempts::ApplyProviderEvent {
        call_id: None,
        provider_call_id: Some("7".to_owned()),
        ..busy_event("")
    };
    let applied = call_attempts::apply_provider_event(&tx, event).await.unwrap().unwrap();
    assert_eq!((applied.call_attempt_id, applied.applied), (calls[0].call_attempt_id, true));
    assert_eq!(attempt(&tx, calls[1].call_attempt_id).await.outcome, None);
}

#[tokio::test]
async fn an_unanswered_call_is_tried_again_until_no_attempt_is_left() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let last = t.factory.contact(&campaign).with(|row| row.attempts_count = Set(2)).await;
    let first = t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    for row in claim(&tx, &campaign, 10).await {
        assert!(
            call_attempts::apply_provider_event(&tx, busy_event(&row.call_id))
                .await
                .unwrap()
                .unwrap()
                .applied
        );
        assert!(
            !call_attempts::apply_provider_event(&tx, busy_event(&row.call_id))
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
        .contact(&running_campaign(&t).await)
        .with(|row| (row.state, row.attempts_count) = (Set(ContactState::InProgress), Set(3)))
        .await;
    let earlier = t.factory.call_attempt(&contact_before).with(|row| row.attempt_number = Set(2)).await;
    t.factory.call_attempt(&contact_before).with(|row| row.attempt_number = Set(3)).await;
    let tx = t.customer().await;
    assert!(
        call_attempts::apply_provider_event(&tx, busy_event(&earlier.call_id))
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
    let (_own, t) = T::alone("webhook_twice", &[]).await;
    let t = Arc::new(t);
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).with(|row| row.attempts_count = Set(2)).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    tx.commit().await.unwrap();
    let first = t.customer().await;
    let row = call_attempts::apply_provider_event(&first, busy_event(&call.call_id)).await.unwrap().unwrap();
    let mut applied = usize::from(row.applied);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (t, call_id) = (Arc::clone(&t), call.call_id.clone());
            tokio::spawn(async move {
                let tx = t.customer().await;
                let row =
                    call_attempts::apply_provider_event(&tx, busy_event(&call_id)).await.unwrap().unwrap();
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
    let (_own, t) = T::alone("completed_once", &[]).await;
    let t = Arc::new(t);
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    tx.commit().await.unwrap();
    let first = t.customer().await;
    let mut done =
        Vec::from_iter(call_attempts::complete_survey(&first, answers(call.call_attempt_id)).await.unwrap());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (t, id) = (Arc::clone(&t), call.call_attempt_id);
            tokio::spawn(async move {
                let tx = t.customer().await;
                let done = call_attempts::complete_survey(&tx, answers(id)).await.unwrap();
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
    assert_eq!(call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap(), None);
    assert_eq!(call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap(), None);
    let response = entity::survey_responses::Entity::find().one(&tx).await.unwrap().unwrap();
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
    let ended = call_attempts::ApplyProviderEvent {
        metadata: CallMetadata { duration_seconds: Some(7), ..CallMetadata::default() },
        ..busy_event(&call.call_id)
    };
    assert!(call_attempts::apply_provider_event(&tx, ended).await.unwrap().unwrap().applied);
    let attempt = attempt(&tx, call.call_attempt_id).await;
    assert_eq!((attempt.outcome, attempt.metadata.duration_seconds), (Some(CallOutcome::Completed), Some(7)));
}

#[tokio::test]
async fn a_survey_is_refused_once() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    let tx = t.customer().await;
    let call = claim(&tx, &campaign, 1).await.remove(0);
    let refused = call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap().unwrap();
    assert_eq!(call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap(), None);
    assert_eq!(call_attempts::complete_survey(&tx, answers(call.call_attempt_id)).await.unwrap(), None);
    assert_eq!(contact(&tx, call.contact_id).await.state, ContactState::Refused);
    let events = events(&tx).await;
    assert_eq!(
        (events.len(), events[0].id, events[0].event_type),
        (1, refused.event_id, EventType::SurveyRefused)
    );
}

#[tokio::test]
async fn attempts_without_an_outcome_are_given_up() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
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
    assert_eq!(call_attempts::requeue_stalled(&tx, before, 10).await.unwrap().len(), 3);
    assert_eq!(call_attempts::requeue_stalled(&tx, before, 10).await.unwrap().len(), 0);
    assert_eq!(contact(&tx, stuck.id).await.state, ContactState::NotReached);
    assert_eq!(contact(&tx, fresh.id).await.state, ContactState::InProgress);
    assert_eq!(contact(&tx, over.id).await.state, ContactState::Refused);
    let events = events(&tx).await;
    assert_eq!((events.len(), events[0].contact_id), (1, last.id), "no attempt is left");
}

#[tokio::test]
async fn data_past_the_retention_of_its_organization_is_found_and_deleted() {
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
    let tx = t.admin().await;
    assert_eq!(delete_expired_transcripts(&tx, &t).await, [], "without a configuration nothing expires");
    assert_eq!(expired_recordings(&tx, &t).await, []);
    t.factory.provider_config(&t.organization).await;

    let transcripts = delete_expired_transcripts(&tx, &t).await;
    assert_eq!(transcripts.iter().map(|row| row.id).collect::<Vec<_>>(), [expired.id]);
    assert_eq!(delete_expired_transcripts(&tx, &t).await, []);
    let recordings = expired_recordings(&tx, &t).await;
    assert_eq!((recordings.len(), recordings[0].call_attempt_id), (1, past.id));
    assert_eq!(recordings[0].recording_url, "https://r/1");
    assert_eq!(call_attempts::clear_recordings(&tx, vec![past.id]).await.unwrap(), 1);
    assert_eq!(expired_recordings(&tx, &t).await, []);
    let kept = call_attempts::find(&tx, past.id).await.unwrap().unwrap();
    assert_eq!(kept.metadata.duration_seconds, Some(1), "the rest is kept");

    t.factory.provider_config(&t.organization).with(|row| row.recording_retention_days = Set(100_000)).await;
    assert_eq!(expired_recordings(&tx, &t).await, [], "the newest configuration counts");
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
