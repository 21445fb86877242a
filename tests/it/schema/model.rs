//! The data model, written down once more from its document and not from the migrations, for tests to compare with.
//!
//! Read it as the document is read: `id`, `created_at` and `updated_at` stand on every table and are left out, and
//! so is everything that every tenant table has (`of organization`), the unique target of composite keys included. A
//! table that is no such target has an index that leads to the rows of its tenant.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a model that cannot be read fails the tests")]

use sea_orm::DbBackend;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// `enum <name>: <values>` · `table <name> [of organization]`, followed by its
/// `<column> <type> [null] [= <default>] [-> <table> <action on delete>]`, `unique <columns>`, `check <rule>` besides
/// the lengths, and `index <columns> [as <suffix> where <predicate>]`.
const MODEL: &str = "
enum user_role: admin, campaign_manager, viewer
enum campaign_status: draft, scheduled, running, paused, completed, cancelled
enum language_code: en, it
enum question_type: free_text, numeric, scale
enum contact_state: pending, in_progress, completed, refused, not_reached, excluded
enum contact_language: en, it, auto
enum call_outcome: completed, refused, no_answer, busy, failed
enum exclusion_source: import, api, manual
enum event_type: survey.completed, survey.refused, survey.not_reached
enum email_status: pending, sent, failed
enum email_template_type: completed, refused, not_reached
enum provider_type: telephony_api, voice_ai_platform
enum llm_provider: openai, anthropic, azure-openai, google
enum retention_outcome: completed, incomplete, failed
enum audit_action: insert, update, delete, truncate
enum audit_actor: user, system, admin

table organizations
    name text(255)
    slug text(63)
    metadata jsonb = {}
    deleted_at timestamptz null
    unique slug
    check slug_form

table users
    oidc_sub text(255)
    email text(255)
    name text(255)
    role user_role = viewer
    metadata jsonb = {}
    deleted_at timestamptz null
    unique oidc_sub
    unique email

table user_organizations
    user_id uuid -> users cascade
    organization_id uuid -> organizations cascade
    unique user_id, organization_id
    index organization_id

table email_templates of organization
    name text(255)
    type email_template_type
    subject text(500)
    body_html text
    body_text text null
    locale language_code = en
    deleted_at timestamptz null
    index type
    index locale

table campaigns of organization
    name text(255)
    description text null
    status campaign_status = draft
    language language_code = en
    intro_script text
    question_1_text text
    question_2_text text
    question_3_text text
    question_1_type question_type
    question_2_type question_type
    question_3_type question_type
    max_attempts bigint = 3
    retry_interval_minutes bigint = 60
    allowed_call_start_local time = 09:00:00
    allowed_call_end_local time = 20:00:00
    email_completed_template_id uuid null -> email_templates set null
    email_refused_template_id uuid null -> email_templates set null
    email_not_reached_template_id uuid null -> email_templates set null
    created_by_user_id uuid null -> users set null
    deleted_at timestamptz null
    check max_attempts_range
    check retry_interval_minutes_range
    check call_window
    index name
    index status
    index created_by_user_id
    index email_completed_template_id
    index email_refused_template_id
    index email_not_reached_template_id
    index organization_id, created_at as live where deleted_at is null

table contacts of organization
    campaign_id uuid -> campaigns cascade
    external_contact_id text(255) null
    phone_number text(50)
    email text(255) null
    preferred_language contact_language = auto
    has_prior_consent boolean = false
    do_not_call boolean = false
    state contact_state = pending
    attempts_count bigint = 0
    last_attempt_at timestamptz null
    last_outcome call_outcome null
    check phone_number_e164
    check attempts_count_range
    index campaign_id, state
    index organization_id, campaign_id, state
    index phone_number
    index campaign_id, created_at, id
    index campaign_id, created_at as due where state in ('pending', 'not_reached')
    index campaign_id, attempts_count, last_attempt_at, created_at as due where state in ('pending', 'not_reached')
    index campaign_id, created_at, id as pending where state = 'pending'
    index campaign_id, created_at, id as in_progress where state = 'in_progress'
    index campaign_id, created_at, id as completed where state = 'completed'
    index campaign_id, created_at, id as refused where state = 'refused'
    index campaign_id, created_at, id as not_reached where state = 'not_reached'
    index campaign_id, created_at, id as excluded where state = 'excluded'

table exclusion_list_entries of organization
    phone_number text(50)
    reason text null
    source exclusion_source = manual
    unique organization_id, phone_number
    check phone_number_e164
    index phone_number
    index organization_id, created_at, id

