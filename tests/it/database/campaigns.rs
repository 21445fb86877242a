//! Queries of `database::campaigns`.

use database::campaigns::{CampaignChanges, FieldError, NewCampaign};
use database::page::Page;
use database::{Error, campaigns};
use entity::enums::{CallOutcome, CampaignStatus, ContactState, LanguageCode, QuestionType};
use sea_orm::{Iterable, Set};
use tests::factory::T;
use tests::queries::{new_campaign, not_found, running_campaign, time, time_of_day, violates};

#[tokio::test]
async fn a_new_campaign_is_a_draft_of_its_author_with_the_columns_defaults() {
    let t = T::new().await;
    let tx = t.customer().await;
    let created = campaigns::create(&tx, new_campaign()).await.unwrap();
    assert_eq!((created.status, created.created_by_user_id), (CampaignStatus::Draft, Some(t.user.id)));
    assert_eq!((created.max_attempts, created.retry_interval_minutes), (3, 60));
    assert_eq!(
        (created.allowed_call_start_local, created.allowed_call_end_local),
        (time_of_day("09:00:00"), time_of_day("20:00:00"))
    );
    assert_eq!((&*created.question_1_text, &*created.question_3_text), ("Question 1?", "Question 3?"));
    assert_eq!(campaigns::find(&tx, created.id).await.unwrap(), Some(created));

    let template = t.factory.email_template(&t.organization).await.id;
    let given = NewCampaign {
        language: Some(LanguageCode::It),
        max_attempts: Some(5),
        retry_interval_minutes: Some(1),
        allowed_call_start_local: Some(time_of_day("08:30:00")),
        allowed_call_end_local: Some(time_of_day("18:00:00")),
        email_completed_template_id: Some(template),
        ..new_campaign()
    };
    let created = campaigns::create(&tx, given).await.unwrap();
    assert_eq!(
        (created.language, created.max_attempts, created.retry_interval_minutes),
        (LanguageCode::It, 5, 1)
    );
    assert_eq!(created.allowed_call_start_local, time_of_day("08:30:00"));
    assert_eq!(created.email_completed_template_id, Some(template));
    let beyond = NewCampaign { max_attempts: Some(6), ..new_campaign() };
    assert_eq!(campaigns::create(&tx, beyond).await, violates("ck_campaigns_max_attempts_range"));
}

#[tokio::test]
async fn campaigns_are_listed_and_counted_by_status_without_the_deleted_ones() {
    let t = T::new().await;
    let create = |status| t.factory.campaign(&t.organization).with(move |row| row.status = Set(status));
    let draft = create(CampaignStatus::Draft).await;
    let running = create(CampaignStatus::Running).await;
    let deleted = create(CampaignStatus::Running).await;
    let tx = t.customer().await;
    campaigns::delete(&tx, deleted.id).await.unwrap();
    for (status, expected) in [
        (None, vec![running.clone(), draft]),
        (Some(CampaignStatus::Running), vec![running]),
        (Some(CampaignStatus::Paused), vec![]),
    ] {
        assert_eq!(campaigns::count(&tx, status).await.unwrap(), expected.len() as u64);
        assert_eq!(
            campaigns::list(&tx, status, None, 10).await.unwrap(),
            Page { items: expected, next: None }
        );
    }
    assert_eq!(campaigns::find(&tx, deleted.id).await.unwrap(), None);
    assert_eq!(campaigns::delete(&tx, deleted.id).await, not_found("campaign"));
    assert_eq!(campaigns::update(&tx, deleted.id, CampaignChanges::default()).await, not_found("campaign"));
    let paused = campaigns::transition(&tx, deleted.id, CampaignStatus::Paused).await;
    assert_eq!(paused, not_found("campaign"));
    assert_eq!(campaigns::activation_errors(&tx, deleted.id).await, not_found("campaign"));
}

#[tokio::test]
async fn an_update_changes_what_is_set_and_nothing_else() {
    let t = T::new().await;
    let before = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    let changes = CampaignChanges {
        description: Set(Some("Second quarter".to_owned())),
        question_2_type: Set(QuestionType::Numeric),
        allowed_call_end_local: Set(time_of_day("08:00:00")),
        ..Default::default()
    };
    let after = campaigns::update(&tx, before.id, changes).await.unwrap();
    let expected = entity::campaigns::Model {
        description: Some("Second quarter".to_owned()),
        question_2_type: QuestionType::Numeric,
        allowed_call_end_local: time_of_day("08:00:00"),
        updated_at: after.updated_at,
        ..before.clone()
    };
    assert_eq!(after, expected);
    assert!(after.updated_at > before.updated_at);
    assert_eq!(campaigns::update(&tx, before.id, CampaignChanges::default()).await.unwrap(), after);
    let scheduled = campaigns::transition(&tx, before.id, CampaignStatus::Scheduled).await;
    assert_eq!(scheduled, violates("ck_campaigns_call_window"));
}

