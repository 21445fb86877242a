//! The private directory of one server, and the removal of abandoned ones.
//!
//! Each holds a file `lock`, locked by its owner and its supervisor through one open file: the system frees
//! the lock when both have ended, however they ended. The lock distinguishes an abandoned directory from one in
//! use, and unlike a process number it is never reused.

use crate::Error;
use crate::account::Account;
use crate::error::LONGEST_ROOT;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const LOCK: &str = "lock";
const PREFIX: &str = "scratch-pg-";

/// A directory that is removed with this value, until [`Directory::hand_over`].
#[derive(Debug)]
pub(crate) struct Directory {
    guard: TempDir,
    pub(crate) account: Option<Account>,
    pub(crate) lock: File,
    pub(crate) log: File,
}

impl Directory {
    /// Creates a directory below the first root that `account` can use.
    pub(crate) fn create(roots: &[PathBuf], account: Option<Account>) -> Result<Self, Error> {
        let mut tried = Vec::new();
        for root in roots {
            match Self::create_in(root, account) {
                Ok(directory) => return Ok(directory),
                Err(Error::NoDirectory { tried: reason }) => tried.push(reason),
                Err(error) => return Err(error),
            }
        }
        Err(Error::NoDirectory { tried: tried.join("; ") })
    }

    fn create_in(root: &Path, account: Option<Account>) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::NoDirectory { tried: format!("{} ({reason})", root.display()) };
        if root.as_os_str().len() > LONGEST_ROOT {
            return Err(refuse("too long for a socket"));
        }
        // The supervisor has to remove the directory from its root.
        let open = || others_may(root, 0o003) && root.ancestors().all(|above| others_may(above, 0o001));
        if account.is_some() && !open() {
            return Err(refuse("closed to the account that runs the server"));
        }
        let guard = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(root)
            .map_err(|e| refuse(&e.to_string()))?;
        let path = guard.path();

        // Locked before it has its name: a process that finds it by name and can lock it knows that the owner has ended.
        let unnamed = path.join("lock.new");
        let lock = File::create(&unnamed).map_err(|e| Error::io("create", &unnamed, e))?;
        lock.lock().map_err(|e| Error::io("lock", &unnamed, e))?;
        fs::rename(&unnamed, path.join(LOCK)).map_err(|e| Error::io("rename", &unnamed, e))?;

        let log_file = path.join("log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(&log_file)
            .map_err(|e| Error::io("create", &log_file, e))?;
        Ok(Self { guard, account, lock, log })
    }

    pub(crate) fn path(&self) -> &Path {
        self.guard.path()
    }

    /// Writes a file that only the server's account reads.
    pub(crate) fn write_private(&self, name: &str, content: &str) -> Result<(), Error> {
        let file = self.path().join(name);
        fs::write(&file, content)
            .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o600)))
            .and_then(|()| self.account.map_or(Ok(()), |a| chown(&file, Some(a.uid), Some(a.gid))))
            .map_err(|e| Error::io("write", &file, e))
    }

    /// Changes the owner of the directory to the server's account.
    pub(crate) fn give_away(&self) -> Result<(), Error> {
        self.account
            .map_or(Ok(()), |a| chown(self.path(), Some(a.uid), Some(a.gid)))
            .map_err(|e| Error::io("change the owner of", self.path(), e))
    }

    /// Leaves the removal to the supervisor.
    pub(crate) fn hand_over(self) -> Handle {
        let Self { guard, account: _, lock, log } = self;
        let _path = guard.keep();
        Handle { _lock: lock, log }
    }
}

/// The owner's part of a directory that the supervisor will remove.
#[derive(Debug)]
pub(crate) struct Handle {
    _lock: File,
    // Readable even after the removal.
    log: File,
}

impl Handle {
    /// The last lines that the programs wrote, or the reason why there are none.
    pub(crate) fn log_tail(&self) -> String {
        const LONGEST: u64 = 4096;
        let read = || {
            let length = self.log.metadata()?.len();
            let mut buffer = Vec::new();
            let start = length.saturating_sub(LONGEST);
            buffer.resize(usize::try_from(length - start).unwrap_or_default(), 0);
            self.log.read_exact_at(&mut buffer, start).map(|()| buffer)
        };
        match read() {
            Ok(text) if text.is_empty() => "(empty)".to_owned(),
            Ok(text) => String::from_utf8_lossy(&text).trim_end().to_owned(),
            Err(error) => format!("(unreadable: {error})"),
        }
    }
}

fn others_may(directory: &Path, rights: u32) -> bool {
    fs::metadata(directory).is_ok_and(|m| m.permissions().mode() & rights == rights)
}

/// Removes the directories next to `directory` whose owner and supervisor are gone, as after a loss of power.
///
/// A server that lost its supervisor but still runs notices within a minute that its files are gone, and stops.
pub(crate) fn remove_abandoned(directory: &Path) {
    // The server's account, and the caller's: root may be killed before it changes the directory's owner.
    let accounts = [directory, &directory.join(LOCK)].map(|path| fs::metadata(path).ok().map(|m| m.uid()));
    let Some(Ok(entries)) = directory.parent().map(fs::read_dir) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|m| m.is_dir() && accounts.contains(&Some(m.uid())));
        if ours {
            // A directory that cannot be removed now does not prevent a server: the next start tries again.
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(directory: &Path) -> std::io::Result<()> {
    const TIME_TO_LOCK: Duration = Duration::from_hours(1);
    match File::open(directory.join(LOCK)) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => fs::remove_dir_all(directory),
            Err(_) => Ok(()),
        },
        // Either it is being created at this moment, or its creator was killed here.
        Err(_) if fs::metadata(directory)?.modified()?.elapsed().is_ok_and(|age| age > TIME_TO_LOCK) => {
            fs::remove_dir(directory)
        }
        Err(_) => Ok(()),
    }
}
