//! Audit entries: each change of an audited table leaves one, and no privilege short of a superuser's alters it.

use database::campaigns::CampaignChanges;
use database::organizations::OrganizationChanges;
use database::{
    Actor, SigningKey, SystemActor, audit_log_entries, campaigns, exclusion_list_entries, organizations,
    users,
};
use entity::audit_log_entries::Model;
use entity::enums::{AuditAction, AuditActor, CampaignStatus, ExclusionSource};
use entity::id::UserId;
use migration::keys::Change;
use sea_orm::prelude::Uuid;
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, Set};
use serde_json::{Value, json};
use tests::factory::{T, open, settings};
use tests::queries::{new_campaign, pages, preferences};
use tests::{code, connect, migrated, run, session, texts};

/// The entries of a row, oldest first.
async fn of_row(t: &T, id: impl Into<Uuid>) -> Vec<Model> {
    let tx = t.admin().await;
    entity::audit_log_entries::Entity::find()
        .filter(entity::audit_log_entries::COLUMN.row_id.eq(id.into()))
        .order_by_asc(entity::audit_log_entries::Column::CreatedAt)
        .all(&tx)
        .await
        .unwrap()
}

/// The action, the actor and the changed columns of the newest entry of a row.
async fn newest(t: &T, id: impl Into<Uuid>) -> (AuditAction, AuditActor, Option<UserId>, Value) {
    let entry = of_row(t, id).await.pop().expect("an entry");
    (entry.action, entry.actor, entry.user_id, Value::Object(entry.changes.0))
}

async fn a_change_names_its_actor(t: &T) {
    let Actor { organization, user } = t.actor;
    let tx = t.customer().await;
    let campaign = campaigns::create(&tx, new_campaign()).await.unwrap();
    let changes = CampaignChanges { question_1_text: Set("Other?".to_owned()), ..Default::default() };
    campaigns::update(&tx, campaign.id, changes).await.unwrap();
    tx.commit().await.unwrap();
    let asked = json!({ "question_1_text": { "old": campaign.question_1_text, "new": "Other?" } });
    assert_eq!(newest(t, campaign.id).await, (AuditAction::Update, AuditActor::User, Some(user), asked));
    let entries = of_row(t, campaign.id).await;
    assert_eq!((entries.len(), entries[0].action), (2, AuditAction::Insert));
    let first = json!({ "old": null, "new": campaign.question_1_text });
    assert_eq!(entries[0].changes.0["question_1_text"], first);
    assert!(!entries[0].changes.0.contains_key("deleted_at"), "null is not a change: {entries:?}");
    for entry in &entries {
        assert_eq!((&*entry.table_name, entry.organization_id), ("campaigns", Some(organization)));
        assert_eq!(entry.transaction_id, entries[0].transaction_id);
    }

    let tx = t.database.customer(SystemActor { organization }).await.unwrap();
    let changes = CampaignChanges { max_attempts: Set(5), ..Default::default() };
    campaigns::update(&tx, campaign.id, changes).await.unwrap();
    tx.commit().await.unwrap();
    let raised = json!({ "max_attempts": { "old": campaign.max_attempts, "new": 5 } });
    assert_eq!(newest(t, campaign.id).await, (AuditAction::Update, AuditActor::System, None, raised));

    let tx = t.admin().await;
    run(&tx, &format!("delete from campaigns where id = '{}'", Uuid::from(campaign.id))).await.unwrap();
    tx.commit().await.unwrap();
    let (action, actor, user, changes) = newest(t, campaign.id).await;
    assert_eq!((action, actor, user), (AuditAction::Delete, AuditActor::Admin, None));
    assert_eq!(changes["question_1_text"], json!({ "old": "Other?", "new": null }));
}

#[tokio::test]
async fn a_change_names_the_user_the_program_or_the_administrator_who_made_it() {
    a_change_names_its_actor(&T::new().await).await;
}

#[tokio::test]
async fn with_a_signing_key_the_actor_is_the_signed_one_and_not_a_setting() {
    let postgres = migrated("audit_signed").await;
    let key = SigningKey::new([0x5e; 32]);
    session(&postgres.url()).change_keys(&Change::Add(key.clone())).await.unwrap();
    let url = postgres.url();
    let settings = settings(&[("DATABASE_URL", &url), ("CONTEXT_SIGNING_KEY", &key.expose())]);
    let t = T::on(open(&settings).await).await;
    a_change_names_its_actor(&t).await;

    let stranger = t.neighbour().await;
    let tx = t.customer().await;
    let campaign = campaigns::create(&tx, new_campaign()).await.unwrap();
    let user = Uuid::from(stranger.user.id);
    run(&tx, &format!("set local app.user_id = '{user}'; update campaigns set name = 'x'")).await.unwrap();
    tx.commit().await.unwrap();
    let (_, actor, user, _) = newest(&t, campaign.id).await;
    assert_eq!((actor, user), (AuditActor::User, Some(t.user.id)));
}

