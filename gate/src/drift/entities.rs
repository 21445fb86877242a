//! The tables as SeaORM knows the entities of the crate `entity` at run time.

use super::{Description, Item, Model};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IdenStatic, Identity, Iterable, PrimaryKeyToColumn, RelationTrait,
    Schema,
};
use sea_query::{ColumnType, DynIden, ForeignKeyAction, PostgresQueryBuilder, Query, StringLen};
use std::collections::{BTreeMap, BTreeSet};

/// The tables of the entities, and the values of their enums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entities {
    pub(crate) tables: Vec<Model>,
    pub(crate) enums: BTreeMap<String, Vec<String>>,
}

impl Entities {
    /// Every entity of the list of tables; a table that is not in it is a finding.
    pub(crate) fn all() -> Self {
        let mut all = Self::default();
        macro_rules! add_each {
            ($($table:ident: $Entity:ident,)+) => { $(all.add(entity::$table::Entity);)+ };
        }
        entity::for_each_table!(add_each);
        all
    }

    pub(crate) fn add<E: EntityTrait>(&mut self, entity: E) {
        let mut model = Model { table: entity.table_name().to_owned(), ..Model::default() };
        for column in E::Column::iter() {
            self.add_column(&mut model, column);
        }
        // SeaORM represents the groups of `unique_key` only as indexes, beside those of `indexed` columns.
        for index in Schema::new(DbBackend::Postgres).create_index_from_entity(entity) {
            let columns = index.get_index_spec().get_column_names();
            let items = if index.is_unique_key() {
                vec![Item::Unique(columns.into_iter().collect())]
            } else {
                columns.into_iter().map(Item::Index).collect()
            };
            model.items.extend(items.into_iter().map(|item| (item, Description::default())));
        }
        let key: BTreeSet<String> =
            E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned()).collect();
        model.items.insert(Item::PrimaryKey, Description::of("", [("columns", list(&key))]));
        model.items.extend(E::Relation::iter().filter_map(|relation| foreign_key(&relation)));
        self.tables.push(model);
    }

    fn add_column<C: ColumnTrait + IdenStatic>(&mut self, model: &mut Model, column: C) {
        let (name, definition) = (column.as_str().to_owned(), column.def());
        let kind = definition.get_column_type();
        if let ColumnType::Enum { name, variants } = kind {
            self.enums.insert(name.to_string(), variants.iter().map(ToString::to_string).collect());
        }
        if definition.is_unique() {
            model.items.insert(Item::Unique(BTreeSet::from([name.clone()])), Description::default());
        }
        let mut description = Description::of(
            &name,
            [("type", kind_of(kind)), ("nullability", nullability(definition.is_null()))],
        );
        if let Some(default) = definition.get_column_default() {
            let select = Query::select().expr(default.clone()).to_string(PostgresQueryBuilder);
            let default = select.trim_start_matches("SELECT ");
            // As PostgreSQL prints them.
            let default =
                if matches!(default, "TRUE" | "FALSE") { default.to_lowercase() } else { default.to_owned() };
            description.facets.insert("default", default);
        }
        model.items.insert(Item::Column(name.clone()), description);
        model.columns.push(name);
    }
}

impl Description {
    pub(crate) fn of<const N: usize>(name: &str, facets: [(&'static str, String); N]) -> Self {
        Self { name: name.to_owned(), facets: facets.into(), ..Self::default() }
    }
}

pub(crate) fn nullability(nullable: bool) -> String {
    if nullable { "null" } else { "not null" }.to_owned()
}

pub(crate) fn list<'a>(columns: impl IntoIterator<Item = &'a String>) -> String {
    columns.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The type as PostgreSQL's `format_type` writes it.
fn kind_of(of: &ColumnType) -> String {
    let name = match of {
        ColumnType::BigInteger => "bigint",
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => "bytea",
        ColumnType::Boolean => "boolean",
        ColumnType::Custom(name) | ColumnType::Enum { name, .. } => return name.to_string(),
        ColumnType::Date => "date",
        ColumnType::DateTime | ColumnType::Timestamp => "timestamp without time zone",
        ColumnType::Decimal(Some((precision, scale))) => return format!("numeric({precision},{scale})"),
        ColumnType::Decimal(None) => "numeric",
        ColumnType::Double => "double precision",
        ColumnType::Float => "real",
        ColumnType::Integer => "integer",
        ColumnType::Json => "json",
        ColumnType::JsonBinary => "jsonb",
        ColumnType::SmallInteger => "smallint",
        ColumnType::String(StringLen::N(length)) => return format!("character varying({length})"),
        ColumnType::String(_) => "character varying",
        ColumnType::Text => "text",
        ColumnType::Time => "time without time zone",
        ColumnType::TimestampWithTimeZone => "timestamp with time zone",
        ColumnType::Uuid => "uuid",
        other => return format!("{other:?}"),
    };
    name.to_owned()
}

/// `None` for the other end of a relation: SeaORM derives it from the key.
fn foreign_key<R: RelationTrait>(relation: &R) -> Option<(Item, Description)> {
    let definition = relation.def();
    let columns = |of: &Identity| of.iter().map(DynIden::to_string).collect();
    (!definition.is_owner).then(|| {
        let table = definition.to_tbl.sea_orm_table().to_string();
        let (from, to) = (columns(&definition.from_col), columns(&definition.to_col));
        let facets =
            [("on delete", action(definition.on_delete)), ("on update", action(definition.on_update))];
        (Item::ForeignKey { from, table, to }, Description::of(&relation.name(), facets))
    })
}

fn action(action: Option<ForeignKeyAction>) -> String {
    match action {
        Some(ForeignKeyAction::Cascade) => "cascade",
        Some(ForeignKeyAction::Restrict) => "restrict",
        Some(ForeignKeyAction::SetDefault) => "set default",
        Some(ForeignKeyAction::SetNull) => "set null",
        // The action of a key that names none.
        _ => "no action",
    }
    .to_owned()
}
