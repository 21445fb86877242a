//! The entities say what the migrated database is.

use crate::catalogue::{Catalogue, LEDGER};
use crate::drift::entities::{self, Column, Entity, Relation};
use crate::rule::{Answer, Break, Check, Family, Level, Mutation, Rule};
use crate::{Finding, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// The rule.
pub const RULE: Rule = Rule {
    id: "entities_match_database",
    level: Level::Block,
    family: Family::Drift,
    requires: "The entities and the migrated database have the same tables, columns, types, keys, relations and enum values.",
    why: "A query fails when it runs, or reads a value that the program has no name for.",
    fix: "Correct the entity in entity/src, or the schema by a migration: cargo run -p migration -- generate.",
    source: "architecture.md, Decisions: language, ORM",
    check: Check::Subject(look),
    breaks: BREAKS,
};

const BREAKS: &[Break] = &[
    Break {
        by: Mutation::Sql("alter table contacts alter email set not null"),
        finds: &["column contacts.email"],
    },
    Break {
        by: Mutation::Sql("alter table contacts alter email type varchar(255)"),
        finds: &["column contacts.email"],
    },
    Break { by: Mutation::Sql("alter table contacts drop email"), finds: &["column contacts.email"] },
    Break {
        by: Mutation::Sql("alter table contacts add referrer_id uuid references contacts"),
        finds: &["column contacts.referrer_id"],
    },
    Break { by: Mutation::Sql("create table notes (id uuid primary key)"), finds: &["table notes"] },
    Break { by: Mutation::Sql("drop table transcript_snippets"), finds: &["table transcript_snippets"] },
    Break {
        by: Mutation::Sql("alter type call_outcome add value 'voicemail'"),
        finds: &["enum call_outcome"],
    },
    Break { by: Mutation::Sql("create type mood as enum ('good')"), finds: &["enum mood"] },
    Break {
        by: Mutation::Sql("alter table user_organizations drop constraint pk_user_organizations"),
        finds: &["table user_organizations"],
    },
    Break {
        by: Mutation::Sql("alter table events drop constraint fk_events_contact_id_contacts"),
        finds: &["relation events.Contacts"],
    },
    Break {
        by: Mutation::Sql("alter table call_attempts drop constraint uq_call_attempts_call_id"),
        finds: &["table call_attempts"],
    },
    Break {
        by: Mutation::Sql("alter table contacts add constraint uq_contacts_email unique (email)"),
        finds: &["constraint uq_contacts_email on contacts"],
    },
    Break {
        by: Mutation::Sql(
            "alter table events drop constraint fk_events_contact_id_contacts, \
             add constraint fk_events_contact_id_contacts foreign key (organization_id, contact_id) \
             references contacts (organization_id, id) on delete restrict",
        ),
        finds: &["constraint fk_events_contact_id_contacts on events"],
    },
    Break {
        by: Mutation::Sql(
            "alter table events add constraint fk_events_id_campaigns foreign key (id) references campaigns (id)",
        ),
        finds: &["constraint fk_events_id_campaigns on events"],
    },
];

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async { Ok(compare(&entities::all(), subject.catalogue().await?)) })
}

fn compare(entities: &[Entity], catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of_entities: BTreeSet<&str> = entities.iter().map(|entity| entity.table.as_str()).collect();
    for table in catalogue.names("table") {
        if !of_entities.contains(table) && format!("table {table}") != LEDGER {
            let fix =
                format!("Write entity/src/{table}.rs and add the table to the list in entity/src/lib.rs.");
            findings.push(Finding::of(format!("table {table}"), "has no entity").fixed_by(fix));
        }
    }
    for entity in entities {
        if catalogue.has("table", &entity.table) {
            Table { entity, catalogue }.compare(&mut findings);
        } else {
            let problem = format!("is not in the database, but entity/src/{}.rs is its entity", entity.table);
            findings.push(Finding::of(format!("table {}", entity.table), problem));
        }
    }
    enums(entities, catalogue, &mut findings);
    findings.sort_by(|a, b| a.object.cmp(&b.object));
    findings
}

