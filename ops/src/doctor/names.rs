//! The names of statements: that of the query in `database/queries`, or the command and its tables. Never their text, which may
//! hold a password or a person's data where PostgreSQL does not normalise it.

use migration::{Token, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// The files of queries by their tables.
const FILES: [(&str, &str); 10] = [
    ("call_attempts", include_str!("../../../database/queries/call_attempts.sql")),
    ("campaigns", include_str!("../../../database/queries/campaigns.sql")),
    ("contacts", include_str!("../../../database/queries/contacts.sql")),
    ("email_notifications", include_str!("../../../database/queries/email_notifications.sql")),
    ("email_templates", include_str!("../../../database/queries/email_templates.sql")),
    ("events", include_str!("../../../database/queries/events.sql")),
    ("exclusion_list_entries", include_str!("../../../database/queries/exclusion_list_entries.sql")),
    ("organizations", include_str!("../../../database/queries/organizations.sql")),
    ("transcript_snippets", include_str!("../../../database/queries/transcript_snippets.sql")),
    ("users", include_str!("../../../database/queries/users.sql")),
];

/// The commands that are shown.
const COMMANDS: [&str; 20] = [
    "alter", "analyze", "call", "cluster", "copy", "create", "delete", "do", "drop", "fetch", "insert",
    "lock", "merge", "refresh", "reindex", "select", "truncate", "update", "vacuum", "with",
];

/// Names statements.
#[derive(Debug)]
pub(crate) struct Names {
    queries: BTreeMap<String, String>,
    tables: BTreeSet<String>,
}

impl Names {
    /// For a database with these tables.
    pub(crate) fn new(tables: impl Iterator<Item = String>) -> Self {
        let mut queries = BTreeMap::new();
        for (table, text) in FILES {
            for section in text.split("-- name: ").skip(1) {
                let name = section.split_whitespace().next().unwrap_or_default();
                let body = section.split_once('\n').map_or("", |(_, body)| body);
                queries.insert(shape(body), format!("{table}.{}", snake_case(name)));
            }
        }
        Self { queries, tables: tables.collect() }
    }

    /// The name of a statement; `None` if it uses no table of this database.
    pub(crate) fn of(&self, statement: &str) -> Option<String> {
        let shape = shape(statement);
        if let Some(name) = self.queries.get(&shape) {
            return Some(name.clone());
        }
        let words = || shape.split(' ').map(|word| word.trim_matches('"'));
        let used: BTreeSet<&str> = words().filter(|word| self.tables.contains(*word)).collect();
        if used.is_empty() {
            return None;
        }
        let command = words().find(|word| COMMANDS.contains(word)).unwrap_or("a statement");
        Some(format!("{command} of {}", used.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

/// The tokens of a statement without what differs between a query and its record: comments, spaces, casts, constants,
/// parameters, and the marks for nullable columns. A list of constants is one.
fn shape(statement: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut tokens = tokens(statement)
        .into_iter()
        .filter(|token| !matches!(token, Token::Comment(_) | Token::Space(_)))
        .peekable();
    while let Some(token) = tokens.next() {
        let word = match token {
            Token::Symbol(";") => continue,
            Token::Symbol("::") => {
                tokens.next();
                while tokens.next_if(|token| matches!(token, Token::Symbol("[" | "]"))).is_some() {}
                continue;
            }
            Token::Comment(text) | Token::Space(text) => text.to_owned(),
            Token::Parameter { .. } | Token::String(_) => "?".to_owned(),
            Token::Quoted(name) => name.trim_matches('"').trim_end_matches(['!', '?']).to_lowercase(),
            Token::Word(word) if word.starts_with(|c: char| c.is_ascii_digit()) => {
                // `$1` is two tokens.
                if words.last().is_some_and(|last| last == "$") {
                    words.pop();
                }
                "?".to_owned()
            }
            Token::Word(word) => match word.to_lowercase() {
                constant if ["false", "null", "true"].contains(&constant.as_str()) => "?".to_owned(),
                word => word,
            },
            Token::Symbol(symbol) => symbol.to_owned(),
        };
        let is_listed = word == "?" && words.ends_with(&["?".to_owned(), ",".to_owned()]);
        if is_listed {
            words.pop();
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

/// `ClaimDue` as `claim_due`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{FILES, Names, snake_case};
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_file_of_queries_is_known() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../database/queries");
        let mut files: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".sql")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, FILES.map(|(table, _)| table));
    }

    #[test]
    fn a_query_has_the_name_of_its_function_as_the_server_records_it() {
        let names = Names::new(std::iter::once("events".to_owned()));
        let recorded = "update events\nset published_at = now()\nwhere id = any($1) and published_at is null";
        assert_eq!(names.of(recorded).as_deref(), Some("events.mark_published"));
        let other = "update events set published_at = now() where id = $1";
        assert_eq!(names.of(other).as_deref(), Some("update of events"));
    }

    #[test]
    fn every_generated_statement_has_the_name_of_its_function() {
        let names = Names::new(std::iter::empty());
        let mut found = 0;
        for (table, _) in FILES {
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../database/src/generated/{table}.rs"));
            let text = fs::read_to_string(file).unwrap();
            for section in text.split("\nconst ").skip(1) {
                let (constant, rest) = section.split_once(": &str =").unwrap();
                let (_, rest) = rest.split_once('"').unwrap();
                let sql = &rest[..rest.find("\"#;").or_else(|| rest.find("\";")).unwrap()];
                let name = format!("{table}.{}", constant.to_lowercase());
                assert_eq!(names.of(sql), Some(name), "{sql}");
                found += 1;
            }
        }
        assert!(found > 15, "{found}");
    }

    #[test]
    fn text_that_is_not_a_name_is_not_shown() {
        let names = Names::new(std::iter::once("users".to_owned()));
        for statement in ["alter role x password 's3cret'", "select 's3cret'", "s3cret"] {
            assert_eq!(names.of(statement), None);
        }
        let shown = names.of("s3cret users 's3cret' \"s3cret\"").unwrap();
        assert_eq!(shown, "a statement of users");
        assert_eq!(snake_case("ClaimDueNow"), "claim_due_now");
    }
}
