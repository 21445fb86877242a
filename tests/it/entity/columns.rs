//! Entities read and write every column on both engines.
//!
//! A sample is a struct literal without `..`: a new column does not compile before it has a value here, and a new
//! table in `entity`'s list does not compile before it has samples.

use crate::schema::model::{self, model};
use entity::prelude::{
    AuditLogEntries, AuditSeals, CallAttempts, Campaigns, Contacts, EmailNotifications, EmailTemplates,
    ErasureRequests, Events, ExclusionListEntries, Organizations, ProviderConfigs, RetentionRuns,
    SigningKeys, SurveyResponses, TranscriptSnippets, UserOrganizations, Users,
};
use entity::{
    audit_log_entries, audit_seals, call_attempts, campaigns, contacts, email_notifications, email_templates,
    enums::{CallOutcome, CampaignStatus, ContactState},
    erasure_requests, events, exclusion_list_entries,
    id::{CallAttemptId, ContactId, OrganizationId},
    organizations, provider_configs, retention_runs,
    secret::Secret,
    signing_keys, survey_responses, transcript_snippets, user_organizations, users,
};
use sea_orm::prelude::{DateTimeUtc, Decimal, Time, Uuid};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, ColumnType, ConnectionTrait, DatabaseConnection,
    DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait, PaginatorTrait,
    PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter, RelationDef, RelationTrait, Set, Statement,
    TryInsertResult, Value,
};
use sea_query::{Expr, OnConflict};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::pin::Pin;
use tests::engine::{Engine, on_both_engines};
use tests::{SqliteFile, connect, hexadecimal, run, texts, without_audit};

/// Samples of each table in each of the two organizations.
pub const ROWS: u32 = 12;

/// The number of the sample to which another one is changed; every column of the two differs.
const OTHER: u32 = 7;

/// `<table> <column> <the default as JSON, or now>`, from the data model; `id`, `organization_id`, `created_at`
/// and `updated_at` are every table's.
const DEFAULTS: &str = r#"
audit_log_entries changes {}
call_attempts metadata {}
call_attempts started_at now
campaigns allowed_call_end_local "20:00:00"
campaigns allowed_call_start_local "09:00:00"
campaigns language "en"
campaigns max_attempts 3
campaigns retry_interval_minutes 60
campaigns status "draft"
contacts attempts_count 0
contacts do_not_call false
contacts has_prior_consent false
contacts preferred_language "auto"
contacts state "pending"
email_notifications status "pending"
email_templates locale "en"
events payload {}
exclusion_list_entries source "manual"
organizations metadata {}
provider_configs llm_model "gpt-4.1-mini"
provider_configs llm_provider "openai"
provider_configs max_concurrent_calls 5
provider_configs provider_name "twilio"
provider_configs provider_type "telephony_api"
provider_configs recording_retention_days 180
provider_configs transcript_retention_days 180
retention_runs removed {}
survey_responses completed_at now
transcript_snippets language "en"
users metadata {}
users role "viewer"
"#;

/// Texts that something between Rust and the disk may trip over; their number shares no factor with [`OTHER`].
const TEXTS: [&str; 11] = [
    "plain",
    "",
    " leading and trailing ",
    "a\tb\nc\r\nd",
    "'; drop table users; --",
    "\"double\" \\back\\ `tick` $1 ?1 :name {{x}} %s",
    "è ñ ß İ ı e\u{301}",
    "日本語 العربية",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳️\u{200d}🌈",
    "\u{feff}\u{200b}\u{202e}\u{1}\u{7f}\u{fffe}\u{10ffff}",
    "𝕊",
];

const TIMES: [&str; 5] = [
    "2024-02-29T12:34:56.789012Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.999999Z",
    "2025-03-30T01:30:00.1Z",
];

#[test]
fn every_file_of_an_entity_is_in_the_list_of_tables() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../entity/src")).unwrap();
    let files = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    assert_eq!(files.filter(|file| file.contains("\n#[sea_orm(table_name")).count(), kinds().len());
}

#[test]
fn the_samples_hold_every_value_of_an_enum_and_both_states_of_a_nullable_column() {
    for kind in kinds() {
        (kind.survey)();
    }
}

fn survey<E: Sample>() {
    let samples: Vec<_> = Place::all().map(E::record).collect();
    for column in E::Column::iter() {
        let name = format!("{}.{}", E::default().table_name(), column.as_str());
        let values: Vec<Value> = samples.iter().map(|sample| sample.get(column)).collect();
        if column.def().is_null() {
            assert!(values.iter().any(|value| *value == value.as_null()), "{name} is never null");
        }
        if let ColumnType::Enum { variants, .. } = column.def().get_column_type() {
            for variant in variants {
                let value = Value::from(variant.to_string());
                assert!(values.contains(&value), "{name} is never {variant}");
            }
        }
        let (one, other) = (E::record(Place::FIRST), E::record(Place::FIRST.numbered(OTHER)));
        let differ = one.get(column) != other.get(column);
        assert!(differ || column.as_str() == "organization_id", "{name} is the same in both");
    }
}

on_both_engines!(migrated: an_entity_has_its_tables_columns_and_no_others);

