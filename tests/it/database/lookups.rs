//! The rule of each typed query, and that none reaches another organization's rows.

use database::call_attempts as calls;
use database::campaigns::{CampaignChanges, FieldError, NewCampaign, Question};
use database::contacts::{NewContact, StateCounts};
use database::email_notifications::NewEmailNotification;
use database::email_templates::{EmailTemplateChanges, NewEmailTemplate};
use database::events::NewEvent;
use database::exclusion_list_entries::{self as exclusions, NewExclusionListEntry};
use database::organizations::{NewOrganization, OrganizationChanges};
use database::page::{Cursor, MAX_LIMIT, Page};
use database::provider_configs::{NewProviderConfig, ProviderConfigChanges};
use database::transcript_snippets::NewTranscriptSnippet;
use database::users::{Claims, NewUser};
use database::{
    CustomerTx, Error, campaigns, contacts, email_notifications, email_templates, events, organizations,
    provider_configs, survey_responses, transcript_snippets, user_organizations, users,
};
use entity::enums::{
    CallOutcome, CampaignStatus, ContactLanguage, ContactState, EmailStatus, EmailTemplateType, EventType,
    ExclusionSource, LanguageCode, LlmProvider, ProviderType, QuestionType, UserRole,
};
use entity::id::{CampaignId, ContactId, OrganizationId, UserId};
use entity::json::{EventPayload, Preferences};
use sea_orm::prelude::{ChronoTime, DateTimeUtc};
use sea_orm::{EntityTrait, Iterable, Set};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tests::SqliteFile;
use tests::factory::{T, open, settings};

fn not_found<T>(name: &'static str) -> Result<T, Error> {
    Err(Error::NotFound(name))
}

fn broken<T>(constraint: &str) -> Result<T, Error> {
    Err(Error::Constraint(constraint.to_owned()))
}

fn time(text: &str) -> DateTimeUtc {
    text.parse().unwrap()
}

fn local(text: &str) -> ChronoTime {
    text.parse().unwrap()
}

fn preferences(value: serde_json::Value) -> Preferences {
    serde_json::from_value(value).unwrap()
}

fn claims(t: &T, of: &str) -> Claims {
    let (oidc_sub, email) = (format!("{of}-{}", t.user.id), format!("{of}-{}@example.com", t.user.id));
    Claims { oidc_sub, email, name: of.to_owned() }
}

/// The items of all pages in their order, and how many each page held.
async fn pages<Row, Id>(
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

// Pages.

#[tokio::test]
async fn pages_neither_skip_nor_repeat_rows_of_the_same_time() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let mut expected = Vec::new();
    for created_at in ["2025-01-15T12:00:00.000001Z", "2025-01-15T12:00:00Z", "2025-01-15T11:59:59.999999Z"] {
        let mut same = Vec::new();
        for _ in 0..4 {
            let contact =
                t.factory.contact(&campaign).with(|row| row.created_at = Set(time(created_at))).await;
            same.push(contact.id);
        }
        same.sort_by(|one, other| other.cmp(one));
        expected.extend(same);
    }
    let tx = t.customer().await;
    for (limit, sizes) in [(5, vec![5, 5, 2]), (4, vec![4, 4, 4]), (12, vec![12]), (11, vec![11, 1])] {
        let (rows, seen) =
            pages(async |after| contacts::list_by_campaign(&tx, campaign.id, None, after, limit).await).await;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{limit}");
        assert_eq!(seen, sizes);
    }
}

#[tokio::test]
async fn a_row_made_between_two_pages_moves_nothing() {
    let t = T::new().await;
    for _ in 0..4 {
        t.factory.campaign(&t.organization).await;
    }
    let tx = t.customer().await;
    let first = campaigns::list(&tx, None, None, 2).await.unwrap();
    t.factory.campaign(&t.organization).await;
    let cursor: Cursor<CampaignId> = first.next.unwrap().to_string().parse().unwrap();
    let second = campaigns::list(&tx, None, Some(cursor), 2).await.unwrap();
    assert_eq!(second.next, None);
    let ids: BTreeSet<_> = first.items.iter().chain(&second.items).map(|row| row.id).collect();
    assert_eq!(ids.len(), 4);
    assert!(
        first.items.iter().chain(&second.items).is_sorted_by_key(|row| std::cmp::Reverse(row.created_at))
    );
}

#[tokio::test]
async fn the_size_of_a_page_has_bounds() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    for _ in 0..2 {
        t.factory.contact(&campaign).await;
    }
    let tx = t.customer().await;
    let least = contacts::list_by_campaign(&tx, campaign.id, None, None, 0).await.unwrap();
    assert_eq!(least.items.len(), 1);
    let rows = (0..=MAX_LIMIT).map(|number| entity::exclusion_list_entries::ActiveModel {
        phone_number: Set(format!("+1{number:04}")),
        ..Default::default()
    });
    entity::exclusion_list_entries::Entity::insert_many(rows).exec(&tx).await.unwrap();
    let most = exclusions::list(&tx, None, u64::MAX).await.unwrap();
    assert_eq!(most.items.len() as u64, MAX_LIMIT);
    assert!(most.next.is_some());
}

// Users, organizations, memberships.

