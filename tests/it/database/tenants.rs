//! No query reaches rows of another organization.

use database::campaigns::{CampaignChanges, NewCampaign};
use database::email_notifications::NewEmailNotification;
use database::email_templates::EmailTemplateChanges;
use database::events::NewEvent;
use database::exclusion_list_entries::NewExclusionListEntry;
use database::organizations::OrganizationChanges;
use database::provider_configs::ProviderConfigChanges;
use database::transcript_snippets::NewTranscriptSnippet;
use database::{
    Error, call_attempts, campaigns, contacts, email_notifications, email_templates, events,
    exclusion_list_entries, organizations, provider_configs, survey_responses, transcript_snippets,
    user_organizations, users,
};
use entity::enums::{CampaignStatus, EventType, ExclusionSource, LanguageCode};
use entity::json::{EventPayload, Preferences};
use sea_orm::Set;
use tests::factory::T;
use tests::queries::{new_campaign, new_contact, not_found, time_of_day, violates};

#[tokio::test]
async fn no_lookup_reaches_another_organizations_rows() {
    let t = T::new().await;
    let me = t.neighbour().await;
    let f = &t.factory;
    let organization = &t.organization;
    let template = f.email_template(organization).await;
    let campaign = f.campaign(organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let contact = f.contact(&campaign).await;
    let attempt = f.call_attempt(&contact).await;
    let response = f.survey_response(&attempt).await;
    let event = f.event(&contact).await;
    f.email_notification(&event, &template).await;
    f.exclusion_list_entry(organization).await;
    f.provider_config(organization).await;
    f.transcript_snippet(&attempt).await;

    let tx = me.customer().await;
    assert_eq!(organizations::find(&tx, organization.id).await.unwrap(), None);
    assert_eq!(organizations::find_by_slug(&tx, &organization.slug).await.unwrap(), None);
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), None);
    assert_eq!(users::find_by_oidc_sub(&tx, &t.user.oidc_sub).await.unwrap(), None);
    assert_eq!(users::find_by_email(&tx, &t.user.email).await.unwrap(), None);
    assert!(users::list_by_organization(&tx, organization.id, None, 10).await.unwrap().items.is_empty());
    assert!(user_organizations::list_by_organization(&tx, organization.id).await.unwrap().is_empty());
    assert_eq!(email_templates::find(&tx, template.id).await.unwrap(), None);
    assert!(email_templates::list_by_type(&tx, None, None).await.unwrap().is_empty());
    assert_eq!(campaigns::find(&tx, campaign.id).await.unwrap(), None);
    assert!(campaigns::list(&tx, None, None, 10).await.unwrap().items.is_empty());
    assert_eq!(campaigns::count(&tx, None).await.unwrap(), 0);
    assert!(campaigns::list_callable(&tx, time_of_day("12:00:00")).await.unwrap().is_empty());
    assert_eq!(contacts::find(&tx, contact.id).await.unwrap(), None);
    assert!(contacts::list_by_campaign(&tx, campaign.id, None, None, 10).await.unwrap().items.is_empty());
    assert!(
        contacts::list_by_campaign_and_phone_number(&tx, campaign.id, &contact.phone_number)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(contacts::count_by_state(&tx, campaign.id).await.unwrap().total(), 0);
    assert!(exclusion_list_entries::list(&tx, None, 10).await.unwrap().items.is_empty());
    assert_eq!(call_attempts::find(&tx, attempt.id).await.unwrap(), None);
    assert_eq!(call_attempts::find_by_call_id(&tx, &attempt.call_id).await.unwrap(), None);
    let name = attempt.provider_call_id.clone().unwrap();
    assert_eq!(call_attempts::find_by_provider_call_id(&tx, &name).await.unwrap(), None);
    assert!(call_attempts::list_by_contact(&tx, contact.id).await.unwrap().is_empty());
    assert_eq!(call_attempts::count_without_outcome(&tx).await.unwrap(), 0);
    assert_eq!(survey_responses::find(&tx, response.id).await.unwrap(), None);
    assert_eq!(
        survey_responses::find_by_contact_and_campaign(&tx, contact.id, campaign.id).await.unwrap(),
        None
    );
    assert!(survey_responses::list_by_campaign(&tx, campaign.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(events::find(&tx, event.id).await.unwrap(), None);
    assert!(events::list_by_campaign(&tx, campaign.id, None, 10).await.unwrap().items.is_empty());
    assert!(events::list_by_contact(&tx, contact.id).await.unwrap().is_empty());
    assert!(email_notifications::list_by_event(&tx, event.id).await.unwrap().is_empty());
    assert_eq!(provider_configs::find_current(&tx).await.unwrap(), None);
    assert!(transcript_snippets::list_by_call_attempt(&tx, attempt.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_change_reaches_another_organizations_rows() {
    let t = T::new().await;
    let me = t.neighbour().await;
    let f = &t.factory;
    let organization = &t.organization;
    let template = f.email_template(organization).await;
    let campaign = f.campaign(organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let contact = f.contact(&campaign).await;
    let attempt = f.call_attempt(&contact).await;
    let event = f.event(&contact).await;
    let email = f.email_notification(&event, &template).await;
    let exclusion = f.exclusion_list_entry(organization).await;
    let config = f.provider_config(organization).await;

    let tx = me.customer().await;
    let renamed = OrganizationChanges { name: Set("Taken".to_owned()), ..Default::default() };
    assert_eq!(organizations::update(&tx, organization.id, renamed).await, not_found("organization"));
    assert_eq!(users::update_metadata(&tx, t.user.id, Preferences::default()).await, not_found("user"));
    let renamed = EmailTemplateChanges { name: Set("Taken".to_owned()), ..Default::default() };
    assert_eq!(email_templates::update(&tx, template.id, renamed).await, not_found("e-mail template"));
    assert_eq!(email_templates::delete(&tx, template.id).await, not_found("e-mail template"));
    let renamed = CampaignChanges { name: Set("Taken".to_owned()), ..Default::default() };
    assert_eq!(campaigns::update(&tx, campaign.id, renamed).await, not_found("campaign"));
    assert_eq!(campaigns::delete(&tx, campaign.id).await, not_found("campaign"));
    let paused = campaigns::transition(&tx, campaign.id, CampaignStatus::Paused).await;
    assert_eq!(paused, not_found("campaign"));
    assert_eq!(campaigns::activation_errors(&tx, campaign.id).await, not_found("campaign"));
    assert_eq!(
        exclusion_list_entries::find_by_phone_number(&tx, &exclusion.phone_number).await.unwrap(),
        None
    );
    assert_eq!(exclusion_list_entries::remove(&tx, exclusion.id).await, not_found("exclusion list entry"));
    let sent = email_notifications::mark_sent(&tx, email.id, "msg".to_owned()).await;
    assert_eq!(sent, not_found("e-mail notification"));
    let failed = email_notifications::mark_failed(&tx, email.id, "no".to_owned()).await;
    assert_eq!(failed, not_found("e-mail notification"));
    let (event_id, template_id) = (event.id, template.id);
    let new = NewEmailNotification { event_id, template_id, to_email: "a@b.c".to_owned() };
    assert_eq!(email_notifications::create_once(&tx, new).await, not_found("event"));
    let changes = ProviderConfigChanges { max_concurrent_calls: Set(99), ..Default::default() };
    let edited = provider_configs::update(&tx, config.id, changes).await;
    assert_eq!(edited, not_found("provider configuration"));
    drop(tx);

    // What would hang below another organization's row. Each breaks its transaction.
    let tx = me.customer().await;
    let new = contacts::create(&tx, new_contact(campaign.id, "+14155550101")).await;
    assert_eq!(new, violates("fk_contacts_campaign_id_campaigns"));
    let tx = me.customer().await;
    let new = NewCampaign { email_refused_template_id: Some(template.id), ..new_campaign() };
    let new = campaigns::create(&tx, new).await;
    assert_eq!(new, violates("fk_campaigns_email_refused_template_id_email_templates"));
    let tx = me.customer().await;
    let new = NewEvent {
        event_type: EventType::SurveyCompleted,
        campaign_id: campaign.id,
        contact_id: contact.id,
        call_attempt_id: None,
        payload: EventPayload::default(),
    };
    assert!(matches!(events::create(&tx, new).await, Err(Error::Constraint(_))));
    let tx = me.customer().await;
    let (call_attempt_id, transcript_text) = (attempt.id, "…".to_owned());
    let new = NewTranscriptSnippet { call_attempt_id, transcript_text, language: LanguageCode::En };
    let new = transcript_snippets::create(&tx, new).await;
    assert_eq!(new, violates("fk_transcript_snippets_call_attempt_id_call_attempts"));
    // The same number, excluded by two organizations, is two entries.
    let tx = me.customer().await;
    let (phone_number, reason) = (exclusion.phone_number.clone(), None);
    let new = NewExclusionListEntry { phone_number, reason, source: ExclusionSource::Manual };
    let own = exclusion_list_entries::add(&tx, new).await.unwrap();
    assert_eq!(own.organization_id, me.organization.id);
    assert_ne!(own.id, exclusion.id);
}
