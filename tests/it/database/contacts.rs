//! Queries of `database::contacts`.

use database::contacts::{NewContact, StateCounts};
use database::{call_attempts, campaigns, contacts, organizations};
use entity::enums::{CallOutcome, CampaignStatus, ContactLanguage, ContactState, LanguageCode};
use entity::id::CampaignId;
use entity::json::CallMetadata;
use futures_util::TryStreamExt;
use sea_orm::prelude::ChronoTime;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Iterable, PaginatorTrait, QueryFilter, QueryOrder, Set,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::factory::{T, open, settings};
use tests::queries::{
    answers, attempt, busy_event, claim, claim_at, commit_contacts, contact, contacts_with,
    delete_expired_transcripts, events, expired_recordings, import, insert_contacts, new_contact,
    running_campaign, time, violates,
};
use tests::{chain, migrated, run};

#[tokio::test]
async fn a_contact_begins_pending_or_where_it_must_not_be_called_excluded() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    let new = new_contact(campaign.id, "+14155550101");
    let created = contacts::create(&tx, new.clone()).await.unwrap();
    assert_eq!(contacts::find(&tx, created.id).await.unwrap().as_ref(), Some(&created));
    assert_eq!((created.state, created.attempts_count), (ContactState::Pending, 0));
    let entity::contacts::Model {
        campaign_id,
        external_contact_id,
        phone_number,
        email,
        preferred_language,
        has_prior_consent,
        do_not_call,
        ..
    } = created;
    let given = NewContact {
        campaign_id,
        external_contact_id,
        phone_number,
        email,
        preferred_language,
        has_prior_consent,
        do_not_call,
    };
    assert_eq!(given, new);
    let not_to_be_called = NewContact { do_not_call: true, ..new.clone() };
    let created = contacts::create(&tx, not_to_be_called).await.unwrap();
    assert_eq!(created.state, ContactState::Excluded);
    let garbage = NewContact { phone_number: "0123".to_owned(), ..new };
    assert_eq!(contacts::create(&tx, garbage).await, violates("ck_contacts_phone_number_e164"));
}

#[tokio::test]
async fn contacts_are_listed_by_state_counted_by_state_and_found_by_number() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let elsewhere = t.factory.campaign(&t.organization).await;
    let create = |state| t.factory.contact(&campaign).with(move |row| row.state = Set(state));
    let mut by_state = Vec::new();
    for (number, state) in ContactState::iter().enumerate() {
        for _ in 0..=number {
            by_state.push(create(state).await);
        }
    }
    let phone_number = by_state[0].phone_number.clone();
    let again = t.factory.contact(&campaign).with(|row| row.phone_number = Set(phone_number.clone())).await;
    t.factory.contact(&elsewhere).with(|row| row.phone_number = Set(phone_number.clone())).await;

    let tx = t.customer().await;
    let found = contacts::list_by_campaign_and_phone_number(&tx, campaign.id, &phone_number).await.unwrap();
    assert_eq!(found, [again.clone(), by_state[0].clone()]);
    let counts = contacts::count_by_state(&tx, campaign.id).await.unwrap();
    let expected =
        StateCounts { pending: 2, in_progress: 2, completed: 3, refused: 4, not_reached: 5, excluded: 6 };
    assert_eq!((counts, counts.total()), (expected, 22));
    let none = contacts::count_by_state(&tx, CampaignId::generate()).await.unwrap();
    assert_eq!(none, StateCounts::default());
    for state in ContactState::iter() {
        let listed = contacts::list_by_campaign(&tx, campaign.id, Some(state), None, 50).await.unwrap().items;
        let mut expected: Vec<_> = by_state.iter().chain([&again]).filter(|row| row.state == state).collect();
        expected.reverse();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{state}");
    }
}

