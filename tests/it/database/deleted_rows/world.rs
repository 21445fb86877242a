//! One row of each table, so that each query finds something.

use database::{Actor, Database};
use entity::enums::{CallOutcome, CampaignStatus, ContactState};
use entity::json::CallMetadata;
use entity::{
    call_attempts, campaigns, contacts, email_notifications, email_templates, events, exclusion_list_entries,
    organizations, provider_configs, survey_responses, users,
};
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, Set};
use tests::factory::T;
use tests::queries::time;

/// The tables whose rows are marked as deleted.
pub const TABLES: [&str; 4] = ["campaigns", "email_templates", "organizations", "users"];

/// The rows of one organization.
pub struct World {
    pub database: Database,
    pub actor: Actor,
    pub organization: organizations::Model,
    /// The author of the campaign and its actor.
    pub user: users::Model,
    /// A user without a membership, marked as deleted together with `user`.
    pub stranger: users::Model,
    pub config: provider_configs::Model,
    /// The template of the campaign.
    pub template: email_templates::Model,
    pub campaign: campaigns::Model,
    pub due: contacts::Model,
    /// A contact that answered, with its call.
    pub completed: contacts::Model,
    pub ended: call_attempts::Model,
    pub under_way: call_attempts::Model,
    pub response: survey_responses::Model,
    pub event: events::Model,
    pub event_without_email: events::Model,
    pub email: email_notifications::Model,
    /// The number of a pending contact.
    pub exclusion: exclusion_list_entries::Model,
}

impl World {
    /// The rows, in a database of their own.
    pub async fn new(database: Database) -> Self {
        let T { factory: f, organization, user, actor, database } = T::on(database).await;
        let started = time("2026-01-01T12:00:00Z");
        let stranger = f.stranger().await;
        let config = f.provider_config(&organization).with(|row| row.recording_retention_days = Set(1)).await;
        let template = f.email_template(&organization).await;
        let campaign = f
            .campaign(&organization)
            .with(|row| {
                row.status = Set(CampaignStatus::Running);
                row.email_completed_template_id = Set(Some(template.id));
                row.created_by_user_id = Set(Some(user.id));
            })
            .await;
        let due = f.contact(&campaign).await;
        let excluded = f.contact(&campaign).await;
        let exclusion = f
            .exclusion_list_entry(&organization)
            .with(|row| row.phone_number = Set(excluded.phone_number))
            .await;
        let completed = f.contact(&campaign).with(|row| row.state = Set(ContactState::Completed)).await;
        let ended = f
            .call_attempt(&completed)
            .with(|row| {
                row.started_at = Set(started);
                row.outcome = Set(Some(CallOutcome::Completed));
                row.metadata = Set(CallMetadata {
                    recording_url: Some("https://example.com/recording".to_owned()),
                    ..CallMetadata::default()
                });
            })
            .await;
        let called = f
            .contact(&campaign)
            .with(|row| {
                row.state = Set(ContactState::InProgress);
                row.attempts_count = Set(1);
            })
            .await;
        let under_way = f.call_attempt(&called).with(|row| row.started_at = Set(started)).await;
        let response = f.survey_response(&ended).await;
        f.transcript_snippet(&ended).with(|row| row.created_at = Set(started)).await;
        let event = f.event(&completed).await;
        let event_without_email = f.event(&completed).await;
        let email = f.email_notification(&event, &template).await;
        Self {
            database,
            actor,
            organization,
            user,
            stranger,
            config,
            template,
            campaign,
            due,
            completed,
            ended,
            under_way,
            response,
            event,
            event_without_email,
            email,
            exclusion,
        }
    }

    /// Marks the row of a table as deleted at a time, or restores it.
    pub async fn mark(
        &self,
        tx: &impl ConnectionTrait,
        table: &str,
        at: Option<DateTimeUtc>,
    ) -> Result<(), DbErr> {
        let deleted_at = Set(at);
        match table {
            "campaigns" => {
                let id = Set(self.campaign.id);
                campaigns::ActiveModel { id, deleted_at, ..Default::default() }.update(tx).await?;
            }
            "email_templates" => {
                let id = Set(self.template.id);
                email_templates::ActiveModel { id, deleted_at, ..Default::default() }.update(tx).await?;
            }
            "organizations" => {
                let id = Set(self.organization.id);
                organizations::ActiveModel { id, deleted_at, ..Default::default() }.update(tx).await?;
            }
            "users" => {
                for id in [self.user.id, self.stranger.id] {
                    let (id, deleted_at) = (Set(id), deleted_at.clone());
                    users::ActiveModel { id, deleted_at, ..Default::default() }.update(tx).await?;
                }
            }
            _ => panic!("the rows of {table} are not marked as deleted"),
        }
        Ok(())
    }

    /// The same in a transaction of its own.
    pub async fn commit_mark(&self, table: &str, at: Option<DateTimeUtc>) {
        let tx = self.database.admin().await.unwrap();
        self.mark(&tx, table, at).await.unwrap();
        tx.commit().await.unwrap();
    }
}
