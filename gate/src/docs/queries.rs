//! The page of the functions of `database`, and what each does with deleted rows.

use super::decision::WORDS;
use super::page::{NOTICE, cell, decisions};
use super::readers::{Function, Scope};
use std::fmt::Write as _;

/// Its file name.
pub(super) const FILE: &str = "queries.md";

pub(super) fn render(functions: &[Function]) -> String {
    let mut text = format!(
        "{NOTICE}\n# The queries\n\n\
         The functions of the crate `database` by the table that they are about, with their tenant scope and their \
         decision about rows with a `deleted_at`: their own, and those that their rows belong to. \
         `tests/it/database/deleted_rows.rs` runs each of them on such rows.\n\n\
         | decision | meaning |\n|---|---|\n"
    );
    for (word, meaning) in WORDS {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{word}` | {meaning} |");
    }
    let mut queries: Vec<&Function> = functions.iter().filter(|function| function.is_query()).collect();
    queries.sort_by_key(|query| query.path());
    let mut module = "";
    for query in queries {
        if query.module != module {
            module = &query.module;
            let _ = write!(
                text,
                "\n## [`{module}`]({module}.md)\n\n\
                 | function | scope | deleted rows | source | description |\n|---|---|---|---|---|\n"
            );
        }
        let file = query.file.rsplit('/').next().unwrap_or(&query.file);
        let scope = query.scope.map_or("", Scope::name);
        let _ = writeln!(
            text,
            "| `{}` | {scope} | {} | [`{file}`](../../{}) | {} |",
            query.name,
            decisions(&query.decisions),
            query.file,
            cell(&query.summary)
        );
    }
    text
}
