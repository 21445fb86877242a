//! Changes that violate a rule, for the self-test.

/// A change to what is checked, of which the files and the database keep nothing.
#[derive(Clone, Copy, Debug)]
pub enum Mutation {
    /// Statements on the migrated database, which are rolled back before the next change.
    Sql(&'static str),
    /// A text in a file of the workspace and its replacement; an empty text is the end of the file.
    Replace {
        /// Relative to the workspace; created if it is missing.
        file: &'static str,
        /// The text, which the file contains.
        text: &'static str,
        /// The replacement.
        with: &'static str,
    },
    /// The `up`, on PostgreSQL, of a migration after the newest.
    Added(&'static str),
    /// A statement at the end of the snapshot of the last release, which the owner sends, and a migration after the newest
    /// that changes nothing.
    Released(&'static str),
    /// A text in the SQL that a migration executes, and its replacement.
    Emitted {
        /// The name of the migration.
        migration: &'static str,
        /// The text, at its first place: PostgreSQL before SQLite, up before down.
        text: &'static str,
        /// The replacement.
        with: &'static str,
    },
}