fn enums(entities: &[Entity], catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    let columns = entities.iter().flat_map(|entity| &entity.columns);
    let known: BTreeMap<&str, &Vec<String>> = columns
        .filter(|column| !column.values.is_empty())
        .map(|column| (column.kind.as_str(), &column.values))
        .collect();
    for name in catalogue.names("enum") {
        let object = format!("enum {name}");
        let values = catalogue.facet("enum", name, "values").unwrap_or_default();
        match known.get(name) {
            None => findings.push(Finding::of(object, "no entity has a column of it")),
            Some(known) if known.join(", ") != values => {
                let problem = format!("has the values {values}, the entities' are {}", known.join(", "));
                findings.push(Finding::of(object, problem).fixed_by("Correct it in entity/src/enums.rs."));
            }
            Some(_) => {}
        }
    }
}

/// A table and its entity.
struct Table<'a> {
    entity: &'a Entity,
    catalogue: &'a Catalogue,
}

impl<'a> Table<'a> {
    fn compare(&self, findings: &mut Vec<Finding>) {
        let table = &self.entity.table;
        let names: BTreeSet<&str> = self
            .catalogue
            .names("column")
            .filter_map(|name| name.strip_prefix(table)?.strip_prefix('.'))
            .collect();
        for name in &names {
            if !self.has_field(name) {
                findings.push(Finding::of(format!("column {table}.{name}"), "the entity has no such field"));
            }
        }
        for column in &self.entity.columns {
            let object = format!("column {table}.{}", column.name);
            if !names.contains(column.name.as_str()) {
                findings.push(Finding::of(object, "is not in the database, but the entity has that field"));
                continue;
            }
            let differences = self.column(column);
            if !differences.is_empty() {
                findings.push(Finding::of(object, differences.join("; ")));
            }
        }
        self.keys(&names, findings);
        self.relations(&names, findings);
    }

    fn has_field(&self, name: &str) -> bool {
        self.entity.columns.iter().any(|column| column.name == name)
    }

    fn column(&self, column: &Column) -> Vec<String> {
        let name = format!("{}.{}", self.entity.table, column.name);
        let facet = |facet| self.catalogue.facet("column", &name, facet).unwrap_or_default();
        let mut differences = Vec::new();
        let kind = facet("type").trim_start_matches("public.");
        if kind != column.kind {
            differences.push(format!("its type is {kind}, the entity's {}", column.kind));
        }
        let nullable = |nullable| if nullable { "may be null" } else { "is never null" };
        let is_nullable = facet("nullable") == "true";
        if is_nullable != column.nullable {
            differences.push(format!(
                "it {}, in the entity it {}",
                nullable(is_nullable),
                nullable(column.nullable)
            ));
        }
        let default = without_type(facet("default"));
        if let Some(of_entity) = &column.default
            && !default.eq_ignore_ascii_case(of_entity)
        {
            differences.push(format!("its default is {default:?}, the entity's {of_entity:?}"));
        }
        differences
    }

    /// The table's constraints of a kind: name, columns.
    fn constraints(&self, kind: &'static str) -> impl Iterator<Item = (&'a str, BTreeSet<String>)> {
        let Self { entity, catalogue } = *self;
        catalogue.names("constraint").filter_map(move |name| {
            let (_, table) = name.split_once(" on ")?;
            (table == entity.table && catalogue.facet("constraint", name, "kind") == Some(kind)).then(|| {
                let columns = catalogue.facet("constraint", name, "columns").unwrap_or_default();
                (name, columns.split(", ").map(ToOwned::to_owned).collect())
            })
        })
    }

