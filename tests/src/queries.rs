//! Queries of `database` with ordinary arguments, and what they return.

use crate::factory::T;
use database::call_attempts::{LockExpiredRecordings, LockExpiredRecordingsRow};
use database::campaigns::{NewCampaign, Question};
use database::contacts::NewContact;
use database::page::{Cursor, Page};
use database::transcript_snippets::{DeleteExpired, DeleteExpiredRow};
use database::users::Claims;
use database::{
    AdminTx, CustomerTx, Error, call_attempts, contacts, exclusion_list_entries, transcript_snippets,
};
use entity::enums::{CallOutcome, CampaignStatus, ContactLanguage, ExclusionSource, QuestionType};
use entity::id::{CallAttemptId, CampaignId, ContactId, TranscriptSnippetId};
use entity::json::{CallMetadata, Preferences};
use sea_orm::prelude::{ChronoTime, DateTimeUtc, Decimal, Uuid};
use sea_orm::{EntityTrait, QueryOrder, Set};

/// The error for a missing row of the entity with this name.
pub fn not_found<T>(name: &'static str) -> Result<T, Error> {
    Err(Error::NotFound(name))
}

/// The error for a violation of this constraint.
pub fn violates<T>(constraint: &str) -> Result<T, Error> {
    Err(Error::Constraint(constraint.to_owned()))
}

/// A time, from RFC 3339.
pub fn time(text: &str) -> DateTimeUtc {
    text.parse().unwrap()
}

/// A local time of day, from `HH:MM:SS`.
pub fn time_of_day(text: &str) -> ChronoTime {
    text.parse().unwrap()
}

/// Preferences from a JSON object.
pub fn preferences(value: serde_json::Value) -> Preferences {
    serde_json::from_value(value).unwrap()
}

/// Claims of the identity provider about a new user with this name, unique for the test.
pub fn claims(t: &T, of: &str) -> Claims {
    let (oidc_sub, email) = (format!("{of}-{}", t.user.id), format!("{of}-{}@example.com", t.user.id));
    Claims { oidc_sub, email, name: of.to_owned() }
}

/// The items of all pages in order, and the number of items on each page.
pub async fn pages<Row, Id>(
    page: impl AsyncFn(Option<Cursor<Id>>) -> Result<Page<Row, Id>, Error>,
) -> (Vec<Row>, Vec<usize>) {
    let (mut rows, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let Page { items, next } = page(after).await.unwrap();
        sizes.push(items.len());
        rows.extend(items);
        match next {
            Some(_) if sizes.len() > 100 => unreachable!("the pages do not end"),
            Some(cursor) => after = Some(cursor),
            None => return (rows, sizes),
        }
    }
}

/// A running campaign of the test's organization, which allows five concurrent calls.
pub async fn running_campaign(t: &T) -> entity::campaigns::Model {
    t.factory.provider_config(&t.organization).await;
    t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await
}