async fn an_entity_has_its_tables_columns_and_no_others(Engine { db, .. }: &Engine) {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "select table_name::text from information_schema.tables where table_schema = current_schema()"
        }
        _ => "select name from sqlite_schema where type = 'table' and name not glob 'sqlite_*'",
    };
    let mut tables: BTreeSet<String> = texts(db, sql).await.into_iter().collect();
    assert!(tables.remove("seaql_migrations"));
    for kind in kinds() {
        assert!(tables.remove(kind.table), "{backend:?} has no table {}", kind.table);
        let ours: BTreeMap<_, _> = (kind.columns)();
        let theirs = columns(db, kind.table).await;
        let theirs: BTreeMap<_, _> =
            theirs.into_iter().map(|(name, column)| (name, column.is_nullable)).collect();
        assert_eq!(ours, theirs, "{backend:?}: columns of {}, and whether they are nullable", kind.table);
    }
    assert_eq!(tables, BTreeSet::new(), "{backend:?}: tables without an entity");
}

on_both_engines!(migrated: every_column_is_read_as_it_was_written);

async fn every_column_is_read_as_it_was_written(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    // Later inserts have changed nothing.
    for kind in kinds() {
        (kind.read)(db).await;
    }
}

async fn insert<E: Sample>(db: &DatabaseConnection) {
    for place in Place::all() {
        let sample = E::record(place);
        let inserted = sample.clone().into_active_model().reset_all().insert(db).await.unwrap();
        assert_eq!(inserted, sample, "{:?}", db.get_database_backend());
    }
}

async fn read<E: Sample>(db: &DatabaseConnection) {
    for place in Place::all() {
        let sample = E::record(place);
        let read = E::find_by_id(id_of(&sample)).one(db).await.unwrap();
        assert_eq!(read, Some(sample), "{:?}", db.get_database_backend());
    }
    assert_eq!(E::find().count(db).await.unwrap(), u64::from(2 * ROWS));
}

on_both_engines!(migrated: many_records_are_inserted_at_once);

async fn many_records_are_inserted_at_once(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.insert_many)(db).await;
        (kind.read)(db).await;
    }
}

async fn insert_many<E: Sample>(db: &DatabaseConnection) {
    let samples = Place::all().map(|place| E::record(place).into_active_model().reset_all());
    E::insert_many(samples).exec(db).await.unwrap();
}

on_both_engines!(migrated: what_an_insert_leaves_out_is_the_data_models_default);

async fn what_an_insert_leaves_out_is_the_data_models_default(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.leave_out)(db).await;
        (kind.insert)(db).await;
    }
}

