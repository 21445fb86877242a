//! Queries of `database::email_notifications`.

use database::email_notifications::NewEmailNotification;
use database::{CustomerTx, email_notifications};
use entity::enums::EmailStatus;
use std::sync::Arc;
use tests::factory::T;

#[tokio::test]
async fn an_e_mail_is_created_once_for_an_event_and_a_template() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let event = t.factory.event(&contact).await;
    let template = t.factory.email_template(&t.organization).await;
    let another = t.factory.email_template(&t.organization).await;
    let tx = t.customer().await;
    let new =
        |template_id| NewEmailNotification { event_id: event.id, template_id, to_email: "a@b.c".to_owned() };
    let created = email_notifications::create_once(&tx, new(template.id)).await.unwrap().unwrap();
    assert_eq!((created.contact_id, created.campaign_id), (contact.id, campaign.id));
    assert_eq!((created.status, &*created.to_email), (EmailStatus::Pending, "a@b.c"));
    assert_eq!(email_notifications::create_once(&tx, new(template.id)).await.unwrap(), None);
    let other = email_notifications::create_once(&tx, new(another.id)).await.unwrap().unwrap();
    assert_eq!(
        email_notifications::list_by_event(&tx, event.id).await.unwrap(),
        [created.clone(), other.clone()]
    );

    let failed = email_notifications::mark_failed(&tx, created.id, "no such box".to_owned()).await.unwrap();
    assert_eq!((failed.status, failed.error_message.as_deref()), (EmailStatus::Failed, Some("no such box")));
    let again = email_notifications::create_once(&tx, new(template.id)).await.unwrap();
    assert_eq!(again, None, "also when it failed");
    let sent = email_notifications::mark_sent(&tx, created.id, "msg-1".to_owned()).await.unwrap();
    assert_eq!(email_notifications::find(&tx, created.id).await.unwrap().as_ref(), Some(&sent));
    assert_eq!((sent.status, sent.provider_message_id.as_deref()), (EmailStatus::Sent, Some("msg-1")));
    assert_eq!(sent.error_message, None);
    let untouched = email_notifications::find(&tx, other.id).await.unwrap();
    assert_eq!(untouched, Some(other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_concurrent_e_mails_are_created_once() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let template_id = t.factory.email_template(&t.organization).await.id;
    for _ in 0..10 {
        let event_id = t.factory.event(&contact).await.id;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (database, actor) = (t.database.clone(), t.actor);
                tokio::spawn(async move {
                    let to_email = "a@b.c".to_owned();
                    let new = NewEmailNotification { event_id, template_id, to_email };
                    let once =
                        async |tx: Arc<CustomerTx>| email_notifications::create_once(&tx, new.clone()).await;
                    database.with_customer(actor, once).await
                })
            })
            .collect();
        let mut created = 0;
        for task in tasks {
            created += usize::from(task.await.unwrap().unwrap().is_some());
        }
        assert_eq!(created, 1);
        let listed = email_notifications::list_by_event(&t.customer().await, event_id).await.unwrap();
        assert_eq!(listed.len(), 1);
    }
}
