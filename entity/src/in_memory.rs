//! Every entity written to an in-memory SQLite and read back over its relations.

use sea_orm::{
    ActiveValue::Set, ConnectOptions, Database, DbBackend, IntoActiveModel, JoinType, QuerySelect,
    QueryTrait, Schema, entity::prelude::*,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    call_attempts, campaigns, contacts, email_notifications, email_templates,
    enums::{
        CallOutcome, CampaignStatus, ContactLanguage, ContactState, EmailStatus, EmailTemplateType,
        EventType, ExclusionSource, LanguageCode, LlmProvider, ProviderType, QuestionType, UserRole,
    },
    events, exclusion_list_entries,
    id::{ContactId, OrganizationId},
    json::{CallMetadata, EventPayload, Preferences},
    organizations, provider_configs, survey_responses, transcript_snippets, user_organizations, users,
};

/// One row per table, and a second organization with a campaign of its own.
struct World {
    db: DatabaseConnection,
    organization: organizations::Model,
    user: users::Model,
    template: email_templates::Model,
    campaign: campaigns::Model,
    foreign_campaign: campaigns::Model,
    contact: contacts::Model,
    attempt: call_attempts::Model,
    response: survey_responses::Model,
    event: events::Model,
    notification: email_notifications::Model,
    exclusion: exclusion_list_entries::Model,
    config: provider_configs::Model,
    snippet: transcript_snippets::Model,
}

fn noon() -> DateTimeUtc {
    "2025-01-15T12:00:00Z".parse().unwrap()
}

async fn create<E: EntityTrait>(db: &DatabaseConnection, entity: E) {
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(entity)).await.unwrap();
    for index in schema.create_index_from_entity(entity) {
        db.execute(&index).await.unwrap();
    }
}

async fn organization(db: &DatabaseConnection, slug: &str) -> organizations::Model {
    organizations::ActiveModel {
        name: Set(slug.to_owned()),
        slug: Set(slug.to_owned()),
        metadata: Set(Preferences::default()),
        created_at: Set(noon()),
        updated_at: Set(noon()),
        ..Default::default()
    }
    .insert(db)
    .await
    .unwrap()
}

async fn campaign(
    db: &DatabaseConnection,
    organization_id: OrganizationId,
    template: Option<&email_templates::Model>,
    author: &users::Model,
) -> campaigns::Model {
    campaigns::ActiveModel {
        organization_id: Set(organization_id),
        name: Set("Survey".to_owned()),
        status: Set(CampaignStatus::Running),
        language: Set(LanguageCode::En),
        intro_script: Set("Hello".to_owned()),
        question_1_text: Set("1?".to_owned()),
        question_2_text: Set("2?".to_owned()),
        question_3_text: Set("3?".to_owned()),
        question_1_type: Set(QuestionType::Scale),
        question_2_type: Set(QuestionType::FreeText),
        question_3_type: Set(QuestionType::Numeric),
        max_attempts: Set(3),
        retry_interval_minutes: Set(60),
        allowed_call_start_local: Set("09:00".parse().unwrap()),
        allowed_call_end_local: Set("20:00".parse().unwrap()),
        email_refused_template_id: Set(template.map(|template| template.id)),
        created_by_user_id: Set(Some(author.id)),
        created_at: Set(noon()),
        updated_at: Set(noon()),
        ..Default::default()
    }
    .insert(db)
    .await
    .unwrap()
}

