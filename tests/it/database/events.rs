//! Queries of `database::events`.

use database::events;
use database::events::NewEvent;
use entity::enums::EventType;
use entity::json::EventPayload;
use serde_json::json;
use tests::factory::T;
use tests::queries::{pages, running_campaign};

#[tokio::test]
async fn an_event_waits_for_the_bus_and_is_listed() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let attempt = t.factory.call_attempt(&contact).await;
    let first = t.factory.event(&contact).await;
    let tx = t.customer().await;
    let payload: EventPayload = serde_json::from_value(json!({ "attempt_number": 1, "trace": "x" })).unwrap();
    let new = NewEvent {
        event_type: EventType::SurveyRefused,
        campaign_id: campaign.id,
        contact_id: contact.id,
        call_attempt_id: Some(attempt.id),
        payload,
    };
    let created = events::create(&tx, new.clone()).await.unwrap();
    assert_eq!(
        (created.event_type, created.published_at, &created.payload),
        (new.event_type, None, &new.payload)
    );
    assert_eq!(events::find(&tx, created.id).await.unwrap().as_ref(), Some(&created));
    assert_eq!(events::list_by_contact(&tx, contact.id).await.unwrap(), [first.clone(), created.clone()]);
    let seen = pages(async |after| events::list_by_campaign(&tx, campaign.id, after, 1).await).await;
    assert_eq!(seen, (vec![created, first], vec![1, 1]));
}

#[tokio::test]
async fn the_outbox_gives_each_event_to_one_publisher_and_marks_it_once() {
    let t = T::new().await;
    let contact = t.factory.contact(&running_campaign(&t).await).await;
    let (first, second) = (t.factory.event(&contact).await.id, t.factory.event(&contact).await.id);
    let (one, other) = (t.customer().await, t.customer().await);
    let ids =
        |events: &[events::UnpublishedEvent]| -> Vec<_> { events.iter().map(|event| event.id).collect() };
    let marked = events::publish(&one, 1, async |events| {
        assert_eq!(ids(&events), [first]);
        let none = events::publish(&other, 10, async |events| {
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
    let again = events::publish(&tx, 10, async |events| {
        assert_eq!(ids(&events), [second], "what was not published comes again");
        vec![first, second]
    });
    assert_eq!(again.await.unwrap(), 1, "an event is marked once");
    let nothing = events::publish(&tx, 10, async |_| panic!("no event is left")).await;
    assert_eq!(nothing.unwrap(), 0);
}