/// Three ways to insert the first sample's required columns alone.
async fn leave_out<E: Sample>(db: &DatabaseConnection) {
    let backend = db.get_database_backend();
    let table = E::default().table_name();
    let sample = E::record(Place::FIRST);
    let catalogue = columns(db, table).await;
    let mut required = sample.clone().into_active_model().reset_all();
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in E::Column::iter() {
        let in_catalogue = &catalogue[column.as_str()];
        if in_catalogue.is_nullable || in_catalogue.has_default {
            required.not_set(column);
        } else {
            names.push(column.as_str());
            values.push(literal(backend, &sample.get(column)));
        }
    }
    assert!(required.is_not_set(primary_key::<E>()), "{table}: ids are generated, not required");
    if backend == DbBackend::Postgres {
        let organization: OrganizationId = Place::FIRST.id();
        let bind = format!("select set_config('app.organization_id', '{}', false)", organization.as_uuid());
        run(db, &bind).await.unwrap();
    }

    let before = now(db).await;
    let row = required.clone().insert(db).await.unwrap();
    assert_defaults::<E>(db, &row, &before, 7).await;
    let row = E::insert(required).exec_with_returning(db).await.unwrap();
    assert_defaults::<E>(db, &row, &before, 4).await;
    let sql = format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "));
    // An organization's and a user's content needs none of the other tables, but every table needs content.
    run(db, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let row = E::find().one(db).await.unwrap().unwrap();
    assert_defaults::<E>(db, &row, &before, 4).await;
}

/// The only row of the table holds the first sample's required values and the defaults; it is then deleted.
async fn assert_defaults<E: Sample>(db: &DatabaseConnection, row: &E::Model, before: &str, version: usize) {
    let after = now(db).await;
    let table = E::default().table_name();
    let catalogue = columns(db, table).await;
    let found = serde_json::to_value(row).unwrap();
    let sample = serde_json::to_value(E::record(Place::FIRST)).unwrap();
    for (name, column) in &catalogue {
        let listed = DEFAULTS.lines().find_map(|line| line.strip_prefix(&format!("{table} {name} ")));
        let listed = match name.as_str() {
            "created_at" | "updated_at" => Some("now"),
            _ => listed,
        };
        let expected = match (name.as_str(), listed) {
            ("id", _) => {
                assert_eq!(id_of(row).get_version_num(), version, "{table}");
                continue;
            }
            (_, Some("now")) => {
                let [time, before, after] = [found[name].as_str().unwrap(), before, &after]
                    .map(|text| text.parse::<DateTimeUtc>().unwrap());
                assert!(before <= time && time <= after, "{table}.{name}: {before} <= {time} <= {after}");
                continue;
            }
            (_, Some(default)) => serde_json::from_str(default).unwrap(),
            // Bound to the connection where there is a default.
            ("organization_id", None) if !column.is_nullable => sample[name].clone(),
            (_, None) if column.is_nullable => Json::Null,
            (_, None) if column.has_default => panic!("{table}.{name}: the data model has no default"),
            (_, None) => sample[name].clone(),
        };
        assert_eq!(found[name], expected, "{:?}: {table}.{name}", db.get_database_backend());
    }
    let read = E::find_by_id(id_of(row)).one(db).await.unwrap();
    assert_eq!(read.as_ref(), Some(row), "the answer to an insert is the row");
    assert_eq!(row.clone().delete(db).await.unwrap().rows_affected, 1);
}

on_both_engines!(migrated: every_column_can_be_updated_and_no_other_changes_with_it);

async fn every_column_can_be_updated_and_no_other_changes_with_it(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    // Those that refer to others first: rows are deleted on the way.
    for kind in kinds().iter().rev() {
        (kind.update)(db).await;
    }
}

async fn update<E: Sample>(db: &DatabaseConnection) {
    let (one, other) = (E::record(Place::FIRST), E::record(Place::FIRST.numbered(OTHER)));
    // Alone, so that every unique value of the other samples is free.
    let others = primary_key::<E>().ne(id_of(&one));
    E::delete_many().filter(others).exec(db).await.unwrap();
    update_each::<E>(db, &one, &other).await;
    let mut back = other;
    back.set(primary_key::<E>(), id_of(&one).into());
    back = replace::<E>(db, &back).await;
    update_each::<E>(db, &back, &one).await;
    // The organization is part of composite keys, so it changes together with them.
    let mut elsewhere = E::record(Place { organization: 1, number: 0 });
    elsewhere.set(primary_key::<E>(), id_of(&one).into());
    if let Some(organization) = E::Column::iter().find(|column| column.as_str() == "organization_id") {
        assert_ne!(one.get(organization), elsewhere.get(organization));
        replace::<E>(db, &elsewhere).await;
    }
}

/// Changes one column after the other from what the row `base` holds to what `other` holds, and back.
async fn update_each<E: Sample>(db: &DatabaseConnection, base: &E::Model, other: &E::Model) {
    for column in E::Column::iter() {
        if ["id", "organization_id"].contains(&column.as_str()) {
            continue;
        }
        let mut changed = base.clone().into_active_model();
        changed.set(column, other.get(column));
        let before = now(db).await;
        changed.update(db).await.unwrap();
        let after = now(db).await;

        let mut expected = base.clone();
        expected.set(column, other.get(column));
        let read = E::find_by_id(id_of(base)).one(db).await.unwrap().unwrap();
        // The trigger has the last word, also where a time was given.
        let time = serde_json::to_value(&read).unwrap()["updated_at"].as_str().unwrap().to_owned();
        let [time, before, after] = [time, before, after].map(|text| text.parse::<DateTimeUtc>().unwrap());
        let name =
            format!("{:?}: {}.{}", db.get_database_backend(), E::default().table_name(), column.as_str());
        assert!(before <= time && time <= after, "{name}: {before} <= {time} <= {after}");
        expected.set(updated_at::<E>(), time.into());
        assert_eq!(read, expected, "{name}");

        let mut restored = read.into_active_model();
        restored.set(column, base.get(column));
        restored.save(db).await.unwrap();
    }
}

/// Writes every column of the row with the model's id by `save`, and returns it as it is read.
async fn replace<E: Sample>(db: &DatabaseConnection, model: &E::Model) -> E::Model {
    model.clone().into_active_model().reset_all().save(db).await.unwrap();
    let read = E::find_by_id(id_of(model)).one(db).await.unwrap().unwrap();
    let mut expected = model.clone();
    expected.set(updated_at::<E>(), read.get(updated_at::<E>()));
    assert_eq!(read, expected, "{:?}", db.get_database_backend());
    read
}

on_both_engines!(migrated: the_answer_to_an_update_is_the_row_but_for_the_time_on_sqlite);

async fn the_answer_to_an_update_is_the_row_but_for_the_time_on_sqlite(Engine { db, .. }: &Engine) {
    insert::<Organizations>(db).await;
    let sample = Organizations::record(Place::FIRST);
    let mut changed = sample.clone().into_active_model();
    changed.name = Set("new".to_owned());
    let answer = changed.update(db).await.unwrap();
    let read = Organizations::find_by_id(sample.id).one(db).await.unwrap().unwrap();
    assert_ne!(read.updated_at, sample.updated_at);
    if db.get_database_backend() == DbBackend::Postgres {
        assert_eq!(answer, read);
    } else {
        // Its triggers run after RETURNING has answered (https://www.sqlite.org/lang_returning.html, 3).
        assert_eq!(answer, organizations::Model { updated_at: sample.updated_at, ..read });
    }
}

on_both_engines!(migrated: a_deleted_record_is_gone_and_the_others_stay);

async fn a_deleted_record_is_gone_and_the_others_stay(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    for kind in kinds().iter().rev() {
        (kind.delete)(db).await;
    }
}

/// Deletes every sample, each by one of three ways.
async fn delete<E: Sample>(db: &DatabaseConnection) {
    let mut left = u64::from(2 * ROWS);
    for place in Place::all() {
        let sample = E::record(place);
        let id = id_of(&sample);
        let result = match place.number % 3 {
            0 => sample.delete(db).await,
            1 => sample.into_active_model().delete(db).await,
            _ => E::delete_by_id(id).exec(db).await,
        };
        assert_eq!(result.unwrap().rows_affected, 1);
        left -= 1;
        assert_eq!(E::find_by_id(id).one(db).await.unwrap(), None);
        assert_eq!(E::find().count(db).await.unwrap(), left, "{}", E::default().table_name());
    }
}

on_both_engines!(migrated: a_record_is_found_by_each_of_its_columns);

async fn a_record_is_found_by_each_of_its_columns(Engine { db, .. }: &Engine) {
    without_audit(db).await;
    for kind in kinds() {
        (kind.insert)(db).await;
        (kind.filter)(db).await;
    }
}

async fn filter<E: Sample>(db: &DatabaseConnection) {
    let samples: Vec<E::Model> = Place::all().map(E::record).collect();
    for column in E::Column::iter() {
        for number in [0, 1, OTHER] {
            let value = E::record(Place::FIRST.numbered(number)).get(column);
            let condition: Expr =
                if value == value.as_null() { column.is_null() } else { column.eq(value.clone()) };
            let found = E::find().filter(condition).all(db).await.unwrap();
            let found: BTreeSet<Uuid> = found.iter().map(id_of).collect();
            let equal = samples.iter().filter(|sample| sample.get(column) == value);
            let name =
                format!("{:?}: {}.{}", db.get_database_backend(), E::default().table_name(), column.as_str());
            assert_eq!(found, equal.map(id_of).collect(), "{name} is {value:?}");
        }
    }
}

/// A condition, and the same in Rust.
type Rule = (Expr, fn(&contacts::Model) -> bool);

on_both_engines!(migrated: typed_columns_filter_by_values_of_their_type);

async fn typed_columns_filter_by_values_of_their_type(Engine { db, .. }: &Engine) {
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    let organization_id: OrganizationId = Place::FIRST.id();
    let first: ContactId = Place::FIRST.id();
    let column = contacts::COLUMN;
    let own = |contact: &contacts::Model| contact.organization_id == organization_id;
    let rules: [Rule; 8] = [
        (column.state.eq(ContactState::NotReached), |c| c.state == ContactState::NotReached),
        (column.state.is_in([ContactState::Pending, ContactState::Excluded]), |c| {
            matches!(c.state, ContactState::Pending | ContactState::Excluded)
        }),
        (column.last_outcome.eq(Some(CallOutcome::Busy)), |c| c.last_outcome == Some(CallOutcome::Busy)),
        (column.do_not_call.eq(true), |c| c.do_not_call),
        (column.attempts_count.gt(1), |c| c.attempts_count > 1),
        (column.created_at.lt(TIMES[0].parse::<DateTimeUtc>().unwrap()), |c| {
            c.created_at < TIMES[0].parse::<DateTimeUtc>().unwrap()
        }),
        (column.phone_number.starts_with("+9"), |c| c.phone_number.starts_with("+9")),
        (column.email.is_null(), |c| c.email.is_none()),
    ];
    for (condition, rule) in rules {
        let text = format!("{condition:?}");
        let found = Contacts::find().filter(column.organization_id.eq(organization_id)).filter(condition);
        let found: BTreeSet<_> = found.all(db).await.unwrap().into_iter().map(|contact| contact.id).collect();
        let expected: BTreeSet<_> = Place::all()
            .map(Contacts::record)
            .filter(|contact| own(contact) && rule(contact))
            .map(|contact| contact.id)
            .collect();
        assert!(!expected.is_empty(), "{text}");
        assert_eq!(found, expected, "{:?}: {text}", db.get_database_backend());
    }
    let found = Contacts::find_by_id(first).one(db).await.unwrap();
    assert_eq!(found, Some(Contacts::record(Place::FIRST)));
    assert_eq!(Contacts::find_by_id(ContactId::from_uuid(Uuid::max())).one(db).await.unwrap(), None);
    let sure: Decimal = "0.99".parse().unwrap();
    let responses = SurveyResponses::find()
        .filter(survey_responses::COLUMN.q1_confidence.gte(sure))
        .all(db)
        .await
        .unwrap();
    let expected =
        Place::all().map(SurveyResponses::record).filter(|r| r.q1_confidence.is_some_and(|c| c >= sure));
    assert_eq!(
        responses.iter().map(|response| response.id).collect::<BTreeSet<_>>(),
        expected.map(|response| response.id).collect()
    );
}

on_both_engines!(migrated: an_attempt_is_upserted_by_its_contact_and_number);

async fn an_attempt_is_upserted_by_its_contact_and_number(Engine { db, .. }: &Engine) {
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    let sample = CallAttempts::record(Place::FIRST);
    let again = call_attempts::Model {
        id: CallAttemptId::generate(),
        call_id: "another".to_owned(),
        outcome: Some(CallOutcome::Failed),
        error_code: Some("è\n".to_owned()),
        ..sample.clone()
    };
    let key =
        || OnConflict::columns([call_attempts::Column::ContactId, call_attempts::Column::AttemptNumber]);
    let upsert =
        key().update_columns([call_attempts::Column::Outcome, call_attempts::Column::ErrorCode]).to_owned();
    let active = || again.clone().into_active_model().reset_all();
    CallAttempts::insert(active()).on_conflict(upsert).exec_without_returning(db).await.unwrap();
    let read = CallAttempts::find_by_id(sample.id).one(db).await.unwrap().unwrap();
    assert_ne!(read.updated_at, sample.updated_at, "an upsert is an update");
    let expected = call_attempts::Model {
        outcome: again.outcome,
        error_code: again.error_code.clone(),
        updated_at: read.updated_at,
        ..sample
    };
    assert_eq!(read, expected, "{:?}", db.get_database_backend());

    let ignored = key().do_nothing().to_owned();
    let result = CallAttempts::insert(active()).on_conflict(ignored).try_insert().exec(db).await.unwrap();
    assert!(matches!(result, TryInsertResult::Conflicted), "{result:?}");
    let new = call_attempts::Model { attempt_number: 99, ..again.clone() };
    let upsert = key().update_column(call_attempts::Column::Outcome).to_owned();
    let inserted = CallAttempts::insert(new.clone().into_active_model().reset_all()).on_conflict(upsert);
    assert_eq!(inserted.exec_with_returning(db).await.unwrap(), new);
    assert_eq!(CallAttempts::find().count(db).await.unwrap(), u64::from(2 * ROWS) + 1);
}

on_both_engines!(migrated: pages_by_time_and_id_hold_every_record_once_in_order);

async fn pages_by_time_and_id_hold_every_record_once_in_order(Engine { db, .. }: &Engine) {
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    let organization_id: OrganizationId = Place::FIRST.id();
    let mut expected: Vec<_> =
        (0..ROWS).map(|number| Contacts::record(Place::FIRST.numbered(number))).collect();
    expected.sort_by_key(|contact| (contact.created_at, contact.id));
    assert!(expected.windows(2).any(|pair| pair[0].created_at == pair[1].created_at), "ties");
    for is_newest_first in [false, true] {
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let query = Contacts::find().filter(contacts::COLUMN.organization_id.eq(organization_id));
            let mut page = query.cursor_by((contacts::Column::CreatedAt, contacts::Column::Id));
            if is_newest_first {
                page.desc();
            }
            if let Some(key) = after {
                page.after(key);
            }
            let page = page.first(5).all(db).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            pages.extend(page);
            assert!(
                pages.len() <= expected.len(),
                "{:?}: a record is there twice",
                db.get_database_backend()
            );
        }
        if is_newest_first {
            pages.reverse();
        }
        assert_eq!(pages, expected, "{:?}", db.get_database_backend());
    }
}

