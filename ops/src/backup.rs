//! `ops backup`: a consistent copy of a database, with a manifest, under a name that it gets when it is whole.

use crate::encryption::{Recipient, encrypt};
use crate::manifest::{Engine, FileEntry, Manifest, Table, paths};
use crate::place::{Name, Place};
use crate::programs::{self, Supervised};
use crate::rotation::Keep;
use crate::snapshot::{Snapshot, TableName};
use crate::staging::Staging;
use crate::target::libpq;
use crate::{Error, Progress, Target, rows, sqlite};
use bytesize::ByteSize;
use chrono::Utc;
use sqlx::postgres::PgConnectOptions;
use std::collections::BTreeMap;
use std::path::Path;

/// The directory of `pg_dump` in a backup.
pub(crate) const DUMP: &str = "dump";

/// The options of a backup.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which backups of the database are kept; `None`: all.
    pub keep: Option<Keep>,
    /// The limit of all backups in the place.
    pub max_size: Option<ByteSize>,
    /// The tables that are dumped at the same time.
    pub jobs: usize,
    /// The public keys to which the files are encrypted; empty: they are not.
    pub recipients: Vec<Recipient>,
}

/// Backs up `target` to `place`, and then removes the backups of the database that are no longer kept.
///
/// # Errors
/// See [`Error`]. Then the place has the backups that it had before.
pub async fn backup(
    target: &Target,
    place: &Place,
    options: &Options,
    progress: &Progress,
) -> Result<Manifest, Error> {
    let parent = place.staging_parent();
    // What will be encrypted is not prepared where the backups are.
    let plaintext = if options.recipients.is_empty() { parent.clone() } else { std::env::temp_dir() };
    let (mut staging, mut manifest) = match target {
        Target::Postgres(server) => postgres(server, &plaintext, options.jobs, progress).await?,
        Target::Sqlite(file) => sqlite::backup(target, file, &plaintext, progress).await?,
    };
    if !options.recipients.is_empty() {
        staging = encrypt(staging, &mut manifest, &options.recipients, &parent, progress).await?;
    }
    let names = place.names().await?.into_iter().filter(|(_, is_whole)| *is_whole).map(|(name, _)| name);
    let new = Name::new(&manifest.database, manifest.taken_at);
    let (ours, others): (Vec<Name>, Vec<Name>) = names.partition(|name| name.database == new.database);
    let expired = match &options.keep {
        Some(keep) => keep.expired(&[ours.clone(), vec![new]].concat()),
        None => Vec::new(),
    };
    if let Some(limit) = options.max_size {
        let mut total = manifest.bytes();
        for name in others.iter().chain(ours.iter().filter(|name| !expired.contains(name))) {
            total += place.size(name).await?;
        }
        if total > limit.as_u64() {
            let [size, total, limit] = [manifest.bytes(), total, limit.as_u64()]
                .map(|bytes| ByteSize(bytes).display().si().to_string());
            return Err(Error::TooLarge { place: place.to_string(), size, total, limit });
        }
    }
    place.publish(staging, &manifest, progress).await?;
    for name in &expired {
        place.remove(name).await?;
        progress.note(&format!("removed {name}, which is no longer kept"));
    }
    place.remove_abandoned(Utc::now()).await?;
    Ok(manifest)
}

