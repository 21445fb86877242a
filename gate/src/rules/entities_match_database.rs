use crate::Finding;
use crate::catalogue::schema::{Column, Constraint, ConstraintKind, Enum, Index, Schema, Table};
use crate::drift::entities::{Entities, list, nullability};
use crate::drift::{Description, Difference, Item, Model};
use crate::rule::{Break, Check, Level, Rule, sql};
use std::collections::BTreeSet;

pub const RULE: Rule = Rule {
    id: "entities_match_database",
    level: Level::Block,
    requires: "The entities and the migrated database have the same tables, columns, types, keys, relations and enum values.",
    why: "A mismatch is an error at run time, or a value that the entity cannot decode.",
    fix: "Correct the entity in entity/src, or the schema by a migration: cargo run -p gate -- migration NAME.",
    source: "docs/conventions.md#entities-and-the-database",
    check: Check::Comparison(|subject| {
        Box::pin(async { Ok(compare(&Entities::all(), subject.schema().await?)) })
    }),
    breaks: BREAKS,
};

const BREAKS: &[Break] = &[
    sql("alter table contacts alter email set not null", &["column contacts.email"]),
    sql("alter table contacts alter email type varchar(255)", &["column contacts.email"]),
    sql("alter table contacts drop email", &["column contacts.email"]),
    sql("alter table contacts add referrer_id uuid references contacts", &["column contacts.referrer_id"]),
    sql("create table notes (id uuid primary key)", &["table notes"]),
    sql("drop table transcript_snippets", &["table transcript_snippets"]),
    sql("alter type call_outcome add value 'voicemail'", &["enum call_outcome"]),
    sql("create type mood as enum ('good')", &["enum mood"]),
    sql(
        "alter table user_organizations drop constraint pk_user_organizations",
        &["table user_organizations"],
    ),
    sql("alter table events drop constraint fk_events_contact_id_contacts", &["relation events.Contacts"]),
    sql("alter table call_attempts drop constraint uq_call_attempts_call_id", &["table call_attempts"]),
    sql(
        "alter table contacts add constraint uq_contacts_email unique (email)",
        &["constraint uq_contacts_email on contacts"],
    ),
    sql(
        "alter table events drop constraint fk_events_contact_id_contacts, add constraint \
         fk_events_contact_id_contacts foreign key (organization_id, contact_id) references contacts \
         (organization_id, id) on delete restrict",
        &["constraint fk_events_contact_id_contacts on events"],
    ),
    sql(
        "alter table events add constraint fk_events_id_campaigns foreign key (id) references campaigns (id)",
        &["constraint fk_events_id_campaigns on events"],
    ),
];

pub(crate) fn compare(entities: &Entities, schema: &Schema) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Table { name, .. } in &schema.tables {
        if entities.tables.iter().all(|model| model.table != *name) {
            let fix =
                format!("Write entity/src/{name}.rs and add the table to the list in entity/src/lib.rs.");
            findings.push(Finding::of(format!("table {name}"), "has no entity").fixed_by(fix));
        }
    }
    for entity in &entities.tables {
        if let Some(table) = schema.table(&entity.table) {
            let model = model(table);
            findings.extend(entity.differences(&model).into_iter().map(|it| finding(&entity.table, it)));
        } else {
            let problem = format!("does not exist, but has the entity entity/src/{}.rs", entity.table);
            findings.push(Finding::of(format!("table {}", entity.table), problem));
        }
    }
    for Enum { name, values } in &schema.enums {
        let problem = match entities.enums.get(name) {
            None => "no entity has a column of this type".to_owned(),
            Some(known) if known != values => {
                format!("has the values {}, but in the entities {}", values.join(", "), known.join(", "))
            }
            Some(_) => continue,
        };
        let finding = Finding::of(format!("enum {name}"), problem);
        findings.push(finding.fixed_by("Correct it in entity/src/enums.rs."));
    }
    findings.sort_by(|a, b| a.object.cmp(&b.object));
    findings
}

