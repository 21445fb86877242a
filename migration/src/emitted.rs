//! The SQL that each migration executes, recorded without a database.
//!
//! A migration runs against `SeaORM`'s mock connection, which records every statement and returns no rows. A migration
//! that queries the schema, by `has_table` and the like, cannot be recorded: write `if not exists` in its SQL.

use crate::statements::{VERSION, digest, statements};
use crate::{Error, Migrator};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, MockDatabase, MockExecResult, MockRow, Transaction};
use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait as _, SchemaManager};
use serde::Deserialize;

/// More statements than a migration has.
const LONGEST: usize = 1000;

/// The SQL of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The migration's name.
    pub name: String,
    /// Whether PostgreSQL runs it in one transaction.
    pub transactional: bool,
    /// The statements for PostgreSQL.
    pub postgres: Script,
    /// The statements for SQLite.
    pub sqlite: Script,
}

/// The texts that one engine executes, as they are; one text may hold several statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Of `up`.
    pub up: Vec<String>,
    /// Of `down`.
    pub down: Vec<String>,
}

impl Emitted {
    /// Records what a migration executes.
    pub(crate) async fn by(migration: &dyn MigrationTrait) -> Result<Self, DbErr> {
        Ok(Self {
            name: migration.name().to_owned(),
            transactional: migration.use_transaction() != Some(false),
            postgres: Script::of(migration, DbBackend::Postgres).await?,
            sqlite: Script::of(migration, DbBackend::Sqlite).await?,
        })
    }

    /// The scripts by name: the engine, and `up` or `down`.
    #[must_use]
    pub fn scripts(&self) -> [(&'static str, &[String]); 4] {
        let Self { name: _, transactional: _, postgres, sqlite } = self;
        [
            ("postgres up", &postgres.up),
            ("postgres down", &postgres.down),
            ("sqlite up", &sqlite.up),
            ("sqlite down", &sqlite.down),
        ]
    }

    /// What the ledger of a database of this engine records: the version of the digests, and the digest of each
    /// statement of `up`. `down` and the other engine's statements are not a part of it, because changing them changes
    /// no database that the migration was applied to.
    #[must_use]
    pub fn recorded(&self, engine: DbBackend) -> String {
        let digests: Vec<String> = self.up(engine).iter().map(|statement| digest(statement)).collect();
        format!("{VERSION}:{}", digests.join(","))
    }

    /// Describes the first statement of `up` that differs from the ledger's record; `None` if all are equal, or if the
    /// record has no version and cannot be compared, as those of builds before 0.1.0.
    pub(crate) fn difference(
        &self,
        engine: DbBackend,
        record: &str,
        accepted: &[Accepted],
    ) -> Option<String> {
        /// The number of characters shown of a statement.
        const SHOWN: usize = 80;
        let name = if engine == DbBackend::Postgres { "postgres" } else { "sqlite" };
        let (version, earlier) = record.split_once(':')?;
        if version != VERSION {
            return Some(format!("its digests have version {version}, which this build does not know"));
        }
        let earlier: Vec<&str> = earlier.split(',').filter(|digest| !digest.is_empty()).collect();
        let now = self.up(engine);
        for (index, statement) in now.iter().enumerate() {
            let place = format!("statement {} of {}", index + 1, now.len());
            let shown: String = statement.chars().take(SHOWN).collect();
            match earlier.get(index) {
                None => return Some(format!("{place}, `{shown}`, was not executed")),
                Some(earlier) if *earlier == digest(statement) => {}
                Some(earlier) if accepted.iter().any(|one| one.covers(&self.name, name, earlier)) => {}
                Some(earlier) => return Some(format!("{place}, `{shown}`, had the digest {earlier}")),
            }
        }
        (earlier.len() > now.len())
            .then(|| format!("{} statements were executed, and it has {}", earlier.len(), now.len()))
    }

    /// The statements for an engine.
    pub(crate) fn of(&self, engine: DbBackend) -> &Script {
        if engine == DbBackend::Postgres { &self.postgres } else { &self.sqlite }
    }

    fn up(&self, engine: DbBackend) -> Vec<String> {
        statements(&self.of(engine).up)
    }
}

/// A reviewed exception: an earlier digest of a statement that was changed without effect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    migration: String,
    engine: String,
    earlier: String,
    /// For reviewers.
    #[serde(rename = "reason")]
    _reason: String,
}

impl Accepted {
    /// The checked-in list.
    pub(crate) fn all() -> Result<Vec<Self>, Error> {
        serde_saphyr::from_str(include_str!("../accepted_digests.yaml")).map_err(Error::AcceptedDigests)
    }

