//! The entities are what `sea-orm-cli generate entity --entity-format dense` would write from the migrated database.

use crate::drift::models::{self, Column, Key, Model};
use crate::rule::{Answer, Break, Check, Family, Level, Mutation, Rule};
use crate::{Error, Finding, Subject};
use sea_orm_codegen::{
    BannerVersion, BigIntegerType, DateTimeCrate, EntityFormat, EntityTransformer, EntityWriterContext,
    WithPrelude, WithSerde,
};
use sea_schema::postgres::discovery::SchemaDiscovery;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rule.
pub const RULE: Rule = Rule {
    id: "entities_match_generated",
    level: Level::Block,
    family: Family::Drift,
    requires: "The entities have the fields, types, keys and relations that sea-orm-cli generates from the migrated database.",
    why: "A reader takes the entity for the schema, and it is another.",
    fix: "Correct the entity; compare: sea-orm-cli generate entity --entity-format dense -o <elsewhere>.",
    source: "architecture.md, Decisions: sea-orm-cli generate entity checks the entities",
    check: Check::Subject(look),
    breaks: BREAKS,
};

/// A change of `entity/src/call_attempts.rs`.
const fn replace(text: &'static str, with: &'static str) -> Mutation {
    Mutation::Replace { file: "entity/src/call_attempts.rs", text, with }
}

const BREAKS: &[Break] = &[
    Break {
        by: replace("pub provider_call_id: Option<String>", "pub provider_call_id: String"),
        finds: &["entity/src/call_attempts.rs: provider_call_id"],
    },
    Break {
        by: replace("pub attempt_number: i64", "pub attempt_number: i32"),
        finds: &["entity/src/call_attempts.rs: attempt_number"],
    },
    Break {
        by: replace("pub campaign_id: CampaignId", "pub campaign_id: ContactId"),
        finds: &["entity/src/call_attempts.rs: campaign_id"],
    },
    Break {
        by: replace("column_type = \"JsonBinary\"", "column_type = \"Json\""),
        finds: &["entity/src/call_attempts.rs: metadata"],
    },
    Break {
        by: replace("    pub error_code: Option<String>,\n", ""),
        finds: &["entity/src/call_attempts.rs: error_code"],
    },
    Break {
        by: replace(
            "    pub error_code: Option<String>,\n",
            "    pub error_code: Option<String>,\n    pub ghost: bool,\n",
        ),
        finds: &["entity/src/call_attempts.rs: ghost"],
    },
    Break {
        by: replace(
            "    pub created_at: DateTimeUtc,\n    pub updated_at: DateTimeUtc,\n",
            "    pub updated_at: DateTimeUtc,\n    pub created_at: DateTimeUtc,\n",
        ),
        finds: &["entity/src/call_attempts.rs: updated_at"],
    },
    Break {
        by: replace("primary_key, auto_increment = false, ", ""),
        finds: &["entity/src/call_attempts.rs: id"],
    },
    Break {
        by: replace("column_type = \"Text\", unique", "column_type = \"Text\""),
        finds: &["entity/src/call_attempts.rs: call_id"],
    },
    Break {
        by: replace(
            "    #[sea_orm(unique_key = \"contact_id_attempt_number\")]\n    pub contact_id",
            "    pub contact_id",
        ),
        finds: &["entity/src/call_attempts.rs: attempt_number"],
    },
    Break {
        by: replace(
            "#[sea_orm(column_type = \"Text\")]\n    pub error_code",
            "#[sea_orm(column_type = \"Text\", unique)]\n    pub error_code",
        ),
        finds: &["entity/src/call_attempts.rs: error_code"],
    },
    Break {
        by: replace("on_delete = \"Cascade\"", "on_delete = \"Restrict\""),
        finds: &["entity/src/call_attempts.rs: campaign"],
    },
    Break {
        by: replace("BelongsTo<super::campaigns::Entity>", "BelongsTo<Option<super::campaigns::Entity>>"),
        finds: &["entity/src/call_attempts.rs: campaign"],
    },
    Break {
        by: replace("from = \"(organization_id, campaign_id)\"", "from = \"(campaign_id, organization_id)\""),
        finds: &["entity/src/call_attempts.rs: campaign"],
    },
    Break {
        by: replace(
            "    #[sea_orm(has_many)]\n    pub survey_responses: HasMany<super::survey_responses::Entity>,\n",
            "",
        ),
        finds: &["entity/src/call_attempts.rs: survey_responses"],
    },
    Break {
        by: replace("table_name = \"call_attempts\"", "table_name = \"calls\""),
        finds: &["entity/src/call_attempts.rs"],
    },
];

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async {
        let ours = models::read(subject.workspace())?;
        let theirs = generate(subject.pool()).await?;
        Ok(compare(&ours, &theirs))
    })
}