async fn postgres(
    server: &PgConnectOptions,
    parent: &Path,
    jobs: usize,
    progress: &Progress,
) -> Result<(Staging, Manifest), Error> {
    progress.step("Taking a snapshot");
    let mut snapshot = Snapshot::take(server).await?;
    let clients = programs::find(snapshot.major())?;
    let (ledger, cluster) = (snapshot.ledger().await?, snapshot.cluster().await?);
    let name = Name::new(&snapshot.database, snapshot.taken_at).to_string();
    let staging = Staging::create(parent, &name)?;
    let dump = staging.path().join(DUMP);

    let bytes = snapshot.tables.iter().map(|table| table.bytes).sum();
    progress.step_of_bytes(&format!("Dumping {} tables", snapshot.tables.len()), bytes);
    let mut command = programs::command(&clients, "pg_dump");
    command.args(["--format=directory", "--no-password", "--verbose", "--lock-wait-timeout=60s"]);
    command.arg(format!("--jobs={jobs}")).arg(format!("--snapshot={}", snapshot.id)).arg("--file").arg(&dump);
    libpq(&mut command, server, clients.major, "DATABASE_URL")?;
    // One text for each value, whatever the settings of the login are; `pg_dump` sets the others.
    let options =
        command.as_std().get_envs().find(|(name, _)| *name == "PGOPTIONS").and_then(|(_, value)| value);
    let options = options.unwrap_or_default().to_string_lossy().into_owned();
    command.env("PGOPTIONS", format!("{options} -c timezone=UTC -c bytea_output=hex -c xmloption=content"));
    let mut program = Supervised::start("pg_dump", &command)?;
    let sizes: BTreeMap<String, u64> =
        snapshot.tables.iter().map(|table| (table.name.replace('"', ""), table.bytes)).collect();
    let report = |line: &str| {
        if let Some((_, table)) = line.split_once("dumping contents of table ") {
            let table = table.replace('"', "");
            progress.advance(sizes.get(&table).copied().unwrap_or_default());
            progress.object(&format!("Dumping {table}"));
        }
    };
    let done = program.finish(report).await;
    if done.is_err() {
        program.stop().await;
    }
    done?;

    progress.step("Computing the digests");
    let (tables, files) = contents(&clients, staging.path(), &snapshot.tables, jobs).await?;
    let manifest = Manifest {
        name,
        engine: Engine::PostgreSQL,
        database: snapshot.database.clone(),
        taken_at: snapshot.taken_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        server: snapshot.server.clone(),
        server_major: snapshot.major(),
        dump_major: clients.major,
        encoding: snapshot.encoding.clone(),
        is_marked: snapshot.is_marked,
        recipients: Vec::new(),
        ledger,
        cluster,
        tables,
        files,
    };
    Ok((staging, manifest))
}

/// Reads the dump: the content of each table, and the entry of each file. Fails if the tables are not those of the snapshot:
/// between the two moments a migration may have run.
async fn contents(
    clients: &scratch::Clients,
    directory: &Path,
    tables: &[TableName],
    jobs: usize,
) -> Result<(Vec<Table>, Vec<FileEntry>), Error> {
    // `3456; 0 16389 TABLE DATA public contacts owner`
    let list = programs::list(clients, &directory.join(DUMP)).await?;
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut different = Vec::new();
    for (numbers, name) in list.lines().filter_map(|line| line.split_once(" TABLE DATA ")) {
        let (file, oid) = (numbers.split(';').next().unwrap_or_default(), numbers.rsplit(' ').next());
        let oid = oid.and_then(|oid| oid.parse().ok());
        match tables.iter().find(|table| Some(table.oid) == oid) {
            Some(table) => drop(names.insert(format!("{DUMP}/{file}.dat"), &table.name)),
            None => different.push(name),
        }
    }
    let is_dumped = |table: &&TableName| names.values().any(|name| *name == table.name);
    different.extend(tables.iter().filter(|table| !is_dumped(table)).map(|table| table.name.as_str()));
    if !different.is_empty() {
        return Err(Error::TablesChanged { tables: different.join(", ") });
    }

    let name = |path: &str| names.get(path.strip_suffix(".gz").unwrap_or(path)).copied();
    let read = || {
        let mut paths = paths(directory, directory)?;
        // The largest tables first.
        let rank = |path: &String| tables.iter().position(|table| name(path) == Some(&table.name));
        paths.sort_by_key(|path| rank(path).unwrap_or(usize::MAX));
        rows::read_all(directory, paths, |path| name(path).is_some(), jobs)
    };
    let (mut contents, mut files) = (Vec::new(), Vec::new());
    for (file, content) in read().map_err(Error::io("read", directory))? {
        if let (Some(content), Some(name)) = (content, name(&file.path)) {
            let (rows, digest) = (content.rows, content.digest);
            contents.push(Table { name: name.to_owned(), rows, digest, file: Some(file.path.clone()) });
        }
        files.push(file);
    }
    contents.sort();
    files.sort();
    Ok((contents, files))
}
