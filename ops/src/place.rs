//! Where backups are: a directory, or a bucket.
//!
//! A backup is written under a temporary name, its manifest last, and then gets its name. In a directory the name is given by
//! `rename`; in a bucket, which has no `rename`, by the upload of the manifest. What has no manifest is never used.

use crate::encryption::decrypt;
use crate::manifest::{Fault, MANIFEST, Manifest, file_entries};
use crate::staging::{Staging, UNFINISHED};
use crate::{Error, Progress};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use object_store::buffered::BufWriter;
use object_store::{ObjectStore, ObjectStoreExt as _, path};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;

/// The time in the name of a backup.
const TIME: &str = "%Y%m%dT%H%M%S%3fZ";

/// The age from which an upload without a manifest counts as abandoned.
const ABANDONED: TimeDelta = TimeDelta::days(1);

/// A place of backups.
#[derive(Clone)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// A bucket, or a part of it.
    Bucket {
        /// The client.
        store: Arc<dyn ObjectStore>,
        /// The part.
        prefix: path::Path,
        /// Its URL.
        url: String,
    },
}

/// The name of a backup, `DATABASE-TIME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The database.
    pub database: String,
    /// The time of its snapshot, in milliseconds.
    pub at: DateTime<Utc>,
}

impl Name {
    /// Parses a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (database, time) = text.rsplit_once('-')?;
        let at = NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc();
        Some(Self { database: database.to_owned(), at })
            .filter(|name| !database.is_empty() && name.to_string() == text)
    }

    /// The name of a backup of a database; characters that are special in paths become `_`.
    #[must_use]
    pub fn new(database: &str, at: DateTime<Utc>) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
        Self { database: database.chars().map(plain).collect(), at }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.database, self.at.format(TIME))
    }
}

/// A backup whose files are on this machine.
#[derive(Debug)]
pub struct Local {
    /// The directory of its files, decrypted.
    pub directory: PathBuf,
    /// Its manifest, with the files of this directory.
    pub manifest: Manifest,
    // A directory that is removed with this value.
    _copy: Option<Staging>,
}

