//! What the entities of the crate `entity` say of the database, as SeaORM knows it when it runs.

use sea_orm::sea_query::{ColumnType, DynIden, ForeignKeyAction, PostgresQueryBuilder, Query, StringLen};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IdenStatic, Identity, Iterable, PrimaryKeyToColumn, RelationTrait,
    Schema,
};
use std::collections::BTreeSet;

/// One entity.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its table, which is also its module.
    pub table: String,
    /// In the order of its fields.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub primary_key: BTreeSet<String>,
    /// The columns of each unique constraint.
    pub unique: BTreeSet<BTreeSet<String>>,
    /// Its foreign keys; what SeaORM knows of their other ends it derives from these.
    pub relations: Vec<Relation>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The type as PostgreSQL writes it.
    pub kind: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// The default as SQL, where the field says one.
    pub default: Option<String>,
    /// The values of an enum, in order; none for any other type.
    pub values: Vec<String>,
}

/// One foreign key.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The variant of the entity's `Relation`.
    pub name: String,
    /// The columns, separated by commas.
    pub columns: String,
    /// Table and columns at the other end, as `campaigns (organization_id, id)`.
    pub refers_to: String,
    /// `ON DELETE`, as SQL.
    pub on_delete: &'static str,
    /// `ON UPDATE`, as SQL.
    pub on_update: &'static str,
}

/// Every entity of the crate's list of tables; a table that is not in it is a finding.
#[must_use]
pub fn all() -> Vec<Entity> {
    macro_rules! read_each {
        ($($table:ident: $Entity:ident,)+) => { vec![$(read(entity::$table::Entity)),+] };
    }
    entity::for_each_table!(read_each)
}

pub(crate) fn read<E: EntityTrait>(entity: E) -> Entity {
    let mut unique: BTreeSet<BTreeSet<String>> = E::Column::iter()
        .filter(|column| column.def().is_unique())
        .map(|column| BTreeSet::from([column.as_str().to_owned()]))
        .collect();
    // SeaORM tells the groups of `unique_key` only as indexes.
    let indexes = Schema::new(DbBackend::Postgres).create_index_from_entity(entity);
    unique.extend(
        indexes
            .iter()
            .filter(|index| index.is_unique_key())
            .map(|index| index.get_index_spec().get_column_names().into_iter().collect()),
    );
    Entity {
        table: entity.table_name().to_owned(),
        columns: E::Column::iter().map(column).collect(),
        primary_key: E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned()).collect(),
        unique,
        relations: E::Relation::iter().filter_map(|relation| key(&relation)).collect(),
    }
}

fn column<C: ColumnTrait + IdenStatic>(column: C) -> Column {
    let definition = column.def();
    let values = match definition.get_column_type() {
        ColumnType::Enum { variants, .. } => variants.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let default = definition.get_column_default().map(|default| {
        let select = Query::select().expr(default.clone()).to_string(PostgresQueryBuilder);
        select.trim_start_matches("SELECT ").to_owned()
    });
    Column {
        name: column.as_str().to_owned(),
        kind: kind(definition.get_column_type()),
        nullable: definition.is_null(),
        default,
        values,
    }
}

/// The type as PostgreSQL's `format_type` writes it.
fn kind(of: &ColumnType) -> String {
    let name = match of {
        ColumnType::BigInteger => "bigint",
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

fn key<R: RelationTrait>(relation: &R) -> Option<Relation> {
    let definition = relation.def();
    (!definition.is_owner).then(|| Relation {
        name: relation.name(),
        columns: list(&definition.from_col),
        refers_to: format!("{} ({})", definition.to_tbl.sea_orm_table(), list(&definition.to_col)),
        on_delete: action(definition.on_delete),
        on_update: action(definition.on_update),
    })
}

fn action(action: Option<ForeignKeyAction>) -> &'static str {
    match action {
        Some(ForeignKeyAction::Cascade) => "cascade",
        Some(ForeignKeyAction::Restrict) => "restrict",
        Some(ForeignKeyAction::SetDefault) => "set default",
        Some(ForeignKeyAction::SetNull) => "set null",
        // What a key does that says nothing.
        _ => "no action",
    }
}

fn list(columns: &Identity) -> String {
    columns.iter().map(DynIden::to_string).collect::<Vec<_>>().join(", ")
}
