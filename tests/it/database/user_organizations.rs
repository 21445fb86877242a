//! Queries of `database::user_organizations`.

use database::user_organizations;
use entity::id::UserId;
use tests::factory::T;
use tests::queries::{not_found, violates};

#[tokio::test]
async fn a_membership_is_added_once_and_removed_once() {
    let t = T::new().await;
    let user = t.factory.stranger().await;
    let tx = t.admin().await;
    let organization = t.organization.id;
    assert!(user_organizations::add(&tx, user.id, organization).await.unwrap());
    assert!(!user_organizations::add(&tx, user.id, organization).await.unwrap());
    let members = user_organizations::list_by_organization(&tx, organization).await.unwrap();
    assert_eq!(members.iter().map(|row| row.user_id).collect::<Vec<_>>(), [t.user.id, user.id]);
    user_organizations::remove(&tx, user.id, organization).await.unwrap();
    assert_eq!(user_organizations::list_by_organization(&tx, organization).await.unwrap().len(), 1);
    assert_eq!(user_organizations::remove(&tx, user.id, organization).await, not_found("membership"));
    let unknown = user_organizations::add(&tx, UserId::generate(), organization).await;
    assert_eq!(unknown, violates("fk_user_organizations_user_id_users"));
}
