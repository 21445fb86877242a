//! A call of each query, and whether it found or changed what it is about.

use crate::queries::{answers, busy_event, contacts_with, new_campaign, new_contact, time, time_of_day};
use crate::world::World;
use database::call_attempts::LockExpiredRecordings;
use database::campaigns::{CallsPerDay, CampaignChanges, NewCampaign};
use database::email_notifications::{DeleteFinal, NewEmailNotification};
use database::email_templates::{EmailTemplateChanges, NewEmailTemplate};
use database::events::{DeletePublished, NewEvent};
use database::exclusion_list_entries::NewExclusionListEntry;
use database::organizations::{NewOrganization, OrganizationChanges};
use database::provider_configs::{NewProviderConfig, ProviderConfigChanges};
use database::transcript_snippets::{DeleteExpired, NewTranscriptSnippet};
use database::users::{Claims, NewUser};
use database::{
    AdminTx, CustomerTx, Error, audit_log_entries, call_attempts, campaigns, contacts, email_notifications,
    email_templates, events, exclusion_list_entries, organizations, provider_configs, survey_responses,
    transcript_snippets, user_organizations, users,
};
use entity::enums::{
    CampaignStatus, ContactState, EmailStatus, EmailTemplateType, EventType, ExclusionSource, LanguageCode,
    UserRole,
};
use entity::id::{CallAttemptId, CampaignId, ContactId, EmailNotificationId, EventId, TranscriptSnippetId};
use entity::json::{EventPayload, Preferences};
use futures_util::TryStreamExt;
use sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, IntoActiveModel, Set};
use std::pin::Pin;

/// Whether the query found or changed its rows.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>>;

/// A query on the rows of the world.
pub type Run<Tx> = for<'a> fn(&'a World, &'a Tx) -> Found<'a>;

/// The calls of one query, one for each scope that it accepts.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The function, as `contacts::find`.
    pub query: &'static str,
    /// Its call in an admin transaction; `None`: it accepts none.
    pub admin: Option<Run<AdminTx>>,
    /// Its call in a customer transaction.
    pub customer: Option<Run<CustomerTx>>,
}

macro_rules! cases {
    ($($scope:ident $module:ident::$name:ident($w:ident, $tx:ident) $body:block)+) => {
        vec![$(cases!(@ $scope $module $name $w $tx $body)),+]
    };
    (@ admin $module:ident $name:ident $w:ident $tx:ident $body:block) => {
        Case { query: cases!(@ name $module $name), admin: Some(|$w, $tx| Box::pin(async move $body)), customer: None }
    };
    (@ customer $module:ident $name:ident $w:ident $tx:ident $body:block) => {
        Case { query: cases!(@ name $module $name), admin: None, customer: Some(|$w, $tx| Box::pin(async move $body)) }
    };
    (@ either $module:ident $name:ident $w:ident $tx:ident $body:block) => {
        Case {
            query: cases!(@ name $module $name),
            admin: Some(|$w, $tx| Box::pin(async move $body)),
            customer: Some(|$w, $tx| Box::pin(async move $body)),
        }
    };
    (@ name $module:ident $name:ident) => { concat!(stringify!($module), "::", stringify!($name)) };
}

/// A number that is not in the world.
const NEW_NUMBER: &str = "+14155550100";

/// A time past every limit of retention.
const OLD: DateTimeUtc = DateTimeUtc::from_timestamp(1_000_000_000, 0).unwrap();

