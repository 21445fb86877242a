//! Who acts in a customer transaction: the server verifies it.

use crate::isolation::contexts::INSUFFICIENT_PRIVILEGE;
use database::{Actor, ActorError, BoundActor, Error, SystemActor, campaigns, users};
use entity::enums::UserRole;
use entity::id::{OrganizationId, UserId};
use entity::json::Preferences;
use sea_orm::Set;
use tests::factory::T;
use tests::queries::new_campaign;
use tests::{code, run, texts};

/// The reason of a refusal, after which the transaction is over.
async fn refusal(t: &T, actor: impl Into<BoundActor>) -> ActorError {
    match t.database.customer(actor).await {
        Err(Error::Actor(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_actor_that_does_not_exist_or_is_deleted_is_refused_with_the_reason() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let Actor { organization, user } = t.actor;
    let (unknown, stranger) = (OrganizationId::generate(), UserId::generate());
    let cases = [
        (Actor { organization: unknown, user }.into(), ActorError::OrganizationNotFound),
        (SystemActor { organization: unknown }.into(), ActorError::OrganizationNotFound),
        (Actor { organization, user: stranger }.into(), ActorError::UserNotFound),
        (Actor { organization, user: other.user.id }.into(), ActorError::NotAMember),
        (Actor { organization: other.organization.id, user }.into(), ActorError::NotAMember),
    ];
    for (actor, reason) in cases {
        let actor: BoundActor = actor;
        assert_eq!(refusal(&t, actor).await, reason, "{actor:?}");
    }
    t.database.customer(t.actor).await.unwrap().commit().await.unwrap();

    let tx = t.admin().await;
    run(&tx, &format!("update users set deleted_at = now() where id = '{}'", user.as_uuid())).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refusal(&t, t.actor).await, ActorError::UserDeleted);
    t.database.customer(SystemActor { organization }).await.unwrap().commit().await.unwrap();

    let tx = t.admin().await;
    database::organizations::delete(&tx, organization).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refusal(&t, t.actor).await, ActorError::OrganizationDeleted);
    assert_eq!(refusal(&t, SystemActor { organization }).await, ActorError::OrganizationDeleted);
}

#[tokio::test]
async fn a_refused_actor_leaves_nothing_bound_on_the_connection() {
    let t = T::new().await;
    let unknown = SystemActor { organization: OrganizationId::generate() };
    for _ in 0..30 {
        refusal(&t, unknown).await;
        let tx = t.admin().await;
        let bound = "select concat(current_setting('app.organization_id', true), current_setting('app.user_id', true))";
        assert_eq!(texts(&tx, bound).await, [""]);
    }
}

#[tokio::test]
async fn a_viewers_transaction_is_read_only_and_no_statement_changes_that() {
    let t = T::new().await;
    let viewer = t.factory.user(&t.organization).with(|row| row.role = Set(UserRole::Viewer)).await;
    let actor = Actor { organization: t.organization.id, user: viewer.id };
    let tx = t.database.customer(actor).await.unwrap();
    assert_eq!(tx.role(), Some(UserRole::Viewer));
    assert!(campaigns::list(&tx, None, None, 1).await.unwrap().items.is_empty());
    for attempt in [
        "set transaction read write",
        "set local transaction_read_only = off",
        "select set_config('transaction_read_only', 'off', true)",
        "savepoint s; set transaction read write",
    ] {
        let tx = t.database.customer(actor).await.unwrap();
        assert_eq!(code(&run(&tx, attempt).await.unwrap_err()), "25001", "{attempt}");
    }
    let tx = t.database.customer(actor).await.unwrap();
    let refused = campaigns::create(&tx, new_campaign()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    // A session setting from an earlier transaction neither lifts it nor lasts.
    let manager = t.customer().await;
    assert_eq!(manager.role(), Some(t.user.role));
    campaigns::create(&manager, new_campaign()).await.unwrap();
}

#[tokio::test]
async fn the_role_is_that_of_the_users_row_and_a_customer_cannot_change_it() {
    let t = T::new().await;
    let tx = t.customer().await;
    let raise = format!("update users set role = 'admin' where id = '{}'", t.user.id.as_uuid());
    assert_eq!(code(&run(&tx, &raise).await.unwrap_err()), INSUFFICIENT_PRIVILEGE);
}

#[tokio::test]
async fn a_program_acts_for_an_organization_without_a_user() {
    let t = T::new().await;
    t.factory.campaign(&t.organization).await;
    let other = t.neighbour().await;
    t.factory.campaign(&other.organization).await;
    let tx = t.database.customer(SystemActor { organization: t.organization.id }).await.unwrap();
    assert_eq!((tx.role(), tx.actor().user()), (None, None));
    assert_eq!(campaigns::list(&tx, None, None, 9).await.unwrap().items.len(), 1, "its organization's rows");
    let created = campaigns::create(&tx, new_campaign()).await.unwrap();
    assert_eq!(created.created_by_user_id, None);
    assert!(users::find(&tx, t.user.id).await.unwrap().is_some(), "it sees the members");
    let changed = users::update_metadata(&tx, t.user.id, Preferences::default()).await;
    assert_eq!(changed, Err(Error::NotFound("user")), "and changes none");
}
