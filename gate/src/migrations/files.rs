//! The migrations as files: their names, and the headers that tell people what they do.

use crate::{Error, Workspace};

/// Where they are.
pub(crate) const DIRECTORY: &str = "migration/src/migrations";

/// What a header says, in this order.
pub(crate) const FIELDS: [&str; 4] = ["Intent", "Risk", "Locks", "Down"];

/// One migration's source.
#[derive(Clone, Debug)]
pub(crate) struct MigrationFile {
    /// Its module, which is the migration's name.
    pub(crate) name: String,
    /// Relative to the workspace.
    pub(crate) file: String,
    pub(crate) header: Vec<Field>,
}

/// A part of a header: `Risk: none.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Without its name, on one line.
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
}

/// All of them, by name.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<MigrationFile>, Error> {
    let mut files = Vec::new();
    for file in workspace.files(DIRECTORY, "rs")? {
        let name = file.trim_start_matches(DIRECTORY).trim_matches('/').trim_end_matches(".rs").to_owned();
        if name.starts_with('m') && name[1..].starts_with(|next: char| next.is_ascii_digit()) {
            let header = header(&workspace.read(&file)?);
            files.push(MigrationFile { name, file, header });
        }
    }
    Ok(files)
}

/// The fields of a file's header; each goes on until the next one or an empty line.
pub(crate) fn header(source: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut open = false;
    for (index, line) in source.lines().enumerate() {
        let Some(line) = line.strip_prefix("//!") else { break };
        let line = line.trim();
        let start = FIELDS.iter().find_map(|name| Some((*name, line.strip_prefix(name)?.strip_prefix(':')?)));
        match (start, fields.last_mut()) {
            (Some((name, text)), _) => {
                fields.push(Field { name, text: text.trim().to_owned(), line: index + 1 });
                open = true;
            }
            (None, Some(field)) if open && !line.is_empty() => {
                field.text.push(' ');
                field.text.push_str(line);
            }
            (None, _) => open = false,
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn a_field_goes_on_until_the_next_one_or_an_empty_line() {
        let source =
            "//! Creates x.\n//!\n//! Intent: one\n//! two: three.\n//! Down:\n//!\n//! more\n\nuse x;\n";
        let fields = header(source);
        let found: Vec<_> =
            fields.iter().map(|field| (field.name, field.text.as_str(), field.line)).collect();
        assert_eq!(found, [("Intent", "one two: three.", 3), ("Down", "", 5)]);
    }
}
