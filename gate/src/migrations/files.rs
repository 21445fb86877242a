//! The migrations as files: their names, and their headers.

use crate::{Error, Workspace};
use migration::header::{self, Field};

/// Where they are.
pub(crate) const DIRECTORY: &str = "migration/src/migrations";

/// One migration's source.
#[derive(Clone, Debug)]
pub(crate) struct MigrationFile {
    /// Its module, which is the migration's name.
    pub(crate) name: String,
    /// Relative to the workspace.
    pub(crate) file: String,
    pub(crate) header: Vec<Field>,
}

impl MigrationFile {
    /// Why it exists; `None`: its header does not say.
    pub(crate) fn intent(&self) -> Option<&str> {
        self.header.iter().find(|field| field.name == "Intent").map(|field| field.text.as_str())
    }
}

/// All of them, by name.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<MigrationFile>, Error> {
    let mut files = Vec::new();
    for file in workspace.files(DIRECTORY, "rs")? {
        let name = file.trim_start_matches(DIRECTORY).trim_matches('/').trim_end_matches(".rs").to_owned();
        if name.starts_with('m') && name[1..].starts_with(|next: char| next.is_ascii_digit()) {
            let header = header::parse(&workspace.read(&file)?);
            files.push(MigrationFile { name, file, header });
        }
    }
    Ok(files)
}