/// What sea-orm-cli 2 does with `--entity-format dense`, in memory and without its messages.
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
    // Not `generate`, which also writes the enums, and warns on standard output of names that we gave them.
    for file in EntityTransformer::transform(statements)?.write_entities(&context) {
        models.extend(models::parse(Path::new(&file.name), &file.content)?);
    }
    Ok(models)
}

fn compare(ours: &BTreeMap<String, Model>, theirs: &BTreeMap<String, Model>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, our) in ours {
        match theirs.get(table) {
            None => findings.push(Finding::at(file(table), our.line, format!("there is no table {table}"))),
            Some(their) => (Pair { table, our, their, ours }).compare(&mut findings),
        }
    }
    for table in theirs.keys().filter(|table| !ours.contains_key(*table)) {
        findings.push(Finding::of(file(table), format!("the table {table} has no entity")));
    }
    findings
}

fn file(table: &str) -> String {
    format!("entity/src/{table}.rs")
}

/// One table's entity as it is and as it would be generated.
struct Pair<'a> {
    table: &'a str,
    our: &'a Model,
    their: &'a Model,
    ours: &'a BTreeMap<String, Model>,
}

impl Pair<'_> {
    fn compare(&self, findings: &mut Vec<Finding>) {
        if self.our.table != self.table {
            let problem = format!("its table is {}, not {}", self.our.table, self.table);
            findings.push(Finding::at(file(self.table), self.our.line, problem));
        }
        self.columns(findings);
        self.unique(findings);
        self.keys(findings);
        for list in self.their.lists.difference(&self.our.lists) {
            findings.push(self.finding(self.our.line, list, format!("the list of {list} is missing")));
        }
    }

    fn finding(&self, line: usize, field: &str, problem: impl Into<String>) -> Finding {
        let file = file(self.table);
        Finding::at(file.clone(), line, format!("{field}: {}", problem.into()))
            .about(format!("{file}: {field}"))
    }

    fn columns(&self, findings: &mut Vec<Finding>) {
        let (ours, theirs) = (by_name(self.our), by_name(self.their));
        for (name, column) in &ours {
            match theirs.get(name) {
                None => findings.push(self.finding(column.line, name, "there is no such column")),
                Some(other) => findings.extend(self.column(column, other)),
            }
        }
        for name in theirs.keys().filter(|name| !ours.contains_key(*name)) {
            findings.push(self.finding(self.our.line, name, "the column has no field"));
        }
        let order = |model: &Model, other: &BTreeMap<&str, &Column>| -> Vec<String> {
            let names = model.columns.iter().map(|column| column.name.clone());
            names.filter(|name| other.contains_key(name.as_str())).collect()
        };
        let orders = order(self.our, &theirs).into_iter().zip(order(self.their, &ours));
        if let Some((our, their)) = orders.into_iter().find(|(our, their)| our != their) {
            findings.push(self.finding(
                ours[our.as_str()].line,
                &our,
                format!("stands where {their} belongs"),
            ));
        }
    }

    fn column(&self, our: &Column, their: &Column) -> Option<Finding> {
        let mut problems = Vec::new();
        if generated(&our.kind) != generated(&their.kind) {
            problems.push(format!("its type is {}, not {}", our.kind, their.kind));
        }
        match (our.nullable, their.nullable) {
            (true, false) => problems.push("it is an Option, and never null".to_owned()),
            (false, true) => problems.push("it is no Option, and may be null".to_owned()),
            _ => {}
        }
        if our.words != their.words {
            problems.push(format!("it says {}, not {}", said(&our.words), said(&their.words)));
        }
        (!problems.is_empty()).then(|| self.finding(our.line, &our.name, problems.join("; ")))
    }

    fn unique(&self, findings: &mut Vec<Finding>) {
        let (ours, theirs) = (&self.our.unique, &self.their.unique);
        let missing: Vec<_> = theirs.difference(ours).collect();
        // What is left of a group from which a column was taken is the same difference.
        let extra =
            ours.difference(theirs).filter(|group| missing.iter().all(|other| group.is_disjoint(other)));
        let told = missing.iter().map(|group| (*group, "is unique"));
        for (group, problem) in told.chain(extra.map(|group| (group, "is not unique"))) {
            let columns = group.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let column = self.our.columns.iter().find(|column| group.contains(&column.name));
            // A column without a field has its own finding.
            if let Some(column) = column {
                let name = group.iter().next().map_or("", String::as_str);
                findings.push(self.finding(column.line, name, format!("({columns}) {problem}")));
            }
        }
    }

    fn keys(&self, findings: &mut Vec<Finding>) {
        let (ours, theirs) = (&self.our.keys, &self.their.keys);
        let mut unmatched: Vec<_> = theirs.iter().filter(|(place, _)| !ours.contains_key(*place)).collect();
        for (place, our) in ours {
            let finding = |problem| self.finding(our.line, &our.field, problem);
            if let Some(their) = theirs.get(place) {
                findings.extend(self.key(our, their));
            } else if let Some(index) = unmatched.iter().position(|(other, _)| place.is_like(other)) {
                let (other, _) = unmatched.remove(index);
                findings.push(finding(format!("leads {place}, not {other}")));
            } else {
                findings.push(finding(format!("leads {place}, and no key does")));
            }
        }
        for (place, _) in unmatched {
            let problem = format!("no relation leads {place}, as a key does");
            findings.push(self.finding(self.our.line, &place.table, problem));
        }
        self.ids(findings);
    }

    fn key(&self, our: &Key, their: &Key) -> Option<Finding> {
        let mut problems = Vec::new();
        if our.nullable != their.nullable {
            problems.push(format!("it is {}an Option", if our.nullable { "" } else { "not " }));
        }
        if our.actions != their.actions {
            problems.push(format!("it says {}, not {}", said(&our.actions), said(&their.actions)));
        }
        (!problems.is_empty()).then(|| self.finding(our.line, &our.field, problems.join("; ")))
    }

    /// The generator knows only `Uuid`; a typed id is that of the column it refers to.
    fn ids(&self, findings: &mut Vec<Finding>) {
        let columns = by_name(self.our);
        let mut told = BTreeSet::new();
        for place in self.our.keys.keys().filter(|place| self.their.keys.contains_key(*place)) {
            let Some(referred) = self.ours.get(&place.table).map(by_name) else { continue };
            for (from, to) in place.from.iter().zip(&place.to) {
                let (Some(our), Some(other)) = (columns.get(from.as_str()), referred.get(to.as_str())) else {
                    continue;
                };
                if our.kind != other.kind && told.insert(from) {
                    let problem =
                        format!("its type is {}, but {}.{to} is {}", our.kind, place.table, other.kind);
                    findings.push(self.finding(our.line, from, problem));
                }
            }
        }
    }
}

fn by_name(model: &Model) -> BTreeMap<&str, &Column> {
    model.columns.iter().map(|column| (column.name.as_str(), column)).collect()
}

/// A type as the generator calls it: ids, times and documents have types of our own.
fn generated(kind: &str) -> &str {
    match kind {
        "CallMetadata" | "EventPayload" | "Preferences" => "Json",
        "DateTimeWithTimeZone" => "DateTimeUtc",
        id if id.ends_with("Id") => "Uuid",
        other => other,
    }
}

fn said(words: &BTreeMap<String, String>) -> String {
    if words.is_empty() {
        return "nothing".to_owned();
    }
    let words = words.iter().map(|(word, text)| match text.as_str() {
        "" => word.clone(),
        text => format!("{word} = {text}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