    fn keys(&self, names: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
        let Entity { table, primary_key, unique, .. } = self.entity;
        let primary: BTreeSet<String> =
            self.constraints("primary key").flat_map(|(_, columns)| columns).collect();
        let mut missing = Vec::new();
        if primary != *primary_key {
            missing.push(format!(
                "its primary key is ({}), the entity's ({})",
                list(&primary),
                list(primary_key)
            ));
        }
        let found: Vec<_> = self.constraints("unique").collect();
        for columns in unique {
            let are_there = columns.iter().all(|column| names.contains(column.as_str()));
            if are_there && !found.iter().any(|(_, other)| other == columns) {
                missing.push(format!("({}) is unique only in the entity", list(columns)));
            }
        }
        if !missing.is_empty() {
            findings.push(Finding::of(format!("table {table}"), missing.join("; ")));
        }
        for (name, columns) in found {
            if !unique.contains(&columns) && columns.iter().all(|column| self.has_field(column)) {
                let problem = format!("the entity does not say that ({}) is unique", list(&columns));
                findings.push(Finding::of(format!("constraint {name}"), problem));
            }
        }
    }

    fn relations(&self, names: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
        let entity = self.entity;
        let facet = |name: &str, facet| self.catalogue.facet("constraint", name, facet).unwrap_or_default();
        let found: Vec<_> = self.constraints("foreign key").collect();
        let is = |name: &str, relation: &Relation| {
            facet(name, "columns") == relation.columns
                && facet(name, "refers to").trim_start_matches("public.") == relation.refers_to
        };
        for relation in &entity.relations {
            let Relation { columns, refers_to, on_delete, on_update, .. } = relation;
            let Some((name, _)) = found.iter().find(|(name, _)| is(name, relation)) else {
                if columns.split(", ").all(|column| names.contains(column)) {
                    let object = format!("relation {}.{}", entity.table, relation.name);
                    let problem = format!("no foreign key leads from ({columns}) to {refers_to}");
                    findings.push(Finding::of(object, problem));
                }
                continue;
            };
            let actions = [("on delete", on_delete), ("on update", on_update)];
            let differences: Vec<String> = actions
                .into_iter()
                .filter(|(event, of_entity)| facet(name, event) != **of_entity)
                .map(|(event, of_entity)| {
                    format!("{event} {}, the entity says {of_entity}", facet(name, event))
                })
                .collect();
            if !differences.is_empty() {
                findings.push(Finding::of(format!("constraint {name}"), differences.join("; ")));
            }
        }
        for (name, columns) in found {
            let is_known = entity.relations.iter().any(|relation| is(name, relation));
            if !is_known && columns.iter().all(|column| self.has_field(column)) {
                findings.push(Finding::of(format!("constraint {name}"), "the entity has no such relation"));
            }
        }
    }
}

fn list(columns: &BTreeSet<String>) -> String {
    columns.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A default as the entity's builder writes it: PostgreSQL adds its type to a literal.
fn without_type(default: &str) -> &str {
    if default.starts_with('\'') {
        default.rsplit_once("::").map_or(default, |(text, _)| text)
    } else {
        default
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::entities::read;
    use crate::subject::{empty, migrate};
    use sqlx::Connection as _;

    mod notes {
        use sea_orm::entity::prelude::*;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "notes")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
            #[sea_orm(column_type = "Text", default_value = "none::yet")]
            pub text: String,
            #[sea_orm(default_value = 3)]
            pub stars: i64,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    #[tokio::test]
    async fn a_default_that_an_entity_says_is_the_databases() {
        for (text, stars, expected) in [
            ("none::yet", 3, vec![]),
            ("none", 3, vec!["column notes.text"]),
            ("none::yet", 4, vec!["column notes.stars"]),
        ] {
            let database = empty("defaults").unwrap();
            migrate(&database).await.unwrap();
            let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
            let sql = format!(
                "create table notes (
                    id uuid constraint pk primary key, text text not null default '{text}',
                    stars bigint not null default {stars}
                )"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            let catalogue = Catalogue::read(&mut connection).await.unwrap();
            let entities = [entities::all(), vec![read(notes::Entity)]].concat();
            let found = compare(&entities, &catalogue);
            assert_eq!(
                found.iter().map(|finding| &finding.object).collect::<Vec<_>>(),
                expected,
                "{found:?}"
            );
        }
    }
}
