//! The rows on which the load works.

use crate::factory::Factory;
use database::contacts::CreateMany;
use database::{Database, SystemActor, contacts};
use entity::enums::{CampaignStatus, ContactLanguage, EmailTemplateType, EventType};
use entity::id::{CampaignId, EmailTemplateId};
use sea_orm::Set;
use sea_orm::prelude::ChronoTime;
use std::collections::HashMap;

/// Contacts that are inserted at once.
const CHUNK: usize = 10_000;

/// Calls that an organization may have under way.
const CONCURRENT_CALLS: i64 = 200;

/// A campaign that runs around the clock.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its organization.
    pub actor: SystemActor,
    /// Its id.
    pub id: CampaignId,
    /// The template of the e-mail that follows an event.
    pub templates: HashMap<EventType, EmailTemplateId>,
}

/// Organizations with a running campaign each.
#[derive(Debug)]
pub struct Scene {
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
}

impl Scene {
    /// Creates the organizations, and divides the contacts among their campaigns.
    pub async fn create(database: &Database, organizations: usize, all_contacts: usize) -> Self {
        let factory = Factory::new(database.clone());
        let mut campaigns = Vec::new();
        for number in 0..organizations {
            let organization = factory.organization().await;
            let config = factory.provider_config(&organization);
            config.with(|row| row.max_concurrent_calls = Set(CONCURRENT_CALLS)).await;
            let mut templates = HashMap::new();
            for (event, kind) in [
                (EventType::SurveyCompleted, EmailTemplateType::Completed),
                (EventType::SurveyRefused, EmailTemplateType::Refused),
                (EventType::SurveyNotReached, EmailTemplateType::NotReached),
            ] {
                let template = factory.email_template(&organization).with(|row| row.r#type = Set(kind)).await;
                templates.insert(event, template.id);
            }
            let campaign = factory.campaign(&organization).with(|row| {
                row.status = Set(CampaignStatus::Running);
                row.max_attempts = Set(2);
                row.retry_interval_minutes = Set(1);
                row.allowed_call_start_local = Set(ChronoTime::MIN);
                row.allowed_call_end_local = Set(ChronoTime::from_hms_opt(23, 59, 59).unwrap_or_default());
                row.email_completed_template_id = Set(Some(templates[&EventType::SurveyCompleted]));
                row.email_refused_template_id = Set(Some(templates[&EventType::SurveyRefused]));
                row.email_not_reached_template_id = Set(Some(templates[&EventType::SurveyNotReached]));
            });
            let id = campaign.await.id;
            let actor = SystemActor { organization: organization.id };
            let numbers: Vec<usize> = (number..all_contacts).step_by(organizations).collect();
            for numbers in numbers.chunks(CHUNK) {
                let count = numbers.len();
                let rows = CreateMany {
                    campaign_id: id,
                    external_contact_ids: numbers.iter().map(|number| format!("EXT-{number}")).collect(),
                    phone_numbers: numbers.iter().map(|number| format!("+1555{number:08}")).collect(),
                    emails: numbers.iter().map(|number| format!("contact-{number}@example.com")).collect(),
                    preferred_languages: vec![ContactLanguage::Auto; count],
                    have_prior_consent: vec![true; count],
                    do_not_call: vec![false; count],
                };
                let tx = database.customer(actor).await.expect("a transaction");
                assert_eq!(contacts::create_many(&tx, rows).await.expect("contacts"), []);
                tx.commit().await.expect("a commit");
            }
            campaigns.push(Campaign { actor, id, templates });
        }
        Self { campaigns }
    }
}
