//! One row of each table, so that each query finds something: rows of their own, or some of many.

use crate::factory::T;
use crate::queries::time;
use database::{Actor, Database};
use entity::enums::{CallOutcome, CampaignStatus, ContactState};
use entity::json::CallMetadata;
use entity::{
    call_attempts, campaigns, contacts, email_notifications, email_templates, events, exclusion_list_entries,
    organizations, provider_configs, survey_responses, user_organizations, users,
};
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, Set,
};
use sea_query::Query;

/// The tables whose rows are marked as deleted.
pub const TABLES: [&str; 4] = ["campaigns", "email_templates", "organizations", "users"];

/// The rows of one organization.
#[derive(Debug)]
pub struct World {
    /// Whether there are many others, of which none is removed to prepare a call.
    pub is_large: bool,
    /// The rows of a batch and of a page.
    pub batch: u16,

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
            is_large: false,
            batch: 10,
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

    /// Some of the rows of a database that was filled, of a campaign that runs.
    pub async fn of_many(database: Database) -> Self {
        let tx = database.admin().await.unwrap();
        let campaign = campaigns::Entity::find()
            .filter(campaigns::COLUMN.status.eq(CampaignStatus::Running))
            .filter(campaigns::COLUMN.deleted_at.is_null())
            .order_by_asc(campaigns::Column::Id);
        let campaign = first(campaign, &tx).await;
        let of = campaign.organization_id;
        let contact = async |state: ContactState| {
            let contact = contacts::Entity::find()
                .filter(contacts::COLUMN.campaign_id.eq(campaign.id))
                .filter(contacts::COLUMN.state.eq(state))
                .order_by_asc(contacts::Column::Id);
            first(contact, &tx).await
        };
        let attempt = async |contact: &contacts::Model| {
            let attempt = call_attempts::Entity::find()
                .filter(call_attempts::COLUMN.contact_id.eq(contact.id))
                .order_by_desc(call_attempts::Column::AttemptNumber);
            first(attempt, &tx).await
        };
        let due = contact(ContactState::Pending).await;
        let completed = contact(ContactState::Completed).await;
        let ended = attempt(&completed).await;
        let under_way = attempt(&contact(ContactState::InProgress).await).await;
        let members = Query::select()
            .column(user_organizations::Column::UserId)
            .from(user_organizations::Entity)
            .and_where(user_organizations::COLUMN.organization_id.eq(of))
            .to_owned();
        let live =
            users::Entity::find().filter(users::COLUMN.deleted_at.is_null()).order_by_asc(users::Column::Id);
        let user = first(live.clone().filter(users::COLUMN.id.in_subquery(members.clone())), &tx).await;
        let stranger = first(live.filter(users::COLUMN.id.not_in_subquery(members)), &tx).await;
        let email = email_notifications::Entity::find()
            .filter(email_notifications::COLUMN.campaign_id.eq(campaign.id))
            .order_by_asc(email_notifications::Column::Id);
        let email = first(email, &tx).await;
        let without = Query::select()
            .column(email_notifications::Column::EventId)
            .from(email_notifications::Entity)
            .to_owned();
        let without = events::Entity::find()
            .filter(events::COLUMN.campaign_id.eq(campaign.id))
            .filter(events::COLUMN.id.not_in_subquery(without))
            .order_by_asc(events::Column::Id);
        let world = Self {
            is_large: true,
            batch: 50,
            actor: Actor { organization: of, user: user.id },
            organization: first(organizations::Entity::find_by_id(of), &tx).await,
            user,
            stranger,
            config: first(
                provider_configs::Entity::find().filter(provider_configs::COLUMN.organization_id.eq(of)),
                &tx,
            )
            .await,
            template: first(email_templates::Entity::find_by_id(email.template_id), &tx).await,
            response: first(
                survey_responses::Entity::find().filter(survey_responses::COLUMN.contact_id.eq(completed.id)),
                &tx,
            )
            .await,
            event: first(events::Entity::find_by_id(email.event_id), &tx).await,
            event_without_email: first(without, &tx).await,
            exclusion: first(
                exclusion_list_entries::Entity::find()
                    .filter(exclusion_list_entries::COLUMN.organization_id.eq(of))
                    .order_by_asc(exclusion_list_entries::Column::Id),
                &tx,
            )
            .await,
            email,
            campaign,
            due,
            completed,
            ended,
            under_way,
            database: database.clone(),
        };
        tx.rollback().await.unwrap();
        world
    }

    /// Removes all rows of a table, so that a call finds what it requires; of many rows it removes none.
    pub async fn remove_all<E: EntityTrait>(&self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        if !self.is_large {
            E::delete_many().exec(tx).await?;
        }
        Ok(())
    }

    /// The value, which another row has; of many rows a value that none has, so that an insert succeeds.
    pub fn taken(&self, value: &str) -> String {
        if self.is_large { format!("new-{value}") } else { value.to_owned() }
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

/// The first row, which exists.
async fn first<E: EntityTrait>(rows: Select<E>, tx: &impl ConnectionTrait) -> E::Model {
    rows.limit(1).one(tx).await.unwrap().unwrap_or_else(|| panic!("no row of {}", E::default().as_str()))
}
