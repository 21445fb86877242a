//! Keyset pagination: pages that neither skip nor repeat a row during concurrent inserts.

use crate::{Error, Named, Scope};
use entity::id::ParseIdError;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use sea_query::{Expr, ExprTrait};
use std::fmt;
use std::str::FromStr;

/// The maximum number of rows of a page. A larger limit is reduced to it, and 0 raised to 1.
pub const MAX_LIMIT: u64 = 200;

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<Row, Id> {
    /// The rows.
    pub items: Vec<Row>,
    /// The cursor of the next page; `None`: this is the last page.
    pub next: Option<Cursor<Id>>,
}

/// A position in a list: the last row of a page. Its text form is safe in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<Id> {
    /// The `created_at` of that row.
    pub created_at: DateTimeUtc,
    /// The id of that row, which orders rows with equal `created_at`.
    pub id: Id,
}

/// A text that is not a cursor of this list. The error does not contain the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseCursorError {
    /// The id is malformed or belongs to another table.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// The part before the dot is not a time, or there is no dot.
    #[error("a cursor is a time in microseconds, a dot and an id")]
    Time,
}

impl<Id: fmt::Display> fmt::Display for Cursor<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.timestamp_micros(), self.id)
    }
}

impl<Id: FromStr<Err = ParseIdError>> FromStr for Cursor<Id> {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (time, id) = text.split_once('.').ok_or(ParseCursorError::Time)?;
        let micros = time.parse().map_err(|_| ParseCursorError::Time)?;
        let created_at = DateTimeUtc::from_timestamp_micros(micros).ok_or(ParseCursorError::Time)?;
        Ok(Self { created_at, id: id.parse()? })
    }
}

/// Reads one page of `select`, newest first.
///
/// The condition is a row comparison, `(created_at, id) < ($1, $2)`, because an index that begins with `created_at` serves
/// it. The equivalent with `or` would read all newer rows first.
pub(crate) async fn newest_first<E, Id>(
    tx: &Named<'_, impl Scope>,
    select: Select<E>,
    (created_at, id): (E::Column, E::Column),
    after: Option<Cursor<Id>>,
    limit: u64,
    cursor: impl FnOnce(&E::Model) -> Cursor<Id>,
) -> Result<Page<E::Model, Id>, Error>
where
    E: EntityTrait,
    Id: Into<Value>,
{
    let limit = limit.clamp(1, MAX_LIMIT);
    // One row more than the page, to detect whether there is a next page.
    let mut select = select.order_by_desc(created_at).order_by_desc(id).limit(limit + 1);
    if let Some(Cursor { created_at: time, id: last }) = after {
        let place = Expr::tuple([Expr::val(time), Expr::val(last)]);
        let row = [created_at, id].map(|column| Expr::col(column.as_column_ref()));
        select = select.filter(Expr::tuple(row).lt(place));
    }
    let mut items = select.all(tx).await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > size;
    items.truncate(size);
    let next = if more { items.last().map(cursor) } else { None };
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::{CampaignId, ContactId};

    #[test]
    fn a_cursor_survives_its_text_form_to_the_microsecond() {
        let created_at = DateTimeUtc::from_timestamp_micros(1_736_942_400_123_456).unwrap();
        let cursor = Cursor { created_at, id: CampaignId::generate() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn a_cursor_of_another_list_or_garbage_is_refused() {
        let foreign = format!("0.{}", ContactId::generate()).parse::<Cursor<CampaignId>>().unwrap_err();
        assert!(foreign.to_string().contains("`con`, expected `cmp`"), "{foreign}");
        for text in ["", ".", "1736942400123456", "x.cmp_", "99999999999999999999.cmp_"] {
            assert_eq!(text.parse::<Cursor<CampaignId>>(), Err(ParseCursorError::Time), "{text}");
        }
    }
}
