//! Every relation loads, in both directions, on both engines, with its rows and none of another organization.

use crate::entity::columns::{Place, ROWS, Sample, id_of, kinds};
use crate::schema::model::{Table, model};
use entity::user_organizations;
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait, DatabaseConnection, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    LinkDef, Linked, LoaderTrait, ModelTrait, Related, RelationDef, RelationTrait,
};
use sea_query::{ForeignKeyAction, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::pin::Pin;
use syn::{Fields, Item, Type};
use tests::engine::{Engine, on_both_engines};
use tests::{run, texts};

/// The cases. What a relation holds follows from the column of the key alone, as in the data model: the row
/// that one's own column names (`one`), the rows whose column names oneself (`many`), or those that a row of
/// `user_organizations` names together with oneself (`via`). Relations of which several lead from one table to
/// another are found by their name only.
macro_rules! cases {
    ($($kind:ident $from:ident.$field:ident -> $to:ident by $key:ident $(named $name:ident)?;)+) => {
        fn cases() -> Vec<Case> {
            vec![$(Case {
                from: stringify!($from),
                field: stringify!($field),
                relation: cases!(@relation $to $($name)?),
                check: |db| Box::pin(async move {
                    type From = entity::$from::Entity;
                    type To = entity::$to::Entity;
                    let name = concat!(stringify!($from), ".", stringify!($field));
                    let expected = expected::<From, To>(db, Key::$kind(stringify!($key))).await;
                    let loaded = From::load().with(cases!(@target $from $to $($name)?)).all(db).await.unwrap();
                    let loaded = loaded.into_iter().map(|row| {
                        let related = cases!(@rows $kind row.$field).map(entity::$to::Model::from).collect();
                        (Uuid::from(row.id), sorted(related))
                    });
                    assert_eq!(loaded.collect::<Found<To>>(), expected, "{name} by load().with()");
                    cases!(@walk $kind From, To, db, name, &cases!(@relation $to $($name)?), &expected);
                    cases!(@related $kind From, To, db, name, &expected; $($name)?);
                    strays::<From, To>(db, Key::$kind(stringify!($key))).await
                }),
            }),+]
        }
    };
    // SeaORM's names.
    (@relation $to:ident) => { camel_case(stringify!($to)) };
    (@relation $to:ident $name:ident) => { stringify!($name).to_owned() };
    (@target $from:ident $to:ident) => { entity::$to::Entity };
    (@target $from:ident $to:ident $name:ident) => { entity::$from::Relation::$name };
    (@rows one $row:ident.$field:ident) => { $row.$field.into_option().into_iter() };
    (@rows $kind:ident $row:ident.$field:ident) => { $row.$field.into_iter() };
    (@walk via $($rest:tt)+) => {};
    (@walk $kind:ident $from:ty, $to:ty, $($argument:expr),+) => { walk::<$from, $to>($($argument),+).await };
    (@related one $from:ty, $to:ty, $($argument:expr),+;) => { related_one::<$from, $to>($($argument),+).await };
    (@related $kind:ident $from:ty, $to:ty, $($argument:expr),+;) => {
        related_many::<$from, $to>($($argument),+).await
    };
    (@related $kind:ident $from:ty, $to:ty, $($argument:expr),+; $name:ident) => {};
}

cases! {
    one call_attempts.campaign -> campaigns by campaign_id;
    one call_attempts.contact -> contacts by contact_id;
    one call_attempts.organization -> organizations by organization_id;
    one campaigns.created_by_user -> users by created_by_user_id;
    one campaigns.email_completed_template -> email_templates by email_completed_template_id
        named EmailCompletedTemplate;
    one campaigns.email_not_reached_template -> email_templates by email_not_reached_template_id
        named EmailNotReachedTemplate;
    one campaigns.email_refused_template -> email_templates by email_refused_template_id
        named EmailRefusedTemplate;
    one campaigns.organization -> organizations by organization_id;
    one contacts.campaign -> campaigns by campaign_id;
    one contacts.organization -> organizations by organization_id;
    one email_notifications.campaign -> campaigns by campaign_id;
    one email_notifications.contact -> contacts by contact_id;
    one email_notifications.event -> events by event_id;
    one email_notifications.organization -> organizations by organization_id;
    one email_notifications.template -> email_templates by template_id;
    one email_templates.organization -> organizations by organization_id;
    one erasure_requests.contact -> contacts by contact_id;
    one erasure_requests.organization -> organizations by organization_id;
    one events.call_attempt -> call_attempts by call_attempt_id;
    one events.campaign -> campaigns by campaign_id;
    one events.contact -> contacts by contact_id;
    one events.organization -> organizations by organization_id;
    one exclusion_list_entries.organization -> organizations by organization_id;
    one provider_configs.organization -> organizations by organization_id;
    one survey_responses.call_attempt -> call_attempts by call_attempt_id;
    one survey_responses.campaign -> campaigns by campaign_id;
    one survey_responses.contact -> contacts by contact_id;
    one survey_responses.organization -> organizations by organization_id;
    one transcript_snippets.call_attempt -> call_attempts by call_attempt_id;
    one transcript_snippets.organization -> organizations by organization_id;
    one user_organizations.organization -> organizations by organization_id;
    one user_organizations.user -> users by user_id;

    many call_attempts.events -> events by call_attempt_id;
    many call_attempts.survey_responses -> survey_responses by call_attempt_id;
    many call_attempts.transcript_snippets -> transcript_snippets by call_attempt_id;
    many campaigns.call_attempts -> call_attempts by campaign_id;
    many campaigns.contacts -> contacts by campaign_id;
    many campaigns.email_notifications -> email_notifications by campaign_id;
    many campaigns.events -> events by campaign_id;
    many campaigns.survey_responses -> survey_responses by campaign_id;
    many contacts.call_attempts -> call_attempts by contact_id;
    many contacts.email_notifications -> email_notifications by contact_id;
    many contacts.erasure_requests -> erasure_requests by contact_id;
    many contacts.events -> events by contact_id;
    many contacts.survey_responses -> survey_responses by contact_id;
    many email_templates.campaigns_if_completed -> campaigns by email_completed_template_id
        named CampaignsIfCompleted;
    many email_templates.campaigns_if_not_reached -> campaigns by email_not_reached_template_id
        named CampaignsIfNotReached;
    many email_templates.campaigns_if_refused -> campaigns by email_refused_template_id
        named CampaignsIfRefused;
    many email_templates.email_notifications -> email_notifications by template_id;
    many events.email_notifications -> email_notifications by event_id;
    many organizations.call_attempts -> call_attempts by organization_id;
    many organizations.campaigns -> campaigns by organization_id;
    many organizations.contacts -> contacts by organization_id;
    many organizations.email_notifications -> email_notifications by organization_id;
    many organizations.email_templates -> email_templates by organization_id;
    many organizations.erasure_requests -> erasure_requests by organization_id;
    many organizations.events -> events by organization_id;
    many organizations.exclusion_list_entries -> exclusion_list_entries by organization_id;
    many organizations.provider_configs -> provider_configs by organization_id;
    many organizations.survey_responses -> survey_responses by organization_id;
    many organizations.transcript_snippets -> transcript_snippets by organization_id;
    many organizations.user_organizations -> user_organizations by organization_id;
    many users.campaigns -> campaigns by created_by_user_id;
    many users.user_organizations -> user_organizations by user_id;

    via organizations.users -> users by organization_id;
    via users.organizations -> organizations by user_id;
}

#[test]
fn every_relation_of_every_entity_has_a_case() {
    let mut fields = BTreeSet::new();
    for kind in kinds() {
        let path = format!("{}/../entity/src/{}.rs", env!("CARGO_MANIFEST_DIR"), kind.table);
        let file = syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap();
        let model = file.items.into_iter().find_map(|item| match item {
            Item::Struct(item) if item.ident == "Model" => Some(item.fields),
            _ => None,
        });
        let Some(Fields::Named(model)) = model else { unreachable!("{} has no Model", kind.table) };
        for field in model.named {
            let Type::Path(path) = &field.ty else { continue };
            let word = path.path.segments.last().unwrap().ident.to_string();
            if ["BelongsTo", "HasMany", "HasOne"].contains(&word.as_str()) {
                fields.insert((kind.table.to_owned(), field.ident.unwrap().to_string()));
            }
        }
        // SeaORM's relations of the fields.
        let cases = cases();
        let cases: Vec<_> = cases.iter().filter(|case| case.from == kind.table).collect();
        for (relation, _) in (kind.relations)() {
            assert!(cases.iter().any(|case| case.relation == relation), "{}: {relation}", kind.table);
        }
    }
    let cases: BTreeSet<_> =
        cases().iter().map(|case| (case.from.to_owned(), case.field.to_owned())).collect();
    assert_eq!(cases, fields);
}

on_both_engines!(migrated: every_foreign_key_is_a_relation_in_both_directions);

async fn every_foreign_key_is_a_relation_in_both_directions(Engine { db, .. }: &Engine) {
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let keys = texts(db, if is_sqlite { SQLITE_KEYS } else { POSTGRES_KEYS }).await;
    let expected = model().tables.iter().flat_map(Table::keys).count();
    assert_eq!(keys.len(), expected, "{keys:?}");
    let keys: BTreeSet<String> = keys.into_iter().collect();
    let (mut own, mut reverse) = (BTreeSet::new(), BTreeSet::new());
    for (_, relation) in kinds().iter().flat_map(|kind| (kind.relations)()) {
        let (from, to) = (relation.from_tbl.sea_orm_table(), relation.to_tbl.sea_orm_table());
        let [from_columns, to_columns] = [&relation.from_col, &relation.to_col]
            .map(|columns| columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        if relation.is_owner {
            reverse.insert(format!("{to} ({to_columns}) -> {from} ({from_columns})"));
        } else {
            let action = match relation.on_delete {
                Some(ForeignKeyAction::Cascade) => "cascade",
                Some(ForeignKeyAction::Restrict) => "restrict",
                Some(ForeignKeyAction::SetNull) => "set null",
                _ => "none",
            };
            own.insert(format!("{from} ({from_columns}) -> {to} ({to_columns}) {action}"));
        }
    }
    let bare: BTreeSet<String> = own.iter().map(|key| key[..=key.rfind(')').unwrap()].to_owned()).collect();
    assert_eq!(bare, reverse, "a key is declared on both sides");
    if is_sqlite {
        // It has no `on delete set null (column)`, so there the organization is no part of a nullable key.
        own = own
            .into_iter()
            .map(|key| if key.ends_with("set null") { key.replace("organization_id, ", "") } else { key })
            .collect();
    }
    assert_eq!(own, keys, "{:?}", db.get_database_backend());
}

on_both_engines!(migrated: every_relation_loads_its_rows);

async fn every_relation_loads_its_rows(Engine { db, .. }: &Engine) {
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    for case in cases() {
        assert_eq!((case.check)(db).await, 0, "the samples have no key into another organization");
    }
}

on_both_engines!(migrated: a_key_into_another_organization_loads_nothing);

async fn a_key_into_another_organization_loads_nothing(Engine { db, .. }: &Engine) {
    for kind in kinds() {
        (kind.insert)(db).await;
    }
    // Nothing but the relation itself is left to keep organizations apart.
    match db.get_database_backend() {
        DbBackend::Postgres => {
            let drop = "select format('alter table %s drop constraint %I', conrelid::regclass, conname) \
                        from pg_constraint where contype = 'f' \
                        and connamespace = current_schema()::regnamespace";
            for statement in texts(db, drop).await {
                run(db, &statement).await.unwrap();
            }
        }
        _ => run(db, "pragma foreign_keys = off").await.unwrap(),
    }
    macro_rules! lead_each_astray {
        ($($table:ident: $Entity:ident,)+) => { $(lead_astray::<entity::$table::Entity>(db).await;)+ };
    }
    entity::for_each_table!(lead_each_astray);
    let mut tenants_keys = 0;
    for case in cases() {
        let strays = (case.check)(db).await;
        assert!(strays <= 1, "{}.{}", case.from, case.field);
        tenants_keys += strays;
    }
    let composite = model().tables.iter().flat_map(Table::keys).filter(|(_, key)| key.is_composite);
    assert_eq!(
        tenants_keys,
        2 * composite.count(),
        "every key between two tenant tables, in both directions"
    );
}

/// Points the first sample to rows of the other organization by each key between tenant tables.
async fn lead_astray<E: Sample>(db: &DatabaseConnection) {
    let mut row = E::record(Place::FIRST).into_active_model();
    for relation in E::Relation::iter().map(|relation| relation.def()) {
        let columns: Vec<String> = relation.from_col.iter().map(ToString::to_string).collect();
        if relation.is_owner || columns.len() == 1 {
            continue;
        }
        let column = column::<E>(columns.last().unwrap());
        let Some(Value::Uuid(Some(id))) = row.get(column).into_value() else { unreachable!("{columns:?}") };
        // The last row of the other organization: no unique key is in the way.
        let last = u64::from(ROWS - 1);
        row.set(column, Uuid::from_u64_pair(id.as_u64_pair().0, 1 << 32 | last).into());
    }
    if row.is_changed() {
        row.update(db).await.unwrap();
    }
}

type Task<'a> = Pin<Box<dyn Future<Output = usize> + 'a>>;

/// A relation, and what reads it in every way and returns the number of keys into another organization.
struct Case {
    from: &'static str,
    field: &'static str,
    relation: String,
    check: for<'a> fn(&'a DatabaseConnection) -> Task<'a>,
}

/// The related rows, sorted by their ids, of each row by its id.
type Found<R> = BTreeMap<Uuid, Vec<<R as EntityTrait>::Model>>;

/// Why two rows are related.
#[derive(Clone, Copy)]
#[expect(non_camel_case_types, reason = "the words of the cases")]
enum Key {
    one(&'static str),
    many(&'static str),
    via(&'static str),
}

/// Every pair of rows that the key's column relates.
async fn pairs<E: Sample, R: Sample>(db: &DatabaseConnection, key: Key) -> Vec<(E::Model, Vec<R::Model>)> {
    let (rows, others) = (E::find().all(db).await.unwrap(), R::find().all(db).await.unwrap());
    let members = user_organizations::Entity::find().all(db).await.unwrap();
    let is_related = |row: &E::Model, other: &R::Model| match key {
        Key::one(name) => row.get(column::<E>(name)) == id_of(other).into(),
        Key::many(name) => other.get(column::<R>(name)) == id_of(row).into(),
        Key::via(name) => members.iter().any(|member| {
            let (user, organization) = (Uuid::from(member.user_id), Uuid::from(member.organization_id));
            let (own, theirs) = if name == "user_id" { (user, organization) } else { (organization, user) };
            own == id_of(row) && theirs == id_of(other)
        }),
    };
    rows.into_iter()
        .map(|row| {
            let related = others.iter().filter(|other| is_related(&row, other)).cloned().collect();
            (row, related)
        })
        .collect()
}

/// Whether two rows may be related: those of two organizations never are.
fn is_allowed<E: Sample, R: Sample>(row: &E::Model, other: &R::Model) -> bool {
    match (organization(row), organization(other)) {
        (Some(own), Some(theirs)) => own == theirs,
        _ => true,
    }
}

async fn expected<E: Sample, R: Sample>(db: &DatabaseConnection, key: Key) -> Found<R> {
    let pairs = pairs::<E, R>(db, key).await.into_iter().map(|(row, related)| {
        let related = related.into_iter().filter(|other| is_allowed::<E, R>(&row, other)).collect();
        (row, related)
    });
    let expected = found::<E, R>(pairs);
    assert!(expected.values().any(|related| !related.is_empty()), "some rows are related");
    expected
}

/// The number of keys that lead into another organization.
async fn strays<E: Sample, R: Sample>(db: &DatabaseConnection, key: Key) -> usize {
    let pairs = pairs::<E, R>(db, key).await;
    let strays = pairs
        .iter()
        .map(|(row, related)| related.iter().filter(|other| !is_allowed::<E, R>(row, other)).count());
    strays.sum()
}

fn found<E: Sample, R: Sample>(pairs: impl IntoIterator<Item = (E::Model, Vec<R::Model>)>) -> Found<R> {
    pairs.into_iter().map(|(row, related)| (id_of(&row), sorted(related))).collect()
}

fn sorted<M: ModelTrait<Entity: Sample>>(mut rows: Vec<M>) -> Vec<M> {
    rows.sort_by_key(id_of);
    rows
}

/// Reads a relation as SeaORM's `Relation` defines it.
async fn walk<E: Sample, R: Sample>(
    db: &DatabaseConnection,
    name: &str,
    relation: &str,
    expected: &Found<R>,
) {
    let along = || {
        let relation = E::Relation::iter().find(|found| found.name() == relation);
        Along::<E, R> { relation: relation.unwrap().def(), ends: PhantomData }
    };
    for row in E::find().all(db).await.unwrap() {
        let related = row.find_linked(along()).all(db).await.unwrap();
        assert_eq!(sorted(related), expected[&id_of(&row)], "{name} by find_linked()");
    }
    let pairs = E::find().find_with_linked(along()).all(db).await.unwrap();
    assert_eq!(found::<E, R>(pairs), *expected, "{name} by find_with_linked()");
}

/// Reads a relation to at most one row by its type.
async fn related_one<E, R>(db: &DatabaseConnection, name: &str, expected: &Found<R>)
where
    E: Sample + Related<R>,
    R: Sample,
{
    let rows = E::find().all(db).await.unwrap();
    for row in &rows {
        let related = row.find_related(R::default()).all(db).await.unwrap();
        assert_eq!(related, expected[&id_of(row)], "{name} by find_related()");
    }
    let pairs = E::find().find_also_related(R::default()).all(db).await.unwrap();
    let pairs = pairs.into_iter().map(|(row, related)| (row, related.into_iter().collect()));
    assert_eq!(found::<E, R>(pairs), *expected, "{name} by find_also_related()");
    let loaded = rows.load_one(R::default(), db).await.unwrap();
    let pairs = rows.into_iter().zip(loaded).map(|(row, related)| (row, related.into_iter().collect()));
    assert_eq!(found::<E, R>(pairs), *expected, "{name} by load_one()");
}

/// Reads a relation to any number of rows by its type.
async fn related_many<E, R>(db: &DatabaseConnection, name: &str, expected: &Found<R>)
where
    E: Sample + Related<R>,
    R: Sample,
{
    let rows = E::find().all(db).await.unwrap();
    for row in &rows {
        let related = row.find_related(R::default()).all(db).await.unwrap();
        assert_eq!(sorted(related), expected[&id_of(row)], "{name} by find_related()");
    }
    let pairs = E::find().find_with_related(R::default()).all(db).await.unwrap();
    assert_eq!(found::<E, R>(pairs), *expected, "{name} by find_with_related()");
    let loaded = rows.load_many(R::default(), db).await.unwrap();
    assert_eq!(found::<E, R>(rows.into_iter().zip(loaded)), *expected, "{name} by load_many()");
}

/// One relation, as a way to go.
struct Along<E, R> {
    relation: RelationDef,
    ends: PhantomData<(E, R)>,
}

impl<E: EntityTrait, R: EntityTrait> Linked for Along<E, R> {
    type FromEntity = E;
    type ToEntity = R;

    fn link(&self) -> Vec<LinkDef> {
        vec![self.relation.clone()]
    }
}

fn organization<M: ModelTrait<Entity: Sample>>(row: &M) -> Option<Value> {
    let column =
        <M::Entity as EntityTrait>::Column::iter().find(|column| column.as_str() == "organization_id");
    column.map(|column| row.get(column))
}

fn column<E: Sample>(name: &str) -> E::Column {
    E::Column::iter().find(|column| column.as_str() == name).unwrap()
}

fn camel_case(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

const POSTGRES_KEYS: &str = "\
    select format('%s (%s) -> %s (%s) %s', conrelid::regclass, \
        (select string_agg(attname, ', ' order by place) from unnest(conkey) with ordinality k (number, place) \
         join pg_attribute on attrelid = conrelid and attnum = number), confrelid::regclass, \
        (select string_agg(attname, ', ' order by place) from unnest(confkey) with ordinality k (number, place) \
         join pg_attribute on attrelid = confrelid and attnum = number), \
        case confdeltype when 'c' then 'cascade' when 'r' then 'restrict' when 'n' then 'set null' end) \
    from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace";

const SQLITE_KEYS: &str = "\
    select name || ' (' || group_concat(\"from\", ', ') || ') -> ' || \"table\" || ' (' || group_concat(\"to\", ', ') \
        || ') ' || lower(on_delete) \
    from (select s.name, k.* from sqlite_schema s, pragma_foreign_key_list(s.name) k order by s.name, id, seq) \
    group by name, id";
