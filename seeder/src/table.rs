//! The records of one table: checked, compared with the database, written.

use std::{collections::HashMap, fmt, sync::Arc};

use chrono::{Datelike, Timelike};
use database::AdminTx;
use futures_util::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    IdenStatic, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, Schema, Value,
    query::JsonValue,
};
use serde::de::DeserializeOwned;

use crate::{
    Counts, Error, Fault, Place,
    reference::{self, Key, Reference},
    refusal::refusal,
    yaml::{self, Record, Source},
};

const NO_NUL: &str = "PostgreSQL keeps no NUL character in a text";

/// The records of one table of any entity.
pub(crate) trait Table: fmt::Debug + Send + Sync {
    /// The table's name.
    fn name(&self) -> &'static str;

    /// The table's foreign keys.
    fn references(&self) -> Vec<Reference>;

    /// The values of a key, of each record without a null in it.
    fn keys(&self, columns: &[String]) -> Vec<(Key, Place)>;

    /// Inserts or updates the table's rows to equal the records.
    fn write<'a>(&'a self, tx: &'a AdminTx) -> BoxFuture<'a, Result<Counts, Error>>;
}

/// The records of a fixture file.
pub(crate) struct Records<E: EntityTrait> {
    file: Arc<str>,
    records: Vec<Record<E::Model>>,
}

impl<E> Records<E>
where
    E: EntityTrait,
    E::Model: DeserializeOwned,
{
    /// Reads a file and performs the checks that need no database.
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        let records = Self { file: Arc::clone(&source.file), records: yaml::read::<E>(source)? };
        records.refuse_duplicates()?;
        records.refuse_inexact()?;
        Ok(records)
    }
}

impl<E: EntityTrait> Records<E> {
    fn refuse_duplicates(&self) -> Result<(), Error> {
        for columns in unique_keys::<E>() {
            let mut lines = HashMap::new();
            for record in &self.records {
                let key: Vec<Value> = columns.iter().map(|column| record.model.get(*column)).collect();
                // Nulls are distinct.
                if key.iter().any(|value| *value == value.as_null()) {
                    continue;
                }
                if let Some(line) = lines.insert(key, record.line()) {
                    let columns: Vec<_> =
                        columns.iter().map(|column| format!("`{}`", column.as_str())).collect();
                    let fault = Fault::Duplicate { columns: columns.join(" and "), line };
                    return Err(self.fault(record.line(), fault));
                }
            }
        }
        Ok(())
    }

    /// A value that the database rounds would always differ from its fixture.
    fn refuse_inexact(&self) -> Result<(), Error> {
        for record in &self.records {
            for column in E::Column::iter() {
                if let Some(reason) = inexact(&record.model.get(column), column.def().get_column_type()) {
                    let fault = Fault::Inexact { column: column.as_str().to_owned(), reason };
                    return Err(self.fault(record.line_of(column.as_str()), fault));
                }
            }
        }
        Ok(())
    }

    async fn upsert(&self, tx: &AdminTx) -> Result<Counts, Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: Send,
    {
        let present = self.present(tx).await.map_err(|error| failed::<E>(&error))?;
        let mut counts = Counts::default();
        let mut new = Vec::new();
        // Updates first: they may free a unique value that a new record uses, such as an e-mail address.
        for record in &self.records {
            match present.get(&primary_key::<E>(&record.model)) {
                None => new.push(record),
                Some(existing) => match changes::<E>(existing, &record.model) {
                    None => counts.unchanged += 1,
                    Some(model) => {
                        let result = model.update_without_returning(tx).await;
                        result.map_err(|error| self.refused(record, &error))?;
                        counts.updated += 1;
                    }
                },
            }
        }
        for records in new.chunks(bind_limit(tx) / E::Column::iter().count()) {
            self.insert(records, tx).await?;
        }
        counts.inserted = new.len();
        Ok(counts)
    }

    /// The existing rows with the records' ids.
    async fn present(&self, tx: &AdminTx) -> Result<HashMap<Vec<Value>, E::Model>, DbErr> {
        let mut present = HashMap::new();
        for records in self.records.chunks(bind_limit(tx)) {
            let ids = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).fold(
                Condition::all(),
                |condition, column| {
                    condition.add(column.is_in(records.iter().map(|record| record.model.get(column))))
                },
            );
            for model in E::find().filter(ids).all(tx).await? {
                present.insert(primary_key::<E>(&model), model);
            }
        }
        Ok(present)
    }

    #[expect(clippy::disallowed_methods, reason = "a savepoint has no builder")]
    async fn insert(&self, records: &[&Record<E::Model>], tx: &AdminTx) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: Send,
    {
        let models = records.iter().map(|record| record.model.clone().into_active_model());
        let run = async |sql| tx.execute_unprepared(sql).await.map_err(|error| failed::<E>(&error));
        run("savepoint records").await?;
        let Err(error) = E::insert_many(models).exec_without_returning(tx).await else {
            return run("release savepoint records").await.map(|_| ());
        };
        run("rollback to savepoint records").await?;
        // The error does not identify the row, so the records are inserted one by one until one fails.
        for record in records {
            let result = E::insert(record.model.clone().into_active_model()).exec_without_returning(tx).await;
            result.map_err(|error| self.refused(record, &error))?;
        }
        Err(failed::<E>(&error))
    }

    fn fault(&self, line: u64, fault: Fault) -> Error {
        Error::Fixture { place: Place { file: Arc::clone(&self.file), line }, fault }
    }

    /// The error of a statement that wrote this record alone.
    fn refused(&self, record: &Record<E::Model>, error: &DbErr) -> Error {
        match refusal::<E>(error) {
            Some((column, fault)) => {
                self.fault(column.map_or(record.line(), |name| record.line_of(name)), fault)
            }
            None => failed::<E>(error),
        }
    }
}

