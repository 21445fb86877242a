//! The database's clock, the only clock for columns such as `deleted_at`.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_query::Expr;

/// The current time as an expression, in the text form that the backend stores.
#[expect(clippy::disallowed_methods, reason = "the builder has no strftime")]
pub(crate) fn now(tx: &impl ConnectionTrait) -> Expr {
    match tx.get_database_backend() {
        DbBackend::Postgres => Expr::current_timestamp(),
        // The form of the columns' defaults. CURRENT_TIMESTAMP has another form, which sorts differently.
        _ => Expr::cust("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
    }
}