/// A case for each query.
#[expect(clippy::too_many_lines, reason = "one entry for each query")]
pub fn cases() -> Vec<Case> {
    cases! {
        either audit_log_entries::list(w, tx) {
            let found = audit_log_entries::list(tx, None, w.batch.into()).await?;
            Ok(!found.items.is_empty() || tx.get_database_backend() == DbBackend::Sqlite)
        }

        either call_attempts::find(w, tx) { Ok(call_attempts::find(tx, w.ended.id).await?.is_some()) }
        either call_attempts::find_by_call_id(w, tx) {
            Ok(call_attempts::find_by_call_id(tx, &w.ended.call_id).await?.is_some())
        }
        either call_attempts::find_by_provider_call_id(w, tx) {
            let id = w.ended.provider_call_id.clone().unwrap();
            Ok(call_attempts::find_by_provider_call_id(tx, &id).await?.is_some())
        }
        customer call_attempts::list_by_contact(w, tx) {
            Ok(!call_attempts::list_by_contact(tx, w.completed.id).await?.is_empty())
        }
        either call_attempts::count_without_outcome(_w, tx) {
            Ok(call_attempts::count_without_outcome(tx).await? > 0)
        }
        either call_attempts::apply_provider_event(w, tx) {
            let applied = call_attempts::apply_provider_event(tx, busy_event(&w.under_way.call_id)).await?;
            Ok(applied.is_some_and(|row| row.applied))
        }
        either call_attempts::complete_survey(w, tx) {
            Ok(call_attempts::complete_survey(tx, answers(w.under_way.id)).await?.is_some())
        }
        either call_attempts::refuse_survey(w, tx) {
            Ok(call_attempts::refuse_survey(tx, w.under_way.id).await?.is_some())
        }
        either call_attempts::requeue_stalled(w, tx) {
            Ok(!call_attempts::requeue_stalled(tx, time("2026-06-01T00:00:00Z"), w.batch.into()).await?.is_empty())
        }
        admin call_attempts::lock_expired_recordings(w, tx) {
            let next = LockExpiredRecordings {
                organization_id: w.organization.id,
                deleted_days: 1,
                after_started_at: DateTimeUtc::UNIX_EPOCH,
                after_id: CallAttemptId::from_uuid(Uuid::nil()),
                batch: w.batch.into(),
            };
            Ok(!call_attempts::lock_expired_recordings(tx, next).await?.is_empty())
        }
        either call_attempts::clear_recordings(w, tx) {
            Ok(call_attempts::clear_recordings(tx, vec![w.ended.id]).await? > 0)
        }

        either campaigns::find(w, tx) { Ok(campaigns::find(tx, w.campaign.id).await?.is_some()) }
        customer campaigns::list(w, tx) { Ok(!campaigns::list(tx, None, None, w.batch.into()).await?.items.is_empty()) }
        customer campaigns::count(_w, tx) { Ok(campaigns::count(tx, None).await? > 0) }
        either campaigns::list_callable(_w, tx) {
            Ok(!campaigns::list_callable(tx, time_of_day("12:00:00")).await?.is_empty())
        }
        customer campaigns::create(w, tx) {
            let email_completed_template_id = Some(w.template.id);
            let new = NewCampaign { email_completed_template_id, ..new_campaign() };
            campaigns::create(tx, new).await.map(|_| true)
        }
        customer campaigns::update(w, tx) {
            let email_refused_template_id = Set(Some(w.template.id));
            let changes = CampaignChanges { email_refused_template_id, ..Default::default() };
            campaigns::update(tx, w.campaign.id, changes).await.map(|_| true)
        }
        customer campaigns::delete(w, tx) { campaigns::delete(tx, w.campaign.id).await.map(|()| true) }
        customer campaigns::transition(w, tx) {
            let paused = campaigns::transition(tx, w.campaign.id, CampaignStatus::Paused).await?;
            Ok(paused.status == CampaignStatus::Paused)
        }
        customer campaigns::activation_errors(w, tx) {
            let errors = campaigns::activation_errors(tx, w.campaign.id).await?;
            let field = "email_completed_template_id";
            if errors.iter().any(|error| error.field == field && error.message == "is not deleted") {
                return Err(Error::Deleted("e-mail template"));
            }
            Ok(errors.is_empty())
        }
        admin campaigns::purge(w, tx) {
            w.mark(tx, "campaigns", Some(OLD)).await?;
            w.remove_all::<entity::contacts::Entity>(tx).await?;
            Ok(campaigns::purge(tx, w.organization.id, 1, w.batch.into()).await? > 0)
        }
        customer campaigns::statistics(w, tx) {
            let seen = campaigns::statistics(tx, w.campaign.id).await?;
            assert_eq!(seen.contacts > 0, seen.attempts > 0, "contacts and calls");
            Ok(seen.contacts > 0)
        }
        customer campaigns::calls_per_hour(w, tx) {
            let (from, until) = (time("2020-01-01T00:00:00Z"), time("2030-01-01T00:00:00Z"));
            Ok(!campaigns::calls_per_hour(tx, w.campaign.id, from, until).await?.is_empty())
        }
        customer campaigns::calls_per_day(w, tx) {
            let days = CallsPerDay {
                campaign_id: w.campaign.id,
                time_zone: "Europe/Rome".to_owned(),
                from: time("2020-01-01T00:00:00Z"),
                until: time("2030-01-01T00:00:00Z"),
            };
            Ok(!campaigns::calls_per_day(tx, days).await?.is_empty())
        }

        either contacts::find(w, tx) { Ok(contacts::find(tx, w.due.id).await?.is_some()) }
        customer contacts::list_by_campaign(w, tx) {
            let (campaign, limit) = (w.campaign.id, w.batch.into());
            // An index serves all states, another one a single state.
            contacts::list_by_campaign(tx, campaign, Some(ContactState::Excluded), None, limit).await?;
            Ok(!contacts::list_by_campaign(tx, campaign, None, None, limit).await?.items.is_empty())
        }
        customer contacts::list_by_campaign_and_phone_number(w, tx) {
            let (campaign, number) = (w.campaign.id, &w.due.phone_number);
            Ok(!contacts::list_by_campaign_and_phone_number(tx, campaign, number).await?.is_empty())
        }
        customer contacts::count_by_state(w, tx) {
            Ok(contacts::count_by_state(tx, w.campaign.id).await?.total() > 0)
        }
        customer contacts::create(w, tx) {
            contacts::create(tx, new_contact(w.campaign.id, NEW_NUMBER)).await.map(|_| true)
        }
        either contacts::create_many(w, tx) {
            let new = contacts_with(&w.campaign, vec![NEW_NUMBER.to_owned()]);
            Ok(contacts::create_many(tx, new).await?.is_empty())
        }
        customer contacts::claim_due(w, tx) {
            let claimed = contacts::claim_due(tx, w.campaign.id, w.batch.into(), || time_of_day("12:00:00")).await?;
            Ok(!claimed.is_empty())
        }
        either contacts::sweep_excluded(_w, tx) { Ok(contacts::sweep_excluded(tx).await? > 0) }
        customer contacts::export(w, tx) {
            let rows = contacts::export(tx, w.campaign.id).await?;
            Ok(!rows.try_collect::<Vec<_>>().await?.is_empty())
        }
        either contacts::erase(w, tx) { Ok(contacts::erase(tx, w.completed.id).await?.is_some()) }

        admin contacts::purge(w, tx) {
            w.mark(tx, "campaigns", Some(OLD)).await?;
            let next = contacts::Purge {
                organization_id: w.organization.id,
                deleted_days: 1,
                after_campaign_id: CampaignId::from_uuid(Uuid::nil()),
                after_created_at: DateTimeUtc::UNIX_EPOCH,
                after_id: ContactId::from_uuid(Uuid::nil()),
                batch: w.batch.into(),
            };
            Ok(contacts::purge(tx, next).await?.contacts > 0)
        }

        either email_notifications::find(w, tx) {
            Ok(email_notifications::find(tx, w.email.id).await?.is_some())
        }
        customer email_notifications::list_by_event(w, tx) {
            Ok(!email_notifications::list_by_event(tx, w.event.id).await?.is_empty())
        }
        customer email_notifications::create_once(w, tx) {
            let (event_id, template_id) = (w.event_without_email.id, w.template.id);
            let new = NewEmailNotification { event_id, template_id, to_email: "a@example.com".to_owned() };
            Ok(email_notifications::create_once(tx, new).await?.is_some())
        }
        customer email_notifications::mark_sent(w, tx) {
            email_notifications::mark_sent(tx, w.email.id, "id".to_owned()).await.map(|_| true)
        }
        customer email_notifications::mark_failed(w, tx) {
            email_notifications::mark_failed(tx, w.email.id, "no".to_owned()).await.map(|_| true)
        }

        admin email_notifications::delete_final(w, tx) {
            w.remove_all::<entity::email_notifications::Entity>(tx).await?;
            let mut sent = w.email.clone().into_active_model().reset_all();
            (sent.created_at, sent.updated_at) = (Set(OLD), Set(OLD));
            sent.status = Set(EmailStatus::Sent);
            if !w.is_large {
                sent.insert(tx).await?;
            }
            let after_id = EmailNotificationId::from_uuid(Uuid::nil());
            let next = DeleteFinal { email_days: 1, after_created_at: DateTimeUtc::UNIX_EPOCH, after_id, batch: w.batch.into() };
            Ok(!email_notifications::delete_final(tx, next).await?.is_empty())
        }

        either email_templates::find(w, tx) {
            Ok(email_templates::find(tx, w.template.id).await?.is_some())
        }
        customer email_templates::list_by_type(_w, tx) {
            Ok(!email_templates::list_by_type(tx, None, None).await?.is_empty())
        }
        customer email_templates::create(_w, tx) {
            let new = NewEmailTemplate {
                name: "New".to_owned(),
                r#type: EmailTemplateType::Completed,
                subject: "New".to_owned(),
                body_html: "New".to_owned(),
                body_text: None,
                locale: LanguageCode::En,
            };
            email_templates::create(tx, new).await.map(|_| true)
        }
        customer email_templates::update(w, tx) {
            let changes = EmailTemplateChanges { name: Set("New".to_owned()), ..Default::default() };
            email_templates::update(tx, w.template.id, changes).await.map(|_| true)
        }
        customer email_templates::delete(w, tx) {
            email_templates::delete(tx, w.template.id).await.map(|()| true)
        }

        admin email_templates::purge(w, tx) {
            w.remove_all::<entity::email_notifications::Entity>(tx).await?;
            w.mark(tx, "email_templates", Some(OLD)).await?;
            Ok(email_templates::purge(tx, w.organization.id, 1, w.batch.into()).await? > 0)
        }

        either events::find(w, tx) { Ok(events::find(tx, w.event.id).await?.is_some()) }
        customer events::list_by_campaign(w, tx) {
            Ok(!events::list_by_campaign(tx, w.campaign.id, None, w.batch.into()).await?.items.is_empty())
        }
        customer events::list_by_contact(w, tx) {
            Ok(!events::list_by_contact(tx, w.completed.id).await?.is_empty())
        }
        customer events::create(w, tx) {
            let new = NewEvent {
                event_type: EventType::SurveyCompleted,
                campaign_id: w.campaign.id,
                contact_id: w.completed.id,
                call_attempt_id: None,
                payload: EventPayload::default(),
            };
            events::create(tx, new).await.map(|_| true)
        }
        either events::publish(w, tx) {
            let publish = async |events: Vec<events::UnpublishedEvent>| events.iter().map(|row| row.id).collect();
            Ok(events::publish(tx, w.batch.into(), publish).await? > 0)
        }

        admin events::delete_published(w, tx) {
            w.remove_all::<entity::email_notifications::Entity>(tx).await?;
            let (id, published_at, created_at) = (Set(w.event.id), Set(Some(OLD)), Set(OLD));
            let published = entity::events::ActiveModel { id, published_at, created_at, ..Default::default() };
            published.update(tx).await?;
            let after_id = EventId::from_uuid(Uuid::nil());
            let next = DeletePublished { event_days: 1, after_created_at: DateTimeUtc::UNIX_EPOCH, after_id, batch: w.batch.into() };
            Ok(events::delete_published(tx, next).await?.is_some_and(|row| row.events > 0))
        }

        admin exclusion_list_entries::purge(w, tx) {
            w.mark(tx, "organizations", Some(OLD)).await?;
            let (organization_id, after_phone_number) = (w.organization.id, String::new());
            let next = exclusion_list_entries::Purge { organization_id, deleted_days: 1, after_phone_number, batch: w.batch.into() };
            Ok(!exclusion_list_entries::purge(tx, next).await?.is_empty())
        }
        customer exclusion_list_entries::find_by_phone_number(w, tx) {
            let number = &w.exclusion.phone_number;
            Ok(exclusion_list_entries::find_by_phone_number(tx, number).await?.is_some())
        }
        customer exclusion_list_entries::list(w, tx) {
            Ok(!exclusion_list_entries::list(tx, None, w.batch.into()).await?.items.is_empty())
        }
        customer exclusion_list_entries::add(_w, tx) {
            let (phone_number, source) = (NEW_NUMBER.to_owned(), ExclusionSource::Manual);
            let new = NewExclusionListEntry { phone_number, reason: None, source };
            exclusion_list_entries::add(tx, new).await.map(|_| true)
        }
        customer exclusion_list_entries::remove(w, tx) {
            exclusion_list_entries::remove(tx, w.exclusion.id).await.map(|()| true)
        }
        customer exclusion_list_entries::import(w, tx) {
            let (numbers, source) = (vec![w.due.phone_number.clone()], ExclusionSource::Import);
            let import = exclusion_list_entries::import(tx, numbers, None, source).await?;
            Ok(import.imported == 1 && import.excluded_contacts == 1)
        }
        either exclusion_list_entries::list_excluded(w, tx) {
            let (organization, numbers) = (w.organization.id, vec![w.exclusion.phone_number.clone()]);
            Ok(!exclusion_list_entries::list_excluded(tx, organization, numbers).await?.is_empty())
        }

        either organizations::find(w, tx) {
            Ok(organizations::find(tx, w.organization.id).await?.is_some())
        }
        either organizations::find_by_slug(w, tx) {
            Ok(organizations::find_by_slug(tx, &w.organization.slug).await?.is_some())
        }
        admin organizations::list_by_user(w, tx) {
            Ok(!organizations::list_by_user(tx, w.user.id).await?.is_empty())
        }
        admin organizations::create(w, tx) {
            let slug = w.taken(&w.organization.slug);
            let new = NewOrganization { name: "New".to_owned(), slug, metadata: Preferences::default() };
            organizations::create(tx, new).await.map(|_| true)
        }
        either organizations::update(w, tx) {
            let changes = OrganizationChanges { name: Set("New".to_owned()), ..Default::default() };
            organizations::update(tx, w.organization.id, changes).await.map(|_| true)
        }
        admin organizations::delete(w, tx) {
            organizations::delete(tx, w.organization.id).await.map(|()| true)
        }

        admin organizations::list_past_retention(_w, tx) {
            Ok(!organizations::list_past_retention(tx, 30, 90, 90).await?.is_empty())
        }
        admin organizations::purge(w, tx) {
            w.remove_all::<entity::campaigns::Entity>(tx).await?;
            w.remove_all::<entity::email_templates::Entity>(tx).await?;
            w.remove_all::<entity::exclusion_list_entries::Entity>(tx).await?;
            w.mark(tx, "organizations", Some(OLD)).await?;
            Ok(organizations::purge(tx, w.organization.id, 1).await?.organizations > 0)
        }

        customer provider_configs::find_current(_w, tx) {
            Ok(provider_configs::find_current(tx).await?.is_some())
        }
        customer provider_configs::create(_w, tx) {
            let new = NewProviderConfig {
                outbound_number: NEW_NUMBER.to_owned(),
                provider_type: None,
                provider_name: None,
                max_concurrent_calls: None,
                llm_provider: None,
                llm_model: None,
                recording_retention_days: None,
                transcript_retention_days: None,
            };
            provider_configs::create(tx, new).await.map(|_| true)
        }
        customer provider_configs::update(w, tx) {
            let changes = ProviderConfigChanges { max_concurrent_calls: Set(9), ..Default::default() };
            provider_configs::update(tx, w.config.id, changes).await.map(|_| true)
        }

        either survey_responses::find(w, tx) {
            Ok(survey_responses::find(tx, w.response.id).await?.is_some())
        }
        customer survey_responses::find_by_contact_and_campaign(w, tx) {
            let (contact, campaign) = (w.completed.id, w.campaign.id);
            Ok(survey_responses::find_by_contact_and_campaign(tx, contact, campaign).await?.is_some())
        }
        customer survey_responses::list_by_campaign(w, tx) {
            Ok(!survey_responses::list_by_campaign(tx, w.campaign.id, None, w.batch.into()).await?.items.is_empty())
        }

        customer transcript_snippets::list_by_call_attempt(w, tx) {
            Ok(!transcript_snippets::list_by_call_attempt(tx, w.ended.id).await?.is_empty())
        }
        customer transcript_snippets::create(w, tx) {
            let new = NewTranscriptSnippet {
                call_attempt_id: w.under_way.id,
                transcript_text: "Nine.".to_owned(),
                language: LanguageCode::En,
            };
            transcript_snippets::create(tx, new).await.map(|_| true)
        }
        admin transcript_snippets::delete_expired(w, tx) {
            let next = DeleteExpired {
                organization_id: w.organization.id,
                after_created_at: DateTimeUtc::UNIX_EPOCH,
                after_id: TranscriptSnippetId::from_uuid(Uuid::nil()),
                batch: w.batch.into(),
            };
            Ok(!transcript_snippets::delete_expired(tx, next).await?.is_empty())
        }

        admin user_organizations::add(w, tx) {
            user_organizations::add(tx, w.stranger.id, w.organization.id).await
        }
        admin user_organizations::remove(w, tx) {
            user_organizations::remove(tx, w.user.id, w.organization.id).await.map(|()| true)
        }
        either user_organizations::list_by_organization(w, tx) {
            Ok(!user_organizations::list_by_organization(tx, w.organization.id).await?.is_empty())
        }

        either users::find(w, tx) { Ok(users::find(tx, w.user.id).await?.is_some()) }
        either users::find_by_oidc_sub(w, tx) {
            Ok(users::find_by_oidc_sub(tx, &w.user.oidc_sub).await?.is_some())
        }
        either users::find_by_email(w, tx) { Ok(users::find_by_email(tx, &w.user.email).await?.is_some()) }
        either users::list_by_organization(w, tx) {
            Ok(!users::list_by_organization(tx, w.organization.id, None, w.batch.into()).await?.items.is_empty())
        }
        admin users::create(w, tx) {
            let new = NewUser {
                oidc_sub: "new".to_owned(),
                email: w.taken(&w.user.email),
                name: "New".to_owned(),
                role: UserRole::Viewer,
                metadata: Preferences::default(),
            };
            users::create(tx, new).await.map(|_| true)
        }
        admin users::sign_in(w, tx) {
            let claims = Claims {
                oidc_sub: w.user.oidc_sub.clone(),
                email: w.user.email.clone(),
                name: "New".to_owned(),
            };
            Ok(users::sign_in(tx, claims).await?.is_some())
        }
        either users::update_metadata(w, tx) {
            users::update_metadata(tx, w.user.id, Preferences::default()).await.map(|_| true)
        }
        admin users::delete(w, tx) { users::delete(tx, w.user.id).await.map(|()| true) }
        admin users::purge(w, tx) {
            w.mark(tx, "users", Some(OLD)).await?;
            Ok(users::purge(tx, 1, w.batch.into()).await?.users > 0)
        }
    }
}
