//! The names of constraints and migrations, for applications to compare with.

use super::render::GENERATED;
use crate::Subject;
use crate::catalogue::schema::Schema;
use crate::docs::schema_sql::lower;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A constant for each constraint, so that a dropped or renamed one breaks the build of code that compares with it.
pub(super) fn constraints(schema: &Schema) -> String {
    let mut text = format!(
        "{GENERATED}//! The names of the constraints, to compare [`crate::Error::Constraint`] with.\n"
    );
    let of_tables =
        schema.tables.iter().flat_map(|table| table.constraints.iter().map(move |of| (of, &table.name)));
    let by_name: BTreeMap<&str, _> = of_tables.map(|(of, table)| (of.name.as_str(), (of, table))).collect();
    text.push_str("\n/// All of them, in order.\npub(crate) const NAMES: &[&str] = &[\n");
    for name in by_name.keys() {
        let _ = writeln!(text, "{},", name.to_uppercase());
    }
    text.push_str("];\n");
    for (name, (constraint, table)) in by_name {
        let definition = lower(&constraint.definition()).replace('`', "'");
        let _ = write!(
            text,
            "\n/// Of `{table}`: `{definition}`.\npub const {}: &str = {name:?};\n",
            name.to_uppercase()
        );
    }
    text
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