#[tokio::test]
async fn a_time_that_sqlite_generates_is_the_text_that_sqlx_writes() {
    let file = SqliteFile::migrated().await;
    let db = &connect(&file.url()).await.unwrap();
    // Texts are compared: one instant in two forms is not found by its value, and moves between pages.
    let defaults = "select dflt_value from sqlite_schema s, pragma_table_info(s.name) \
                    where s.type = 'table' and dflt_value like '%''now''%'";
    let triggers = "select substr(sql, 1, instr(sql, ' where rowid') - 1) from (select substr(sql, \
                    instr(sql, 'set updated_at = ') + 17) as sql from sqlite_schema where type = 'trigger')";
    let tables = &model().tables;
    let columns = tables.iter().flat_map(|table| &table.columns);
    let generated = columns.filter(|column| column.default == Some("now")).count();
    for (sql, count) in [(defaults, generated), (triggers, tables.len())] {
        let expressions = texts(db, sql).await;
        assert_eq!(expressions.len(), count, "{expressions:?}");
        for expression in expressions {
            for time in ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00.1Z", "2025-01-01T00:00:00.012Z"] {
                let text = expression.replace("'now'", &format!("'{time}'"));
                let text = texts(db, &format!("select {text}")).await.remove(0);
                let time: DateTimeUtc = time.parse().unwrap();
                let written = Statement::from_sql_and_values(DbBackend::Sqlite, "select $1", [time.into()]);
                let written = db.query_one_raw(written).await.unwrap().unwrap();
                assert_eq!(text, written.try_get_by_index::<String>(0).unwrap(), "{expression}");
            }
        }
    }
}