/// Names the object of the database, or of the entity if the database has none.
fn finding(table: &str, difference: Difference<'_>) -> Finding {
    let Difference { item, ours, theirs, problem } = difference;
    let object = match (item, ours, theirs) {
        (Item::Column(name), ..) => format!("column {table}.{name}"),
        (Item::ForeignKey { .. } | Item::Unique(_), _, Some(theirs)) => {
            format!("constraint {} on {table}", theirs.name)
        }
        (Item::ForeignKey { .. }, Some(ours), None) => format!("relation {table}.{}", ours.name),
        _ => format!("table {table}"),
    };
    Finding::of(object, problem)
}

pub(crate) fn model(table: &Table) -> Model {
    let mut model = Model { table: table.name.clone(), ..Model::default() };
    for Column { name, kind, nullable, default, .. } in &table.columns {
        let default = without_type(default.as_deref().unwrap_or_default()).to_owned();
        let facets = [("type", kind.clone()), ("nullability", nullability(*nullable)), ("default", default)];
        model.items.insert(Item::Column(name.clone()), Description::of(name, facets));
        model.columns.push(name.clone());
    }
    for constraint in &table.constraints {
        let columns: BTreeSet<String> = constraint.columns.iter().cloned().collect();
        let (item, facets) = match constraint.kind {
            ConstraintKind::Check => continue,
            ConstraintKind::Primary => (Item::PrimaryKey, vec![("columns", list(&columns))]),
            ConstraintKind::Unique => (Item::Unique(columns), Vec::new()),
            ConstraintKind::Foreign => {
                let to = constraint.referred().into_iter().map(ToOwned::to_owned).collect();
                let (from, table) = (constraint.columns.clone(), constraint.parent().to_owned());
                let Constraint { on_delete, on_update, .. } = constraint.clone();
                let facets = vec![("on delete", on_delete), ("on update", on_update)];
                (Item::ForeignKey { from, table, to }, facets)
            }
        };
        let facets = facets.into_iter().collect();
        let name = constraint.name.clone();
        model.items.insert(item, Description { name, facets, ..Description::default() });
    }
    let of_constraints = table
        .constraints
        .iter()
        .filter(|it| matches!(it.kind, ConstraintKind::Primary | ConstraintKind::Unique));
    let first = of_constraints.filter_map(|constraint| constraint.columns.first().cloned());
    let first = first.chain(table.indexes.iter().filter_map(Index::first_column).map(ToOwned::to_owned));
    model.items.extend(first.map(|column| (Item::Index(column), Description::default())));
    model
}

/// A default in the form of the entity's builder: PostgreSQL adds a cast to a literal, and quotes a negative number.
fn without_type(default: &str) -> &str {
    match default.rsplit_once("::") {
        Some((text, "bigint" | "integer" | "numeric" | "double precision" | "real")) => {
            text.trim_matches('\'')
        }
        Some((text, _)) if default.starts_with('\'') => text,
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{empty, migrate};
    use sqlx::Connection as _;

    #[expect(unused_qualifications, reason = "the derive writes full paths")]
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
            #[sea_orm(default_value = -3, indexed)]
            pub stars: i64,
            #[sea_orm(default_value = false)]
            pub read: bool,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    #[tokio::test]
    async fn a_default_and_an_index_of_an_entity_are_those_of_the_database() {
        for (text, stars, read, index, expected) in [
            ("none::yet", -3, false, "(stars, id)", vec![]),
            ("none", -3, false, "(stars)", vec!["column notes.text"]),
            ("none::yet", 4, false, "(stars)", vec!["column notes.stars"]),
            ("none::yet", -3, true, "(stars)", vec!["column notes.read"]),
            ("none::yet", -3, false, "(id, stars)", vec!["table notes"]),
            ("none::yet", -3, false, "(stars) where read", vec!["table notes"]),
        ] {
            let database = empty("defaults").unwrap();
            migrate(&database).await.unwrap();
            let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
            let sql = format!(
                "create table notes (
                    id uuid constraint pk primary key, text text not null default '{text}',
                    stars bigint not null default {stars}, read boolean not null default {read}
                );
                create index ix_notes on notes {index}"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            let schema = Schema::read(&mut connection).await.unwrap();
            let mut entities = Entities::all();
            entities.add(notes::Entity);
            let found = compare(&entities, &schema);
            assert_eq!(
                found.iter().map(|finding| &finding.object).collect::<Vec<_>>(),
                expected,
                "{found:?}"
            );
        }
    }
}