#[tokio::test]
async fn contacts_are_inserted_without_a_limit_and_refusals_name_the_row_and_the_reason() {
    const CONTACTS: usize = 70_000;
    let (_own, t) = T::alone("contact_import", &[("DATABASE_STATEMENT_TIMEOUT_MS", "0")]).await;
    let campaign = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    insert_contacts(&tx, &campaign, CONTACTS).await;
    assert_eq!(entity::contacts::Entity::find().count(&tx).await.unwrap(), 70_000);

    let campaign = t.factory.campaign(&t.organization).await;
    let excluded = t.factory.exclusion_list_entry(&t.organization).await.phone_number;
    let numbers = ["+39021", "02 1", &excluded, "+39022", "+39023"].map(ToOwned::to_owned).to_vec();
    let mut rows = contacts_with(&campaign, numbers);
    rows.emails[0] = "a@example.com".to_owned();
    rows.external_contact_ids[3] = "x".repeat(256);
    rows.do_not_call[4] = true;
    let refused = contacts::create_many(&tx, rows).await.unwrap();
    let refused: Vec<_> = refused.iter().map(|row| (row.place, row.reason.as_str())).collect();
    assert_eq!(
        refused,
        [(2, "phone_number is not E.164"), (4, "external_contact_id has more than 255 characters")]
    );
    let added = entity::contacts::Entity::find()
        .filter(entity::contacts::Column::CampaignId.eq(campaign.id))
        .order_by_asc(entity::contacts::Column::PhoneNumber)
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
    let mut uneven = contacts_with(&campaign, vec!["+39024".to_owned()]);
    uneven.do_not_call.clear();
    assert_eq!(
        contacts::create_many(&tx, uneven).await.unwrap()[0].reason,
        "the lists have different lengths"
    );
}

#[tokio::test]
async fn a_claim_creates_the_attempt_and_marks_the_contact() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
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
    assert_eq!(claim(&tx, &campaign, 10).await, [], "no contact is claimed twice");
}

#[tokio::test]
async fn of_more_contacts_than_a_batch_that_are_due_again_those_called_longest_ago_are_claimed() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let mut ids = Vec::new();
    for (attempts, day) in [(1, "03"), (1, "01"), (1, "02")] {
        let called = Some(time(&format!("2025-01-{day}T12:00:00Z")));
        let contact = t.factory.contact(&campaign).with(|row| {
            (row.attempts_count, row.last_attempt_at) = (Set(attempts), Set(called));
        });
        ids.push(contact.await.id);
    }
    let tx = t.customer().await;
    let claimed =
        async || -> Vec<_> { claim(&tx, &campaign, 2).await.iter().map(|row| row.contact_id).collect() };
    assert_eq!(claimed().await, [ids[1], ids[2]]);
    assert_eq!(claimed().await, [ids[0]]);
}

#[tokio::test]
async fn a_contact_whose_count_was_set_back_does_not_stop_the_campaign() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let contact = t.factory.contact(&campaign).await;
    t.factory.call_attempt(&contact).with(|row| row.outcome = Set(Some(CallOutcome::Busy))).await;
    let tx = t.customer().await;
    assert_eq!(claim(&tx, &campaign, 10).await[0].attempt_number, 2);
}

#[tokio::test]
async fn only_due_contacts_are_claimed() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
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
async fn no_contact_is_claimed_outside_the_window_or_in_a_campaign_that_does_not_run() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
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
    commit_contacts(&t, &campaign, 10).await;
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
async fn a_closed_organization_calls_no_contact() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    t.factory.contact(&campaign).await;
    let noon = ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    assert_eq!(campaigns::list_callable(&t.customer().await, noon).await.unwrap().len(), 1);
    // No other customer transaction begins afterwards.
    let bound = t.customer().await;
    let tx = t.admin().await;
    organizations::delete(&tx, t.organization.id).await.unwrap();
    tx.commit().await.unwrap();
    let tx = bound;
    assert!(campaigns::list_callable(&tx, noon).await.unwrap().is_empty());
    assert_eq!(claim(&tx, &campaign, 10).await, []);
}

