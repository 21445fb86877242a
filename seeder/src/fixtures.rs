//! The fixture records of all tables.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use database::{Database, Mark};
use environment::{Action, Place, permit};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel};
use serde::de::DeserializeOwned;

use crate::{
    Error, Mode, Report,
    dangling::refuse_dangling,
    table::{Records, Table},
    yaml::Source,
};

/// Serializes runs; the key is "seeder" in ASCII.
const LOCK_OF_POSTGRESQL: &str = "select pg_advisory_xact_lock(x'736565646572'::bigint)";

/// A write waits for another writer; a transaction that has already read could not.
const LOCK_OF_SQLITE: &str = "update users set id = id where false";

/// The text of each file of `seeder/fixtures`, by the name of its table.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// Records that passed every check without a database.
#[derive(Debug)]
pub struct Fixtures {
    /// Referenced tables first.
    tables: Vec<Box<dyn Table>>,
}

impl Fixtures {
    /// The fixture records of the data model.
    ///
    /// # Errors
    /// One of the files is invalid.
    pub fn built_in() -> Result<Self, Error> {
        let text = |table: &str| BUILT_IN.iter().find(|(name, _)| *name == table).map(|(_, text)| *text);
        let sources = kinds().into_iter().filter_map(|kind| {
            let file = format!("seeder/fixtures/{}.yaml", kind.table).into();
            Some((kind, Source { file, text: Cow::Borrowed(text(kind.table)?) }))
        });
        sources
            .map(|(kind, source)| (kind.read)(&source))
            .collect::<Result<_, _>>()
            .map(|tables| Self { tables })
    }

    /// The records of a directory of files `<table>.yaml`; a table without a file has none.
    ///
    /// # Errors
    /// The directory cannot be read, has no YAML file or one that is not named after a table, or a file is invalid.
    pub fn from_dir(directory: &Path) -> Result<Self, Error> {
        let mut files = files(directory)?;
        files.sort_by_key(|(position, _, _)| *position);
        let mut tables = Vec::new();
        for (_, kind, path) in files {
            let file = path.display().to_string().into();
            let text = fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
            tables.push((kind.read)(&Source { file, text: Cow::Owned(text) })?);
        }
        Ok(Self { tables })
    }

    /// Inserts missing records and updates those that differ, in one transaction.
    ///
    /// # Errors
    /// The database is marked as production, a reference is dangling, a record violates a constraint, or the database fails.
    /// The transaction is then rolled back.
    #[expect(clippy::disallowed_methods, reason = "a table lock has no builder")]
    pub async fn load(&self, database: &Database, mode: Mode) -> Result<Report, Error> {
        let failed = |error| Error::transaction(&error);
        let tx = database.admin().await.map_err(failed)?;
        let lock = match tx.get_database_backend() {
            DbBackend::Postgres => LOCK_OF_POSTGRESQL,
            _ => LOCK_OF_SQLITE,
        };
        // Also without `Target`, which does not know the mark.
        if let Some(name) = tx.marked_as_production().await.map_err(failed)? {
            let target = format!("PostgreSQL database \"{name}\"");
            permit(Action::LoadFixtures, Place::Local, None, Mark::Production, &target)?;
        }
        tx.execute_unprepared(lock).await.map_err(|error| failed(error.into()))?;
        refuse_dangling(&self.tables, &tx).await?;
        let mut tables = Vec::new();
        for table in &self.tables {
            tables.push((table.name(), table.write(&tx).await?));
        }
        match mode {
            Mode::Commit => tx.commit().await.map_err(failed)?,
            Mode::DryRun => tx.rollback().await.map_err(failed)?,
        }
        Ok(Report { mode, tables })
    }
}

/// A table that can be loaded.
#[derive(Clone, Copy)]
struct Kind {
    table: &'static str,
    read: fn(&Source) -> Result<Box<dyn Table>, Error>,
}

impl Kind {
    fn of<E>() -> Self
    where
        E: EntityTrait,
        E::Model: DeserializeOwned + IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: Send,
    {
        Self {
            table: E::default().table_name(),
            read: |source| Records::<E>::read(source).map(|records| Box::new(records) as Box<dyn Table>),
        }
    }
}

/// Every table, referenced tables first.
fn kinds() -> Vec<Kind> {
    macro_rules! kinds {
        ($($table:ident: $Entity:ident,)+) => { vec![$(Kind::of::<entity::$table::Entity>()),+] };
    }
    entity::for_each_table!(kinds)
}

