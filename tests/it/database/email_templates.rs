//! Queries of `database::email_templates`.

use database::email_templates;
use database::email_templates::{EmailTemplateChanges, NewEmailTemplate};
use entity::enums::{EmailTemplateType, LanguageCode};
use sea_orm::Set;
use tests::factory::T;
use tests::queries::not_found;

#[tokio::test]
async fn templates_are_listed_by_name_of_one_type_and_language() {
    let t = T::new().await;
    let tx = t.customer().await;
    let new = |name: &str, r#type, locale| NewEmailTemplate {
        name: name.to_owned(),
        r#type,
        subject: "S".to_owned(),
        body_html: "<p>B</p>".to_owned(),
        body_text: None,
        locale,
    };
    let create =
        async |name, r#type, locale| email_templates::create(&tx, new(name, r#type, locale)).await.unwrap();
    let b = create("B", EmailTemplateType::Completed, LanguageCode::En).await;
    let a = create("A", EmailTemplateType::Completed, LanguageCode::It).await;
    let c = create("C", EmailTemplateType::Refused, LanguageCode::En).await;
    let list = async |r#type, locale| email_templates::list_by_type(&tx, r#type, locale).await.unwrap();
    assert_eq!(list(None, None).await, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(list(Some(EmailTemplateType::Completed), None).await, [a.clone(), b.clone()]);
    assert_eq!(list(None, Some(LanguageCode::En)).await, [b.clone(), c]);
    assert!(list(Some(EmailTemplateType::Refused), Some(LanguageCode::It)).await.is_empty());

    let changes = EmailTemplateChanges { body_text: Set(Some("B".to_owned())), ..Default::default() };
    let edited = email_templates::update(&tx, b.id, changes.clone()).await.unwrap();
    assert_eq!(edited.body_text.as_deref(), Some("B"));
    assert_eq!(edited.body_html, b.body_html);

    email_templates::delete(&tx, b.id).await.unwrap();
    assert_eq!(email_templates::find(&tx, b.id).await.unwrap(), None);
    assert_eq!(list(Some(EmailTemplateType::Completed), None).await, [a]);
    assert_eq!(email_templates::update(&tx, b.id, changes).await, not_found("e-mail template"));
    assert_eq!(email_templates::delete(&tx, b.id).await, not_found("e-mail template"));
}
