//! `manifest.json`: what a backup contains. A backup is whole if this file exists and everything else agrees with it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Component, Path, PathBuf};

/// The name of the file.
pub const MANIFEST: &str = "manifest.json";

/// The version of the format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Identifies a manifest among other JSON files.
const KIND: &str = "voice-survey-database backup";

/// What a backup contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name of the backup, which is that of its directory.
    pub name: String,
    /// The engine of the database.
    pub engine: Engine,
    /// The name of the database; of SQLite, that of the file without its extension.
    pub database: String,
    /// The time of the snapshot: what was committed before it is in the backup.
    pub taken_at: DateTime<Utc>,
    /// The version of this program.
    pub program: String,
    /// The version of the server, or of SQLite.
    pub server: String,
    /// Its major version.
    pub server_major: u32,
    /// The major version of `pg_dump`; 0 for SQLite.
    pub dump_major: u32,
    /// The encoding of the database.
    pub encoding: String,
    /// Whether the database is marked as production.
    pub is_marked: bool,
    /// The public keys to which the files are encrypted; empty: they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// The applied migrations, by their names.
    pub ledger: Vec<String>,
    /// What the database needs of its server.
    pub cluster: Cluster,
    /// The tables by their names.
    pub tables: Vec<Table>,
    /// The other files of the backup by their paths.
    pub files: Vec<FileEntry>,
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    PostgreSQL,
    /// SQLite.
    SQLite,
}

/// Roles and settings, which `pg_dump` leaves out. Passwords are not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Every role that the database refers to, and the roles that are members of them.
    pub roles: Vec<Role>,
    /// The memberships among these roles.
    pub memberships: Vec<Membership>,
    /// Settings of the database, and of these roles.
    pub settings: Vec<Setting>,
    /// The privileges on the database; `None` if they are the default.
    pub privileges: Option<Vec<Privilege>>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its attributes, such as `NOLOGIN` and `CREATEDB`.
    pub attributes: Vec<String>,
    /// Its attributes that a restore does not grant: `SUPERUSER`, `REPLICATION`, `BYPASSRLS`.
    pub reserved: Vec<String>,
}

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The role.
    pub role: String,
    /// Its member.
    pub member: String,
    /// Whether the member may grant it.
    pub admin: bool,
}

/// A setting, `ALTER DATABASE … SET` or `ALTER ROLE … SET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The role; `None` for all.
    pub role: Option<String>,
    /// Whether it applies to this database only.
    pub in_database: bool,
    /// The parameter.
    pub name: String,
    /// The value as the catalogue holds it.
    pub value: String,
}

/// A privilege on the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// `CONNECT`, `CREATE` or `TEMPORARY`.
    pub privilege: String,
    /// The role; `None` for `PUBLIC`.
    pub grantee: Option<String>,
    /// Whether the role may grant it.
    pub grantable: bool,
}

