//! A row of a stream, whose columns are decoded by their place.
//!
//! SeaORM compares the types for each value, those of an enum by name and twice, and formats an error for each null. All rows
//! of a result have the same types, so here those of the first row are compared.

use crate::driver::query_error;
use sea_orm::{DbErr, QueryResult};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::{Column, Decode, Error, Postgres, Row, Type, TypeInfo};

/// A row of a result on PostgreSQL.
pub(crate) struct StreamedRow<'a> {
    /// The row, for a type that the driver does not know.
    pub(crate) result: &'a QueryResult,
    /// Whether no row of this result was read before.
    pub(crate) is_first: bool,
}

impl StreamedRow<'_> {
    /// Decodes the column at this place; that of the first column is 0. Null is an error, unless `T` is an `Option`.
    pub(crate) fn get<T>(&self, place: usize) -> Result<T, DbErr>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let row = self.result.try_as_pg_row();
        let row = row.ok_or_else(|| DbErr::BackendNotSupported { db: "SQLite", ctx: "a streamed row" })?;
        if self.is_first {
            check::<T>(row, place).map_err(query_error)?;
        }
        row.try_get_unchecked(place).map_err(query_error)
    }
}

/// Returns an error unless the column has the type `T`.
fn check<T: Type<Postgres>>(row: &PgRow, place: usize) -> Result<(), Error> {
    let found = row.try_column(place)?.type_info();
    if T::compatible(found) {
        return Ok(());
    }
    let message = format!("{} is not {}", found.name(), T::type_info().name());
    Err(Error::ColumnDecode { index: place.to_string(), source: BoxDynError::from(message) })
}