#[tokio::test]
async fn the_largest_numbers_mean_never_and_cause_no_error() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let change = [
        "update campaigns set retry_interval_minutes = 9223372036854775807",
        "update provider_configs set recording_retention_days = 9223372036854775807, \
         transcript_retention_days = 9223372036854775807",
    ];
    let tx = t.customer().await;
    for sql in change {
        run(&tx, sql).await.unwrap();
    }
    let tried = |row: &mut entity::contacts::ActiveModel| {
        (row.state, row.last_attempt_at) =
            (Set(ContactState::NotReached), Set(Some(time("2025-01-01T00:00:00Z"))));
    };
    tx.commit().await.unwrap();
    t.factory.contact(&campaign).with(tried).await;
    let tx = t.customer().await;
    assert_eq!(claim(&tx, &campaign, 10).await, []);
    drop(tx);
    let tx = t.admin().await;
    assert_eq!(expired_recordings(&tx, &t).await, []);
    assert_eq!(delete_expired_transcripts(&tx, &t).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_schedulers_claim_each_contact_once_within_the_limit_of_calls() {
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
        commit_contacts(&t, &campaign, CONTACTS / 2).await;
        campaigns.push(campaign);
    }
    let excluded: Vec<String> =
        (0..EXCLUDED / 2).map(|number| format!("+39{:09}", 100_000_000 + 7 * number)).collect();
    let tx = t.customer().await;
    import(&tx, &excluded).await;
    tx.commit().await.unwrap();

    let done = Arc::new(AtomicUsize::new(0));
    let deadline = Instant::now() + Duration::from_mins(10);
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
                // The lock is held: no other session adds to this until the commit.
                assert!(under_way(&tx, &t).await <= MOST);
                if round % 7 == 0 {
                    // As one that was killed in between.
                    continue;
                }
                tx.commit().await.unwrap();
                for row in rows {
                    let tx = t.customer().await;
                    let applied =
                        call_attempts::apply_provider_event(&tx, busy_event(&row.call_id)).await.unwrap();
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
    let attempts = entity::call_attempts::Entity::find().count(&t.customer().await).await.unwrap();
    assert_eq!(attempts, u64::try_from(claimed.len()).unwrap(), "nothing is left of the killed ones");
}

#[tokio::test]
async fn the_sweep_excludes_listed_contacts_that_could_still_be_called() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let excluded = t.factory.exclusion_list_entry(&t.organization).await;
    let create = |state, attempts| {
        let number = excluded.phone_number.clone();
        t.factory.contact(&campaign).with(move |row| {
            (row.phone_number, row.state, row.attempts_count) = (Set(number), Set(state), Set(attempts));
        })
    };
    let listed = [create(ContactState::Pending, 0).await, create(ContactState::NotReached, 1).await];
    let marked = t.factory.contact(&campaign).with(|row| row.do_not_call = Set(true)).await;
    let kept = [
        create(ContactState::NotReached, 3).await,
        create(ContactState::Completed, 1).await,
        t.factory.contact(&campaign).await,
    ];
    let tx = t.customer().await;
    assert_eq!(contacts::sweep_excluded(&tx).await.unwrap(), 3);
    assert_eq!(contacts::sweep_excluded(&tx).await.unwrap(), 0);
    for before in listed.iter().chain([&marked]) {
        assert_eq!(contact(&tx, before.id).await.state, ContactState::Excluded);
    }
    for before in &kept {
        assert_eq!(contact(&tx, before.id).await, *before);
    }
}

#[tokio::test]
async fn the_export_streams_finished_contacts_with_their_answers() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let create = |state, attempts| {
        t.factory
            .contact(&campaign)
            .with(move |row| (row.state, row.attempts_count) = (Set(state), Set(attempts)))
    };
    let completed = create(ContactState::Completed, 1).await;
    let refused = create(ContactState::Refused, 1).await;
    let exhausted = create(ContactState::NotReached, 3).await;
    let waiting = create(ContactState::NotReached, 2).await;
    create(ContactState::Pending, 0).await;
    create(ContactState::Excluded, 0).await;
    t.factory.survey_response(&t.factory.call_attempt(&completed).await).await;
    let tx = t.customer().await;
    let export = async || {
        let rows = contacts::export(&tx, campaign.id).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap()
    };
    let rows = export().await;
    let ids: Vec<_> = rows.iter().map(|row| row.contact_id).collect();
    assert_eq!(ids, [completed.id, refused.id, exhausted.id]);
    assert_eq!((rows[0].q1_answer.as_deref(), rows[1].q1_answer.as_deref()), (Some("9"), None));
    assert_eq!(rows[0].phone_number, completed.phone_number);
    tx.execute_unprepared("update campaigns set status = 'completed'").await.unwrap();
    assert_eq!(export().await[3].contact_id, waiting.id, "no call follows");
}