#[tokio::test]
async fn a_user_is_found_by_each_of_its_names_until_it_is_deleted() {
    let t = T::new().await;
    let tx = t.customer().await;
    let user = Some(t.user.clone());
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), user);
    assert_eq!(users::find_by_oidc_sub(&tx, &t.user.oidc_sub).await.unwrap(), user);
    assert_eq!(users::find_by_email(&tx, &t.user.email).await.unwrap(), user);
    assert_eq!(users::find_by_email(&tx, &t.user.email.to_uppercase()).await.unwrap(), None);

    users::delete(&tx, t.user.id).await.unwrap();
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), None);
    assert_eq!(users::find_by_oidc_sub(&tx, &t.user.oidc_sub).await.unwrap(), None);
    assert_eq!(users::find_by_email(&tx, &t.user.email).await.unwrap(), None);
    assert!(users::list_by_organization(&tx, t.organization.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(users::delete(&tx, t.user.id).await, not_found("user"));
    assert_eq!(users::update_metadata(&tx, t.user.id, Preferences::default()).await, not_found("user"));
}

#[tokio::test]
async fn the_members_of_an_organization_are_listed_newest_first_in_pages() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let later = t.factory.user(&t.organization).await;
    let last = t.factory.user(&t.organization).await;
    let deleted = time("2025-01-15T12:00:00Z");
    t.factory.user(&t.organization).with(|row| row.deleted_at = Set(Some(deleted))).await;
    let tx = t.admin().await;
    assert!(user_organizations::add(&tx, last.id, other.organization.id).await.unwrap());
    tx.commit().await.unwrap();
    let expected = [last.clone(), later, t.user.clone()];
    let (customer, admin) = (t.customer().await, t.admin().await);
    let seen =
        pages(async |after| users::list_by_organization(&customer, t.organization.id, after, 2).await).await;
    assert_eq!(seen, (expected.to_vec(), vec![2, 1]));
    let seen =
        pages(async |after| users::list_by_organization(&admin, t.organization.id, after, 1).await).await;
    assert_eq!(seen, (expected.to_vec(), vec![1, 1, 1]));
    let of_other = users::list_by_organization(&admin, other.organization.id, None, 10).await.unwrap().items;
    assert_eq!(of_other, [last, other.user]);
}

#[tokio::test]
async fn a_user_is_made_with_all_that_it_was_given() {
    let t = T::new().await;
    let Claims { oidc_sub, email, name } = claims(&t, "new");
    let metadata = preferences(json!({ "theme": "dark", "pages": { "size": 50 } }));
    let new = NewUser { oidc_sub, email, name, role: UserRole::Admin, metadata };
    let tx = t.admin().await;
    let made = users::create(&tx, new.clone()).await.unwrap();
    assert_eq!(made.id.as_uuid().get_version_num(), 7);
    assert_eq!(users::find(&tx, made.id).await.unwrap().as_ref(), Some(&made));
    let entity::users::Model { oidc_sub, email, name, role, metadata, deleted_at, .. } = made;
    assert_eq!(NewUser { oidc_sub, email, name, role, metadata }, new);
    assert_eq!(deleted_at, None);
    assert_eq!(users::create(&tx, new).await, broken("uq_users_oidc_sub"));
}

#[tokio::test]
async fn metadata_is_replaced_as_a_whole_and_by_a_customer_only_its_own() {
    let t = T::new().await;
    let colleague = t.factory.user(&t.organization).await;
    let tx = t.customer().await;
    let before = preferences(json!({ "theme": "dark" }));
    users::update_metadata(&tx, t.user.id, before).await.unwrap();
    let after = preferences(json!({ "key": ["value", 1, null, "ü"] }));
    let user = users::update_metadata(&tx, t.user.id, after.clone()).await.unwrap();
    assert_eq!(user.metadata, after);
    assert_eq!(users::find(&tx, t.user.id).await.unwrap(), Some(user));
    assert_eq!(users::update_metadata(&tx, colleague.id, after.clone()).await, not_found("user"));
    assert_eq!(users::delete(&tx, colleague.id).await, not_found("user"));
    let tx = t.admin().await;
    assert_eq!(users::update_metadata(&tx, colleague.id, after.clone()).await.unwrap().metadata, after);
}