table erasure_requests of organization
    contact_id uuid null -> contacts set null
    due_at timestamptz
    completed_at timestamptz null
    index organization_id
    index contact_id
    index due_at as open where completed_at is null

table call_attempts of organization
    contact_id uuid -> contacts cascade
    campaign_id uuid -> campaigns cascade
    attempt_number bigint
    call_id text(255)
    provider_call_id text(255) null
    started_at timestamptz = now
    answered_at timestamptz null
    ended_at timestamptz null
    outcome call_outcome null
    provider_raw_status text(255) null
    error_code text(100) null
    metadata jsonb = {}
    unique call_id
    unique contact_id, attempt_number
    check attempt_number_range
    index contact_id
    index campaign_id
    index provider_call_id
    index outcome
    index started_at
    index organization_id, campaign_id, outcome, answered_at, ended_at
    index organization_id, started_at, id as recorded where (metadata ->> 'recording_url') is not null

table survey_responses of organization
    contact_id uuid -> contacts cascade
    campaign_id uuid -> campaigns cascade
    call_attempt_id uuid -> call_attempts cascade
    q1_answer text null
    q2_answer text null
    q3_answer text null
    q1_confidence numeric(3,2) null
    q2_confidence numeric(3,2) null
    q3_confidence numeric(3,2) null
    completed_at timestamptz = now
    unique contact_id, campaign_id
    check q1_confidence_range
    check q2_confidence_range
    check q3_confidence_range
    index organization_id, campaign_id
    index contact_id
    index campaign_id, created_at, id
    index call_attempt_id
    index completed_at

table events of organization
    event_type event_type
    campaign_id uuid -> campaigns cascade
    contact_id uuid -> contacts cascade
    call_attempt_id uuid null -> call_attempts set null
    payload jsonb = {}
    published_at timestamptz null
    index campaign_id, created_at, id
    index created_at as published where published_at is not null
    index contact_id
    index call_attempt_id
    index event_type
    index created_at as unpublished where published_at is null

table email_notifications of organization
    event_id uuid -> events cascade
    contact_id uuid -> contacts cascade
    campaign_id uuid -> campaigns cascade
    template_id uuid -> email_templates restrict
    to_email text(255)
    status email_status = pending
    provider_message_id text(255) null
    error_message text null
    index organization_id
    index event_id
    index contact_id
    index campaign_id
    index template_id
    index status
    index created_at, id

table provider_configs of organization
    provider_type provider_type = telephony_api
    provider_name text(100) = twilio
    outbound_number text(50)
    max_concurrent_calls bigint = 5
    llm_provider llm_provider = openai
    llm_model text(100) = gpt-4.1-mini
    recording_retention_days bigint = 180
    transcript_retention_days bigint = 180
    check max_concurrent_calls_range
    check recording_retention_days_range
    check transcript_retention_days_range
    index organization_id

table signing_keys
    inner_key bytea
    outer_key bytea
    expires_at timestamptz null
    check inner_key_block
    check outer_key_block

table transcript_snippets of organization
    call_attempt_id uuid -> call_attempts cascade
    transcript_text text
    language language_code = en
    index organization_id, created_at, id
    index call_attempt_id
    index created_at

table audit_log_entries
    organization_id uuid null
    actor audit_actor
    user_id uuid null
    login text(63)
    transaction_id bigint
    action audit_action
    table_name text(63)
    row_id uuid null
    changes jsonb = {}
    index organization_id, created_at

table audit_seals
    number bigint
    previous_digest text(64)
    digest text(64)
    snapshot text
    entries text
    check number_range
    unique number

table retention_runs
    until_done boolean
    deleted_days bigint
    email_days bigint
    event_days bigint
    removed jsonb = {}
    outcome retention_outcome null
    finished_at timestamptz null
    check deleted_days_range
    check email_days_range
    check event_days_range
    index created_at
";