#[tokio::test]
async fn personal_data_is_replaced_by_a_digest_that_still_shows_a_change() {
    let t = T::new().await;
    let tx = t.customer().await;
    let number = "+14155550177";
    let entry = exclusion_list_entries::NewExclusionListEntry {
        phone_number: number.to_owned(),
        reason: Some("Mario Rossi asked".to_owned()),
        source: ExclusionSource::Manual,
    };
    exclusion_list_entries::add(&tx, entry).await.unwrap();
    let excluded = exclusion_list_entries::find_by_phone_number(&tx, number).await.unwrap().unwrap();
    users::update_metadata(&tx, t.user.id, preferences(json!({ "theme": "dark" }))).await.unwrap();
    tx.commit().await.unwrap();

    let (_, _, _, changes) = newest(&t, excluded.id).await;
    let id = Uuid::from(excluded.id);
    let tx = t.admin().await;
    let digest = texts(
        &tx,
        &format!(
            "select 'sha256:' || encode(sha256(convert_to('{id}:phone_number:{number}', 'UTF8')), 'hex')"
        ),
    )
    .await;
    assert_eq!(changes["phone_number"], json!({ "old": null, "new": digest[0] }));
    assert_eq!(changes["source"]["new"], "manual");
    let whole = texts(&tx, "select changes::text from audit_log_entries").await.join("\n");
    for personal in [number, "Mario", "dark", &t.user.email, &t.user.name, &t.user.oidc_sub] {
        assert!(!whole.contains(personal), "an entry holds personal data");
    }
    let (_, actor, user, changes) = newest(&t, t.user.id).await;
    assert_eq!((actor, user), (AuditActor::User, Some(t.user.id)));
    assert_ne!(changes["metadata"]["old"], changes["metadata"]["new"]);
}

#[tokio::test]
async fn every_audited_table_writes_an_entry_for_each_action_and_none_for_its_time_alone() {
    let database = migrated("audit_tables").await;
    let db = connect(&database.url()).await.unwrap();
    crate::migration::snapshot::fill(&db).await;
    let count = async |table: &str, action: &str| -> i64 {
        let sql = format!(
            "select count(*)::text from audit_log_entries where table_name = '{table}' and action = '{action}'"
        );
        texts(&db, &sql).await[0].parse().unwrap()
    };
    let tables = texts(
        &db,
        "select c.relname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid where tgname = 'audit' order by 1",
    )
    .await;
    assert_eq!(
        tables,
        [
            "campaigns",
            "email_templates",
            "erasure_requests",
            "exclusion_list_entries",
            "organizations",
            "provider_configs",
            "user_organizations",
            "users"
        ]
    );
    for table in &tables {
        let rows: i64 = texts(&db, &format!("select count(*)::text from {table}")).await[0].parse().unwrap();
        assert!(rows > 0 && count(table, "insert").await >= rows, "{table}: an insert without an entry");
        let before = count(table, "update").await;
        run(&db, &format!("update {table} set updated_at = '2020-01-01'")).await.unwrap();
        assert_eq!(count(table, "update").await, before, "{table}: the time alone is no change");
        run(&db, &format!("update {table} set created_at = '2020-01-01'")).await.unwrap();
        assert_eq!(count(table, "update").await, before + rows, "{table}: an update without an entry");
    }
    run(&db, "delete from email_notifications; truncate exclusion_list_entries; delete from organizations; delete from users")
        .await
        .unwrap();
    for table in &tables {
        let action = if table == "exclusion_list_entries" { "truncate" } else { "delete" };
        assert!(count(table, action).await > 0, "{table}: a {action} without an entry");
    }
}

#[tokio::test]
async fn a_rolled_back_change_leaves_no_entry() {
    let t = T::new().await;
    let tx = t.customer().await;
    let campaign = campaigns::create(&tx, new_campaign()).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(of_row(&t, campaign.id).await.is_empty());
}