#[tokio::test]
async fn a_first_login_makes_the_user_and_later_ones_follow_the_claims() {
    let t = T::new().await;
    let first = claims(&t, "first");
    let tx = t.admin().await;
    let made = users::sign_in(&tx, first.clone()).await.unwrap().unwrap();
    assert_eq!((made.role, &made.metadata), (UserRole::Viewer, &Preferences::default()));
    assert_eq!(users::sign_in(&tx, first.clone()).await.unwrap(), Some(made.clone()), "nothing is written");

    let renamed = Claims { email: format!("renamed-{}", first.email), name: "Renamed".to_owned(), ..first };
    let user = users::sign_in(&tx, renamed.clone()).await.unwrap().unwrap();
    assert_eq!((user.id, &user.email, &user.name), (made.id, &renamed.email, &renamed.name));

    users::delete(&tx, user.id).await.unwrap();
    assert_eq!(users::sign_in(&tx, renamed).await.unwrap(), None, "signing in does not undo a deletion");
    let taken = Claims { email: t.user.email.clone(), ..claims(&t, "second") };
    assert_eq!(users::sign_in(&tx, taken).await, broken("uq_users_email"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_login_of_eight_at_once_makes_one_user() {
    let t = T::new().await;
    for round in 0..10 {
        let claims = claims(&t, &format!("raced-{round}"));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (database, claims) = (t.database.clone(), claims.clone());
                tokio::spawn(async move {
                    let tx = database.admin().await?;
                    let user = users::sign_in(&tx, claims).await?;
                    tx.commit().await?;
                    Ok::<_, Error>(user.map(|user| user.id))
                })
            })
            .collect();
        let mut ids = BTreeSet::new();
        for task in tasks {
            ids.insert(task.await.unwrap().unwrap().unwrap());
        }
        assert_eq!(ids.len(), 1);
    }
}

#[tokio::test]
async fn an_organization_is_found_changed_and_deleted() {
    let t = T::new().await;
    let slug = format!("new-{}", t.organization.slug);
    let new = NewOrganization { name: "New".to_owned(), slug, metadata: preferences(json!({ "a": 1 })) };
    let tx = t.admin().await;
    let made = organizations::create(&tx, new.clone()).await.unwrap();
    assert_eq!((&made.name, &made.slug, &made.metadata), (&new.name, &new.slug, &new.metadata));
    assert_eq!(organizations::find(&tx, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(organizations::find_by_slug(&tx, &made.slug).await.unwrap().as_ref(), Some(&made));

    let renamed = OrganizationChanges { name: Set("Renamed".to_owned()), ..Default::default() };
    let changed = organizations::update(&tx, made.id, renamed.clone()).await.unwrap();
    assert_eq!((&*changed.name, &changed.metadata), ("Renamed", &made.metadata));
    let same = organizations::update(&tx, made.id, OrganizationChanges::default()).await.unwrap();
    assert_eq!(same, changed, "nothing set, nothing changed");

    organizations::delete(&tx, made.id).await.unwrap();
    assert_eq!(organizations::find(&tx, made.id).await.unwrap(), None);
    assert_eq!(organizations::find_by_slug(&tx, &made.slug).await.unwrap(), None);
    assert_eq!(organizations::delete(&tx, made.id).await, not_found("organization"));
    assert_eq!(organizations::update(&tx, made.id, renamed).await, not_found("organization"));
    let nothing = OrganizationChanges::default();
    assert_eq!(organizations::update(&tx, made.id, nothing).await, not_found("organization"));
    assert_eq!(organizations::create(&tx, new).await, broken("uq_organizations_slug"));
}

#[tokio::test]
async fn a_users_organizations_are_listed_by_name_without_the_deleted_ones() {
    let t = T::new().await;
    let named =
        |name: &'static str| t.factory.organization().with(move |row| row.name = Set(name.to_owned()));
    let (b, a, deleted) = (named("B").await, named("A").await, named("C").await);
    named("D").await;
    let user = t.factory.user(&b).await;
    let tx = t.admin().await;
    for organization in [a.id, deleted.id] {
        user_organizations::add(&tx, user.id, organization).await.unwrap();
    }
    organizations::delete(&tx, deleted.id).await.unwrap();
    assert_eq!(organizations::list_by_user(&tx, user.id).await.unwrap(), [a, b]);
}

#[tokio::test]
async fn a_membership_is_added_once_and_removed_once() {
    let t = T::new().await;
    let user = t.factory.stranger().await;
    let tx = t.admin().await;
    let organization = t.organization.id;
    assert!(user_organizations::add(&tx, user.id, organization).await.unwrap());
    assert!(!user_organizations::add(&tx, user.id, organization).await.unwrap());
    let members = user_organizations::list_by_organization(&tx, organization).await.unwrap();
    assert_eq!(members.iter().map(|row| row.user_id).collect::<Vec<_>>(), [t.user.id, user.id]);
    user_organizations::remove(&tx, user.id, organization).await.unwrap();
    assert_eq!(user_organizations::list_by_organization(&tx, organization).await.unwrap().len(), 1);
    assert_eq!(user_organizations::remove(&tx, user.id, organization).await, not_found("membership"));
    let nobody = user_organizations::add(&tx, UserId::generate(), organization).await;
    assert_eq!(nobody, broken("fk_user_organizations_user_id_users"));
}

#[tokio::test]
async fn what_an_admin_does_works_on_sqlite_too() {
    let file = SqliteFile::migrated().await;
    let t = T::on(open(&settings(&[("DATABASE_URL", &file.url())])).await).await;
    let tx = t.admin().await;
    let made = users::sign_in(&tx, claims(&t, "first")).await.unwrap().unwrap();
    assert_eq!(users::sign_in(&tx, claims(&t, "first")).await.unwrap().map(|user| user.id), Some(made.id));
    assert!(user_organizations::add(&tx, made.id, t.organization.id).await.unwrap());
    assert!(!user_organizations::add(&tx, made.id, t.organization.id).await.unwrap());
    let seen = pages(async |after| users::list_by_organization(&tx, t.organization.id, after, 1).await).await;
    assert_eq!(seen.1, [1, 1]);
    users::update_metadata(&tx, made.id, preferences(json!({ "a": 1 }))).await.unwrap();
    users::delete(&tx, made.id).await.unwrap();
    assert_eq!(users::find(&tx, made.id).await.unwrap(), None);
    let deleted = entity::users::Entity::find_by_id(made.id).one(&tx).await.unwrap().unwrap();
    assert!(deleted.deleted_at.unwrap() >= deleted.created_at, "the time is readable and comparable");
}

// Templates and campaigns.

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
    let make =
        async |name, r#type, locale| email_templates::create(&tx, new(name, r#type, locale)).await.unwrap();
    let b = make("B", EmailTemplateType::Completed, LanguageCode::En).await;
    let a = make("A", EmailTemplateType::Completed, LanguageCode::It).await;
    let c = make("C", EmailTemplateType::Refused, LanguageCode::En).await;
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

fn question(number: u32) -> Question {
    Question { text: format!("Question {number}?"), r#type: QuestionType::Scale }
}

fn new_campaign() -> NewCampaign {
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

#[tokio::test]
async fn a_campaign_begins_as_a_draft_of_who_made_it_with_the_columns_defaults() {
    let t = T::new().await;
    let tx = t.customer().await;
    let made = campaigns::create(&tx, new_campaign()).await.unwrap();
    assert_eq!((made.status, made.created_by_user_id), (CampaignStatus::Draft, Some(t.user.id)));
    assert_eq!((made.max_attempts, made.retry_interval_minutes), (3, 60));
    assert_eq!(
        (made.allowed_call_start_local, made.allowed_call_end_local),
        (local("09:00:00"), local("20:00:00"))
    );
    assert_eq!((&*made.question_1_text, &*made.question_3_text), ("Question 1?", "Question 3?"));
    assert_eq!(campaigns::find(&tx, made.id).await.unwrap(), Some(made));

    let template = t.factory.email_template(&t.organization).await.id;
    let given = NewCampaign {
        language: Some(LanguageCode::It),
        max_attempts: Some(5),
        retry_interval_minutes: Some(1),
        allowed_call_start_local: Some(local("08:30:00")),
        allowed_call_end_local: Some(local("18:00:00")),
        email_completed_template_id: Some(template),
        ..new_campaign()
    };
    let made = campaigns::create(&tx, given).await.unwrap();
    assert_eq!((made.language, made.max_attempts, made.retry_interval_minutes), (LanguageCode::It, 5, 1));
    assert_eq!(made.allowed_call_start_local, local("08:30:00"));
    assert_eq!(made.email_completed_template_id, Some(template));
    let beyond = NewCampaign { max_attempts: Some(6), ..new_campaign() };
    assert_eq!(campaigns::create(&tx, beyond).await, broken("ck_campaigns_max_attempts_range"));
}

#[tokio::test]
async fn campaigns_are_listed_and_counted_by_status_without_the_deleted_ones() {
    let t = T::new().await;
    let make = |status| t.factory.campaign(&t.organization).with(move |row| row.status = Set(status));
    let draft = make(CampaignStatus::Draft).await;
    let running = make(CampaignStatus::Running).await;
    let deleted = make(CampaignStatus::Running).await;
    let tx = t.customer().await;
    campaigns::delete(&tx, deleted.id).await.unwrap();
    for (status, expected) in [
        (None, vec![running.clone(), draft]),
        (Some(CampaignStatus::Running), vec![running]),
        (Some(CampaignStatus::Paused), vec![]),
    ] {
        assert_eq!(campaigns::count(&tx, status).await.unwrap(), expected.len() as u64);
        assert_eq!(
            campaigns::list(&tx, status, None, 10).await.unwrap(),
            Page { items: expected, next: None }
        );
    }
    assert_eq!(campaigns::find(&tx, deleted.id).await.unwrap(), None);
    assert_eq!(campaigns::delete(&tx, deleted.id).await, not_found("campaign"));
    assert_eq!(campaigns::update(&tx, deleted.id, CampaignChanges::default()).await, not_found("campaign"));
    let paused = campaigns::transition(&tx, deleted.id, CampaignStatus::Paused).await;
    assert_eq!(paused, not_found("campaign"));
    assert_eq!(campaigns::activation_errors(&tx, deleted.id).await, not_found("campaign"));
}

#[tokio::test]
async fn an_update_changes_what_is_set_and_nothing_else() {
    let t = T::new().await;
    let before = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    let changes = CampaignChanges {
        description: Set(Some("Second quarter".to_owned())),
        question_2_type: Set(QuestionType::Numeric),
        allowed_call_end_local: Set(local("08:00:00")),
        ..Default::default()
    };
    let after = campaigns::update(&tx, before.id, changes).await.unwrap();
    let expected = entity::campaigns::Model {
        description: Some("Second quarter".to_owned()),
        question_2_type: QuestionType::Numeric,
        allowed_call_end_local: local("08:00:00"),
        updated_at: after.updated_at,
        ..before.clone()
    };
    assert_eq!(after, expected);
    assert!(after.updated_at > before.updated_at);
    assert_eq!(campaigns::update(&tx, before.id, CampaignChanges::default()).await.unwrap(), after);
    let scheduled = campaigns::transition(&tx, before.id, CampaignStatus::Scheduled).await;
    assert_eq!(scheduled, broken("ck_campaigns_call_window"));
}

#[tokio::test]
async fn a_campaign_goes_only_where_the_table_of_states_lets_it() {
    use CampaignStatus::{Cancelled, Completed, Draft, Paused, Running, Scheduled};
    const ALLOWED: &[(CampaignStatus, CampaignStatus)] = &[
        (Draft, Scheduled),
        (Draft, Cancelled),
        (Scheduled, Running),
        (Scheduled, Cancelled),
        (Running, Paused),
        (Running, Completed),
        (Running, Cancelled),
        (Paused, Running),
        (Paused, Completed),
        (Paused, Cancelled),
    ];
    let t = T::new().await;
    for from in CampaignStatus::iter() {
        for to in CampaignStatus::iter() {
            let campaign = t.factory.campaign(&t.organization).with(|row| row.status = Set(from)).await;
            let tx = t.customer().await;
            let result = campaigns::transition(&tx, campaign.id, to).await.map(|campaign| campaign.status);
            if ALLOWED.contains(&(from, to)) {
                assert_eq!(result, Ok(to), "{from} to {to}");
            } else {
                assert_eq!(result, Err(Error::Transition { from, to }));
                let text = result.unwrap_err().to_string();
                assert_eq!(text, format!("a campaign cannot change from {from} to {to}"));
                let unchanged = campaigns::find(&tx, campaign.id).await.unwrap();
                assert_eq!(unchanged, Some(campaign));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transitions_that_race_one_succeeds() {
    let t = T::new().await;
    let campaign =
        t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let first = t.customer().await;
    campaigns::transition(&first, campaign.id, CampaignStatus::Completed).await.unwrap();
    let (database, actor) = (t.database.clone(), t.actor);
    let second = tokio::spawn(async move {
        let tx = database.customer(actor).await.unwrap();
        campaigns::transition(&tx, campaign.id, CampaignStatus::Paused).await
    });
    // Whether the second is already waiting or comes later, it meets the first one's row.
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    let (from, to) = (CampaignStatus::Completed, CampaignStatus::Paused);
    assert_eq!(second.await.unwrap(), Err(Error::Transition { from, to }));
}

#[tokio::test]
async fn what_keeps_a_campaign_from_calling_is_listed_field_by_field() {
    let t = T::new().await;
    let campaign = t
        .factory
        .campaign(&t.organization)
        .with(|row| {
            row.question_1_text = Set(String::new());
            row.question_3_text = Set(" \n\t".to_owned());
            row.allowed_call_start_local = Set(local("20:00:00"));
        })
        .await;
    t.factory.contact(&campaign).with(|row| row.state = Set(ContactState::Excluded)).await;
    let tx = t.customer().await;
    let found = campaigns::activation_errors(&tx, campaign.id).await.unwrap();
    let expected = [
        ("contacts", "at least one contact is pending"),
        ("question_1_text", "is not empty"),
        ("question_3_text", "is not empty"),
        ("allowed_call_start_local", "is before allowed_call_end_local"),
    ];
    assert_eq!(found, expected.map(|(field, message)| FieldError { field, message }));

    let ready = t.factory.campaign(&t.organization).await;
    t.factory.contact(&ready).await;
    assert!(campaigns::activation_errors(&tx, ready.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_running_campaign_may_call_from_the_start_of_its_window_to_before_its_end() {
    let t = T::new().await;
    let make = |status| t.factory.campaign(&t.organization).with(move |row| row.status = Set(status));
    let running = make(CampaignStatus::Running).await;
    make(CampaignStatus::Paused).await;
    let deleted = make(CampaignStatus::Running).await;
    let other = t.neighbour().await;
    let foreign =
        t.factory.campaign(&other.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let tx = t.customer().await;
    campaigns::delete(&tx, deleted.id).await.unwrap();
    for (at, may) in
        [("08:59:59.999999", false), ("09:00:00", true), ("19:59:59.999999", true), ("20:00:00", false)]
    {
        let callable = campaigns::list_callable(&tx, local(at)).await.unwrap();
        assert_eq!(callable, if may { vec![running.clone()] } else { vec![] }, "{at}");
    }
    let all = campaigns::list_callable(&t.admin().await, local("12:00:00")).await.unwrap();
    let ids: Vec<_> = all.iter().map(|row| row.id).collect();
    assert!(ids.contains(&running.id) && ids.contains(&foreign.id));
}

// Contacts and exclusions.

fn new_contact(campaign_id: CampaignId, phone_number: &str) -> NewContact {
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

#[tokio::test]
async fn a_contact_begins_pending_or_where_it_must_not_be_called_excluded() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let tx = t.customer().await;
    let new = new_contact(campaign.id, "+14155550101");
    let made = contacts::create(&tx, new.clone()).await.unwrap();
    assert_eq!(contacts::find(&tx, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!((made.state, made.attempts_count), (ContactState::Pending, 0));
    let entity::contacts::Model {
        campaign_id,
        external_contact_id,
        phone_number,
        email,
        preferred_language,
        has_prior_consent,
        do_not_call,
        ..
    } = made;
    let given = NewContact {
        campaign_id,
        external_contact_id,
        phone_number,
        email,
        preferred_language,
        has_prior_consent,
        do_not_call,
    };
    assert_eq!(given, new);
    let not_to_be_called = NewContact { do_not_call: true, ..new.clone() };
    let made = contacts::create(&tx, not_to_be_called).await.unwrap();
    assert_eq!(made.state, ContactState::Excluded);
    let garbage = NewContact { phone_number: "0123".to_owned(), ..new };
    assert_eq!(contacts::create(&tx, garbage).await, broken("ck_contacts_phone_number_e164"));
}

#[tokio::test]
async fn contacts_are_listed_by_state_counted_by_state_and_found_by_number() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let elsewhere = t.factory.campaign(&t.organization).await;
    let make = |state| t.factory.contact(&campaign).with(move |row| row.state = Set(state));
    let mut by_state = Vec::new();
    for (number, state) in ContactState::iter().enumerate() {
        for _ in 0..=number {
            by_state.push(make(state).await);
        }
    }
    let phone_number = by_state[0].phone_number.clone();
    let again = t.factory.contact(&campaign).with(|row| row.phone_number = Set(phone_number.clone())).await;
    t.factory.contact(&elsewhere).with(|row| row.phone_number = Set(phone_number.clone())).await;

    let tx = t.customer().await;
    let found = contacts::list_by_campaign_and_phone_number(&tx, campaign.id, &phone_number).await.unwrap();
    assert_eq!(found, [again.clone(), by_state[0].clone()]);
    let counts = contacts::count_by_state(&tx, campaign.id).await.unwrap();
    let expected =
        StateCounts { pending: 2, in_progress: 2, completed: 3, refused: 4, not_reached: 5, excluded: 6 };
    assert_eq!((counts, counts.total()), (expected, 22));
    let none = contacts::count_by_state(&tx, CampaignId::generate()).await.unwrap();
    assert_eq!(none, StateCounts::default());
    for state in ContactState::iter() {
        let listed = contacts::list_by_campaign(&tx, campaign.id, Some(state), None, 50).await.unwrap().items;
        let mut expected: Vec<_> = by_state.iter().chain([&again]).filter(|row| row.state == state).collect();
        expected.reverse();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{state}");
    }
}

#[tokio::test]
async fn a_number_is_excluded_once_and_keeps_its_first_reason() {
    let t = T::new().await;
    let tx = t.customer().await;
    let new = |reason: &str| NewExclusionListEntry {
        phone_number: "+14155550199".to_owned(),
        reason: Some(reason.to_owned()),
        source: ExclusionSource::Api,
    };
    assert_eq!(exclusions::find_by_phone_number(&tx, "+14155550199").await.unwrap(), None);
    let first = exclusions::add(&tx, new("asked for it")).await.unwrap();
    assert_eq!(exclusions::add(&tx, new("legal hold")).await.unwrap(), first);
    assert_eq!(first.reason.as_deref(), Some("asked for it"));
    assert_eq!(exclusions::find_by_phone_number(&tx, "+14155550199").await.unwrap().as_ref(), Some(&first));
    exclusions::remove(&tx, first.id).await.unwrap();
    assert_eq!(exclusions::find_by_phone_number(&tx, "+14155550199").await.unwrap(), None);
    assert_eq!(exclusions::remove(&tx, first.id).await, not_found("exclusion list entry"));
    let garbage = NewExclusionListEntry { phone_number: "DELETED".to_owned(), ..new("") };
    assert_eq!(exclusions::add(&tx, garbage).await, broken("ck_exclusion_list_entries_phone_number_e164"));
}

#[tokio::test]
async fn excluded_numbers_are_listed_newest_first() {
    let t = T::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(t.factory.exclusion_list_entry(&t.organization).await);
    }
    made.reverse();
    let tx = t.customer().await;
    let seen = pages(async |after| exclusions::list(&tx, after, 2).await).await;
    assert_eq!(seen, (made, vec![2, 1]));
}

// Calls, answers, events, e-mails.

#[tokio::test]
async fn a_call_is_found_by_each_of_its_names() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let at = |text: &'static str| {
        let attempt = t.factory.call_attempt(&contact);
        attempt.with(move |row| row.started_at = Set(time(text)))
    };
    let later = at("2025-01-15T12:00:00Z")
        .with(|row| {
            row.attempt_number = Set(2);
            row.provider_call_id = Set(Some(format!("shared-{}", contact.id)));
        })
        .await;
    let shared = later.provider_call_id.clone();
    let earlier = at("2025-01-15T11:00:00Z").with(|row| row.provider_call_id = Set(shared.clone())).await;
    let tx = t.customer().await;
    let found = Some(later.clone());
    assert_eq!(calls::find(&tx, later.id).await.unwrap(), found);
    assert_eq!(calls::find_by_call_id(&tx, &later.call_id).await.unwrap(), found);
    assert_eq!(calls::find_by_provider_call_id(&tx, &shared.unwrap()).await.unwrap(), found);
    assert_eq!(calls::find_by_call_id(&tx, "none").await.unwrap(), None);
    assert_eq!(calls::find_by_provider_call_id(&tx, "none").await.unwrap(), None);
    assert_eq!(calls::list_by_contact(&tx, contact.id).await.unwrap(), [earlier.clone(), later]);
    let webhook = t.admin().await;
    assert_eq!(calls::find_by_call_id(&webhook, &earlier.call_id).await.unwrap(), Some(earlier));
}

#[tokio::test]
async fn the_calls_without_an_outcome_are_counted() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    for (outcome, ended) in [
        (None, None),
        (None, Some("2025-01-15T12:00:00Z")),
        (Some(CallOutcome::Busy), Some("2025-01-15T12:00:00Z")),
        (Some(CallOutcome::Completed), None),
    ] {
        let contact = t.factory.contact(&campaign).await;
        let attempt = t.factory.call_attempt(&contact);
        attempt.with(|row| (row.outcome, row.ended_at) = (Set(outcome), Set(ended.map(time)))).await;
    }
    assert_eq!(calls::count_without_outcome(&t.customer().await).await.unwrap(), 2);
    let admin = t.admin().await;
    assert!(calls::count_without_outcome(&admin).await.unwrap() >= 2);
}

#[tokio::test]
async fn answers_are_found_by_contact_and_listed_by_campaign() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let contact = t.factory.contact(&campaign).await;
        let attempt = t.factory.call_attempt(&contact).await;
        made.insert(0, t.factory.survey_response(&attempt).await);
    }
    let tx = t.customer().await;
    let newest = Some(made[0].clone());
    assert_eq!(survey_responses::find(&tx, made[0].id).await.unwrap(), newest);
    let found = survey_responses::find_by_contact_and_campaign(&tx, made[0].contact_id, campaign.id).await;
    assert_eq!(found.unwrap(), newest);
    assert_eq!(
        survey_responses::find_by_contact_and_campaign(&tx, ContactId::generate(), campaign.id)
            .await
            .unwrap(),
        None
    );
    let seen =
        pages(async |after| survey_responses::list_by_campaign(&tx, campaign.id, after, 2).await).await;
    assert_eq!(seen, (made, vec![2, 1]));
}

#[tokio::test]
async fn an_event_waits_for_the_bus_and_is_listed() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let attempt = t.factory.call_attempt(&contact).await;
    let first = t.factory.event(&contact).await;
    let tx = t.customer().await;
    let payload: EventPayload = serde_json::from_value(json!({ "attempt_number": 1, "trace": "x" })).unwrap();
    let new = NewEvent {
        event_type: EventType::SurveyRefused,
        campaign_id: campaign.id,
        contact_id: contact.id,
        call_attempt_id: Some(attempt.id),
        payload,
    };
    let made = events::create(&tx, new.clone()).await.unwrap();
    assert_eq!((made.event_type, made.published_at, &made.payload), (new.event_type, None, &new.payload));
    assert_eq!(events::find(&tx, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(events::list_by_contact(&tx, contact.id).await.unwrap(), [first.clone(), made.clone()]);
    let seen = pages(async |after| events::list_by_campaign(&tx, campaign.id, after, 1).await).await;
    assert_eq!(seen, (vec![made, first], vec![1, 1]));
}

#[tokio::test]
async fn an_e_mail_is_made_once_for_an_event_and_a_template() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let event = t.factory.event(&contact).await;
    let template = t.factory.email_template(&t.organization).await;
    let another = t.factory.email_template(&t.organization).await;
    let tx = t.customer().await;
    let new =
        |template_id| NewEmailNotification { event_id: event.id, template_id, to_email: "a@b.c".to_owned() };
    let made = email_notifications::create_once(&tx, new(template.id)).await.unwrap().unwrap();
    assert_eq!((made.contact_id, made.campaign_id), (contact.id, campaign.id));
    assert_eq!((made.status, &*made.to_email), (EmailStatus::Pending, "a@b.c"));
    assert_eq!(email_notifications::create_once(&tx, new(template.id)).await.unwrap(), None);
    let other = email_notifications::create_once(&tx, new(another.id)).await.unwrap().unwrap();
    assert_eq!(
        email_notifications::list_by_event(&tx, event.id).await.unwrap(),
        [made.clone(), other.clone()]
    );

    let failed = email_notifications::mark_failed(&tx, made.id, "no such box".to_owned()).await.unwrap();
    assert_eq!((failed.status, failed.error_message.as_deref()), (EmailStatus::Failed, Some("no such box")));
    let again = email_notifications::create_once(&tx, new(template.id)).await.unwrap();
    assert_eq!(again, None, "also when it failed");
    let sent = email_notifications::mark_sent(&tx, made.id, "msg-1".to_owned()).await.unwrap();
    assert_eq!(email_notifications::find(&tx, made.id).await.unwrap().as_ref(), Some(&sent));
    assert_eq!((sent.status, sent.provider_message_id.as_deref()), (EmailStatus::Sent, Some("msg-1")));
    assert_eq!(sent.error_message, None);
    let untouched = email_notifications::find(&tx, other.id).await.unwrap();
    assert_eq!(untouched, Some(other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_e_mail_of_eight_at_once_is_made_once() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let template_id = t.factory.email_template(&t.organization).await.id;
    for _ in 0..10 {
        let event_id = t.factory.event(&contact).await.id;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (database, actor) = (t.database.clone(), t.actor);
                tokio::spawn(async move {
                    let to_email = "a@b.c".to_owned();
                    let new = NewEmailNotification { event_id, template_id, to_email };
                    let once =
                        async |tx: Arc<CustomerTx>| email_notifications::create_once(&tx, new.clone()).await;
                    database.with_customer(actor, once).await
                })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += usize::from(task.await.unwrap().unwrap().is_some());
        }
        assert_eq!(made, 1);
        let listed = email_notifications::list_by_event(&t.customer().await, event_id).await.unwrap();
        assert_eq!(listed.len(), 1);
    }
}

#[tokio::test]
async fn the_settings_made_last_are_in_use() {
    let t = T::new().await;
    let tx = t.customer().await;
    assert_eq!(provider_configs::find_current(&tx).await.unwrap(), None);
    let older = t.factory.provider_config(&t.organization).with(|row| {
        row.created_at = Set(time("2025-01-15T12:00:00Z"));
    });
    older.await;
    let new = NewProviderConfig {
        outbound_number: "+14155551234".to_owned(),
        provider_type: None,
        provider_name: None,
        max_concurrent_calls: None,
        llm_provider: None,
        llm_model: None,
        recording_retention_days: Some(30),
        transcript_retention_days: None,
    };
    let made = provider_configs::create(&tx, new.clone()).await.unwrap();
    assert_eq!((made.provider_type, &*made.provider_name), (ProviderType::TelephonyApi, "twilio"));
    assert_eq!((made.max_concurrent_calls, made.recording_retention_days), (5, 30));
    assert_eq!((made.llm_provider, made.transcript_retention_days), (LlmProvider::OpenAi, 180));
    assert_eq!(provider_configs::find_current(&tx).await.unwrap().as_ref(), Some(&made));
    let changes = ProviderConfigChanges { max_concurrent_calls: Set(9), ..Default::default() };
    let edited = provider_configs::update(&tx, made.id, changes).await.unwrap();
    assert_eq!((edited.max_concurrent_calls, edited.recording_retention_days), (9, 30));
    assert_eq!(provider_configs::find_current(&tx).await.unwrap(), Some(edited));
    let none = NewProviderConfig { max_concurrent_calls: Some(0), ..new };
    assert_eq!(
        provider_configs::create(&tx, none).await,
        broken("ck_provider_configs_max_concurrent_calls_range")
    );
}

#[tokio::test]
async fn what_was_said_is_listed_in_the_order_in_which_it_was_added() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let attempt = t.factory.call_attempt(&contact).await;
    let tx = t.customer().await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        let (call_attempt_id, transcript_text) = (attempt.id, text.to_owned());
        let new = NewTranscriptSnippet { call_attempt_id, transcript_text, language: LanguageCode::It };
        said.push(transcript_snippets::create(&tx, new).await.unwrap());
    }
    assert_eq!(transcript_snippets::list_by_call_attempt(&tx, attempt.id).await.unwrap(), said);
    assert_eq!(said[0].language, LanguageCode::It);
}

// Isolation.

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
    assert!(campaigns::list_callable(&tx, local("12:00:00")).await.unwrap().is_empty());
    assert_eq!(contacts::find(&tx, contact.id).await.unwrap(), None);
    assert!(contacts::list_by_campaign(&tx, campaign.id, None, None, 10).await.unwrap().items.is_empty());
    assert!(
        contacts::list_by_campaign_and_phone_number(&tx, campaign.id, &contact.phone_number)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(contacts::count_by_state(&tx, campaign.id).await.unwrap().total(), 0);
    assert!(exclusions::list(&tx, None, 10).await.unwrap().items.is_empty());
    assert_eq!(calls::find(&tx, attempt.id).await.unwrap(), None);
    assert_eq!(calls::find_by_call_id(&tx, &attempt.call_id).await.unwrap(), None);
    let name = attempt.provider_call_id.clone().unwrap();
    assert_eq!(calls::find_by_provider_call_id(&tx, &name).await.unwrap(), None);
    assert!(calls::list_by_contact(&tx, contact.id).await.unwrap().is_empty());
    assert_eq!(calls::count_without_outcome(&tx).await.unwrap(), 0);
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
    assert_eq!(users::delete(&tx, t.user.id).await, not_found("user"));
    let renamed = EmailTemplateChanges { name: Set("Taken".to_owned()), ..Default::default() };
    assert_eq!(email_templates::update(&tx, template.id, renamed).await, not_found("e-mail template"));
    assert_eq!(email_templates::delete(&tx, template.id).await, not_found("e-mail template"));
    let renamed = CampaignChanges { name: Set("Taken".to_owned()), ..Default::default() };
    assert_eq!(campaigns::update(&tx, campaign.id, renamed).await, not_found("campaign"));
    assert_eq!(campaigns::delete(&tx, campaign.id).await, not_found("campaign"));
    let paused = campaigns::transition(&tx, campaign.id, CampaignStatus::Paused).await;
    assert_eq!(paused, not_found("campaign"));
    assert_eq!(campaigns::activation_errors(&tx, campaign.id).await, not_found("campaign"));
    assert_eq!(exclusions::find_by_phone_number(&tx, &exclusion.phone_number).await.unwrap(), None);
    assert_eq!(exclusions::remove(&tx, exclusion.id).await, not_found("exclusion list entry"));
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
    assert_eq!(new, broken("fk_contacts_campaign_id_campaigns"));
    let tx = me.customer().await;
    let new = NewCampaign { email_refused_template_id: Some(template.id), ..new_campaign() };
    let new = campaigns::create(&tx, new).await;
    assert_eq!(new, broken("fk_campaigns_email_refused_template_id_email_templates"));
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
    assert_eq!(new, broken("fk_transcript_snippets_call_attempt_id_call_attempts"));
    // The same number, excluded by two organizations, is two entries.
    let tx = me.customer().await;
    let (phone_number, reason) = (exclusion.phone_number.clone(), None);
    let new = NewExclusionListEntry { phone_number, reason, source: ExclusionSource::Manual };
    let own = exclusions::add(&tx, new).await.unwrap();
    assert_eq!(own.organization_id, me.organization.id);
    assert_ne!(own.id, exclusion.id);

    let nobody = database::Actor { organization: OrganizationId::generate(), user: me.user.id };
    let tx = me.database.customer(nobody).await.unwrap();
    assert!(matches!(
        campaigns::create(&tx, new_campaign()).await,
        Err(Error::Constraint(_) | Error::Forbidden(_))
    ));
}

#[tokio::test]
async fn a_query_for_postgresql_is_a_typed_error_on_sqlite() {
    let sqlite = SqliteFile::migrated().await;
    let database = open(&settings(&[("DATABASE_URL", &sqlite.url())])).await;
    let tx = database.admin().await.unwrap();
    let refused = contacts::sweep_excluded(&tx).await;
    assert_eq!(refused, Err(Error::PostgresRequired { query: "contacts.sweep_excluded" }));
    let refused = contacts::erase(&tx, ContactId::generate()).await;
    assert_eq!(refused, Err(Error::PostgresRequired { query: "contacts.erase" }));
    tx.commit().await.unwrap();
}
