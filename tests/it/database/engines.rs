//! What runs on SQLite, and what does not.

use database::{Error, contacts, user_organizations, users};
use entity::id::ContactId;
use sea_orm::EntityTrait;
use serde_json::json;
use tests::SqliteFile;
use tests::factory::{T, open, settings};
use tests::queries::{claims, pages, preferences};

#[tokio::test]
async fn what_an_admin_does_works_on_sqlite_too() {
    let file = SqliteFile::migrated().await;
    let t = T::on(open(&settings(&[("DATABASE_URL", &file.url())])).await).await;
    let tx = t.admin().await;
    let created = users::sign_in(&tx, claims(&t, "first")).await.unwrap().unwrap();
    assert_eq!(users::sign_in(&tx, claims(&t, "first")).await.unwrap().map(|user| user.id), Some(created.id));
    assert!(user_organizations::add(&tx, created.id, t.organization.id).await.unwrap());
    assert!(!user_organizations::add(&tx, created.id, t.organization.id).await.unwrap());
    let seen = pages(async |after| users::list_by_organization(&tx, t.organization.id, after, 1).await).await;
    assert_eq!(seen.1, [1, 1]);
    users::update_metadata(&tx, created.id, preferences(json!({ "a": 1 }))).await.unwrap();
    users::delete(&tx, created.id).await.unwrap();
    assert_eq!(users::find(&tx, created.id).await.unwrap(), None);
    let deleted = entity::users::Entity::find_by_id(created.id).one(&tx).await.unwrap().unwrap();
    assert!(deleted.deleted_at.unwrap() >= deleted.created_at, "the time is readable and comparable");
}

#[tokio::test]
async fn a_query_for_postgresql_is_a_typed_error_on_sqlite() {
    let sqlite = SqliteFile::migrated().await;
    let database = open(&settings(&[("DATABASE_URL", &sqlite.url())])).await;
    let tx = database.admin().await.unwrap();
    let refused = contacts::sweep_excluded(&tx).await;
    assert_eq!(refused, Err(Error::PostgresRequired { query: "contacts.sweep_excluded" }));
    let refused = contacts::erase(&tx, ContactId::generate()).await;
    assert_eq!(refused, Err(Error::PostgresRequired { query: "contacts.erase" }));
    tx.commit().await.unwrap();
}
