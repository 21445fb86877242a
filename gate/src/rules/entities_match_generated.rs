use crate::drift::{Difference, Item, Model, models};
use crate::rule::{Break, Check, Level, Rule, replace};
use crate::{Error, Finding, Subject};
use sea_orm_codegen::{
    BannerVersion, BigIntegerType, DateTimeCrate, EntityFormat, EntityTransformer, EntityWriterContext,
    WithPrelude, WithSerde,
};
use sea_schema::postgres::discovery::SchemaDiscovery;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::path::Path;

pub const RULE: Rule = Rule {
    id: "entities_match_generated",
    level: Level::Block,
    requires: "The entities have the fields, types, keys and relations that sea-orm-cli generates from the migrated database.",
    why: "Entities are written by hand; a difference from the generated ones is a difference from the schema.",
    fix: "Correct the entity; compare with: sea-orm-cli generate entity --entity-format dense -o <directory>.",
    source: "docs/conventions.md#entities-and-sea-orm-cli",
    check: Check::Comparison(|subject| Box::pin(look(subject))),
    breaks: BREAKS,
};

/// A change of `entity/src/call_attempts.rs`.
const fn edit(text: &'static str, with: &'static str, finds: &'static [&'static str]) -> Break {
    replace("entity/src/call_attempts.rs", text, with, finds)
}

const BREAKS: &[Break] = &[
    edit(
        "pub provider_call_id: Option<String>",
        "pub provider_call_id: String",
        &["entity/src/call_attempts.rs: provider_call_id"],
    ),
    edit(
        "pub attempt_number: i64",
        "pub attempt_number: i32",
        &["entity/src/call_attempts.rs: attempt_number"],
    ),
    edit(
        "pub campaign_id: CampaignId",
        "pub campaign_id: ContactId",
        &["entity/src/call_attempts.rs: campaign_id"],
    ),
    edit(
        "column_type = \"JsonBinary\"",
        "column_type = \"Json\"",
        &["entity/src/call_attempts.rs: metadata"],
    ),
    edit("    pub error_code: Option<String>,\n", "", &["entity/src/call_attempts.rs: error_code"]),
    edit(
        "    pub error_code: Option<String>,\n",
        "    pub error_code: Option<String>,\n    pub ghost: bool,\n",
        &["entity/src/call_attempts.rs: ghost"],
    ),
    edit(
        "    pub created_at: DateTimeUtc,\n    pub updated_at: DateTimeUtc,\n",
        "    pub updated_at: DateTimeUtc,\n    pub created_at: DateTimeUtc,\n",
        &["entity/src/call_attempts.rs: updated_at"],
    ),
    edit("primary_key, auto_increment = false, ", "", &["entity/src/call_attempts.rs: id"]),
    edit(
        "column_type = \"Text\", unique",
        "column_type = \"Text\"",
        &["entity/src/call_attempts.rs: call_id"],
    ),
    edit(
        "    #[sea_orm(unique_key = \"contact_id_attempt_number\")]\n    pub contact_id",
        "    pub contact_id",
        &["entity/src/call_attempts.rs: attempt_number"],
    ),
    edit(
        "#[sea_orm(column_type = \"Text\")]\n    pub error_code",
        "#[sea_orm(column_type = \"Text\", unique)]\n    pub error_code",
        &["entity/src/call_attempts.rs: error_code"],
    ),
    edit("on_delete = \"Cascade\"", "on_delete = \"Restrict\"", &["entity/src/call_attempts.rs: campaign"]),
    edit(
        "BelongsTo<super::campaigns::Entity>",
        "BelongsTo<Option<super::campaigns::Entity>>",
        &["entity/src/call_attempts.rs: campaign"],
    ),
    edit(
        "from = \"(organization_id, campaign_id)\"",
        "from = \"(campaign_id, organization_id)\"",
        &["entity/src/call_attempts.rs: campaign"],
    ),
    edit(
        "    #[sea_orm(has_many)]\n    pub survey_responses: HasMany<super::survey_responses::Entity>,\n",
        "",
        &["entity/src/call_attempts.rs: survey_responses"],
    ),
    edit("table_name = \"call_attempts\"", "table_name = \"calls\"", &["entity/src/call_attempts.rs"]),
];

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let ours = models::read(subject.workspace())?;
    let theirs = generate(subject.pool()).await?;
    Ok(compare(&ours, &theirs))
}

