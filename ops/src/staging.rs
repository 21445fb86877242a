//! Directories in which a backup is prepared, or of which a copy is read.

use crate::Error;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The beginning of a temporary name.
pub(crate) const UNFINISHED: &str = ".ops-unfinished-";

/// A directory on this machine that is not a backup yet. It is removed with this value, or, after a crash, by the next
/// command that creates one beside it.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    /// Locked as long as this process lives.
    _lock: File,
}

impl Staging {
    /// Creates a directory in `parent`, and removes abandoned ones there.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(parent: &Path, name: &str) -> Result<Self, Error> {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        remove_abandoned(parent);
        let path = parent.join(format!("{UNFINISHED}{name}-{}", std::process::id()));
        let create = || {
            DirBuilder::new().mode(0o700).create(&path)?;
            let lock = File::open(&path)?;
            lock.lock()?;
            Ok(lock)
        };
        let lock = create().map_err(Error::io("create", &path))?;
        Ok(Self { path, _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; what cannot be removed is left to the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes directories whose creator has ended. One that was not locked yet is a moment old, and is left alone by its age.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED))
    {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_new = age.and_then(|at| at.elapsed().ok()).is_none_or(|age| age.as_millis() < 500);
        let is_free = File::open(entry.path()).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_free && !is_new {
            // What cannot be removed is left to the next run.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
