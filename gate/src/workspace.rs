//! Where the sources are.

use crate::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The directory that holds `database/`, `entity/` and the rest.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace in `root`; without one, the one that this program was built in.
    #[must_use]
    pub fn at(root: Option<PathBuf>) -> Self {
        let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self { root: root.unwrap_or_else(built_in) }
    }

    /// A copy that may be changed, without what is built and without history.
    pub(crate) fn copy(&self) -> Result<(TempDir, Self), Error> {
        let directory = TempDir::new().map_err(Error::io("create", std::env::temp_dir()))?;
        copy(&self.root, directory.path())?;
        let copy = Self { root: directory.path().to_owned() };
        Ok((directory, copy))
    }

    /// The full path of a file, named relative to the workspace.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The text of a file; `None` if it is not there.
    pub(crate) fn read_if_there(&self, file: &str) -> Result<Option<String>, Error> {
        let path = self.path(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// The text of a file that has to be there.
    pub(crate) fn read(&self, file: &str) -> Result<String, Error> {
        let path = self.path(file);
        fs::read_to_string(&path).map_err(Error::io("read", path))
    }

    /// Replaces a file as a whole: whoever reads it meanwhile sees the old text or the new one.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path(file);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        }
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, text).map_err(Error::io("write", &unfinished))?;
        fs::rename(&unfinished, &path).map_err(Error::io("write", path))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let read = |path: &Path| {
        fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(Error::io("read", path))
    };
    for entry in read(from)? {
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        if name == "target" || name == ".git" {
            continue;
        }
        if source.is_dir() {
            fs::create_dir(&target).map_err(Error::io("create", &target))?;
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Error::io("copy", &source))?;
        }
    }
    Ok(())
}