#[tokio::test]
async fn an_export_of_a_column_with_another_type_is_an_error_that_names_it() {
    // Of its own, because the others keep their types.
    let database = migrated("export_types").await;
    let t = T::on(open(&settings(&[("DATABASE_URL", &database.url())])).await).await;
    let campaign = running_campaign(&t).await;
    let contact = t.factory.contact(&campaign).with(|row| row.state = Set(ContactState::Completed)).await;
    t.factory.survey_response(&t.factory.call_attempt(&contact).await).await;
    let tx = t.admin().await;
    let other = "alter table survey_responses alter column q1_answer type bytea using q1_answer::bytea";
    run(&tx, other).await.unwrap();
    tx.commit().await.unwrap();

    let tx = t.customer().await;
    let rows = contacts::export(&tx, campaign.id).await.unwrap();
    let error = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(chain(&error).ends_with("column 8 cannot be decoded as the type of its column"), "{error:?}");
}

#[tokio::test]
async fn an_erased_contact_leaves_no_personal_data_and_is_still_counted() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
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
    call_attempts::complete_survey(&tx, answers(call.id)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let event = events(&t.customer().await).await.remove(0);
    t.factory.email_notification(&event, &t.factory.email_template(&t.organization).await).await;

    let tx = t.customer().await;
    let erased = contacts::erase(&tx, person.id).await.unwrap().unwrap();
    assert_eq!(
        (erased.recordings, erased.transcripts_deleted, erased.calls_without_outcome),
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
    let response = entity::survey_responses::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!((response.q1_answer, response.q2_answer, response.q3_answer), (None, None, None));
    assert_eq!(events(&tx).await[0].payload.answers, None);
    let mail = entity::email_notifications::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!(mail.to_email, "DELETED");
    let request = entity::erasure_requests::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!((request.contact_id, request.completed_at), (Some(person.id), Some(request.created_at)));
    assert_eq!(request.due_at, request.created_at + Duration::from_hours(72));
    assert_eq!(contact(&tx, neighbour.id).await, neighbour, "no other contact is changed");
    let other = t.neighbour().await;
    assert_eq!(contacts::erase(&other.customer().await, neighbour.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_for_erasure_is_open_until_the_last_call_has_its_outcome() {
    let t = T::new().await;
    let person = t.factory.contact(&running_campaign(&t).await).await;
    let call = t
        .factory
        .call_attempt(&person)
        .with(|row| (row.outcome, row.ended_at) = (Set(None), Set(None)))
        .await;
    let tx = t.customer().await;
    let erase = async || {
        let erased = contacts::erase(&tx, person.id).await.unwrap().unwrap();
        let requests = entity::erasure_requests::Entity::find().all(&tx).await.unwrap();
        (
            erased.calls_without_outcome,
            requests.iter().map(|one| one.completed_at.is_some()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(erase().await, (1, vec![false]));
    // The provider reports the end before the dialogue reports the answers.
    let end = format!("update call_attempts set ended_at = now() where id = '{}'", call.id.as_uuid());
    tx.execute_unprepared(&end).await.unwrap();
    assert_eq!(erase().await, (1, vec![false]));
    call_attempts::complete_survey(&tx, answers(call.id)).await.unwrap().unwrap();
    assert_eq!(erase().await, (0, vec![true]));
    let response = entity::survey_responses::Entity::find().one(&tx).await.unwrap().unwrap();
    assert_eq!(response.q1_answer, None);
    assert_eq!(events(&tx).await[0].payload.answers, None);
}

async fn under_way(tx: &impl ConnectionTrait, t: &T) -> u64 {
    entity::call_attempts::Entity::find()
        .filter(entity::call_attempts::Column::OrganizationId.eq(t.actor.organization))
        .filter(entity::call_attempts::Column::Outcome.is_null())
        .filter(entity::call_attempts::Column::EndedAt.is_null())
        .count(tx)
        .await
        .unwrap()
}
