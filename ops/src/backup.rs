//! `ops backup`: a consistent copy of a database, with a manifest, under a name that it gets when it is whole.

use crate::manifest::{Engine, Manifest, file_entries};
use crate::place::{Name, Place, Staging};
use crate::programs::{self, Supervised};
use crate::rotation::Keep;
use crate::snapshot::Snapshot;
use crate::target::libpq;
use crate::{Error, Progress, Target, sqlite};
use bytesize::ByteSize;
use chrono::Utc;
use futures_util::future::try_join;
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
    let (staging, manifest) = match target {
        Target::Postgres(server) => postgres(server, place, options.jobs, progress).await?,
        Target::Sqlite(file) => sqlite::backup(target, file, place, progress).await?,
    };
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
    place: &Place,
    jobs: usize,
    progress: &Progress,
) -> Result<(Staging, Manifest), Error> {
    progress.step("Taking a snapshot");
    let mut snapshot = Snapshot::take(server).await?;
    let clients = programs::find(snapshot.major())?;
    let (ledger, cluster) = (snapshot.ledger().await?, snapshot.cluster().await?);
    let name = Name::new(&snapshot.database, snapshot.taken_at).to_string();
    let staging = Staging::create(&place.staging_parent(), &name)?;
    let dump = staging.path().join(DUMP);

    let bytes = snapshot.tables.iter().map(|table| table.bytes).sum();
    progress.step_of_bytes(&format!("Dumping {} tables", snapshot.tables.len()), bytes);
    let mut command = programs::command(&clients, "pg_dump");
    command.args(["--format=directory", "--no-password", "--verbose", "--lock-wait-timeout=60s"]);
    command.arg(format!("--jobs={jobs}")).arg(format!("--snapshot={}", snapshot.id)).arg("--file").arg(&dump);
    libpq(&mut command, server, clients.major, "DATABASE_URL")?;
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
    let done = try_join(program.finish(report), snapshot.contents()).await;
    if done.is_err() {
        program.stop().await;
    }
    let ((), tables) = done?;
    check_tables(&clients, &dump, tables.iter().map(|table| table.name.as_str())).await?;

    progress.step("Computing the checksums");
    let files = file_entries(staging.path(), |_| ()).map_err(Error::io("read", staging.path()))?;
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
        ledger,
        cluster,
        tables,
        files,
    };
    Ok((staging, manifest))
}

/// Compares the tables of a dump with those of the snapshot: between the two moments a migration may have run.
async fn check_tables(
    clients: &scratch::Clients,
    dump: &Path,
    tables: impl Iterator<Item = &str>,
) -> Result<(), Error> {
    // `3456; 0 16389 TABLE DATA public contacts owner`
    let list = programs::list(clients, dump).await?;
    let entries = list.lines().filter_map(|line| line.split_once(" TABLE DATA ")).map(|(_, entry)| {
        let mut words = entry.split(' ');
        format!("{}.{}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
    });
    let dumped: Vec<String> = entries.collect();
    let expected: Vec<String> = tables.map(|name| name.replace('"', "")).collect();
    let different = dumped.iter().filter(|name| !expected.contains(name));
    let different = different.chain(expected.iter().filter(|name| !dumped.contains(name)));
    let tables = different.map(String::as_str).collect::<Vec<_>>().join(", ");
    if tables.is_empty() { Ok(()) } else { Err(Error::TablesChanged { tables }) }
}
