//! The headers of migrations: the fields of the comment that each file begins with.

/// The names of the fields, in their order.
pub const FIELDS: [&str; 4] = ["Intent", "Risk", "Locks", "Down"];

/// A field of a header, as in `Risk: none.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// One of [`FIELDS`].
    pub name: &'static str,
    /// The text without the name, on one line.
    pub text: String,
    /// The line in the file, from 1.
    pub line: usize,
}

/// Parses the header of a migration's source. A field extends to the next one, or to an empty line.
#[must_use]
pub fn parse(source: &str) -> Vec<Field> {
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

/// Returns the text of the field `Intent` of a migration's source; `None` if the header lacks it.
#[must_use]
pub fn intent(source: &str) -> Option<String> {
    parse(source).into_iter().find(|field| field.name == "Intent").map(|field| field.text)
}

#[cfg(test)]
mod tests {
    use super::{intent, parse};

    #[test]
    fn a_field_extends_to_the_next_one_or_to_an_empty_line() {
        let source =
            "//! Creates x.\n//!\n//! Intent: one\n//! two: three.\n//! Down:\n//!\n//! more\n\nuse x;\n";
        let fields = parse(source);
        let found: Vec<_> =
            fields.iter().map(|field| (field.name, field.text.as_str(), field.line)).collect();
        assert_eq!(found, [("Intent", "one two: three.", 3), ("Down", "", 5)]);
        assert_eq!(intent(source).as_deref(), Some("one two: three."));
        assert_eq!(intent("//! Creates x.\n"), None);
    }
}
