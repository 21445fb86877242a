//! Generated migrations, compiled together and recorded.

use crate::Workspace;
use crate::migrations::files::MigrationFile;
use migration::{Emitted, Script, header};
use serde_json::Value;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use tempfile::TempDir;

/// A migration that compiles, and what it executes.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) file: MigrationFile,
    /// Or the error with which it refuses to run; the number is that of the statements that it executed before.
    pub(super) emitted: Result<Emitted, (String, u64)>,
}

/// The program that records the migrations; cases are its modules.
const PROGRAM: &str = r#"
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseConnection, DbBackend, JsonValue, MockDatabase, MockExecResult, MockRow};

fn recorded(db: DatabaseConnection) -> Vec<String> {
    let log = db.into_transaction_log();
    log.iter().flat_map(|transaction| transaction.statements()).map(ToString::to_string).collect()
}

async fn record(migration: &dyn MigrationTrait) -> JsonValue {
    let mut scripts = vec![("transactional", JsonValue::from(migration.use_transaction() != Some(false)))];
    for (name, backend, is_up) in [
        ("postgres up", DbBackend::Postgres, true),
        ("postgres down", DbBackend::Postgres, false),
        ("sqlite up", DbBackend::Sqlite, true),
        ("sqlite down", DbBackend::Sqlite, false),
    ] {
        let db = MockDatabase::new(backend)
            .append_exec_results(vec![MockExecResult::default(); 1000])
            .append_query_results(vec![Vec::<MockRow>::new(); 1000])
            .into_connection();
        let manager = SchemaManager::new(&db);
        let done = if is_up { migration.up(&manager).await } else { migration.down(&manager).await };
        let statements = recorded(db);
        if let Err(error) = done {
            let (error, executed) = (JsonValue::from(error.to_string()), JsonValue::from(statements.len()));
            return [("error", error), ("executed", executed)].into_iter().collect();
        }
        scripts.push((name, statements.into()));
    }
    scripts.into_iter().collect()
}
"#;

/// Compiles the sources by one call of rustc, without a warning, and records what they execute.
pub(super) fn compile(workspace: &Workspace, sources: &[String]) -> Vec<Compiled> {
    let directory = TempDir::new().unwrap();
    let mut program = format!("#![deny(warnings)]\n{PROGRAM}");
    for module in ["ddl", "online", "options"] {
        writeln!(program, "#[allow(dead_code, unused_imports)]\nmod {module};").unwrap();
    }
    // Links, because rustc looks for the modules of `online` beside the file that it is given.
    for source in ["ddl.rs", "online", "online.rs", "options.rs"] {
        let path = workspace.path(&format!("migration/src/{source}"));
        symlink(path, directory.path().join(source)).unwrap();
    }
    let names: Vec<String> =
        (0..sources.len()).map(|place| format!("m20990101_{place:06}_change_schema")).collect();
    for (name, source) in names.iter().zip(sources) {
        fs::write(directory.path().join(format!("{name}.rs")), source).unwrap();
        writeln!(program, "mod {name};").unwrap();
    }
    program.push_str("#[tokio::main(flavor = \"current_thread\")]\nasync fn main() {\n");
    for name in &names {
        writeln!(program, "println!(\"{{}}\", record(&{name}::Migration).await);").unwrap();
    }
    program.push('}');
    let (main, binary) = (directory.path().join("main.rs"), directory.path().join("main"));
    fs::write(&main, program).unwrap();

    let dependencies = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-C", "debuginfo=0", "-L"]);
    rustc.arg(joined("dependency=", &dependencies));
    for library in ["sea_orm_migration", "tokio"] {
        rustc.arg("--extern").arg(joined(&format!("{library}="), &newest(&dependencies, library)));
    }
    let rustc = rustc.arg("-o").args([&binary, &main]).output().unwrap();
    assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));

    let output = Command::new(&binary).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), sources.len());
    let compiled = names.into_iter().zip(sources).zip(records).map(|((name, source), record)| {
        let file =
            MigrationFile { name: name.clone(), file: format!("{name}.rs"), header: header::parse(source) };
        Compiled { file, emitted: emitted(name, &record) }
    });
    compiled.collect()
}

fn emitted(name: String, record: &Value) -> Result<Emitted, (String, u64)> {
    if let Some(error) = record["error"].as_str() {
        return Err((error.to_owned(), record["executed"].as_u64().unwrap()));
    }
    let texts = |script: &str| serde_json::from_value(record[script].clone()).unwrap();
    let script =
        |engine: &str| Script { up: texts(&format!("{engine} up")), down: texts(&format!("{engine} down")) };
    let transactional = record["transactional"].as_bool().unwrap();
    Ok(Emitted { name, transactional, postgres: script("postgres"), sqlite: script("sqlite") })
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
}

/// The newest library of this name among the compiled dependencies.
fn newest(dependencies: &Path, library: &str) -> PathBuf {
    let modified =
        |path: &Path| path.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let files = fs::read_dir(dependencies).unwrap().map(|entry| entry.unwrap().path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("lib{library}-")) && name.ends_with(".rlib")
    };
    let library = files.filter(is_library).max_by_key(|path| modified(path));
    library.expect("the library is a dependency of this crate")
}
