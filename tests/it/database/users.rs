//! Queries of `database::users`.

use database::users::{Claims, NewUser};
use database::{Error, user_organizations, users};
use entity::enums::UserRole;
use entity::json::Preferences;
use sea_orm::Set;
use serde_json::json;
use std::collections::BTreeSet;
use tests::factory::T;
use tests::queries::{claims, not_found, pages, preferences, time, violates};

#[tokio::test]
async fn a_user_is_found_by_each_of_its_names_until_it_is_deleted() {
    let t = T::new().await;
    let tx = t.customer().await;
    let user = Some(t.user.clone());
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), user);
    assert_eq!(users::find_by_oidc_sub(&tx, &t.user.oidc_sub).await.unwrap(), user);
    assert_eq!(users::find_by_email(&tx, &t.user.email).await.unwrap(), user);
    assert_eq!(users::find_by_email(&tx, &t.user.email.to_uppercase()).await.unwrap(), None);

    tx.rollback().await.unwrap();

    // For all its organizations, so in an admin transaction.
    let tx = t.admin().await;
    users::delete(&tx, t.user.id).await.unwrap();
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), None);
    assert_eq!(users::find_by_oidc_sub(&tx, &t.user.oidc_sub).await.unwrap(), None);
    assert_eq!(users::find_by_email(&tx, &t.user.email).await.unwrap(), None);
    assert!(users::list_by_organization(&tx, t.organization.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(users::delete(&tx, t.user.id).await, not_found("user"));
    assert_eq!(users::update_metadata(&tx, t.user.id, Preferences::default()).await, not_found("user"));
}

#[tokio::test]
async fn the_members_of_an_organization_are_listed_newest_first_in_pages() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let later = t.factory.user(&t.organization).await;
    let last = t.factory.user(&t.organization).await;
    let deleted = time("2025-01-15T12:00:00Z");
    t.factory.user(&t.organization).with(|row| row.deleted_at = Set(Some(deleted))).await;
    let tx = t.admin().await;
    assert!(user_organizations::add(&tx, last.id, other.organization.id).await.unwrap());
    tx.commit().await.unwrap();
    let expected = [last.clone(), later, t.user.clone()];
    let (customer, admin) = (t.customer().await, t.admin().await);
    let seen =
        pages(async |after| users::list_by_organization(&customer, t.organization.id, after, 2).await).await;
    assert_eq!(seen, (expected.to_vec(), vec![2, 1]));
    let seen =
        pages(async |after| users::list_by_organization(&admin, t.organization.id, after, 1).await).await;
    assert_eq!(seen, (expected.to_vec(), vec![1, 1, 1]));
    let of_other = users::list_by_organization(&admin, other.organization.id, None, 10).await.unwrap().items;
    assert_eq!(of_other, [last, other.user]);
}

#[tokio::test]
async fn a_user_is_created_with_every_given_value() {
    let t = T::new().await;
    let Claims { oidc_sub, email, name } = claims(&t, "new");
    let metadata = preferences(json!({ "theme": "dark", "pages": { "size": 50 } }));
    let new = NewUser { oidc_sub, email, name, role: UserRole::Admin, metadata };
    let tx = t.admin().await;
    let created = users::create(&tx, new.clone()).await.unwrap();
    assert_eq!(created.id.as_uuid().get_version_num(), 7);
    assert_eq!(users::find(&tx, created.id).await.unwrap().as_ref(), Some(&created));
    let entity::users::Model { oidc_sub, email, name, role, metadata, deleted_at, .. } = created;
    assert_eq!(NewUser { oidc_sub, email, name, role, metadata }, new);
    assert_eq!(deleted_at, None);
    assert_eq!(users::create(&tx, new).await, violates("uq_users_oidc_sub"));
}

#[tokio::test]
async fn metadata_is_replaced_as_a_whole_and_by_a_customer_only_its_own() {
    let t = T::new().await;
    let colleague = t.factory.user(&t.organization).await;
    let tx = t.customer().await;
    let before = preferences(json!({ "theme": "dark" }));
    users::update_metadata(&tx, t.user.id, before).await.unwrap();
    let after = preferences(json!({ "key": ["value", 1, null, "ü"] }));
    let user = users::update_metadata(&tx, t.user.id, after.clone()).await.unwrap();
    assert_eq!(user.metadata, after);
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), Some(user));
    assert_eq!(users::update_metadata(&tx, colleague.id, after.clone()).await, not_found("user"));
    let tx = t.admin().await;
    assert_eq!(users::update_metadata(&tx, colleague.id, after.clone()).await.unwrap().metadata, after);
}

#[tokio::test]
async fn a_first_login_creates_the_user_and_later_ones_follow_the_claims() {
    let t = T::new().await;
    let first = claims(&t, "first");
    let tx = t.admin().await;
    let created = users::sign_in(&tx, first.clone()).await.unwrap().unwrap();
    assert_eq!((created.role, &created.metadata), (UserRole::Viewer, &Preferences::default()));
    assert_eq!(
        users::sign_in(&tx, first.clone()).await.unwrap(),
        Some(created.clone()),
        "nothing is written"
    );

    let renamed = Claims { email: format!("renamed-{}", first.email), name: "Renamed".to_owned(), ..first };
    let user = users::sign_in(&tx, renamed.clone()).await.unwrap().unwrap();
    assert_eq!((user.id, &user.email, &user.name), (created.id, &renamed.email, &renamed.name));

    users::delete(&tx, user.id).await.unwrap();
    assert_eq!(users::sign_in(&tx, renamed).await.unwrap(), None, "signing in does not undo a deletion");
    let taken = Claims { email: t.user.email.clone(), ..claims(&t, "second") };
    assert_eq!(users::sign_in(&tx, taken).await, violates("uq_users_email"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_concurrent_first_logins_create_one_user() {
    let t = T::new().await;
    for round in 0..10 {
        let claims = claims(&t, &format!("raced-{round}"));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (database, claims) = (t.database.clone(), claims.clone());
                tokio::spawn(async move {
                    let tx = database.admin().await?;
                    let user = users::sign_in(&tx, claims).await?;
                    tx.commit().await?;
                    Ok::<_, Error>(user.map(|user| user.id))
                })
            })
            .collect();
        let mut ids = BTreeSet::new();
        for task in tasks {
            ids.insert(task.await.unwrap().unwrap().unwrap());
        }
        assert_eq!(ids.len(), 1);
    }
}