/// The YAML files of a directory, each with its table and that table's position in the order of loading.
fn files(directory: &Path) -> Result<Vec<(usize, Kind, PathBuf)>, Error> {
    let unreadable = |source| Error::Directory { path: directory.to_owned(), source };
    let names = || kinds().iter().map(|kind| format!("{}.yaml", kind.table)).collect::<Vec<_>>().join(", ");
    let mut paths = fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.retain(|path| {
        path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
        })
    });
    if paths.is_empty() {
        return Err(Error::Empty { path: directory.to_owned(), tables: names() });
    }
    // The order of a directory is the file system's; which of two errors is shown must not depend on it.
    paths.sort();
    let known = |path: PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_suffix(".yaml"));
        match kinds().into_iter().enumerate().find(|(_, kind)| Some(kind.table) == name) {
            Some((position, kind)) => Ok((position, kind, path)),
            None => Err(Error::NotATable { path, tables: names() }),
        }
    };
    paths.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fixtures: &Fixtures) -> Vec<&'static str> {
        fixtures.tables.iter().map(|table| table.name()).collect()
    }

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    fn refusal(files: &[(&str, &str)]) -> String {
        Fixtures::from_dir(directory(files).path()).expect_err("refused").to_string()
    }

    #[test]
    fn the_built_in_fixtures_are_the_files_of_the_directory() {
        let built_in = Fixtures::built_in().unwrap();
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        assert_eq!(names(&built_in), names(&Fixtures::from_dir(&directory).unwrap()));
        assert_eq!(built_in.tables.len(), BUILT_IN.len());
    }

    #[test]
    fn tables_are_loaded_after_those_they_refer_to() {
        let mut loaded = Vec::new();
        for kind in kinds() {
            let table = (kind.read)(&Source { file: "".into(), text: "".into() }).unwrap();
            for reference in table.references() {
                assert!(loaded.contains(&reference.table), "{} refers to {}", kind.table, reference.table);
            }
            loaded.push(kind.table.to_owned());
        }
    }

    #[test]
    fn a_table_without_a_file_has_no_records() {
        let directory = directory(&[("users.yaml", ""), ("organizations.yaml", "[]"), ("notes.txt", "?")]);
        assert_eq!(names(&Fixtures::from_dir(directory.path()).unwrap()), ["organizations", "users"]);
    }

    #[test]
    fn a_yaml_file_that_would_not_be_read_is_refused() {
        for name in ["contact.yaml", "contacts.yml", "Contacts.yaml", ".yaml.yaml"] {
            let error = refusal(&[(name, ""), ("users.yaml", "")]);
            assert!(error.contains(name) && error.contains("transcript_snippets.yaml"), "{error}");
        }
    }

    #[test]
    fn a_directory_without_fixtures_is_refused() {
        assert!(refusal(&[("users.txt", "")]).contains("holds no YAML file"));
        assert!(matches!(Fixtures::from_dir(Path::new("/nowhere")), Err(Error::Directory { .. })));
    }

    #[test]
    fn a_file_that_is_no_text_is_named() {
        let directory = directory(&[]);
        fs::write(directory.path().join("users.yaml"), b"\xff").unwrap();
        let error = Fixtures::from_dir(directory.path()).unwrap_err().to_string();
        assert!(error.contains("users.yaml cannot be read"), "{error}");
    }

    #[test]
    fn a_duplicate_names_both_lines() {
        let text = include_str!("../fixtures/users.yaml");
        let error = refusal(&[("users.yaml", &text.replace("000g3", "000g1"))]);
        assert!(error.ends_with("users.yaml:22: the same `id` as the record in line 4"), "{error}");
        let error = refusal(&[("users.yaml", &text.replace("email: viewer", "email: admin"))]);
        assert!(error.ends_with("users.yaml:22: the same `email` as the record in line 4"), "{error}");
        let text = include_str!("../fixtures/exclusion_list_entries.yaml").replace("0198", "0199");
        let error = refusal(&[("exclusion_list_entries.yaml", &text)]);
        assert!(
            error.ends_with(":12: the same `organization_id` and `phone_number` as the record in line 4"),
            "{error}"
        );
    }

    #[test]
    fn a_value_that_a_database_would_round_is_refused() {
        let text = include_str!("../fixtures/users.yaml");
        for (from, to, fault) in [
            ("00:02:00Z", "00:02:00.0000001Z", ":19: field `created_at`: a time is kept to the microsecond"),
            (
                "created_at: 2025-01-01T00:02",
                "created_at: -0001-01-01T00:02",
                "a time lies in the years 1 to 9999",
            ),
            ("Report Viewer", "\"\\0\"", ":25: field `name`: PostgreSQL keeps no NUL character in a text"),
            ("{}", "{a: [\"\\0\"]}", ":9: field `metadata`: PostgreSQL keeps no NUL character in a text"),
        ] {
            let error = refusal(&[("users.yaml", &text.replace(from, to))]);
            assert!(error.ends_with(fault), "{error}");
        }
    }

    #[test]
    fn the_debug_form_of_fixtures_shows_no_record() {
        let text = format!("{:?}", Fixtures::built_in().unwrap());
        assert!(text.contains("contacts.yaml (5 records)") && !text.contains("example.com"), "{text}");
    }
}