#[tokio::test]
async fn a_customer_reads_the_entries_of_its_organization_and_no_others() {
    let t = T::new().await;
    let stranger = t.neighbour().await;
    let tx = t.customer().await;
    campaigns::create(&tx, new_campaign()).await.unwrap();
    let changes = OrganizationChanges { name: Set("New name".to_owned()), ..Default::default() };
    organizations::update(&tx, t.organization.id, changes).await.unwrap();
    tx.commit().await.unwrap();
    let of = async |t: &T| {
        let tx = t.customer().await;
        pages(async |after| audit_log_entries::list(&tx, after, 2).await).await.0
    };
    let own = of(&t).await;
    assert!(own.iter().all(|entry| entry.organization_id == Some(t.organization.id)));
    let tables: Vec<_> = own.iter().map(|entry| (&*entry.table_name, entry.action)).collect();
    assert_eq!(tables[..2], [("organizations", AuditAction::Update), ("campaigns", AuditAction::Insert)]);
    let other = of(&stranger).await;
    assert!(other.iter().all(|entry| entry.organization_id == Some(stranger.organization.id)));
}

/// Attempts of a customer and of the owner, with the code of their refusal.
const ATTEMPTS: [&str; 5] = [
    "update audit_log_entries set login = 'another'",
    "delete from audit_log_entries",
    "truncate audit_log_entries",
    "update audit_log_entries set login = 'another' where false",
    "insert into audit_log_entries select * from audit_log_entries \
     on conflict (id) do update set login = 'another'",
];

#[tokio::test]
async fn neither_a_customer_nor_the_owner_alters_an_entry() {
    // `truncate` waits for every transaction that has written to the table.
    let (_own, t) = T::alone("audit_truncate", &[]).await;
    let tx = t.customer().await;
    campaigns::create(&tx, new_campaign()).await.unwrap();
    tx.commit().await.unwrap();
    let digest = "select md5(string_agg(e::text, '' order by id)) from audit_log_entries e \
                  where organization_id = ";
    let digest = format!("{digest}'{}'", Uuid::from(t.organization.id));
    let before = texts(&t.admin().await, &digest).await;
    for attempt in ATTEMPTS {
        let tx = t.customer().await;
        assert_eq!(code(&run(&tx, attempt).await.unwrap_err()), "42501", "customer: {attempt}");
        let tx = t.admin().await;
        assert_eq!(code(&run(&tx, attempt).await.unwrap_err()), "42501", "owner: {attempt}");
    }
    let tx = t.customer().await;
    let insert = "insert into audit_log_entries (actor, login, transaction_id, action, table_name) \
                  values ('admin', 'x', 1, 'delete', 'users')";
    assert_eq!(code(&run(&tx, insert).await.unwrap_err()), "42501", "a customer writes no entries");
    for attempt in ["drop trigger append_only on audit_log_entries", "drop trigger audit on campaigns"] {
        let tx = t.customer().await;
        assert_eq!(code(&run(&tx, attempt).await.unwrap_err()), "42501", "{attempt}");
    }
    assert_eq!(texts(&t.admin().await, &digest).await, before);
}

#[tokio::test]
async fn entries_outlive_the_organization_and_the_user_that_they_name() {
    let t = T::new().await;
    let tx = t.customer().await;
    campaigns::create(&tx, new_campaign()).await.unwrap();
    tx.commit().await.unwrap();
    let tx = t.admin().await;
    let [organization, user] = [Uuid::from(t.organization.id), Uuid::from(t.user.id)];
    run(
        &tx,
        &format!(
            "delete from organizations where id = '{organization}'; delete from users where id = '{user}'"
        ),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let tx = t.admin().await;
    let of = |column: &str, id| {
        format!("select count(*)::text from audit_log_entries where {column} = '{id}' and action = 'insert'")
    };
    assert_ne!(texts(&tx, &of("organization_id", organization)).await, ["0"]);
    assert_ne!(texts(&tx, &of("user_id", user)).await, ["0"]);
}

#[tokio::test]
async fn calls_and_contacts_leave_no_entries() {
    let t = T::new().await;
    let campaign =
        t.factory.campaign(&t.organization).with(|row| row.status = Set(CampaignStatus::Running)).await;
    let contact = t.factory.contact(&campaign).await;
    let attempt = t.factory.call_attempt(&contact).await;
    assert!(of_row(&t, contact.id).await.is_empty());
    assert!(of_row(&t, attempt.id).await.is_empty());
}
