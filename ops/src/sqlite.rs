//! SQLite: a copy by `VACUUM INTO`, which waits for no writer and contains none that is not finished.

use crate::manifest::{Cluster, Engine, Fault, Manifest, Table, file_entries};
use crate::place::{Local, Name};
use crate::staging::Staging;
use crate::{Error, Progress, Target};
use chrono::Utc;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in a backup.
const FILE: &str = "database.sqlite";

/// The wait for another process that writes.
const BUSY: Duration = Duration::from_mins(1);

pub(crate) async fn backup(
    target: &Target,
    file: &Path,
    parent: &Path,
    progress: &Progress,
) -> Result<(Staging, Manifest), Error> {
    if !file.exists() {
        return Err(Error::NoFile { target: target.to_string() });
    }
    let taken_at = Utc::now();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = Name::new(&stem, taken_at).to_string();
    let staging = Staging::create(parent, &name)?;
    let copy = staging.path().join(FILE);

    progress.step("Copying the database");
    let mut source = open(file, target, false).await?;
    let sql = format!("vacuum into '{}'", copy.display().to_string().replace('\'', "''"));
    let failed = Error::statement("`vacuum into`", target);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut source).await.map_err(&failed)?;
    source.close().await.map_err(&failed)?;
    File::open(&copy).and_then(|file| file.sync_all()).map_err(Error::io("write", &copy))?;

    progress.step("Computing the digests");
    let Content { tables, ledger, version } = content(&copy).await?;
    let files = file_entries(staging.path()).map_err(Error::io("read", staging.path()))?;
    let manifest = Manifest {
        name,
        engine: Engine::SQLite,
        database: stem,
        taken_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        server: version,
        server_major: 3,
        dump_major: 0,
        encoding: "UTF8".to_owned(),
        is_marked: false,
        recipients: Vec::new(),
        ledger,
        cluster: Cluster::default(),
        tables,
        files,
    };
    Ok((staging, manifest))
}

/// Restores a copy beside `file` and gives it the name `file` when it is whole. A copy that a crash left is replaced.
pub(crate) async fn restore(local: &Local, file: &Path, target: &Target) -> Result<(), Error> {
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    for part in [file.to_owned(), beside("-wal"), beside("-journal")] {
        if fs::symlink_metadata(&part).is_ok() {
            let objects = format!("the file {}", part.display());
            return Err(Error::NotEmpty { target: target.to_string(), objects });
        }
    }
    let from = local.directory.join(FILE);
    if !from.exists() {
        return Err(Error::backup(&local.manifest.name)(Fault::Missing(FILE.to_owned())));
    }
    let copy = beside(".restoring");
    let place = || -> std::io::Result<()> {
        fs::copy(&from, &copy)?;
        File::open(&copy)?.sync_all()
    };
    let restore = async {
        place().map_err(Error::io("write", &copy))?;
        let differences = local.manifest.differences(&content(&copy).await?.tables);
        if !differences.is_empty() {
            return Err(Error::Content { backup: local.manifest.name.clone(), differences });
        }
        // Unlike `rename`, it does not replace a file that was created meanwhile.
        fs::hard_link(&copy, file).map_err(Error::io("create", file))
    };
    let restored = restore.await;
    let removed = fs::remove_file(&copy).map_err(Error::io("remove", &copy));
    restored?;
    removed?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(Error::io("write", directory))
}

struct Content {
    tables: Vec<Table>,
    ledger: Vec<String>,
    version: String,
}

/// Reads a file that no other process writes: its tables, its ledger, and whether SQLite finds it intact.
async fn content(file: &Path) -> Result<Content, Error> {
    let target = Target::Sqlite(file.to_owned());
    let failed = Error::statement("reading the rows", &target);
    let mut connection = open(file, &target, true).await?;
    let texts = async |connection: &mut SqliteConnection, sql: String| -> sqlx::Result<Vec<String>> {
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    };
    let check = texts(&mut connection, "pragma integrity_check".to_owned()).await.map_err(&failed)?;
    if check != ["ok"] {
        let (cause, remedy) = (check.join("; "), String::new());
        return Err(Error::Statement {
            action: "`integrity_check`",
            target: target.to_string(),
            cause,
            remedy,
        });
    }
    let version =
        texts(&mut connection, "select sqlite_version()".to_owned()).await.map_err(&failed)?.concat();
    let names = "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by 1";
    let names = texts(&mut connection, names.to_owned()).await.map_err(&failed)?;
    let mut tables = Vec::new();
    for name in &names {
        let literal = name.replace('\'', "''");
        let sql = format!("select name from pragma_table_info('{literal}') order by cid");
        let columns = texts(&mut connection, sql).await.map_err(&failed)?;
        let quoted: Vec<String> =
            columns.iter().map(|column| format!("quote(\"{}\")", column.replace('"', "\"\""))).collect();
        let sql = format!("select {} from \"{}\"", quoted.join(" || ',' || "), name.replace('"', "\"\""));
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut connection);
        let (mut count, mut sum) = (0, 0_u128);
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let text: &str = row.try_get(0).map_err(&failed)?;
            let digest = Sha256::digest(text.as_bytes());
            let (first, _) = digest.split_at(16);
            // The sum does not depend on the order of the rows.
            sum = sum.wrapping_add(first.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)));
            count += 1;
        }
        drop(rows);
        tables.push(Table { name: name.clone(), rows: count, digest: format!("{sum:032x}"), file: None });
    }
    let ledger = if names.iter().any(|name| name == "seaql_migrations") {
        let sql = "select version from seaql_migrations order by version";
        texts(&mut connection, sql.to_owned()).await.map_err(&failed)?
    } else {
        Vec::new()
    };
    connection.close().await.map_err(&failed)?;
    tables.sort();
    Ok(Content { tables, ledger, version })
}

pub(crate) async fn open(file: &Path, target: &Target, is_ours: bool) -> Result<SqliteConnection, Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        // A file in WAL mode needs its shared memory, which a reader may have to create.
        .immutable(is_ours)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let connecting = async { options.connect().await };
    connecting.await.map_err(|error| Error::unreachable(target, &error))
}
