//! The names that applications compare with: those of the constraints and of the migrations.

use super::render::GENERATED;
use crate::{Error, Subject};
use std::fmt::Write as _;

/// A constant for each constraint, so that one that is dropped or renamed breaks the build of whoever compares with it.
pub(super) async fn constraints(subject: &Subject) -> Result<String, Error> {
    let constraints: Vec<(String, String, String)> = sqlx::query_as(
        "select k.conname::text, c.relname::text, pg_get_constraintdef(k.oid, true) \
         from pg_constraint as k join pg_class as c on c.oid = k.conrelid \
         where c.relnamespace = 'public'::regnamespace and k.contype in ('c', 'f', 'p', 'u') \
             and c.relname <> 'seaql_migrations' \
         order by k.conname",
    )
    .fetch_all(subject.pool())
    .await?;
    let mut text = format!(
        "{GENERATED}//! The names of the constraints, to compare [`crate::Error::Constraint`] with.\n"
    );
    for (name, table, definition) in constraints {
        let definition = definition.replace('`', "'");
        let _ = write!(
            text,
            "\n/// Of `{table}`: `{definition}`.\npub const {}: &str = {name:?};\n",
            name.to_uppercase()
        );
    }
    Ok(text)
}

/// The list of the migrations.
pub(super) fn migrations(subject: &Subject) -> String {
    let mut text = format!(
        "{GENERATED}//! The schema that this build was written for.\n\n\
         /// The migrations that have to be applied.\npub const MIGRATIONS: &[&str] = &[\n"
    );
    for migration in subject.emitted() {
        let _ = writeln!(text, "{:?},", migration.name);
    }
    text.push_str("];\n");
    text
}
