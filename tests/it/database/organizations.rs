//! Queries of `database::organizations`.

use database::organizations::{NewOrganization, OrganizationChanges};
use database::{organizations, user_organizations};
use sea_orm::Set;
use serde_json::json;
use tests::factory::T;
use tests::queries::{not_found, preferences, violates};

#[tokio::test]
async fn an_organization_is_found_changed_and_deleted() {
    let t = T::new().await;
    let slug = format!("new-{}", t.organization.slug);
    let new = NewOrganization { name: "New".to_owned(), slug, metadata: preferences(json!({ "a": 1 })) };
    let tx = t.admin().await;
    let created = organizations::create(&tx, new.clone()).await.unwrap();
    assert_eq!((&created.name, &created.slug, &created.metadata), (&new.name, &new.slug, &new.metadata));
    assert_eq!(organizations::find(&tx, created.id).await.unwrap().as_ref(), Some(&created));
    assert_eq!(organizations::find_by_slug(&tx, &created.slug).await.unwrap().as_ref(), Some(&created));

    let renamed = OrganizationChanges { name: Set("Renamed".to_owned()), ..Default::default() };
    let changed = organizations::update(&tx, created.id, renamed.clone()).await.unwrap();
    assert_eq!((&*changed.name, &changed.metadata), ("Renamed", &created.metadata));
    let same = organizations::update(&tx, created.id, OrganizationChanges::default()).await.unwrap();
    assert_eq!(same, changed, "nothing set, nothing changed");

    organizations::delete(&tx, created.id).await.unwrap();
    assert_eq!(organizations::find(&tx, created.id).await.unwrap(), None);
    assert_eq!(organizations::find_by_slug(&tx, &created.slug).await.unwrap(), None);
    assert_eq!(organizations::delete(&tx, created.id).await, not_found("organization"));
    assert_eq!(organizations::update(&tx, created.id, renamed).await, not_found("organization"));
    let nothing = OrganizationChanges::default();
    assert_eq!(organizations::update(&tx, created.id, nothing).await, not_found("organization"));
    assert_eq!(organizations::create(&tx, new).await, violates("uq_organizations_slug"));
}

#[tokio::test]
async fn a_users_organizations_are_listed_by_name_without_the_deleted_ones() {
    let t = T::new().await;
    let named =
        |name: &'static str| t.factory.organization().with(move |row| row.name = Set(name.to_owned()));
    let (b, a, deleted) = (named("B").await, named("A").await, named("C").await);
    named("D").await;
    let user = t.factory.user(&b).await;
    let tx = t.admin().await;
    for organization in [a.id, deleted.id] {
        user_organizations::add(&tx, user.id, organization).await.unwrap();
    }
    organizations::delete(&tx, deleted.id).await.unwrap();
    assert_eq!(organizations::list_by_user(&tx, user.id).await.unwrap(), [a, b]);
}