impl<E> Table for Records<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: Send,
{
    fn name(&self) -> &'static str {
        E::default().table_name()
    }

    fn references(&self) -> Vec<Reference> {
        Reference::all::<E>()
    }

    fn keys(&self, columns: &[String]) -> Vec<(Key, Place)> {
        let columns = reference::columns::<E>(columns);
        let key = |record: &Record<E::Model>| {
            let line = record.line_of(columns.last()?.as_str());
            let place = Place { file: Arc::clone(&self.file), line };
            Some((reference::key::<E>(&record.model, &columns)?, place))
        };
        self.records.iter().filter_map(key).collect()
    }

    fn write<'a>(&'a self, tx: &'a AdminTx) -> BoxFuture<'a, Result<Counts, Error>> {
        Box::pin(self.upsert(tx))
    }
}

impl<E: EntityTrait> fmt::Debug for Records<E> {
    /// Counts the records: their content may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} records)", self.file, self.records.len())
    }
}

/// The maximum number of parameters of a statement.
pub(crate) fn bind_limit(tx: &AdminTx) -> usize {
    match tx.get_database_backend() {
        DbBackend::Postgres => 65_535,
        _ => 32_766,
    }
}

fn failed<E: EntityTrait>(error: &DbErr) -> Error {
    Error::database(E::default().table_name(), error)
}

fn primary_key<E: EntityTrait>(model: &E::Model) -> Vec<Value> {
    E::PrimaryKey::iter().map(|key| model.get(key.into_column())).collect()
}

/// The columns of the primary key and of each unique constraint.
fn unique_keys<E: EntityTrait>() -> Vec<Vec<E::Column>> {
    let by_name = |name: String| E::Column::iter().find(|column| column.as_str() == name);
    let mut keys = vec![E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect()];
    keys.extend(E::Column::iter().filter(|column| column.def().is_unique()).map(|column| vec![column]));
    keys.extend(
        // Any backend: the columns are the same on all.
        Schema::new(DbBackend::Postgres)
            .create_index_from_entity(E::default())
            .into_iter()
            .filter(sea_query::IndexCreateStatement::is_unique_key)
            .map(|index| index.get_index_spec().get_column_names().into_iter().filter_map(by_name).collect()),
    );
    keys
}

/// The update from `existing` to `wanted`; `None` if they are equal.
fn changes<E>(existing: &E::Model, wanted: &E::Model) -> Option<E::ActiveModel>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    // A trigger sets `updated_at` on every update, so it does not depend on the content.
    let mut changed = E::Column::iter()
        .filter(|column| {
            column.as_str() != "updated_at" && !equal(&existing.get(*column), &wanted.get(*column))
        })
        .peekable();
    changed.peek()?;
    let mut model = existing.clone().into_active_model();
    for column in changed {
        model.set(column, wanted.get(column));
    }
    Some(model)
}

/// Whether two values are equal.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        // `Value` compares documents as texts, where `jsonb` keeps neither the order of keys nor the sign of 0.
        (Value::Json(left), Value::Json(right)) => left == right,
        _ => left == right,
    }
}

/// The reason why a database would not return the same value.
fn inexact(value: &Value, column: &ColumnType) -> Option<String> {
    match (value, column) {
        (Value::ChronoDateTimeUtc(Some(time)), _) if !whole_microseconds(time) => {
            Some("a time is kept to the microsecond".to_owned())
        }
        (Value::ChronoDateTimeUtc(Some(time)), _) if !(1..=9999).contains(&time.year()) => {
            Some("a time lies in the years 1 to 9999".to_owned())
        }
        (Value::ChronoTime(Some(time)), _) if !whole_microseconds(time) => {
            Some("a time of day is kept to the microsecond".to_owned())
        }
        (Value::Decimal(Some(number)), ColumnType::Decimal(Some((_, scale))))
            if number.normalize().scale() > *scale =>
        {
            Some(format!("a number is kept to {scale} decimal places"))
        }
        (Value::Json(Some(document)), _) if has_nul(document) => Some(NO_NUL.to_owned()),
        (Value::String(Some(text)), _) if text.contains('\0') => Some(NO_NUL.to_owned()),
        _ => None,
    }
}

fn has_nul(document: &JsonValue) -> bool {
    match document {
        JsonValue::String(text) => text.contains('\0'),
        JsonValue::Array(items) => items.iter().any(has_nul),
        JsonValue::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => false,
    }
}

/// Whether the time is a whole number of microseconds, and not a leap second.
fn whole_microseconds(time: &impl Timelike) -> bool {
    time.nanosecond() < 1_000_000_000 && time.nanosecond().is_multiple_of(1_000)
}