#[tokio::test]
async fn a_campaign_goes_only_where_the_table_of_states_lets_it() {
    use CampaignStatus::{Cancelled, Completed, Draft, Paused, Running, Scheduled};
    const ALLOWED: &[(CampaignStatus, CampaignStatus)] = &[
        (Draft, Scheduled),
        (Draft, Cancelled),
        (Scheduled, Running),
        (Scheduled, Cancelled),
        (Running, Paused),
        (Running, Completed),
        (Running, Cancelled),
        (Paused, Running),
        (Paused, Completed),
        (Paused, Cancelled),
    ];
    let t = T::new().await;
    for from in CampaignStatus::iter() {
        for to in CampaignStatus::iter() {
            let campaign = t.factory.campaign(&t.organization).with(|row| row.status = Set(from)).await;
            let tx = t.customer().await;
            let result = campaigns::transition(&tx, campaign.id, to).await.map(|campaign| campaign.status);
            if ALLOWED.contains(&(from, to)) {
                assert_eq!(result, Ok(to), "{from} to {to}");
            } else {
                assert_eq!(result, Err(Error::Transition { from, to }));
                let text = result.unwrap_err().to_string();
                assert_eq!(text, format!("a campaign cannot change from {from} to {to}"));
                let unchanged = campaigns::find(&tx, campaign.id).await.unwrap();
                assert_eq!(unchanged, Some(campaign));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transitions_that_race_one_succeeds() {
    let t = T::new().await;
    let campaign =
        t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let first = t.customer().await;
    campaigns::transition(&first, campaign.id, CampaignStatus::Completed).await.unwrap();
    let (database, actor) = (t.database.clone(), t.actor);
    let second = tokio::spawn(async move {
        let tx = database.customer(actor).await.unwrap();
        campaigns::transition(&tx, campaign.id, CampaignStatus::Paused).await
    });
    // Whether the second is already waiting or comes later, it meets the first one's row.
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    let (from, to) = (CampaignStatus::Completed, CampaignStatus::Paused);
    assert_eq!(second.await.unwrap(), Err(Error::Transition { from, to }));
}

#[tokio::test]
async fn activation_errors_are_listed_field_by_field() {
    let t = T::new().await;
    let campaign = t
        .factory
        .campaign(&t.organization)
        .with(|row| {
            row.question_1_text = Set(String::new());
            row.question_3_text = Set(" \n\t".to_owned());
            row.allowed_call_start_local = Set(time_of_day("20:00:00"));
        })
        .await;
    t.factory.contact(&campaign).with(|row| row.state = Set(ContactState::Excluded)).await;
    let tx = t.customer().await;
    let found = campaigns::activation_errors(&tx, campaign.id).await.unwrap();
    let expected = [
        ("contacts", "at least one contact is pending"),
        ("question_1_text", "is not empty"),
        ("question_3_text", "is not empty"),
        ("allowed_call_start_local", "is before allowed_call_end_local"),
    ];
    assert_eq!(found, expected.map(|(field, message)| FieldError { field, message }));

    let ready = t.factory.campaign(&t.organization).await;
    t.factory.contact(&ready).await;
    assert!(campaigns::activation_errors(&tx, ready.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_running_campaign_may_call_from_the_start_of_its_window_to_before_its_end() {
    let t = T::new().await;
    let create = |status| t.factory.campaign(&t.organization).with(move |row| row.status = Set(status));
    let running = create(CampaignStatus::Running).await;
    create(CampaignStatus::Paused).await;
    let deleted = create(CampaignStatus::Running).await;
    let other = t.neighbour().await;
    let foreign =
        t.factory.campaign(&other.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let tx = t.customer().await;
    campaigns::delete(&tx, deleted.id).await.unwrap();
    for (at, may) in
        [("08:59:59.999999", false), ("09:00:00", true), ("19:59:59.999999", true), ("20:00:00", false)]
    {
        let callable = campaigns::list_callable(&tx, time_of_day(at)).await.unwrap();
        assert_eq!(callable, if may { vec![running.clone()] } else { vec![] }, "{at}");
    }
    let all = campaigns::list_callable(&t.admin().await, time_of_day("12:00:00")).await.unwrap();
    let ids: Vec<_> = all.iter().map(|row| row.id).collect();
    assert!(ids.contains(&running.id) && ids.contains(&foreign.id));
}

#[tokio::test]
async fn statistics_are_right_on_a_constructed_campaign() {
    let t = T::new().await;
    let campaign = running_campaign(&t).await;
    let tx = t.customer().await;
    let empty = campaigns::statistics(&tx, campaign.id).await.unwrap();
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
    let seen = campaigns::statistics(&tx, campaign.id).await.unwrap();
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

    // Only clocks that are off, and none.
    for (ended, expected) in [("2026-01-01T22:00:00Z", None), ("2026-01-03T00:00:00Z", Some(86_401.0))] {
        let campaign = running_campaign(&t).await;
        let contact = t.factory.contact(&campaign).await;
        let call = t.factory.call_attempt(&contact);
        call.with(|row| (row.answered_at, row.ended_at) = (at("2026-01-01T23:59:59Z"), at(ended))).await;
        let seen = campaigns::statistics(&tx, campaign.id).await.unwrap();
        assert_eq!(
            (seen.average_seconds, seen.shortest_seconds, seen.longest_seconds),
            (expected, expected, expected)
        );
    }

    let (from, until) = (time("2026-01-01T23:00:00Z"), time("2026-01-02T00:10:00Z"));
    let hours = campaigns::calls_per_hour(&tx, campaign.id, from, until).await.unwrap();
    let hours: Vec<_> =
        hours.iter().map(|row| (row.hour, row.calls, row.completed, row.refused, row.not_reached)).collect();
    assert_eq!(hours, [(from, 2, 1, 1, 0), (time("2026-01-02T00:00:00Z"), 1, 0, 0, 1)]);
    let days = campaigns::calls_per_day(
        &tx,
        campaigns::CallsPerDay {
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
