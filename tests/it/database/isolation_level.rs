//! Queries that count under a lock require READ COMMITTED.

use database::{Error, contacts, email_notifications};
use sea_orm::{EntityTrait, PaginatorTrait};
use tests::factory::{T, open, settings};
use tests::queries::{commit_contacts, running_campaign, time_of_day};
use tests::{connect, migrated, run};

#[tokio::test]
async fn a_query_that_counts_under_a_lock_is_an_error_in_another_isolation_level() {
    let postgres = migrated("isolation_level").await;
    for level in ["repeatable read", "serializable"] {
        let db = connect(&postgres.url()).await.unwrap();
        let default =
            format!("alter database {} set default_transaction_isolation = '{level}'", postgres.name());
        run(&db, &default).await.unwrap();
        let t = T::on(open(&settings(&[("DATABASE_URL", &postgres.url())])).await).await;
        let campaign = running_campaign(&t).await;
        commit_contacts(&t, &campaign, 1).await;
        let tx = t.customer().await;
        let refused = contacts::claim_due(&tx, campaign.id, 1, || time_of_day("12:00:00")).await;
        let found = level.to_owned();
        let (query, required) = ("contacts.claim_due", "read committed");
        assert_eq!(refused, Err(Error::IsolationLevel { query, required, found: found.clone() }));
        assert_eq!(entity::call_attempts::Entity::find().count(&tx).await.unwrap(), 0);
        let event = t.factory.event(&t.factory.contact(&campaign).await).await;
        let email = email_notifications::NewEmailNotification {
            event_id: event.id,
            template_id: t.factory.email_template(&t.organization).await.id,
            to_email: "a@b.c".to_owned(),
        };
        // In a new transaction, because this one's snapshot lacks the event.
        let refused = email_notifications::create_once(&t.customer().await, email).await;
        let query = "email_notifications.create_once";
        assert_eq!(refused, Err(Error::IsolationLevel { query, required, found }));
    }
}
