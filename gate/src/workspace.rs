//! The files of the workspace.

use crate::Error;
use std::ffi::OsString;
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
    /// The workspace in `root`; without one, the workspace of this build.
    #[must_use]
    pub fn at(root: Option<PathBuf>) -> Self {
        let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self { root: root.unwrap_or_else(built_in) }
    }

    /// A copy that may be changed, without build output and history.
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

    /// The text of a file; `None` if it does not exist.
    pub(crate) fn read_if_there(&self, file: &str) -> Result<Option<String>, Error> {
        let path = self.path(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// The text of a file that has to exist.
    pub(crate) fn read(&self, file: &str) -> Result<String, Error> {
        let path = self.path(file);
        fs::read_to_string(&path).map_err(Error::io("read", path))
    }

    /// The files with an extension in a directory and its subdirectories, relative to the workspace and in order; build
    /// output and hidden files excepted.
    pub(crate) fn files(&self, directory: &str, extension: &str) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for name in entries(&self.path(directory))? {
            let name = name.to_string_lossy();
            let file = if directory.is_empty() { name.to_string() } else { format!("{directory}/{name}") };
            if name == "target" || name.starts_with('.') {
                continue;
            }
            if self.path(&file).is_dir() {
                found.extend(self.files(&file, extension)?);
            } else if Path::new(&file).extension().is_some_and(|found| found == extension) {
                found.push(file);
            }
        }
        Ok(found)
    }

    /// The parsed text of a Rust file.
    pub(crate) fn parse(&self, file: &str) -> Result<syn::File, Error> {
        let wrong = |error: syn::Error| Error::Source { path: self.path(file), reason: error.to_string() };
        syn::parse_file(&self.read(file)?).map_err(wrong)
    }

    /// Replaces a file atomically: a concurrent reader gets the old text or the new one.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path(file);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        }
        let unfinished = path.with_extension("unfinished");
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            // The first error is reported; that of the cleanup adds nothing.
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(Error::io("write", path))
    }

    /// The files of a directory, by name and relative to the workspace; none if it does not exist.
    pub(crate) fn files_in(&self, directory: &str) -> Result<Vec<String>, Error> {
        let path = self.path(directory);
        let names = if path.exists() { entries(&path)? } else { Vec::new() };
        let files = names.iter().map(|name| format!("{directory}/{}", name.to_string_lossy()));
        Ok(files.filter(|file| self.path(file).is_file()).collect())
    }

    /// Removes a file.
    pub(crate) fn delete(&self, file: &str) -> Result<(), Error> {
        let path = self.path(file);
        fs::remove_file(&path).map_err(Error::io("delete", path))
    }
}

/// The names in a directory, in order.
fn entries(directory: &Path) -> Result<Vec<OsString>, Error> {
    let mut names = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, _>>())
        .map_err(Error::io("read", directory))?;
    names.sort();
    Ok(names)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    for name in entries(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
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
