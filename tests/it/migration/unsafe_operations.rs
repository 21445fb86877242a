//! The table "Unsafe operations" of `docs/migrations.md` has every rule of squawk and every check of
//! `strong_migrations`.

use enum_iterator::all;
use squawk_linter::Rule;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The checks and best practices of `strong_migrations` 2.8, the list of its README. Its repository is not a
/// dependency.
const STRONG_MIGRATIONS: [&str; 24] = [
    "removing a column",
    "changing the type of a column",
    "renaming a column",
    "renaming a table",
    "creating a table with the force option",
    "adding an auto-incrementing column",
    "adding a stored generated column",
    "adding a foreign key",
    "adding a check constraint",
    "executing SQL directly",
    "backfilling data",
    "adding an index non-concurrently",
    "adding a reference",
    "adding a unique constraint",
    "adding an exclusion constraint",
    "adding a json column",
    "adding a column with a volatile default value",
    "setting NOT NULL on an existing column",
    "renaming an enum value",
    "renaming a schema",
    "using the COPY algorithm",
    "using shared or exclusive locking",
    "adding a column with an expression default value",
    "keeping non-unique indexes to three columns or less",
];

/// A line of the table.
struct Row {
    operation: String,
    squawk: Vec<String>,
    strong_migrations: Vec<String>,
    manual: String,
    instead: String,
}

#[test]
fn every_rule_of_squawk_and_every_check_of_strong_migrations_is_in_the_table_once() {
    let rows = table();
    let mut rules: Vec<&str> =
        rows.iter().flat_map(|row| &row.squawk).map(|rule| rule.trim_end_matches('*')).collect();
    rules.sort_unstable();
    let mut expected: Vec<String> = all::<Rule>().map(|rule| rule.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(rules, expected);

    let mut checks: Vec<&String> = rows.iter().flat_map(|row| &row.strong_migrations).collect();
    checks.sort_unstable();
    let mut expected = STRONG_MIGRATIONS;
    expected.sort_unstable();
    assert_eq!(checks, expected.iter().collect::<Vec<_>>());
}

#[test]
fn an_asterisk_marks_the_rules_that_the_gate_does_not_apply() {
    let excluded = [Rule::RequireLockTimeout, Rule::RequireStatementTimeout];
    let expected: BTreeSet<String> = all::<Rule>()
        .filter(|rule| rule.is_opt_in() || excluded.contains(rule))
        .map(|rule| rule.to_string())
        .collect();
    let marked: BTreeSet<String> = table()
        .iter()
        .flat_map(|row| &row.squawk)
        .filter_map(|rule| Some(rule.strip_suffix('*')?.to_owned()))
        .collect();
    assert_eq!(marked, expected);
}

#[test]
fn every_unsafe_operation_has_a_source_and_an_alternative() {
    for Row { operation, squawk, strong_migrations, manual, instead } in table() {
        assert!(
            !squawk.is_empty()
                || !strong_migrations.is_empty()
                || manual.contains("https://www.postgresql.org/docs/"),
            "{operation}: no source calls it unsafe"
        );
        assert!(instead.len() > 10, "{operation}: {instead}");
    }
}

fn table() -> Vec<Row> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migrations.md");
    let document = fs::read_to_string(file).unwrap();
    let (_, section) = document.split_once("\n## Unsafe operations\n").unwrap();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<Row> = section.lines().filter(|line| line.starts_with("| ")).skip(1).map(row).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    rows
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [operation, squawk, strong_migrations, manual, instead] = cells[..] else {
        panic!("five cells: {line}");
    };
    Row {
        operation: operation.to_owned(),
        squawk: squawk.split(", ").filter(|rule| !rule.is_empty()).map(rule).collect(),
        strong_migrations: strong_migrations.split(", ").filter_map(text_of_link).collect(),
        manual: manual.to_owned(),
        instead: instead.to_owned(),
    }
}

/// The rule's name, with an asterisk if it has one.
fn rule(cell: &str) -> String {
    cell.replace(['`', '\\'], "")
}

/// The text of a link to a heading of the README, which GitHub spells in lower case.
fn text_of_link(cell: &str) -> Option<String> {
    let (text, target) = cell.strip_prefix('[')?.strip_suffix(')')?.split_once("](")?;
    let anchor = text.to_lowercase().replace(' ', "-");
    assert_eq!(target, format!("https://github.com/ankane/strong_migrations#{anchor}"));
    Some(text.to_owned())
}