impl Place {
    /// The place that a path or a URL names: `s3://BUCKET/PREFIX`, or `file:///PATH`, a directory that is used as a bucket.
    ///
    /// The client of a bucket reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT` and the other
    /// variables of AWS.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn resolve(text: &str) -> Result<Self, Error> {
        if !text.contains("://") {
            return Ok(Self::Directory(text.into()));
        }
        let wrong = |reason: String| Error::Url { variable: "the place", reason };
        let url = url::Url::parse(text).map_err(|error| wrong(format!("cannot be read ({error})")))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            let reason = "contains more than a bucket and a path; the keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            return Err(wrong(reason.to_owned()));
        }
        if !["s3", "file"].contains(&url.scheme()) {
            return Err(wrong("is neither a directory nor s3://BUCKET/PREFIX".to_owned()));
        }
        let variables = std::env::vars()
            .filter(|(name, _)| name.starts_with("AWS_"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, prefix) = object_store::parse_url_opts(&url, variables)
            .map_err(|error| Error::store("use", &text, &error))?;
        Ok(Self::Bucket { store: store.into(), prefix, url: text.to_owned() })
    }

    /// The directory in which a backup for this place is prepared.
    #[must_use]
    pub fn staging_parent(&self) -> PathBuf {
        match self {
            // On the same file system, for `rename`.
            Self::Directory(path) => path.clone(),
            Self::Bucket { .. } => std::env::temp_dir(),
        }
    }

    /// The names of the backups with their manifests' presence, oldest first.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn names(&self) -> Result<Vec<(Name, bool)>, Error> {
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        match self {
            Self::Directory(path) => {
                let entries = match fs::read_dir(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    result => result.map_err(Error::io("read", path))?,
                };
                for entry in entries {
                    let entry = entry.map_err(Error::io("read", path))?;
                    let is_whole = entry.path().join(MANIFEST).exists();
                    found.insert(entry.file_name().to_string_lossy().into_owned(), is_whole);
                }
            }
            Self::Bucket { store, prefix, .. } => {
                let objects: Vec<_> =
                    store.list(Some(prefix)).try_collect().await.map_err(self.failed("list"))?;
                for object in objects {
                    let Some(mut parts) = object.location.prefix_match(prefix) else { continue };
                    let (Some(name), Some(file)) = (parts.next(), parts.next()) else { continue };
                    let is_manifest = file.as_ref() == MANIFEST && parts.next().is_none();
                    *found.entry(name.as_ref().to_owned()).or_default() |= is_manifest;
                }
            }
        }
        let mut names: Vec<(Name, bool)> =
            found.into_iter().filter_map(|(name, is_whole)| Some((Name::parse(&name)?, is_whole))).collect();
        names.sort_by_key(|(name, _)| name.at);
        Ok(names)
    }

    /// Gives a prepared backup its name: from here on it is one.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn publish(
        &self,
        staging: Staging,
        manifest: &Manifest,
        progress: &Progress,
    ) -> Result<(), Error> {
        match self {
            Self::Directory(path) => {
                let to = path.join(&manifest.name);
                let publish = || {
                    manifest.write(staging.path())?;
                    fs::rename(staging.path(), &to)?;
                    File::open(path)?.sync_all()
                };
                publish().map_err(Error::io("write", &to))
            }
            Self::Bucket { store, .. } => {
                progress.step_of_bytes(&format!("Uploading to {self}"), manifest.bytes());
                let base = self.base(&manifest.name);
                for file in &manifest.files {
                    let from = staging.path().join(&file.path);
                    let mut input = tokio::fs::File::open(&from).await.map_err(Error::io("read", &from))?;
                    let mut output = BufWriter::new(Arc::clone(store), joined(&base, &file.path));
                    let upload = async {
                        tokio::io::copy(&mut input, &mut output).await?;
                        output.shutdown().await
                    };
                    upload.await.map_err(|error| Error::store("write to", self, &error))?;
                    progress.advance(file.bytes);
                }
                let text = manifest.render().map_err(|error| Error::io("render", MANIFEST)(error.into()))?;
                let location = base.join(MANIFEST);
                store.put(&location, text.into()).await.map_err(self.failed("write to")).map(|_| ())
            }
        }
    }

    /// The backup that `self` is, or else the newest backup of the one database that `self` has backups of.
    ///
    /// # Errors
    /// There is none, it cannot be read, its files disagree with its manifest, or `identity`, a file of private keys, cannot
    /// decrypt it.
    pub async fn open(&self, identity: Option<&Path>, progress: &Progress) -> Result<Local, Error> {
        if self.read_manifest().await?.is_some() {
            return self.open_backup(None, identity, progress).await;
        }
        let names = self.names().await?;
        let whole: Vec<&Name> =
            names.iter().filter(|(_, is_whole)| *is_whole).map(|(name, _)| name).collect();
        let without: Vec<String> =
            names.iter().filter(|(_, is_whole)| !is_whole).map(|(name, _)| name.to_string()).collect();
        let mut databases: Vec<&str> = whole.iter().map(|name| name.database.as_str()).collect();
        databases.sort_unstable();
        databases.dedup();
        if databases.len() > 1 {
            return Err(Error::Ambiguous { place: self.to_string(), databases: databases.join(", ") });
        }
        let Some(newest) = whole.last() else {
            let is_itself_one = match self {
                Self::Directory(path) => {
                    path.file_name().and_then(|name| Name::parse(name.to_str()?)).is_some()
                }
                Self::Bucket { prefix, .. } => prefix.filename().and_then(Name::parse).is_some(),
            };
            if is_itself_one {
                return Err(Error::backup(&self.to_string())(Fault::NoManifest));
            }
            let remark = if without.is_empty() {
                String::new()
            } else {
                format!(" ({} without {MANIFEST}, which were interrupted)", without.join(", "))
            };
            return Err(Error::NoBackup { place: self.to_string(), remark });
        };
        for name in &without {
            progress.note(&format!("skipped {name}, which has no {MANIFEST}: it was interrupted"));
        }
        self.child(&newest.to_string()).open_backup(Some(&newest.to_string()), identity, progress).await
    }

    /// The manifest of a backup.
    ///
    /// # Errors
    /// It cannot be read, or was changed.
    pub async fn manifest(&self, name: &Name) -> Result<Manifest, Error> {
        let name = name.to_string();
        let fault = Error::backup(&name);
        let Some(text) = self.child(&name).read_manifest().await? else {
            return Err(fault(Fault::NoManifest));
        };
        Manifest::parse(&text, Some(&name)).map_err(fault)
    }

    /// Removes a backup: first its name or its manifest, so that what remains after a crash is not taken for one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn remove(&self, name: &Name) -> Result<(), Error> {
        let name = name.to_string();
        match self {
            Self::Directory(path) => {
                let (from, to) = (path.join(&name), path.join(format!("{UNFINISHED}{name}-removed")));
                let remove = || {
                    fs::rename(&from, &to)?;
                    fs::remove_dir_all(&to)
                };
                remove().map_err(Error::io("remove", &from))
            }
            Self::Bucket { store, .. } => {
                let base = self.base(&name);
                match store.delete(&base.clone().join(MANIFEST)).await {
                    Err(object_store::Error::NotFound { .. }) => {}
                    result => result.map_err(self.failed("delete from"))?,
                }
                let objects = store.list(Some(&base)).map_ok(|object| object.location);
                let locations: Vec<path::Path> = objects.try_collect().await.map_err(self.failed("list"))?;
                for location in locations {
                    store.delete(&location).await.map_err(self.failed("delete from"))?;
                }
                Ok(())
            }
        }
    }

    /// Removes uploads to a bucket that were interrupted a day ago or earlier.
    ///
    /// # Errors
    /// They cannot be removed.
    pub async fn remove_abandoned(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if let Self::Bucket { .. } = self {
            for (name, is_whole) in self.names().await? {
                if !is_whole && now - name.at > ABANDONED {
                    self.remove(&name).await?;
                }
            }
        }
        Ok(())
    }

    /// The size of a backup in bytes.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn size(&self, name: &Name) -> Result<u64, Error> {
        match self {
            Self::Directory(path) => {
                let path = path.join(name.to_string());
                size_of(&path).map_err(Error::io("read", &path))
            }
            Self::Bucket { store, .. } => {
                let base = self.base(&name.to_string());
                let objects = store.list(Some(&base)).map_ok(|object| object.size);
                objects.try_fold(0, async |sum, size| Ok(sum + size)).await.map_err(self.failed("list"))
            }
        }
    }

    async fn open_backup(
        &self,
        name: Option<&str>,
        identity: Option<&Path>,
        progress: &Progress,
    ) -> Result<Local, Error> {
        let shown = self.to_string();
        let text = self.read_manifest().await?.ok_or_else(|| Error::backup(&shown)(Fault::NoManifest))?;
        let own_name = match self {
            Self::Directory(path) => {
                path.canonicalize().ok().and_then(|path| path.file_name().map(ToOwned::to_owned))
            }
            Self::Bucket { prefix, .. } => prefix.filename().map(Into::into),
        };
        let own_name = own_name.and_then(|name| name.into_string().ok());
        let mut manifest =
            Manifest::parse(&text, name.or(own_name.as_deref())).map_err(Error::backup(&shown))?;
        let (directory, download) = match self {
            Self::Directory(path) => (path.clone(), None),
            Self::Bucket { store, prefix, .. } => {
                let staging = Staging::create(&self.staging_parent(), &manifest.name)?;
                progress.step_of_bytes(&format!("Downloading {shown}"), manifest.bytes());
                let objects = store.list(Some(prefix)).map_ok(|object| object.location);
                let objects: Vec<path::Path> = objects.try_collect().await.map_err(self.failed("list"))?;
                let listed = |location: &path::Path| {
                    *location == prefix.clone().join(MANIFEST)
                        || manifest.files.iter().any(|file| joined(prefix, &file.path) == *location)
                };
                if let Some(extra) = objects.iter().find(|location| !listed(location)) {
                    return Err(Error::backup(&shown)(Fault::Extra(extra.to_string())));
                }
                for file in &manifest.files {
                    let to = staging.path().join(&file.path);
                    if let Some(parent) = to.parent() {
                        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
                    }
                    let mut stream = match store.get(&joined(prefix, &file.path)).await {
                        Err(object_store::Error::NotFound { .. }) => {
                            return Err(Error::backup(&shown)(Fault::Missing(file.path.clone())));
                        }
                        result => result.map_err(self.failed("read"))?.into_stream(),
                    };
                    let mut output = tokio::fs::File::create(&to).await.map_err(Error::io("write", &to))?;
                    while let Some(bytes) = stream.try_next().await.map_err(self.failed("read"))? {
                        output.write_all(&bytes).await.map_err(Error::io("write", &to))?;
                        progress.advance(bytes.len() as u64);
                    }
                    output.flush().await.map_err(Error::io("write", &to))?;
                }
                (staging.path().to_owned(), Some(staging))
            }
        };
        progress.step_of_bytes("Verifying the files", manifest.bytes());
        manifest
            .verify_files(&directory, |bytes| progress.advance(bytes))
            .map_err(Error::backup(&manifest.name))?;
        if manifest.recipients.is_empty() {
            return Ok(Local { directory, manifest, _copy: download });
        }
        let plaintext = decrypt(&directory, &manifest, identity, progress).await?;
        let directory = plaintext.path().to_owned();
        manifest.files = file_entries(&directory).map_err(Error::io("read", &directory))?;
        Ok(Local { directory, manifest, _copy: Some(plaintext) })
    }

    /// The manifest of the backup that `self` is, if it is one.
    async fn read_manifest(&self) -> Result<Option<String>, Error> {
        match self {
            Self::Directory(path) => match fs::read(path.join(MANIFEST)) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error)
                    if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
                {
                    Ok(None)
                }
                Err(source) => Err(Error::io("read", path.join(MANIFEST))(source)),
            },
            Self::Bucket { store, prefix, .. } => match store.get(&prefix.clone().join(MANIFEST)).await {
                Ok(object) => {
                    let bytes = object.bytes().await.map_err(self.failed("read"))?;
                    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
                }
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(self.failed("read")(error)),
            },
        }
    }

    fn child(&self, name: &str) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(path.join(name)),
            Self::Bucket { store, prefix, url } => Self::Bucket {
                store: Arc::clone(store),
                prefix: prefix.clone().join(name),
                url: format!("{}/{name}", url.trim_end_matches('/')),
            },
        }
    }

    fn base(&self, name: &str) -> path::Path {
        match self {
            Self::Directory(_) => path::Path::default(),
            Self::Bucket { prefix, .. } => prefix.clone().join(name),
        }
    }

    fn failed(&self, action: &'static str) -> impl Fn(object_store::Error) -> Error + use<> {
        let place = self.to_string();
        move |error| Error::store(action, &place, &error)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Bucket { url, .. } => f.write_str(url),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// A path below another one.
fn joined(base: &path::Path, relative: &str) -> path::Path {
    relative.split('/').fold(base.clone(), path::Path::join)
}

fn size_of(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { size_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}