/// Every entity, those referenced first.
pub fn kinds() -> Vec<Kind> {
    macro_rules! kind_of_each {
        ($($table:ident: $Entity:ident,)+) => { vec![$(Kind::of::<entity::$table::Entity>()),+] };
    }
    entity::for_each_table!(kind_of_each)
}

/// An entity with samples.
pub trait Sample:
    EntityTrait<
        Model: DeserializeOwned + IntoActiveModel<Self::ActiveModel> + PartialEq + Serialize + Sync,
        ActiveModel: ActiveModelBehavior + Send + Sync,
        PrimaryKey: PrimaryKeyTrait<ValueType: From<Uuid>>,
    >
{
    /// The sample at a place.
    fn record(at: Place) -> Self::Model;
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
type Step = for<'a> fn(&'a DatabaseConnection) -> Task<'a>;

/// What the tests do with an entity, whichever it is.
pub struct Kind {
    pub table: &'static str,
    /// The columns, and whether they are nullable.
    columns: fn() -> BTreeMap<String, bool>,
    delete: Step,
    filter: Step,
    /// Inserts every sample.
    pub insert: Step,
    insert_many: Step,
    leave_out: Step,
    read: Step,
    /// The relations by their names.
    pub relations: fn() -> Vec<(String, RelationDef)>,
    survey: fn(),
    update: Step,
}