/// A table and its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name; of PostgreSQL with its schema.
    pub name: String,
    /// The number of rows.
    pub rows: u64,
    /// A digest of the rows that does not depend on their order; see docs/backup-restore.md.
    pub digest: String,
    /// The path of the file with its rows, as it is without encryption; of SQLite, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path in the backup, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Why a backup is not used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no manifest, as in a backup that was interrupted.
    #[error("it has no {MANIFEST}: the backup was interrupted, or is not one")]
    NoManifest,
    /// The manifest is not JSON of the expected form.
    #[error("its {MANIFEST} cannot be read: {0}")]
    Unreadable(String),
    /// The file is another program's.
    #[error("its {MANIFEST} is not that of a backup of this program")]
    Foreign,
    /// The format is unknown.
    #[error("its format is {0}, and this program reads up to {FORMAT}; use the program that wrote it")]
    Format(u32),
    /// The checksum of the manifest is wrong.
    #[error("its {MANIFEST} was changed: its checksum does not match")]
    ManifestChanged,
    /// The manifest belongs to another backup.
    #[error("its {MANIFEST} is that of the backup {0}")]
    OtherBackup(String),
    /// A path leaves the directory of the backup.
    #[error("its {MANIFEST} lists the path {0:?}, which is not inside the backup")]
    Path(String),
    /// A path is listed twice.
    #[error("its {MANIFEST} lists {0} twice")]
    Twice(String),
    /// A file is missing.
    #[error("its file {0} is missing")]
    Missing(String),
    /// A file is not listed.
    #[error("its file {0} is not in its {MANIFEST}")]
    Extra(String),
    /// A file is a directory, a link or something else.
    #[error("its file {0} is not a regular file")]
    NotAFile(String),
    /// The length of a file is wrong.
    #[error("its file {path} has {found} bytes instead of {bytes}")]
    Length {
        /// The path.
        path: String,
        /// The length in the manifest.
        bytes: u64,
        /// The length of the file.
        found: u64,
    },
    /// The checksum of a file is wrong.
    #[error("its file {0} is damaged: its SHA-256 does not match")]
    Checksum(String),
    /// A file cannot be read.
    #[error("its file {path} cannot be read")]
    Read {
        /// The path.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    kind: String,
    format: u32,
    sha256: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

impl Manifest {
    /// Reads the text of a manifest of the backup `name`; `None` if its name is not known.
    ///
    /// # Errors
    /// The text is not that manifest, unchanged.
    pub fn parse(text: &str, name: Option<&str>) -> Result<Self, Fault> {
        let unreadable = |error: serde_json::Error| Fault::Unreadable(error.to_string());
        // First the parts that every version has.
        let header: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
        if header.get("kind").and_then(serde_json::Value::as_str) != Some(KIND) {
            return Err(Fault::Foreign);
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(unreadable)?;
        if envelope.format > FORMAT {
            return Err(Fault::Format(envelope.format));
        }
        if envelope.kind != KIND || sha256(envelope.manifest.get().as_bytes()) != envelope.sha256 {
            return Err(Fault::ManifestChanged);
        }
        let manifest: Self = serde_json::from_str(envelope.manifest.get()).map_err(unreadable)?;
        if name.is_some_and(|name| name != manifest.name) {
            return Err(Fault::OtherBackup(manifest.name));
        }
        let mut paths = BTreeSet::new();
        for FileEntry { path, .. } in &manifest.files {
            let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            if !is_inside || path.is_empty() || path.contains('\\') {
                return Err(Fault::Path(path.clone()));
            }
            if !paths.insert(path) {
                return Err(Fault::Twice(path.clone()));
            }
        }
        Ok(manifest)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never; the serializer's signature requires it.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let manifest = serde_json::to_string_pretty(self)?;
        let digest = sha256(manifest.as_bytes());
        Ok(format!(
            "{{\"kind\": \"{KIND}\", \"format\": {FORMAT}, \"sha256\": \"{digest}\", \"manifest\": {manifest}}}\n"
        ))
    }

    /// Writes the file into the directory of the backup, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let mut file = File::create(directory.join(MANIFEST))?;
        file.write_all(self.render()?.as_bytes())?;
        file.sync_all()?;
        File::open(directory)?.sync_all()
    }

    /// Compares the files of a directory with the manifest, each to the last byte.
    ///
    /// # Errors
    /// They differ.
    pub fn verify_files(&self, directory: &Path, mut read: impl FnMut(u64)) -> Result<(), Fault> {
        let found = paths(directory, directory)
            .map_err(|source| Fault::Read { path: directory.display().to_string(), source })?;
        let mut rest: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        rest.remove(MANIFEST);
        for FileEntry { path, bytes, sha256 } in &self.files {
            let fault = |source| Fault::Read { path: path.clone(), source };
            let file = directory.join(path);
            let metadata = match fs::symlink_metadata(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Fault::Missing(path.clone()));
                }
                result => result.map_err(fault)?,
            };
            if !metadata.is_file() {
                return Err(Fault::NotAFile(path.clone()));
            }
            if metadata.len() != *bytes {
                return Err(Fault::Length { path: path.clone(), bytes: *bytes, found: metadata.len() });
            }
            if digest_file(&file, &mut read).map_err(fault)? != *sha256 {
                return Err(Fault::Checksum(path.clone()));
            }
            rest.remove(path.as_str());
        }
        match rest.first() {
            Some(path) => Err(Fault::Extra((*path).to_owned())),
            None => Ok(()),
        }
    }

    /// The bytes of all files but the manifest.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// What differs between the tables of the manifest and those of a database; empty if they are equal.
    #[must_use]
    pub fn differences(&self, found: &[Table]) -> Vec<String> {
        let mut differences = Vec::new();
        for table in &self.tables {
            match found.iter().find(|other| other.name == table.name) {
                None => differences.push(format!("the table {} is missing", table.name)),
                Some(other) if other.rows != table.rows => differences.push(format!(
                    "the table {} has {} rows instead of {}",
                    table.name, other.rows, table.rows
                )),
                Some(other) if other.digest != table.digest => {
                    differences.push(format!("the rows of the table {} differ", table.name));
                }
                Some(_) => {}
            }
        }
        let is_listed = |name: &str| self.tables.iter().any(|table| table.name == name);
        let extra = found.iter().filter(|table| !is_listed(&table.name));
        differences.extend(extra.map(|table| format!("the table {} is not in the manifest", table.name)));
        differences
    }
}

/// The entries of the manifest for the files of a directory, in their order.
///
/// # Errors
/// A file cannot be read.
pub fn file_entries(directory: &Path) -> io::Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    for path in paths(directory, directory)? {
        let file = HashedFile::open(&directory.join(&path))?;
        entries.push(file.finish(path)?);
    }
    Ok(entries)
}

/// The paths of everything but directories below `directory`, relative to `root` and in order.
pub(crate) fn paths(root: &Path, directory: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path: PathBuf = entry.path();
        if entry.file_type()?.is_dir() {
            found.extend(paths(root, &path)?);
        } else {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            found.push(relative.to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// A file that is hashed while it is read.
pub(crate) struct HashedFile {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl HashedFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, hasher: Sha256::new(), bytes: 0 })
    }

    /// Reads the rest.
    pub(crate) fn finish(mut self, path: String) -> io::Result<FileEntry> {
        let mut buffer = vec![0; 256 * 1024];
        while self.read(&mut buffer)? > 0 {}
        Ok(FileEntry { path, bytes: self.bytes, sha256: hexadecimal(&self.hasher.finalize()) })
    }
}

impl Read for HashedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}

fn digest_file(path: &Path, read: &mut impl FnMut(u64)) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(hexadecimal(&hasher.finalize()));
        }
        hasher.update(&buffer[..length]);
        read(length as u64);
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