/// The whole model, in migration order.
#[derive(Debug, Default)]
pub struct Model {
    pub enums: Vec<Enum>,
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug)]
pub struct Enum {
    pub name: &'static str,
    pub values: Vec<&'static str>,
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// Every row belongs to one organization.
    pub is_tenant: bool,
    pub columns: Vec<Column>,
    pub unique: Vec<Vec<&'static str>>,
    /// The rules of its checks, lengths and SQLite's types aside.
    pub checks: Vec<&'static str>,
    pub indexes: Vec<Index>,
}

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub is_nullable: bool,
    pub default: Option<&'static str>,
    pub key: Option<Key>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Bigint,
    Boolean,
    Bytea,
    Enum(Enum),
    Jsonb,
    Numeric,
    /// Of at most so many characters.
    Text(Option<u32>),
    Time,
    Timestamptz,
    Uuid,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub table: &'static str,
    /// `cascade`, `restrict` or `set null`.
    pub on_delete: &'static str,
    /// Both tables are a tenant's, so the key contains the tenant.
    pub is_composite: bool,
}

#[derive(Debug)]
pub struct Index {
    pub columns: Vec<&'static str>,
    /// The end of its name, and the rows it holds.
    pub partial: Option<(&'static str, &'static str)>,
}

/// The data model.
pub fn model() -> &'static Model {
    static READ: LazyLock<Model> = LazyLock::new(read);
    &READ
}

/// The data model's table of that name, which a new migration has to add here first.
pub fn table(name: &str) -> &'static Table {
    let found = model().tables.iter().find(|table| table.name == name);
    found.unwrap_or_else(|| panic!("{name} is not in the data model: add it to tests/it/schema/model.rs"))
}

impl Table {
    /// Its foreign keys, by their column that is not the tenant's.
    pub fn keys(&self) -> impl Iterator<Item = (&Column, Key)> {
        self.columns.iter().filter_map(|column| column.key.map(|key| (column, key)))
    }
}

impl Column {
    fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_nullable: false, default: None, key: None }
    }

    /// The column's check of its length, if it has one.
    pub fn length_rule(&self) -> Option<String> {
        matches!(self.kind, Kind::Text(Some(_))).then(|| format!("{}_length", self.name))
    }

    /// The check that stands for the column's type on SQLite, if it needs one.
    pub fn type_rule(&self) -> Option<String> {
        matches!(self.kind, Kind::Boolean | Kind::Enum(_) | Kind::Jsonb)
            .then(|| format!("{}_type", self.name))
    }
}

fn read() -> Model {
    let mut model = Model::default();
    for line in MODEL.lines().filter(|line| !line.is_empty()) {
        let (word, rest) = line.trim().split_once(' ').unwrap();
        match word {
            "enum" => {
                let (name, values) = rest.split_once(": ").unwrap();
                model.enums.push(Enum { name, values: list(values) });
            }
            "table" => model.tables.push(new_table(rest)),
            _ => read_part(&mut model, word, rest),
        }
    }
    let tenants: Vec<_> =
        model.tables.iter().filter(|table| table.is_tenant).map(|table| table.name).collect();
    for table in &mut model.tables {
        for name in ["created_at", "updated_at"] {
            let mut column = Column::new(name, Kind::Timestamptz);
            column.default = Some("now");
            table.columns.push(column);
        }
        for key in table.columns.iter_mut().filter_map(|column| column.key.as_mut()) {
            key.is_composite = table.is_tenant && tenants.contains(&key.table);
        }
    }
    let keys = model.tables.iter().flat_map(Table::keys);
    let targets: BTreeSet<_> = keys.filter(|(_, key)| key.is_composite).map(|(_, key)| key.table).collect();
    for table in model.tables.iter_mut().filter(|table| targets.contains(table.name)) {
        table.unique.push(vec!["organization_id", "id"]);
    }
    model
}

fn new_table(words: &'static str) -> Table {
    let (name, is_tenant) =
        words.strip_suffix(" of organization").map_or((words, false), |name| (name, true));
    let mut id = Column::new("id", Kind::Uuid);
    id.default = Some("uuid_generate_v4()");
    let mut table = Table {
        name,
        is_tenant,
        columns: vec![id],
        unique: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
    };
    if is_tenant {
        let mut organization = Column::new("organization_id", Kind::Uuid);
        organization.default = Some("current_organization_id()");
        organization.key = Some(Key { table: "organizations", on_delete: "cascade", is_composite: false });
        table.columns.push(organization);
    }
    table
}

