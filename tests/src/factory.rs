//! The rows of tests: each test has an organization of its own, in one migrated PostgreSQL database that all share.
//!
//! ```no_run
//! # async fn example() {
//! use entity::enums::CampaignStatus;
//! use sea_orm::Set;
//! use tests::factory::T;
//!
//! let t = T::new().await;
//! let campaign = t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
//! let contact = t.factory.contact(&campaign).await;
//! let tx = t.customer().await;
//! assert!(database::contacts::find(&tx, contact.id).await.unwrap().is_some());
//! # }
//! ```

use crate::migrated;
use database::{Actor, AdminTx, CustomerTx, Database, Settings};
use entity::enums::{
    CampaignStatus, ContactLanguage, ContactState, EmailStatus, EmailTemplateType, EventType,
    ExclusionSource, LanguageCode, LlmProvider, ProviderType, QuestionType, UserRole,
};
use entity::id::{
    CallAttemptId, CampaignId, ContactId, EmailNotificationId, EmailTemplateId, EventId,
    ExclusionListEntryId, OrganizationId, ProviderConfigId, SurveyResponseId, TranscriptSnippetId, UserId,
    UserOrganizationId,
};
use entity::json::{CallMetadata, EventPayload, Preferences};
use entity::{
    call_attempts, campaigns, contacts, email_notifications, email_templates, events, exclusion_list_entries,
    organizations, provider_configs, survey_responses, transcript_snippets, user_organizations, users,
};
use sea_orm::prelude::ChronoTime;
use sea_orm::{ActiveModelBehavior, ActiveModelTrait, EntityTrait, IntoActiveModel, NotSet, Set};
use std::ffi::OsString;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::OnceCell;

/// What a test starts with: the database, an organization of its own, and a user who is its member.
///
/// The pools belong to the test, because connections do not outlive the runtime that opened them; the database
/// behind them is one for the whole process.
#[derive(Debug)]
pub struct T {
    /// The pools. The owner takes the customer's role, as in development.
    pub database: Database,
    /// Inserts further rows.
    pub factory: Factory,
    /// The test's organization.
    pub organization: organizations::Model,
    /// Its member.
    pub user: users::Model,
    /// Both, to begin a customer's transaction with.
    pub actor: Actor,
}

impl T {
    /// A new organization with its member, on the shared database.
    pub async fn new() -> Self {
        static SHARED: OnceCell<scratch::Database> = OnceCell::const_new();
        let shared = SHARED.get_or_init(|| migrated("shared")).await;
        Self::on(open(&settings(&[("DATABASE_URL", &shared.url())])).await).await
    }

    /// A new organization with its member, on a database of the test's own, for pools with these variables.
    pub async fn alone(name: &str, variables: &[(&str, &str)]) -> (scratch::Database, Self) {
        let own = migrated(name).await;
        let settings = settings(&[variables, &[("DATABASE_URL", &own.url())]].concat());
        let t = Self::on(open(&settings).await).await;
        (own, t)
    }

    /// A new organization with its member, on this database.
    pub async fn on(database: Database) -> Self {
        let factory = Factory::new(database.clone());
        let organization = factory.organization().await;
        let user = factory.user(&organization).await;
        let actor = Actor { organization: organization.id, user: user.id };
        Self { database, factory, organization, user, actor }
    }

    /// Another organization with its member, on the same pools.
    pub async fn neighbour(&self) -> Self {
        Self::on(self.database.clone()).await
    }