#[expect(clippy::too_many_lines, reason = "one statement per table")]
async fn world() -> World {
    let mut options = ConnectOptions::new("sqlite::memory:");
    // Each connection to :memory: is a database of its own.
    options.max_connections(1).min_connections(1);
    let db = Database::connect(options).await.unwrap();
    create(&db, organizations::Entity).await;
    create(&db, users::Entity).await;
    create(&db, user_organizations::Entity).await;
    create(&db, email_templates::Entity).await;
    create(&db, campaigns::Entity).await;
    create(&db, contacts::Entity).await;
    create(&db, exclusion_list_entries::Entity).await;
    create(&db, call_attempts::Entity).await;
    create(&db, survey_responses::Entity).await;
    create(&db, events::Entity).await;
    create(&db, email_notifications::Entity).await;
    create(&db, provider_configs::Entity).await;
    create(&db, transcript_snippets::Entity).await;

    let organization_ = organization(&db, "acme").await;
    let foreign = organization(&db, "other").await;
    let organization_id = Set(organization_.id);
    let (created_at, updated_at) = (Set(noon()), Set(noon()));
    let user = users::ActiveModel {
        oidc_sub: Set("sub-1".to_owned()),
        email: Set("manager@voicesurvey.local".to_owned()),
        name: Set("Manager".to_owned()),
        role: Set(UserRole::CampaignManager),
        metadata: Set(serde_json::from_value(json!({ "theme": "dark" })).unwrap()),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    user_organizations::ActiveModel {
        user_id: Set(user.id),
        organization_id: organization_id.clone(),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let template = email_templates::ActiveModel {
        organization_id: organization_id.clone(),
        name: Set("Survey Refused - EN".to_owned()),
        r#type: Set(EmailTemplateType::Refused),
        subject: Set("Hello {{contact_name}}".to_owned()),
        body_html: Set("<p>Hello</p>".to_owned()),
        locale: Set(LanguageCode::En),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let campaign_ = campaign(&db, organization_.id, Some(&template), &user).await;
    let foreign_campaign = campaign(&db, foreign.id, None, &user).await;
    let contact = contacts::ActiveModel {
        organization_id: organization_id.clone(),
        campaign_id: Set(campaign_.id),
        phone_number: Set("+14155550101".to_owned()),
        preferred_language: Set(ContactLanguage::Auto),
        has_prior_consent: Set(true),
        do_not_call: Set(false),
        state: Set(ContactState::NotReached),
        attempts_count: Set(1),
        last_outcome: Set(Some(CallOutcome::NoAnswer)),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let exclusion = exclusion_list_entries::ActiveModel {
        organization_id: organization_id.clone(),
        phone_number: Set("+14155550199".to_owned()),
        source: Set(ExclusionSource::Api),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let attempt = call_attempts::ActiveModel {
        organization_id: organization_id.clone(),
        contact_id: Set(contact.id),
        campaign_id: Set(campaign_.id),
        attempt_number: Set(1),
        call_id: Set("call-1".to_owned()),
        started_at: Set(noon()),
        outcome: Set(Some(CallOutcome::NoAnswer)),
        metadata: Set(CallMetadata { duration_seconds: Some(61), ..Default::default() }),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let response = survey_responses::ActiveModel {
        organization_id: organization_id.clone(),
        contact_id: Set(contact.id),
        campaign_id: Set(campaign_.id),
        call_attempt_id: Set(attempt.id),
        q1_answer: Set(Some("9".to_owned())),
        q1_confidence: Set(Some("0.95".parse().unwrap())),
        completed_at: Set(noon()),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let event = events::ActiveModel {
        organization_id: organization_id.clone(),
        event_type: Set(EventType::SurveyRefused),
        campaign_id: Set(campaign_.id),
        contact_id: Set(contact.id),
        call_attempt_id: Set(None),
        payload: Set(EventPayload { outcome: Some(CallOutcome::Refused), ..Default::default() }),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let notification = email_notifications::ActiveModel {
        organization_id: organization_id.clone(),
        event_id: Set(event.id),
        contact_id: Set(contact.id),
        campaign_id: Set(campaign_.id),
        template_id: Set(template.id),
        to_email: Set("contact1@example.com".to_owned()),
        status: Set(EmailStatus::Pending),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let config = provider_configs::ActiveModel {
        organization_id: organization_id.clone(),
        provider_type: Set(ProviderType::TelephonyApi),
        provider_name: Set("twilio".to_owned()),
        outbound_number: Set("+14155551234".to_owned()),
        max_concurrent_calls: Set(5),
        llm_provider: Set(LlmProvider::AzureOpenAi),
        llm_model: Set("gpt-4.1-mini".to_owned()),
        recording_retention_days: Set(180),
        transcript_retention_days: Set(180),
        created_at: created_at.clone(),
        updated_at: updated_at.clone(),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    let snippet = transcript_snippets::ActiveModel {
        organization_id,
        call_attempt_id: Set(attempt.id),
        transcript_text: Set("Hello".to_owned()),
        language: Set(LanguageCode::It),
        created_at,
        updated_at,
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    World {
        db,
        organization: organization_,
        user,
        template,
        campaign: campaign_,
        foreign_campaign,
        contact,
        attempt,
        response,
        event,
        notification,
        exclusion,
        config,
        snippet,
    }
}

#[tokio::test]
async fn every_key_between_tenant_tables_joins_by_organization_and_id() {
    let World { db, campaign, contact, attempt, response, event, notification, snippet, template, .. } =
        &world().await;
    macro_rules! assert_joins {
        ($($child:ident -> $parents:ident $parent:ident);+ $(;)?) => {$({
            let select = $child.find_related($parents::Entity);
            let sql = select.build(DbBackend::Sqlite).to_string();
            assert!(sql.contains(r#""organization_id" = "#), "{sql}");
            assert_eq!(select.one(db).await.unwrap().as_ref(), Some($parent));
        })+};
    }
    assert_joins! {
        contact -> campaigns campaign;
        attempt -> campaigns campaign;
        attempt -> contacts contact;
        response -> call_attempts attempt;
        response -> campaigns campaign;
        response -> contacts contact;
        event -> campaigns campaign;
        event -> contacts contact;
        notification -> campaigns campaign;
        notification -> contacts contact;
        notification -> email_templates template;
        notification -> events event;
        snippet -> call_attempts attempt;
    }
    let pairs = contacts::Entity::find().find_also_related(campaigns::Entity).all(db).await.unwrap();
    assert_eq!(pairs, [(contact.clone(), Some(campaign.clone()))]);
    let pairs = events::Entity::find().find_also_related(call_attempts::Entity).all(db).await.unwrap();
    assert_eq!(pairs, [(event.clone(), None)]);
}

#[tokio::test]
async fn the_loader_fills_relations_in_both_directions() {
    let World { db, organization, user, campaign, contact, attempt, snippet, template, .. } = &world().await;
    let loaded = campaigns::Entity::load()
        .filter(campaigns::COLUMN.id.eq(campaign.id))
        .with(users::Entity)
        .with(organizations::Entity)
        .with((contacts::Entity, call_attempts::Entity))
        .with(campaigns::Relation::EmailRefusedTemplate)
        .with(campaigns::Relation::EmailCompletedTemplate)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded.organization.as_ref().unwrap(), organization);
    assert_eq!(loaded.created_by_user.as_ref().unwrap(), user);
    assert_eq!(loaded.email_refused_template.as_ref().unwrap(), template);
    assert!(loaded.email_completed_template.as_ref().is_none());
    assert_eq!(loaded.contacts[0], *contact);
    assert_eq!(loaded.contacts[0].call_attempts[0], *attempt);

    let loaded = email_templates::Entity::load()
        .with(email_templates::Relation::CampaignsIfCompleted)
        .with(email_templates::Relation::CampaignsIfRefused)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    assert!(loaded.campaigns_if_completed.is_empty());
    assert_eq!(loaded.campaigns_if_refused[0], *campaign);

    let loaded =
        call_attempts::Entity::load().with(transcript_snippets::Entity).one(db).await.unwrap().unwrap();
    assert_eq!(loaded.transcript_snippets[0], *snippet);
}

#[tokio::test]
async fn users_and_organizations_meet_in_their_memberships() {
    let World { db, organization, user, .. } = &world().await;
    assert_eq!(
        organization.find_related(users::Entity).all(db).await.unwrap().as_slice(),
        std::slice::from_ref(user)
    );
    let loaded = users::Entity::load().with(organizations::Entity).one(db).await.unwrap().unwrap();
    assert_eq!(loaded.organizations[0], *organization);
    let other = organizations::Entity::find_by_slug("other").one(db).await.unwrap().unwrap();
    assert_eq!(other.find_related(users::Entity).one(db).await.unwrap(), None);
}

#[tokio::test]
async fn an_organization_reaches_every_tenant_table() {
    let World { db, organization, exclusion, config, .. } = &world().await;
    let loaded = organizations::Entity::load()
        .filter(organizations::COLUMN.id.eq(organization.id))
        .with(call_attempts::Entity)
        .with(campaigns::Entity)
        .with(contacts::Entity)
        .with(email_notifications::Entity)
        .with(email_templates::Entity)
        .with(events::Entity)
        .with(exclusion_list_entries::Entity)
        .with(provider_configs::Entity)
        .with(survey_responses::Entity)
        .with(transcript_snippets::Entity)
        .with(user_organizations::Entity)
        .with(users::Entity)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded.exclusion_list_entries[0], *exclusion);
    assert_eq!(loaded.provider_configs[0], *config);
    for (table, rows) in [
        ("call_attempts", loaded.call_attempts.len()),
        ("campaigns", loaded.campaigns.len()),
        ("contacts", loaded.contacts.len()),
        ("email_notifications", loaded.email_notifications.len()),
        ("email_templates", loaded.email_templates.len()),
        ("events", loaded.events.len()),
        ("survey_responses", loaded.survey_responses.len()),
        ("transcript_snippets", loaded.transcript_snippets.len()),
        ("user_organizations", loaded.user_organizations.len()),
        ("users", loaded.users.len()),
    ] {
        assert_eq!(rows, 1, "{table}");
    }
}

#[tokio::test]
async fn a_parent_of_another_organization_is_refused_and_not_found() {
    let World { db, contact, foreign_campaign, .. } = &world().await;
    let stray =
        contacts::Model { id: ContactId::generate(), campaign_id: foreign_campaign.id, ..contact.clone() };
    let found = vec![stray.clone()].load_one(campaigns::Entity, db).await.unwrap();
    assert_eq!(found.as_slice(), &[None::<campaigns::Model>]);
    let error = stray.into_active_model().reset_all().insert(db).await.unwrap_err();
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
}

// The fact behind the warnings on `call_attempts::Model::events` and `email_templates`.
#[tokio::test]
async fn a_replaced_list_loses_rows_or_is_ignored() {
    let World { db, template, attempt, event, .. } = &world().await;
    let mut event = event.clone().into_active_model();
    event.call_attempt_id = Set(Some(attempt.id));
    event.update(db).await.unwrap();
    let mut attempt = attempt.clone().into_ex().into_active_model();
    attempt.events.replace_all(Vec::<events::ActiveModelEx>::new());
    attempt.save(db).await.unwrap();
    assert_eq!(events::Entity::find().count(db).await.unwrap(), 0, "deleted, though the key is nullable");

    let mut edited = template.clone().into_ex().into_active_model();
    edited.campaigns_if_refused.replace_all(Vec::<campaigns::ActiveModelEx>::new());
    edited.save(db).await.unwrap();
    let using = campaigns::COLUMN.email_refused_template_id.eq(Some(template.id));
    assert_eq!(campaigns::Entity::find().filter(using).count(db).await.unwrap(), 1, "silently ignored");
}

#[tokio::test]
async fn three_keys_to_one_table_are_joined_by_the_relations_name() {
    let World { db, campaign, template, .. } = &world().await;
    let pairs = campaigns::Entity::find()
        .filter(campaigns::COLUMN.id.eq(campaign.id))
        .join(JoinType::LeftJoin, campaigns::Relation::EmailRefusedTemplate.def())
        .select_also(email_templates::Entity)
        .all(db)
        .await
        .unwrap();
    assert_eq!(pairs, [(campaign.clone(), Some(template.clone()))]);
}

#[tokio::test]
async fn an_insert_makes_an_id_of_version_7_and_keeps_one_that_is_set() {
    let World { db, config, .. } = &world().await;
    assert_eq!(config.id.as_uuid().get_version_num(), 7);
    let set = "cfg_00000000000000000000000001".parse().unwrap();
    let copy = provider_configs::Model { id: set, ..config.clone() };
    let mut active = copy.into_active_model().reset_all();
    assert_eq!(active.clone().insert(db).await.unwrap().id, set);
    active.id = sea_orm::NotSet;
    assert_ne!(active.insert(db).await.unwrap().id, set);
}

#[tokio::test]
async fn unique_keys_have_their_finders() {
    let World { db, organization, user, contact, attempt, response, exclusion, .. } = &world().await;
    let found = call_attempts::Entity::find_by_contact_id_attempt_number((contact.id, 1)).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(attempt));
    let found = contacts::Entity::find_by_organization_id_id((contact.id, organization.id)).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(contact));
    let found = survey_responses::Entity::find_by_contact_id_campaign_id((contact.id, contact.campaign_id));
    assert_eq!(found.one(db).await.unwrap().as_ref(), Some(response));
    let key = (organization.id, exclusion.phone_number.clone());
    let found = exclusion_list_entries::Entity::find_by_organization_id_phone_number(key).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(exclusion));
    assert_eq!(users::Entity::find_by_oidc_sub("sub-1").one(db).await.unwrap().as_ref(), Some(user));
}

fn assert_survives_json<M: DeserializeOwned + PartialEq + Serialize + std::fmt::Debug>(model: &M) {
    let text = serde_json::to_string(model).unwrap();
    assert_eq!(serde_json::from_str::<M>(&text).unwrap(), *model, "{text}");
}

#[tokio::test]
async fn every_model_survives_json() {
    let world = world().await;
    assert_survives_json(&world.organization);
    assert_survives_json(&world.user);
    assert_survives_json(&world.template);
    assert_survives_json(&world.campaign);
    assert_survives_json(&world.contact);
    assert_survives_json(&world.exclusion);
    assert_survives_json(&world.attempt);
    assert_survives_json(&world.response);
    assert_survives_json(&world.event);
    assert_survives_json(&world.notification);
    assert_survives_json(&world.config);
    assert_survives_json(&world.snippet);
}

#[test]
fn a_record_is_readable_from_yaml() {
    let response: survey_responses::Model = serde_saphyr::from_str(
        r#"
id: rsp_00000000000000000000000001
organization_id: org_00000000000000000000000001
contact_id: con_00000000000000000000000001
campaign_id: cmp_00000000000000000000000001
call_attempt_id: att_00000000000000000000000001
q1_answer: "9"
q1_confidence: 0.95
q2_confidence: "0.5"
q3_confidence: 1
completed_at: 2025-01-15T12:00:00Z
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
"#,
    )
    .unwrap();
    assert_eq!(response.q1_confidence, Some("0.95".parse().unwrap()));
    assert_eq!(response.q2_confidence, Some("0.5".parse().unwrap()));
    assert_eq!(response.q3_confidence, Some(Decimal::ONE));
    assert_eq!(response.q2_answer, None);

    let campaign = r"
id: cmp_00000000000000000000000001
organization_id: org_00000000000000000000000001
name: Customer Satisfaction Survey Q1 2025
status: draft
language: en
intro_script: Hello
question_1_text: a
question_2_text: b
question_3_text: c
question_1_type: scale
question_2_type: free_text
question_3_type: numeric
max_attempts: 3
retry_interval_minutes: 60
allowed_call_start_local: 09:00:00
allowed_call_end_local: 20:00
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
";
    let model: campaigns::Model = serde_saphyr::from_str(campaign).unwrap();
    assert_eq!(model.allowed_call_end_local, "20:00:00".parse::<Time>().unwrap());
    assert_eq!(model.deleted_at, None);

    let event: events::Model = serde_saphyr::from_str(
        r"
id: evt_00000000000000000000000001
organization_id: org_00000000000000000000000001
event_type: survey.completed
campaign_id: cmp_00000000000000000000000001
contact_id: con_00000000000000000000000001
payload:
  attempt_number: 1
  answers: [{ answer: 'yes', confidence: 0.9 }]
  trace: { id: 7 }
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
",
    )
    .unwrap();
    assert_eq!(event.payload.attempt_number, Some(1));
    assert_eq!(event.payload.other["trace"], json!({ "id": 7 }));

    for (from, to, reason) in [
        ("name:", "nmae:", "nmae"),
        ("cmp_0", "con_0", "`con`, expected `cmp`"),
        ("draft", "drafted", "campaign_status"),
        ("language: en\n", "", "language"),
    ] {
        let error = serde_saphyr::from_str::<campaigns::Model>(&campaign.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