fn read_part(model: &mut Model, word: &'static str, rest: &'static str) {
    let Model { enums, tables } = model;
    let table = tables.last_mut().unwrap();
    match word {
        "unique" => table.unique.push(list(rest)),
        "check" => table.checks.push(rest),
        "index" => {
            let (columns, partial) =
                rest.split_once(" as ").map_or((rest, None), |(columns, partial)| (columns, Some(partial)));
            let partial = partial.map(|partial| partial.split_once(" where ").unwrap());
            table.indexes.push(Index { columns: list(columns), partial });
        }
        column => {
            let (rest, key) = rest.split_once(" -> ").map_or((rest, None), |(rest, key)| (rest, Some(key)));
            let (rest, default) =
                rest.split_once(" = ").map_or((rest, None), |(rest, default)| (rest, Some(default)));
            let (kind, is_nullable) = rest.strip_suffix(" null").map_or((rest, false), |kind| (kind, true));
            let key = key.map(|key| {
                let (table, on_delete) = key.split_once(' ').unwrap();
                Key { table, on_delete, is_composite: false }
            });
            table.columns.push(Column {
                name: column,
                kind: kind_of(kind, enums),
                is_nullable,
                default,
                key,
            });
        }
    }
}

fn kind_of(word: &str, enums: &[Enum]) -> Kind {
    match word {
        "bigint" => Kind::Bigint,
        "boolean" => Kind::Boolean,
        "bytea" => Kind::Bytea,
        "jsonb" => Kind::Jsonb,
        "numeric(3,2)" => Kind::Numeric,
        "text" => Kind::Text(None),
        "time" => Kind::Time,
        "timestamptz" => Kind::Timestamptz,
        "uuid" => Kind::Uuid,
        _ => match word.strip_prefix("text(").and_then(|rest| rest.strip_suffix(')')) {
            Some(length) => Kind::Text(Some(length.parse().unwrap())),
            None => Kind::Enum(enums.iter().find(|kind| kind.name == word).unwrap().clone()),
        },
    }
}

fn list(text: &'static str) -> Vec<&'static str> {
    text.split(", ").collect()
}

/// Row `number` of an organization, 0 or 1, in a table: an id readable as such.
pub fn id(backend: DbBackend, table: &str, organization: u8, number: u32) -> String {
    let place = model().tables.iter().position(|found| found.name == table).unwrap();
    let digits = format!("{organization:08x}{place:04x}40008000{number:012x}");
    if backend == DbBackend::Sqlite {
        return format!("x'{digits}'");
    }
    format!("'{}-{}-{}-{}-{}'", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// The values, as SQL, that row `number` of an organization must have, and all its keys; `parent` chooses the
/// number of the row to refer to in a table, of which an organization is always the first.
pub fn row(
    backend: DbBackend,
    table: &Table,
    organization: u8,
    number: u32,
    parent: impl Fn(&str) -> u32,
) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::from([("id", id(backend, table.name, organization, number))]);
    for column in &table.columns {
        let value = match (&column.kind, column.key) {
            (_, Some(key)) => {
                let parent = if key.table == "organizations" { 1 } else { parent(key.table) };
                id(backend, key.table, organization, parent)
            }
            _ if column.is_nullable || column.default.is_some() => continue,
            (Kind::Text(_), _) if column.name == "phone_number" => {
                format!("'+1415555{organization}{number:03}'")
            }
            (Kind::Text(_), _) => format!("'{}-{organization}-{number}'", column.name.replace('_', "-")),
            // Unique among all organizations.
            (Kind::Bigint, _) if column.name == "number" => {
                (2 * number + u32::from(organization)).to_string()
            }
            (Kind::Bigint, _) => number.to_string(),
            (Kind::Enum(kind), _) => format!("'{}'", kind.values[0]),
            (Kind::Boolean, _) => "false".to_owned(),
            // The length of the keys of `signing_keys`.
            (Kind::Bytea, _) => bytes(backend, &format!("{number:0128x}")),
            (Kind::Jsonb, _) => "'{}'".to_owned(),
            (Kind::Numeric, _) => "0.5".to_owned(),
            (Kind::Time, _) => "'10:00:00'".to_owned(),
            (Kind::Timestamptz, _) => "'2026-01-01T00:00:00Z'".to_owned(),
            (Kind::Uuid, _) => id(backend, table.name, organization, number),
        };
        values.insert(column.name, value);
    }
    values
}

/// The literal of the bytes with these hexadecimal digits.
pub fn bytes(backend: DbBackend, digits: &str) -> String {
    if backend == DbBackend::Sqlite { format!("x'{digits}'") } else { format!("'\\x{digits}'") }
}

/// `insert into <table> …` of these values.
pub fn insert(table: &str, values: &BTreeMap<&'static str, String>) -> String {
    let columns: Vec<&str> = values.keys().copied().collect();
    let values: Vec<&str> = values.values().map(String::as_str).collect();
    format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))
}
