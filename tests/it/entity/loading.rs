//! Rows read over their relations, through SeaORM's own functions for it.

use entity::enums::EmailTemplateType;
use entity::id::ContactId;
use entity::{
    call_attempts, campaigns, contacts, email_notifications, email_templates, events, exclusion_list_entries,
    organizations, provider_configs, survey_responses, transcript_snippets, user_organizations, users,
};
use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, IntoActiveModel, JoinType, QuerySelect, QueryTrait, Set};
use tests::code;
use tests::engine::{Engine, on_both_engines};
use tests::factory::{T, open, settings};

/// One row per table, and a second organization with a campaign of its own.
pub struct World {
    pub organization: organizations::Model,
    pub user: users::Model,
    pub template: email_templates::Model,
    pub campaign: campaigns::Model,
    pub foreign_organization: organizations::Model,
    pub foreign_campaign: campaigns::Model,
    pub contact: contacts::Model,
    pub attempt: call_attempts::Model,
    pub response: survey_responses::Model,
    pub event: events::Model,
    pub notification: email_notifications::Model,
    pub exclusion: exclusion_list_entries::Model,
    pub config: provider_configs::Model,
    pub snippet: transcript_snippets::Model,
}

pub async fn world(engine: &Engine) -> World {
    let T { factory, organization, user, .. } =
        T::on(open(&settings(&[("DATABASE_URL", &engine.url)])).await).await;
    let template =
        factory.email_template(&organization).with(|row| row.r#type = Set(EmailTemplateType::Refused)).await;
    let campaign = factory
        .campaign(&organization)
        .with(|row| {
            row.email_refused_template_id = Set(Some(template.id));
            row.created_by_user_id = Set(Some(user.id));
        })
        .await;
    let foreign_organization = factory.organization().await;
    let foreign_campaign = factory.campaign(&foreign_organization).await;
    let contact = factory.contact(&campaign).await;
    let attempt = factory.call_attempt(&contact).await;
    let response = factory.survey_response(&attempt).await;
    let event = factory.event(&contact).await;
    let notification = factory.email_notification(&event, &template).await;
    let exclusion = factory.exclusion_list_entry(&organization).await;
    let config = factory.provider_config(&organization).await;
    let snippet = factory.transcript_snippet(&attempt).await;
    World {
        organization,
        user,
        template,
        campaign,
        foreign_organization,
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

on_both_engines!(migrated: every_key_between_tenant_tables_joins_by_organization_and_id);

async fn every_key_between_tenant_tables_joins_by_organization_and_id(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { campaign, contact, attempt, response, event, notification, snippet, template, .. } =
        &world(engine).await;
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

on_both_engines!(migrated: the_loader_fills_relations_in_both_directions);

async fn the_loader_fills_relations_in_both_directions(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { organization, user, campaign, contact, attempt, snippet, template, .. } =
        &world(engine).await;
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

on_both_engines!(migrated: users_and_organizations_meet_in_their_memberships);

async fn users_and_organizations_meet_in_their_memberships(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { organization, foreign_organization, user, .. } = &world(engine).await;
    assert_eq!(
        organization.find_related(users::Entity).all(db).await.unwrap().as_slice(),
        std::slice::from_ref(user)
    );
    let loaded = users::Entity::load().with(organizations::Entity).one(db).await.unwrap().unwrap();
    assert_eq!(loaded.organizations[0], *organization);
    assert_eq!(foreign_organization.find_related(users::Entity).one(db).await.unwrap(), None);
}

on_both_engines!(migrated: an_organization_reaches_every_tenant_table);

async fn an_organization_reaches_every_tenant_table(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { organization, exclusion, config, .. } = &world(engine).await;
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

on_both_engines!(migrated: a_parent_of_another_organization_is_refused_and_not_found);

async fn a_parent_of_another_organization_is_refused_and_not_found(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { contact, foreign_campaign, .. } = &world(engine).await;
    let stray =
        contacts::Model { id: ContactId::generate(), campaign_id: foreign_campaign.id, ..contact.clone() };
    let found = vec![stray.clone()].load_one(campaigns::Entity, db).await.unwrap();
    assert_eq!(found.as_slice(), &[None::<campaigns::Model>]);
    let error = stray.into_active_model().reset_all().insert(db).await.unwrap_err();
    let violated = if db.get_database_backend() == DbBackend::Postgres { "23503" } else { "787" };
    assert_eq!(code(&error), violated, "{error}");
}

// The fact behind the warnings on `call_attempts::Model::events` and `email_templates`.
on_both_engines!(migrated: a_replaced_list_loses_rows_or_is_ignored);

async fn a_replaced_list_loses_rows_or_is_ignored(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { template, attempt, event, .. } = &world(engine).await;
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

on_both_engines!(migrated: three_keys_to_one_table_are_joined_by_the_relations_name);

async fn three_keys_to_one_table_are_joined_by_the_relations_name(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { campaign, template, .. } = &world(engine).await;
    let pairs = campaigns::Entity::find()
        .filter(campaigns::COLUMN.id.eq(campaign.id))
        .join(JoinType::LeftJoin, campaigns::Relation::EmailRefusedTemplate.def())
        .select_also(email_templates::Entity)
        .all(db)
        .await
        .unwrap();
    assert_eq!(pairs, [(campaign.clone(), Some(template.clone()))]);
}

on_both_engines!(migrated: an_insert_generates_an_id_of_version_7_and_keeps_one_that_is_set);

async fn an_insert_generates_an_id_of_version_7_and_keeps_one_that_is_set(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { config, .. } = &world(engine).await;
    assert_eq!(config.id.as_uuid().get_version_num(), 7);
    let set = "cfg_00000000000000000000000001".parse().unwrap();
    let copy = provider_configs::Model { id: set, ..config.clone() };
    let mut active = copy.into_active_model().reset_all();
    assert_eq!(active.clone().insert(db).await.unwrap().id, set);
    active.id = sea_orm::NotSet;
    assert_ne!(active.insert(db).await.unwrap().id, set);
}

on_both_engines!(migrated: unique_keys_have_their_finders);

async fn unique_keys_have_their_finders(engine: &Engine) {
    let Engine { db, .. } = engine;
    let World { organization, user, contact, attempt, response, exclusion, .. } = &world(engine).await;
    let found = call_attempts::Entity::find_by_contact_id_attempt_number((contact.id, 1)).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(attempt));
    let found = contacts::Entity::find_by_organization_id_id((contact.id, organization.id)).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(contact));
    let found = survey_responses::Entity::find_by_contact_id_campaign_id((contact.id, contact.campaign_id));
    assert_eq!(found.one(db).await.unwrap().as_ref(), Some(response));
    let key = (organization.id, exclusion.phone_number.clone());
    let found = exclusion_list_entries::Entity::find_by_organization_id_phone_number(key).one(db).await;
    assert_eq!(found.unwrap().as_ref(), Some(exclusion));
    assert_eq!(users::Entity::find_by_oidc_sub(&user.oidc_sub).one(db).await.unwrap().as_ref(), Some(user));
}