/// A question with this text.
pub fn question(number: u32) -> Question {
    Question { text: format!("Question {number}?"), r#type: QuestionType::Scale }
}

/// A campaign with the required columns only.
pub fn new_campaign() -> NewCampaign {
    NewCampaign {
        name: "Satisfaction".to_owned(),
        description: Some("First quarter".to_owned()),
        language: None,
        intro_script: "Hello".to_owned(),
        questions: [question(1), question(2), question(3)],
        max_attempts: None,
        retry_interval_minutes: None,
        allowed_call_start_local: None,
        allowed_call_end_local: None,
        email_completed_template_id: None,
        email_refused_template_id: None,
        email_not_reached_template_id: None,
    }
}

/// A contact with the required columns only.
pub fn new_contact(campaign_id: CampaignId, phone_number: &str) -> NewContact {
    NewContact {
        campaign_id,
        external_contact_id: Some("EXT-1".to_owned()),
        phone_number: phone_number.to_owned(),
        email: Some("contact@example.com".to_owned()),
        preferred_language: ContactLanguage::It,
        has_prior_consent: true,
        do_not_call: false,
    }
}

/// Contacts with these phone numbers and no other data.
pub fn contacts_with(
    campaign: &entity::campaigns::Model,
    phone_numbers: Vec<String>,
) -> contacts::CreateMany {
    let count = phone_numbers.len();
    contacts::CreateMany {
        campaign_id: campaign.id,
        external_contact_ids: vec![String::new(); count],
        phone_numbers,
        emails: vec![String::new(); count],
        preferred_languages: vec![ContactLanguage::Auto; count],
        have_prior_consent: vec![true; count],
        do_not_call: vec![false; count],
    }
}

/// Inserts `count` contacts with different phone numbers.
pub async fn insert_contacts(tx: &CustomerTx, campaign: &entity::campaigns::Model, count: usize) {
    let numbers = (0..count).map(|number| format!("+39{:09}", 100_000_000 + number)).collect();
    let refused = contacts::create_many(tx, contacts_with(campaign, numbers)).await.unwrap();
    assert_eq!(refused, []);
}

/// Inserts `count` contacts and commits.
pub async fn commit_contacts(t: &T, campaign: &entity::campaigns::Model, count: usize) {
    let tx = t.customer().await;
    insert_contacts(&tx, campaign, count).await;
    tx.commit().await.unwrap();
}

/// Imports phone numbers to the exclusion list.
pub async fn import(tx: &CustomerTx, phone_numbers: &[String]) -> exclusion_list_entries::Import {
    let reason = Some("imported".to_owned());
    exclusion_list_entries::import(tx, phone_numbers.to_vec(), reason, ExclusionSource::Import).await.unwrap()
}

/// Claims contacts at noon.
pub async fn claim(
    tx: &CustomerTx,
    campaign: &entity::campaigns::Model,
    batch: i64,
) -> Vec<contacts::ClaimedContact> {
    claim_at(tx, campaign, batch, "12:00:00").await
}

/// Claims contacts at a local time of day.
pub async fn claim_at(
    tx: &CustomerTx,
    campaign: &entity::campaigns::Model,
    batch: i64,
    local_time: &str,
) -> Vec<contacts::ClaimedContact> {
    contacts::claim_due(tx, campaign.id, batch, || time_of_day(local_time)).await.unwrap()
}

/// The event of a provider whose call found the line busy.
pub fn busy_event(call_id: &str) -> call_attempts::ApplyProviderEvent {
    call_attempts::ApplyProviderEvent {
        call_id: Some(call_id.to_owned()),
        provider_call_id: None,
        status: "busy".to_owned(),
        answered_at: None,
        ended_at: None,
        outcome: Some(CallOutcome::Busy),
        error_code: None,
        metadata: CallMetadata::default(),
    }
}

/// The answers of a completed survey.
pub fn answers(call_attempt_id: CallAttemptId) -> call_attempts::CompleteSurvey {
    call_attempts::CompleteSurvey {
        call_attempt_id,
        q1_answer: Some("9".to_owned()),
        q2_answer: None,
        q3_answer: Some("yes".to_owned()),
        q1_confidence: Some(Decimal::new(95, 2)),
        q2_confidence: None,
        q3_confidence: Some(Decimal::ONE),
    }
}

/// The contact with this id.
pub async fn contact(tx: &CustomerTx, id: ContactId) -> entity::contacts::Model {
    entity::contacts::Entity::find_by_id(id).one(tx).await.unwrap().unwrap()
}

/// The call attempt with this id.
pub async fn attempt(tx: &CustomerTx, id: CallAttemptId) -> entity::call_attempts::Model {
    entity::call_attempts::Entity::find_by_id(id).one(tx).await.unwrap().unwrap()
}

/// All visible events, oldest first.
pub async fn events(tx: &CustomerTx) -> Vec<entity::events::Model> {
    entity::events::Entity::find().order_by_asc(entity::events::Column::CreatedAt).all(tx).await.unwrap()
}

/// The first recordings of the organization past its retention period, and none of what was deleted in the last 30 days.
pub async fn expired_recordings(tx: &AdminTx, t: &T) -> Vec<LockExpiredRecordingsRow> {
    let (organization_id, after_started_at) = (t.organization.id, DateTimeUtc::UNIX_EPOCH);
    let after_id = CallAttemptId::from_uuid(Uuid::nil());
    let next =
        LockExpiredRecordings { organization_id, deleted_days: 30, after_started_at, after_id, batch: 10 };
    call_attempts::lock_expired_recordings(tx, next).await.unwrap()
}

/// Deletes the first transcripts of the organization past its retention period.
pub async fn delete_expired_transcripts(tx: &AdminTx, t: &T) -> Vec<DeleteExpiredRow> {
    let (organization_id, after_created_at) = (t.organization.id, DateTimeUtc::UNIX_EPOCH);
    let after_id = TranscriptSnippetId::from_uuid(Uuid::nil());
    let next = DeleteExpired { organization_id, after_created_at, after_id, batch: 10 };
    transcript_snippets::delete_expired(tx, next).await.unwrap()
}