impl Kind {
    fn of<E: Sample>() -> Self {
        Self {
            table: E::default().table_name(),
            columns: || {
                E::Column::iter().map(|column| (column.as_str().to_owned(), column.def().is_null())).collect()
            },
            delete: |db| Box::pin(delete::<E>(db)),
            filter: |db| Box::pin(filter::<E>(db)),
            insert: |db| Box::pin(insert::<E>(db)),
            insert_many: |db| Box::pin(insert_many::<E>(db)),
            leave_out: |db| Box::pin(leave_out::<E>(db)),
            read: |db| Box::pin(read::<E>(db)),
            relations: || E::Relation::iter().map(|relation| (relation.name(), relation.def())).collect(),
            survey: survey::<E>,
            update: |db| Box::pin(update::<E>(db)),
        }
    }
}

/// A sample's place: its organization, 0 or 1, and its number there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub organization: u32,
    pub number: u32,
}

impl Place {
    pub const FIRST: Self = Self { organization: 0, number: 0 };

    pub fn all() -> impl Iterator<Item = Self> {
        (0..2).flat_map(|organization| (0..ROWS).map(move |number| Self { organization, number }))
    }

    pub fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The id of the sample here, in the table that the id's type belongs to.
    pub fn id<I: From<Uuid>>(self) -> I {
        // Salted with the type, so that a key that leads into another table finds nothing there.
        let salt = type_name::<I>().bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Uuid::from_u64_pair(salt, u64::from(self.organization) << 32 | u64::from(self.number)).into()
    }

    /// The id of a row that several samples refer to, those of the number's multiples and what lies between.
    fn parent<I: From<Uuid>>(self, share: u32) -> I {
        self.numbered(self.number / share).id()
    }

    /// The id of the organization, the first sample of its table.
    fn organization(self) -> OrganizationId {
        self.numbered(0).id()
    }

    fn is_even(self) -> bool {
        self.number.is_multiple_of(2)
    }

    /// None for the odd ones.
    fn some<T>(self, value: T) -> Option<T> {
        self.is_even().then_some(value)
    }

    fn nth<T: Copy, const N: usize>(self, values: [T; N], skip: u32) -> T {
        values[(self.number + skip) as usize % N]
    }

    /// One value of an enum after the other.
    fn each<E: Iterable>(self) -> E {
        let count = E::iter().count();
        E::iter().nth(self.number as usize % count).unwrap()
    }

    /// One value of an enum after the other, in the even ones.
    fn some_each<E: Iterable>(self) -> Option<E> {
        self.some(self.numbered(self.number / 2).each())
    }

    fn text(self, skip: u32, max: usize) -> String {
        match self.nth(TEXTS, skip) {
            // The longest, in four bytes a character.
            "𝕊" => "𝕊".repeat(max),
            text => text.to_owned(),
        }
    }

    fn unique_text(self, skip: u32, max: usize) -> String {
        let text = format!("{}-{} {}", self.organization, self.number, self.text(skip, max));
        text.chars().take(max).collect()
    }

    fn time(self, skip: u32) -> DateTimeUtc {
        self.nth(TIMES, skip).parse().unwrap()
    }

    fn count(self, min: i64) -> i64 {
        // The last one is the first that a floating-point number cannot hold.
        self.nth([min, i64::MAX, min + 1, (1 << 53) + 1], 0)
    }

    fn decimal(self, skip: u32) -> Decimal {
        self.nth(["0.00", "0.01", "1.00", "0.99", "0.5"], skip).parse().unwrap()
    }

    fn document<T: DeserializeOwned + Serialize>(self) -> T {
        let document = match self.number % 4 {
            0 => json!({}),
            1 => json!({
                "duration_seconds": i64::MIN,
                "recording_url": "https://r.example/ä?a=b&c=\"d\"",
                "attempt_number": i64::MAX,
                "outcome": "no_answer",
                "answers": [{ "question_number": 1, "answer": "sì 👍", "confidence": 0.95, "audio": [0, null] }, {}],
            }),
            2 => {
                json!({ "largest": u64::MAX, "smallest": i64::MIN, "theme": "dark", "outcome": 7, "list": [] })
            }
            _ => json!({
                "nested": { "": [1, 2.5, -0.001, true, null, { "deep": [[[]]] }] },
                "ключ 🗝": "\u{1}\n\t\"\\'",
                "duration_seconds": null,
                "answers": "none",
            }),
        };
        let typed: T = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&typed).unwrap(), document, "nothing is lost");
        typed
    }
}

