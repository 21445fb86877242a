//! The server's clock, which is the only one that rows are stamped by.

use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DbBackend};

/// The time of the statement's transaction, in the form of the backend's columns.
pub(crate) fn now(tx: &impl ConnectionTrait) -> Expr {
    match tx.get_database_backend() {
        DbBackend::Postgres => Expr::current_timestamp(),
        // As the migrations' defaults write it; CURRENT_TIMESTAMP has another form, which sorts differently.
        _ => Expr::cust("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
    }
}
