//! The page of the functions of `database`, and what each does with deleted rows.

use super::decision::WORDS;
use super::page::{NOTICE, cell, code, decisions, markdown, source};
use super::readers::{Function, Scope};
use std::fmt::Write as _;

/// Its file name.
pub(super) const FILE: &str = "queries.md";

pub(super) fn render(functions: &[Function]) -> String {
    let words = WORDS.map(|(word, meaning)| [code(word), meaning.to_owned()]);
    let mut text = format!(
        "{NOTICE}\n# The queries\n\n\
         The functions of the crate `database` by the table that they are about, with their tenant scope and their \
         decision about rows with a `deleted_at`: their own, and those that their rows belong to. \
         `tests/it/database/deleted_rows.rs` runs each of them on such rows.\n\n{}",
        markdown(["decision", "meaning"], words)
    );
    let mut queries: Vec<&Function> = functions.iter().filter(|function| function.is_query()).collect();
    queries.sort_by_key(|query| query.path());
    for of_module in queries.chunk_by(|one, other| one.module == other.module) {
        let module = &of_module[0].module;
        let rows = of_module.iter().map(|query| {
            [
                code(&query.name),
                query.scope.map_or("", Scope::name).to_owned(),
                decisions(&query.decisions),
                source(&query.file),
                cell(&query.summary),
            ]
        });
        let rows = markdown(["function", "scope", "deleted rows", "source", "description"], rows);
        // Writing to a string does not fail.
        let _ = write!(text, "\n## [`{module}`]({module}.md)\n\n{rows}");
    }
    text
}
