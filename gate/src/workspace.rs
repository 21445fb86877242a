//! The files of the workspace.

use crate::Error;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directory that holds `database/`, `entity/` and the rest.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    /// Texts that are read in place of those of the files with these names.
    replaced: BTreeMap<String, String>,
}

impl Workspace {
    /// The workspace in `root`; without one, the workspace of this build.
    #[must_use]
    pub fn at(root: Option<PathBuf>) -> Self {
        let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self { root: root.unwrap_or_else(built_in), replaced: BTreeMap::new() }
    }

    /// The same with another text of one file, which need not exist.
    pub(crate) fn replace(&self, file: &str, text: String) -> Self {
        let mut replaced = self.clone();
        replaced.replaced.insert(file.to_owned(), text);
        replaced
    }

    /// The full path of a file, named relative to the workspace.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The text of a file; `None` if it does not exist.
    pub(crate) fn read_if_there(&self, file: &str) -> Result<Option<String>, Error> {
        match self.text(file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", self.path(file))(error)),
        }
    }

    /// The text of a file that has to exist.
    pub(crate) fn read(&self, file: &str) -> Result<String, Error> {
        self.text(file).map_err(Error::io("read", self.path(file)))
    }

    fn text(&self, file: &str) -> io::Result<String> {
        self.replaced.get(file).cloned().map_or_else(|| fs::read_to_string(self.path(file)), Ok)
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
        self.add_replaced(&mut found, |file| {
            Path::new(file).starts_with(directory)
                && Path::new(file).extension().is_some_and(|found| found == extension)
        });
        Ok(found)
    }

    /// Adds the files of `replaced` that do not exist.
    fn add_replaced(&self, found: &mut Vec<String>, is_wanted: impl Fn(&str) -> bool) {
        for file in self.replaced.keys() {
            if is_wanted(file) && !found.contains(file) {
                found.push(file.clone());
            }
        }
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
        let mut found = files.filter(|file| self.path(file).is_file()).collect();
        self.add_replaced(&mut found, |file| Path::new(file).parent() == Some(Path::new(directory)));
        Ok(found)
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