    fn covers(&self, migration: &str, engine: &str, earlier: &str) -> bool {
        self.migration == migration && self.engine == engine && self.earlier == earlier
    }
}

impl Script {
    async fn of(migration: &dyn MigrationTrait, backend: DbBackend) -> Result<Self, DbErr> {
        let (up, down) = (recorder(backend), recorder(backend));
        migration.up(&SchemaManager::new(&up)).await?;
        migration.down(&SchemaManager::new(&down)).await?;
        Ok(Self { up: recorded(up), down: recorded(down) })
    }
}

/// A connection that records what is executed.
pub(crate) fn recorder(backend: DbBackend) -> DatabaseConnection {
    MockDatabase::new(backend)
        .append_exec_results(vec![MockExecResult::default(); LONGEST])
        .append_query_results(vec![Vec::<MockRow>::new(); LONGEST])
        .into_connection()
}

/// The executed statements, with their values in place of the parameters.
pub(crate) fn recorded(recorder: DatabaseConnection) -> Vec<String> {
    let transactions = recorder.into_transaction_log();
    transactions.iter().flat_map(Transaction::statements).map(ToString::to_string).collect()
}

/// Whether `accepted_digests.yaml` lists the earlier digest of a statement for `engine` (`postgres` or `sqlite`), so that the
/// statement's change is known to be harmless.
#[must_use]
pub fn accepts(migration: &str, engine: &str, earlier: &str) -> bool {
    // A unit test parses the list: it is embedded, and cannot differ at run time.
    Accepted::all().is_ok_and(|list| list.iter().any(|one| one.covers(migration, engine, earlier)))
}

/// Records what every migration of this build executes, in the order of their names.
///
/// # Errors
/// A migration fails, or queries the database.
pub async fn emitted() -> Result<Vec<Emitted>, Error> {
    let mut all = Vec::new();
    for migration in Migrator::migrations() {
        let emitted = Emitted::by(migration.as_ref()).await;
        all.push(emitted.map_err(|error| Error::emission(migration.name(), &error))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Accepted, DbBackend, Emitted, Script};

    fn emitted(up: &[&str]) -> Emitted {
        let script = Script { up: up.iter().map(ToString::to_string).collect(), down: Vec::new() };
        let nothing = Script { up: Vec::new(), down: Vec::new() };
        Emitted { name: "m1".to_owned(), transactional: true, postgres: script, sqlite: nothing }
    }

    #[test]
    fn the_first_statement_that_changed_is_named() {
        let record =
            emitted(&["create table a (b text)", "create index c on a (b)"]).recorded(DbBackend::Postgres);
        let difference = |up: &[&str]| emitted(up).difference(DbBackend::Postgres, &record, &[]);
        assert_eq!(difference(&["CREATE TABLE a (b text)", "create index c on a (b) -- why"]), None);
        let changed = difference(&["create table a (b text)", "create index c on a (b, c)"]).unwrap();
        assert!(
            changed.starts_with("statement 2 of 2, `create index c on a(b,c)`, had the digest "),
            "{changed}"
        );
        assert!(difference(&["create table a (b text)"]).unwrap().starts_with("2 statements were executed"));
        let more = difference(&["create table a (b text)", "create index c on a (b)", "select 1"]).unwrap();
        assert!(more.ends_with("`select 1`, was not executed"), "{more}");
    }

    #[test]
    fn an_accepted_digest_passes_for_its_migration_engine_and_statement_only() {
        let record = emitted(&["select 1"]).recorded(DbBackend::Postgres);
        let earlier = record.strip_prefix("1:").unwrap();
        let accepted = |migration: &str, engine: &str, earlier: &str| Accepted {
            migration: migration.to_owned(),
            engine: engine.to_owned(),
            earlier: earlier.to_owned(),
            _reason: "a test".to_owned(),
        };
        let passes =
            |accepted| emitted(&["select 2"]).difference(DbBackend::Postgres, &record, &[accepted]).is_none();
        assert!(passes(accepted("m1", "postgres", earlier)));
        assert!(!passes(accepted("m2", "postgres", earlier)));
        assert!(!passes(accepted("m1", "sqlite", earlier)));
        assert!(!passes(accepted("m1", "postgres", "0123456789abcdef")));
    }

    #[test]
    fn a_record_without_a_version_is_not_compared_and_one_of_a_later_version_is_refused() {
        let one = emitted(&["select 1"]);
        assert_eq!(one.difference(DbBackend::Postgres, "3f2a", &[]), None);
        let later = one.difference(DbBackend::Postgres, "2:3f2a", &[]).unwrap();
        assert!(later.contains("version 2"), "{later}");
    }

    #[test]
    fn the_accepted_digests_can_be_read() {
        assert!(Accepted::all().is_ok());
    }
}