impl Sample for Organizations {
    fn record(at: Place) -> organizations::Model {
        let word = format!("{}{}", at.organization, at.number);
        organizations::Model {
            id: at.id(),
            name: at.text(0, 255),
            slug: if at.is_even() { word } else { format!("{word:x<61}-y") },
            metadata: at.document(),
            deleted_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for Users {
    fn record(at: Place) -> users::Model {
        users::Model {
            id: at.id(),
            oidc_sub: at.unique_text(0, 255),
            email: at.unique_text(1, 255),
            name: at.text(2, 255),
            role: at.each(),
            metadata: at.document(),
            deleted_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for UserOrganizations {
    fn record(at: Place) -> user_organizations::Model {
        // The first user of the first organization is a member of both, the first of the second of none.
        let user = if at.number == 0 { Place::FIRST } else { at };
        user_organizations::Model {
            id: at.id(),
            user_id: user.id(),
            organization_id: at.organization(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for EmailTemplates {
    fn record(at: Place) -> email_templates::Model {
        email_templates::Model {
            id: at.id(),
            organization_id: at.organization(),
            name: at.text(0, 255),
            r#type: at.each(),
            subject: at.text(1, 500),
            body_html: at.text(2, 10_000),
            body_text: at.some(at.text(3, 10_000)),
            locale: at.each(),
            deleted_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for Campaigns {
    fn record(at: Place) -> campaigns::Model {
        let status = at.each();
        let is_live =
            matches!(status, CampaignStatus::Scheduled | CampaignStatus::Running | CampaignStatus::Paused);
        let window = if is_live || [0, OTHER].contains(&at.number) {
            at.nth([["09:00", "20:00:00.000001"], ["00:00", "23:59:59.999999"]], 0)
        } else {
            ["20:00", "08:59:59.5"]
        };
        let [start, end] = window.map(|text| text.parse::<Time>().unwrap());
        campaigns::Model {
            id: at.id(),
            organization_id: at.organization(),
            name: at.text(0, 255),
            description: at.some(at.text(1, 10_000)),
            status,
            language: at.each(),
            intro_script: at.text(2, 10_000),
            question_1_text: at.text(3, 10_000),
            question_2_text: at.text(4, 10_000),
            question_3_text: at.text(5, 10_000),
            question_1_type: at.each(),
            question_2_type: at.numbered(at.number + 1).each(),
            question_3_type: at.numbered(at.number + 2).each(),
            max_attempts: i64::from(1 + at.number % 5),
            retry_interval_minutes: at.count(1),
            allowed_call_start_local: start,
            allowed_call_end_local: end,
            email_completed_template_id: at.some(at.parent(2)),
            email_refused_template_id: at.some(at.parent(3)),
            email_not_reached_template_id: at.some(at.parent(4)),
            created_by_user_id: at.some(at.parent(2)),
            deleted_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for Contacts {
    fn record(at: Place) -> contacts::Model {
        contacts::Model {
            id: at.id(),
            organization_id: at.organization(),
            campaign_id: at.parent(2),
            external_contact_id: at.some(at.text(0, 255)),
            phone_number: at.nth(["+12", "DELETED", "+14155550101", "+999999999999999"], 0).to_owned(),
            email: at.some(at.text(1, 255)),
            preferred_language: at.each(),
            has_prior_consent: at.is_even(),
            do_not_call: !at.is_even(),
            state: at.each(),
            attempts_count: at.count(0),
            last_attempt_at: at.some(at.time(3)),
            last_outcome: at.some_each(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for ExclusionListEntries {
    fn record(at: Place) -> exclusion_list_entries::Model {
        // From the shortest number to the longest; the same ones in both organizations.
        let digits = if at.is_even() { 1 } else { 14 };
        exclusion_list_entries::Model {
            id: at.id(),
            organization_id: at.organization(),
            phone_number: format!("+1{:0digits$}", at.number),
            reason: at.some(at.text(0, 10_000)),
            source: at.each(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for ErasureRequests {
    fn record(at: Place) -> erasure_requests::Model {
        erasure_requests::Model {
            id: at.id(),
            organization_id: at.organization(),
            contact_id: at.some(at.parent(2)),
            due_at: at.time(2),
            completed_at: at.some(at.time(3)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for CallAttempts {
    fn record(at: Place) -> call_attempts::Model {
        call_attempts::Model {
            id: at.id(),
            organization_id: at.organization(),
            contact_id: at.parent(2),
            campaign_id: at.parent(3),
            attempt_number: if at.is_even() { 1 } else { i64::MAX },
            call_id: at.unique_text(0, 255),
            provider_call_id: at.some(at.text(1, 255)),
            started_at: at.time(2),
            answered_at: at.some(at.time(3)),
            ended_at: at.some(at.time(4)),
            outcome: at.some_each(),
            provider_raw_status: at.some(at.text(2, 255)),
            error_code: at.some(at.text(3, 100)),
            metadata: at.document(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for SurveyResponses {
    fn record(at: Place) -> survey_responses::Model {
        survey_responses::Model {
            id: at.id(),
            organization_id: at.organization(),
            contact_id: at.id(),
            campaign_id: at.parent(2),
            call_attempt_id: at.parent(3),
            q1_answer: at.some(at.text(0, 10_000)),
            q2_answer: at.some(at.text(1, 10_000)),
            q3_answer: at.some(at.text(2, 10_000)),
            q1_confidence: at.some(at.decimal(0)),
            q2_confidence: at.some(at.decimal(1)),
            q3_confidence: at.some(at.decimal(2)),
            completed_at: at.time(3),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for Events {
    fn record(at: Place) -> events::Model {
        events::Model {
            id: at.id(),
            organization_id: at.organization(),
            event_type: at.each(),
            campaign_id: at.parent(2),
            contact_id: at.parent(3),
            call_attempt_id: at.some(at.parent(2)),
            payload: at.document(),
            published_at: at.some(at.time(3)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for EmailNotifications {
    fn record(at: Place) -> email_notifications::Model {
        email_notifications::Model {
            id: at.id(),
            organization_id: at.organization(),
            event_id: at.parent(2),
            contact_id: at.parent(3),
            campaign_id: at.parent(2),
            template_id: at.parent(3),
            to_email: at.text(0, 255),
            status: at.each(),
            provider_message_id: at.some(at.text(1, 255)),
            error_message: at.some(at.text(2, 10_000)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for ProviderConfigs {
    fn record(at: Place) -> provider_configs::Model {
        provider_configs::Model {
            id: at.id(),
            organization_id: at.organization(),
            provider_type: at.each(),
            provider_name: at.text(0, 100),
            outbound_number: at.text(1, 50),
            max_concurrent_calls: at.count(1),
            llm_provider: at.each(),
            llm_model: at.text(2, 100),
            recording_retention_days: at.count(1),
            transcript_retention_days: at.numbered(at.number + 1).count(1),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for TranscriptSnippets {
    fn record(at: Place) -> transcript_snippets::Model {
        transcript_snippets::Model {
            id: at.id(),
            organization_id: at.organization(),
            call_attempt_id: at.parent(2),
            transcript_text: at.text(0, 10_000),
            language: at.each(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for SigningKeys {
    fn record(at: Place) -> signing_keys::Model {
        let key = |skip| Secret::from(vec![at.nth(*b"\0a\xff\n", skip); 64]);
        signing_keys::Model {
            id: at.id(),
            inner_key: key(0),
            outer_key: key(1),
            expires_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for RetentionRuns {
    fn record(at: Place) -> retention_runs::Model {
        retention_runs::Model {
            id: at.id(),
            until_done: at.is_even(),
            deleted_days: at.count(1),
            email_days: at.numbered(at.number + 1).count(1),
            event_days: at.numbered(at.number + 2).count(1),
            removed: at.document(),
            outcome: at.some_each(),
            finished_at: at.some(at.time(2)),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for AuditLogEntries {
    fn record(at: Place) -> audit_log_entries::Model {
        audit_log_entries::Model {
            id: at.id(),
            organization_id: at.some(at.organization()),
            actor: at.each(),
            user_id: at.some(at.numbered(at.number + 1).id()),
            login: at.text(0, 63),
            transaction_id: at.count(0),
            action: at.each(),
            table_name: at.text(1, 63),
            row_id: at.some(*at.numbered(at.number + 2).id::<ContactId>().as_uuid()),
            changes: at.document(),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

impl Sample for AuditSeals {
    fn record(at: Place) -> audit_seals::Model {
        audit_seals::Model {
            id: at.id(),
            number: i64::from(1 + 2 * at.number) + i64::from(at.organization),
            previous_digest: at.text(0, 64),
            digest: at.text(1, 64),
            snapshot: at.text(2, 100),
            entries: at.text(3, 300),
            created_at: at.time(0),
            updated_at: at.time(1),
        }
    }
}

/// A column in the catalogue.
struct Column {
    has_default: bool,
    is_nullable: bool,
}

/// A table's columns by their names.
async fn columns(db: &DatabaseConnection, table: &str) -> BTreeMap<String, Column> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "select column_name::text, (is_nullable = 'YES')::int::bigint, (column_default is not null)::int::bigint \
             from information_schema.columns where table_schema = current_schema() and table_name = $1"
        }
        _ => "select name, \"notnull\" = 0, dflt_value is not null from pragma_table_info($1)",
    };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await.unwrap();
    rows.iter()
        .map(|row| {
            let [is_nullable, has_default] = [1, 2].map(|at| row.try_get_by_index::<i64>(at).unwrap() == 1);
            (row.try_get_by_index(0).unwrap(), Column { has_default, is_nullable })
        })
        .collect()
}

/// The server's clock.
async fn now(db: &DatabaseConnection) -> String {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        }
        _ => "select strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    };
    texts(db, sql).await.remove(0)
}

/// A value in SQL text, of the types that a required column has.
fn literal(backend: DbBackend, value: &Value) -> String {
    match value {
        Value::BigInt(Some(number)) => number.to_string(),
        Value::String(Some(text)) => format!("'{}'", text.replace('\'', "''")),
        Value::Uuid(Some(id)) if backend == DbBackend::Sqlite => format!("x'{}'", id.simple()),
        Value::Uuid(Some(id)) => format!("'{id}'"),
        Value::Bool(Some(truth)) => truth.to_string(),
        Value::Bytes(Some(bytes)) => model::bytes(backend, &hexadecimal(bytes)),
        Value::ChronoDateTimeUtc(Some(time)) => format!("'{}'", time.to_rfc3339()),
        Value::Decimal(Some(number)) => number.to_string(),
        other => panic!("no literal for {other:?}"),
    }
}

fn primary_key<E: Sample>() -> E::Column {
    E::PrimaryKey::iter().next().unwrap().into_column()
}

fn updated_at<E: Sample>() -> E::Column {
    E::Column::iter().find(|column| column.as_str() == "updated_at").unwrap()
}

/// The UUID of a row's id.
pub fn id_of<M: ModelTrait<Entity: Sample>>(row: &M) -> Uuid {
    match row.get(primary_key::<M::Entity>()) {
        Value::Uuid(Some(id)) => id,
        other => panic!("an id of {other:?}"),
    }
}