/// Does the same as sea-orm-cli 2 with `--entity-format dense`, in memory and without messages.
async fn generate(pool: &PgPool) -> Result<BTreeMap<String, Model>, Error> {
    let schema = SchemaDiscovery::new(pool.clone(), "public").discover().await?;
    let tables = schema.tables.into_iter().filter(|table| table.info.name != "seaql_migrations");
    let statements = tables
        .map(|mut table| {
            table.columns.retain(|column| column.generated.is_none());
            table.unique_constraints.retain(|constraint| !constraint.is_partial);
            table.write()
        })
        .collect();
    let context = EntityWriterContext::new(
        EntityFormat::Dense,
        WithPrelude::None,
        WithSerde::None,
        false,
        DateTimeCrate::Chrono,
        BigIntegerType::I64,
        None,
        true,
        false,
        false,
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        false,
        true,
        BannerVersion::Off,
    );
    let mut models = BTreeMap::new();
    // Not `generate`, which also writes the enums, and prints a warning for each renamed one.
    for file in EntityTransformer::transform(statements)?.write_entities(&context) {
        models.extend(models::parse(Path::new(&file.name), &file.content)?);
    }
    Ok(models)
}

fn compare(ours: &BTreeMap<String, Model>, theirs: &BTreeMap<String, Model>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, our) in ours {
        let at_table = |problem| Finding::at(file(table), our.line, problem);
        let Some(their) = theirs.get(table) else {
            findings.push(at_table(format!("there is no table {table}")));
            continue;
        };
        if our.table != *table {
            findings.push(at_table(format!("its table is {}, not {table}", our.table)));
        }
        let differences = our.differences(their);
        findings.extend(differences.iter().map(|it| finding(table, our, field(it), &it.problem)));
        let order = |model: &Model, other: &Model| {
            model.columns.clone().into_iter().filter(|column| other.has(column)).collect::<Vec<_>>()
        };
        let mut orders = order(our, their).into_iter().zip(order(their, our));
        if let Some((column, other)) = orders.find(|(column, other)| column != other) {
            findings.push(finding(table, our, &column, &format!("is in the place of {other}")));
        }
        findings.extend(ids(table, our, their, ours));
    }
    for table in theirs.keys().filter(|table| !ours.contains_key(*table)) {
        findings.push(Finding::of(file(table), format!("the table {table} has no entity")));
    }
    findings
}

/// The generator writes `Uuid`; a foreign key has the typed id of the column that it refers to.
fn ids(table: &str, model: &Model, their: &Model, all: &BTreeMap<String, Model>) -> Vec<Finding> {
    let rust_type = |model: &Model, column: &String| {
        model.items.get(&Item::Column(column.clone())).map(|column| column.rust_type.clone())
    };
    let mut problems = BTreeMap::new();
    // A key that differs has a finding of its own.
    for item in model.items.keys().filter(|item| their.items.contains_key(*item)) {
        let Item::ForeignKey { from, table: parent, to } = item else { continue };
        let Some(other) = all.get(parent) else { continue };
        for (from, to) in from.iter().zip(to) {
            let types = rust_type(model, from).zip(rust_type(other, to));
            if let Some((ours, theirs)) = types.filter(|(ours, theirs)| ours != theirs) {
                problems.insert(from, format!("its type is {ours}, but {parent}.{to} is {theirs}"));
            }
        }
    }
    problems.into_iter().map(|(column, problem)| finding(table, model, column, &problem)).collect()
}

fn file(table: &str) -> String {
    format!("entity/src/{table}.rs")
}

/// The field of a part, or the table of a key or list that has none.
fn field<'a>(difference: &'a Difference<'_>) -> &'a str {
    match (difference.item, difference.ours) {
        (Item::Unique(columns), _) => columns.first().map_or("", String::as_str),
        (Item::Index(column), _) => column,
        (_, Some(ours)) => &ours.name,
        (Item::Column(name) | Item::List(name) | Item::ForeignKey { table: name, .. }, None) => name,
        (Item::PrimaryKey, None) => "",
    }
}

fn finding(table: &str, model: &Model, field: &str, problem: &str) -> Finding {
    let line = model.items.values().find(|of| of.name == field).map_or(model.line, |of| of.line);
    Finding::at(file(table), line, format!("{field}: {problem}")).about(format!("{}: {field}", file(table)))
}