    /// Begins a transaction that sees all rows.
    pub async fn admin(&self) -> AdminTx {
        self.database.admin().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Begins a transaction of the test's user for the test's organization.
    pub async fn customer(&self) -> CustomerTx {
        self.database.customer(self.actor).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Settings for tests: these variables, and the defaults for the rest.
#[must_use]
pub fn settings(variables: &[(&str, &str)]) -> Settings {
    let read = Settings::read(|name| {
        let default = (name == "APP_ENV").then_some("test");
        let given = variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| *value);
        given.or(default).map(OsString::from)
    });
    read.unwrap_or_else(|error| panic!("{error}"))
}

/// The pools of these settings.
pub async fn open(settings: &Settings) -> Database {
    Database::connect(settings).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Inserts rows as the owner. Each is committed at once, and its values are unique in this process.
#[derive(Clone, Debug)]
pub struct Factory {
    database: Database,
}

impl Factory {
    /// A factory for this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// An organization without members.
    pub fn organization(&self) -> New<organizations::ActiveModel> {
        let number = number();
        self.new_row(organizations::ActiveModel {
            id: Set(OrganizationId::generate()),
            name: Set(format!("Organization {number}")),
            slug: Set(format!("organization-{number}")),
            metadata: Set(Preferences::default()),
            deleted_at: NotSet,
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A campaign manager who is a member of the organization.
    pub fn user(&self, organization: &organizations::Model) -> NewMember {
        NewMember { user: self.stranger(), organization: organization.id }
    }

    /// A campaign manager who is a member of no organization.
    pub fn stranger(&self) -> New<users::ActiveModel> {
        let number = number();
        self.new_row(users::ActiveModel {
            id: Set(UserId::generate()),
            oidc_sub: Set(format!("subject-{number}")),
            email: Set(format!("user-{number}@example.com")),
            name: Set(format!("User {number}")),
            role: Set(UserRole::CampaignManager),
            metadata: Set(Preferences::default()),
            deleted_at: NotSet,
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// The membership of a user.
    pub fn user_organization(
        &self,
        user: &users::Model,
        organization: &organizations::Model,
    ) -> New<user_organizations::ActiveModel> {
        self.new_row(user_organizations::ActiveModel {
            id: Set(UserOrganizationId::generate()),
            user_id: Set(user.id),
            organization_id: Set(organization.id),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// An English template for completed surveys.
    pub fn email_template(&self, organization: &organizations::Model) -> New<email_templates::ActiveModel> {
        let number = number();
        self.new_row(email_templates::ActiveModel {
            id: Set(EmailTemplateId::generate()),
            organization_id: Set(organization.id),
            name: Set(format!("Template {number}")),
            r#type: Set(EmailTemplateType::Completed),
            subject: Set("Thank you, {{contact_name}}".to_owned()),
            body_html: Set("<p>Thank you, {{contact_name}}.</p>".to_owned()),
            body_text: Set(Some("Thank you, {{contact_name}}.".to_owned())),
            locale: Set(LanguageCode::En),
            deleted_at: NotSet,
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A draft without an author, templates or contacts.
    pub fn campaign(&self, organization: &organizations::Model) -> New<campaigns::ActiveModel> {
        let number = number();
        self.new_row(campaigns::ActiveModel {
            id: Set(CampaignId::generate()),
            organization_id: Set(organization.id),
            name: Set(format!("Campaign {number}")),
            description: Set(None),
            status: Set(CampaignStatus::Draft),
            language: Set(LanguageCode::En),
            intro_script: Set("Hello, may I ask you three questions?".to_owned()),
            question_1_text: Set("How satisfied are you, from 1 to 10?".to_owned()),
            question_2_text: Set("What could be better?".to_owned()),
            question_3_text: Set("How often did you visit us?".to_owned()),
            question_1_type: Set(QuestionType::Scale),
            question_2_type: Set(QuestionType::FreeText),
            question_3_type: Set(QuestionType::Numeric),
            max_attempts: Set(3),
            retry_interval_minutes: Set(60),
            allowed_call_start_local: Set(hour(9)),
            allowed_call_end_local: Set(hour(20)),
            email_completed_template_id: Set(None),
            email_refused_template_id: Set(None),
            email_not_reached_template_id: Set(None),
            created_by_user_id: Set(None),
            deleted_at: NotSet,
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A pending contact with a number of its own.
    pub fn contact(&self, campaign: &campaigns::Model) -> New<contacts::ActiveModel> {
        let number = number();
        self.new_row(contacts::ActiveModel {
            id: Set(ContactId::generate()),
            organization_id: Set(campaign.organization_id),
            campaign_id: Set(campaign.id),
            external_contact_id: Set(Some(format!("EXT-{number}"))),
            phone_number: Set(phone_number(number)),
            email: Set(Some(format!("contact-{number}@example.com"))),
            preferred_language: Set(ContactLanguage::Auto),
            has_prior_consent: Set(true),
            do_not_call: Set(false),
            state: Set(ContactState::Pending),
            attempts_count: Set(0),
            last_attempt_at: Set(None),
            last_outcome: Set(None),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A number of its own that the organization never calls.
    pub fn exclusion_list_entry(
        &self,
        organization: &organizations::Model,
    ) -> New<exclusion_list_entries::ActiveModel> {
        self.new_row(exclusion_list_entries::ActiveModel {
            id: Set(ExclusionListEntryId::generate()),
            organization_id: Set(organization.id),
            phone_number: Set(phone_number(number())),
            reason: Set(Some("asked for it".to_owned())),
            source: Set(ExclusionSource::Manual),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// The first call to a contact, under way.
    pub fn call_attempt(&self, contact: &contacts::Model) -> New<call_attempts::ActiveModel> {
        let number = number();
        self.new_row(call_attempts::ActiveModel {
            id: Set(CallAttemptId::generate()),
            organization_id: Set(contact.organization_id),
            contact_id: Set(contact.id),
            campaign_id: Set(contact.campaign_id),
            attempt_number: Set(1),
            call_id: Set(format!("call-{number}")),
            provider_call_id: Set(Some(format!("provider-call-{number}"))),
            started_at: NotSet,
            answered_at: Set(None),
            ended_at: Set(None),
            outcome: Set(None),
            provider_raw_status: Set(None),
            error_code: Set(None),
            metadata: Set(CallMetadata::default()),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// The answers that were given in a call, without confidences.
    pub fn survey_response(&self, call_attempt: &call_attempts::Model) -> New<survey_responses::ActiveModel> {
        self.new_row(survey_responses::ActiveModel {
            id: Set(SurveyResponseId::generate()),
            organization_id: Set(call_attempt.organization_id),
            contact_id: Set(call_attempt.contact_id),
            campaign_id: Set(call_attempt.campaign_id),
            call_attempt_id: Set(call_attempt.id),
            q1_answer: Set(Some("9".to_owned())),
            q2_answer: Set(Some("Nothing.".to_owned())),
            q3_answer: Set(Some("4".to_owned())),
            q1_confidence: Set(None),
            q2_confidence: Set(None),
            q3_confidence: Set(None),
            completed_at: NotSet,
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A completed survey that no call is named for, waiting for the bus.
    pub fn event(&self, contact: &contacts::Model) -> New<events::ActiveModel> {
        self.new_row(events::ActiveModel {
            id: Set(EventId::generate()),
            organization_id: Set(contact.organization_id),
            event_type: Set(EventType::SurveyCompleted),
            campaign_id: Set(contact.campaign_id),
            contact_id: Set(contact.id),
            call_attempt_id: Set(None),
            payload: Set(EventPayload::default()),
            published_at: Set(None),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// An e-mail to be sent for an event.
    pub fn email_notification(
        &self,
        event: &events::Model,
        template: &email_templates::Model,
    ) -> New<email_notifications::ActiveModel> {
        self.new_row(email_notifications::ActiveModel {
            id: Set(EmailNotificationId::generate()),
            organization_id: Set(event.organization_id),
            event_id: Set(event.id),
            contact_id: Set(event.contact_id),
            campaign_id: Set(event.campaign_id),
            template_id: Set(template.id),
            to_email: Set(format!("contact-{}@example.com", number())),
            status: Set(EmailStatus::Pending),
            provider_message_id: Set(None),
            error_message: Set(None),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// The default settings of an organization.
    pub fn provider_config(&self, organization: &organizations::Model) -> New<provider_configs::ActiveModel> {
        self.new_row(provider_configs::ActiveModel {
            id: Set(ProviderConfigId::generate()),
            organization_id: Set(organization.id),
            provider_type: Set(ProviderType::TelephonyApi),
            provider_name: Set("twilio".to_owned()),
            outbound_number: Set(phone_number(number())),
            max_concurrent_calls: Set(5),
            llm_provider: Set(LlmProvider::OpenAi),
            llm_model: Set("gpt-4.1-mini".to_owned()),
            recording_retention_days: Set(180),
            transcript_retention_days: Set(180),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    /// A part of what was said in a call.
    pub fn transcript_snippet(
        &self,
        call_attempt: &call_attempts::Model,
    ) -> New<transcript_snippets::ActiveModel> {
        self.new_row(transcript_snippets::ActiveModel {
            id: Set(TranscriptSnippetId::generate()),
            organization_id: Set(call_attempt.organization_id),
            call_attempt_id: Set(call_attempt.id),
            transcript_text: Set("Nine, I would say.".to_owned()),
            language: Set(LanguageCode::En),
            created_at: NotSet,
            updated_at: NotSet,
        })
    }

    fn new_row<A>(&self, row: A) -> New<A> {
        New { database: self.database.clone(), row }
    }
}

/// A row that `.await` inserts.
#[derive(Clone, Debug)]
#[must_use = "the row is inserted by `.await`"]
pub struct New<A> {
    database: Database,
    row: A,
}

impl<A> New<A> {
    /// Changes the row before it is inserted.
    pub fn with(mut self, change: impl FnOnce(&mut A)) -> Self {
        change(&mut self.row);
        self
    }
}

/// The row of an `ActiveModel`.
type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// The future that inserts a row.
pub type Inserting<Row> = Pin<Box<dyn Future<Output = Row> + Send>>;

impl<A> IntoFuture for New<A>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send + 'static,
    Row<A>: IntoActiveModel<A> + Send,
{
    type Output = Row<A>;
    type IntoFuture = Inserting<Row<A>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { database, row } = self;
            let tx = database.admin().await.unwrap_or_else(|error| panic!("{error}"));
            let row = row.insert(&tx).await.unwrap_or_else(|error| panic!("{error}"));
            tx.commit().await.unwrap_or_else(|error| panic!("{error}"));
            row
        })
    }
}

/// A user that `.await` inserts together with the membership.
#[derive(Clone, Debug)]
#[must_use = "the user is inserted by `.await`"]
pub struct NewMember {
    user: New<users::ActiveModel>,
    organization: OrganizationId,
}

impl NewMember {
    /// Changes the user before it is inserted.
    pub fn with(mut self, change: impl FnOnce(&mut users::ActiveModel)) -> Self {
        self.user = self.user.with(change);
        self
    }
}

impl IntoFuture for NewMember {
    type Output = users::Model;
    type IntoFuture = Inserting<users::Model>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { user, organization } = self;
            let database = user.database.clone();
            let user = user.await;
            // Not by `user_organizations::add`, which refuses a user that is inserted as deleted.
            let membership = user_organizations::ActiveModel {
                id: Set(UserOrganizationId::generate()),
                user_id: Set(user.id),
                organization_id: Set(organization),
                created_at: NotSet,
                updated_at: NotSet,
            };
            New { database, row: membership }.await;
            user
        })
    }
}

/// A number that is unique in this process.
fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// The E.164 number of this number.
fn phone_number(number: u64) -> String {
    format!("+1{number:010}")
}

fn hour(hour: u32) -> ChronoTime {
    ChronoTime::from_hms_opt(hour, 0, 0).unwrap_or_default()
}
