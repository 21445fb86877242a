use crate::Finding;
use crate::rule::{Check, Level, Rule, emitted};
use migration::{Emitted, statements};
use squawk_linter::{Linter, Rule as Squawk};
use squawk_syntax::SourceFile;
use std::future::ready;

/// A table that the migration does not create is assumed to hold rows. Of a `do` block, squawk sees only the
/// statement of a block that catches an error, as `ddl.rs` writes it.
pub const RULE: Rule = Rule {
    id: "migration_sql_safe",
    level: Level::Block,
    requires: "The SQL of each up passes squawk's rules for PostgreSQL, assuming that existing tables hold rows.",
    why: "The statement locks, rewrites or scans a table in use, or breaks the running version of an application.",
    fix: "See https://squawkhq.com/docs/rules for the squawk rule that the object name ends in.",
    source: "docs/conventions.md#safe-ddl",
    check: Check::Subject(|subject| Box::pin(ready(Ok(subject.emitted().iter().flat_map(lint).collect())))),
    breaks: &[
        // A table of the migration.
        emitted(
            "m20261121_000008_create_contacts",
            "\"attempts_count\" bigint",
            "\"attempts_count\" integer",
            &["m20261121_000008_create_contacts prefer-bigint-over-int"],
        ),
        // In a block.
        emitted(
            "m20261121_000017_create_transcript_snippets",
            "CREATE INDEX",
            "do $$ begin drop table if exists ghost; exception when others then null; end $$; CREATE INDEX",
            &["m20261121_000017_create_transcript_snippets ban-drop-table"],
        ),
    ],
};

/// The rules of squawk that are excluded.
const EXCLUDED: [Squawk; 2] = [
    // The migrator sets lock_timeout for its session, and retries.
    Squawk::RequireLockTimeout,
    // A statement that holds its locks should finish instead of starting again.
    Squawk::RequireStatementTimeout,
];

pub(crate) fn lint(migration: &Emitted) -> Vec<Finding> {
    let statements = statements(&migration.postgres.up);
    let text = statements.iter().map(|text| unwrap(text)).collect::<Vec<_>>().join(";\n");
    let parse = SourceFile::parse(&text);
    let finding = |rule: &str, message: &str, at: usize| {
        // The start of the statement, which can be found in the source.
        let line = text[..at].rfind(";\n").map_or(0, |end| end + 2);
        let shown: String = text[line..].chars().take(120).collect();
        Finding::of(format!("{} {rule}", migration.name), format!("{message} (in: {shown})"))
    };
    let mut findings: Vec<Finding> = parse
        .errors()
        .iter()
        .map(|error| finding("syntax", error.message(), error.range().start().into()))
        .collect();
    let mut linter = Linter::with_rules(&[], &EXCLUDED);
    linter.settings.assume_in_transaction = migration.transactional;
    for violation in linter.lint(&parse, &text) {
        let at: usize = violation.text_range.start().into();
        let statement = statements.get(text[..at].matches(";\n").count());
        if violation.code == Squawk::PreferRobustStmts && statement.is_some_and(|text| can_run_again(text)) {
            continue;
        }
        findings.push(finding(&violation.code.to_string(), &violation.message, at));
    }
    findings
}

/// The statement of a block that only catches an error; any other statement unchanged.
fn unwrap(statement: &str) -> String {
    let inner = statement.strip_prefix("do $$ begin ").and_then(|rest| rest.split_once(";exception when "));
    match inner {
        Some((inner, _)) if !inner.contains(';') && is_sql(inner) => inner.to_owned(),
        _ => statement.to_owned(),
    }
}

/// Whether squawk requires a transaction that the statement does not need: it catches the error of a second run, or
/// validates a constraint or sets a column not null, which does nothing a second time.
fn can_run_again(statement: &str) -> bool {
    let words: Vec<&str> = statement.split(' ').collect();
    unwrap(statement) != statement
        || matches!(
            words[..],
            ["alter", "table", _, "validate", "constraint", _]
                | ["alter", "table", _, "alter", "column", _, "set", "not", "null"]
        )
}

/// Whether it is a DDL statement and not PL/pgSQL.
fn is_sql(statement: &str) -> bool {
    ["alter ", "create ", "drop "].iter().any(|word| statement.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::{lint, unwrap};
    use migration::{Emitted, Script};

    fn emitted(sql: &str) -> Emitted {
        let nothing = Script { up: Vec::new(), down: Vec::new() };
        let postgres = Script { up: vec![sql.to_owned()], down: Vec::new() };
        Emitted { name: "m".to_owned(), transactional: true, postgres, sqlite: nothing }
    }

    fn found(sql: &str) -> Vec<String> {
        lint(&emitted(sql)).into_iter().map(|finding| finding.object).collect()
    }

    #[test]
    fn a_table_of_its_own_may_be_changed_and_one_that_was_there_may_not() {
        let change = "alter table a add constraint c check (b > 0)";
        assert_eq!(found(&format!("create table if not exists a (b bigint); {change}")), [""; 0]);
        assert!(found(change).contains(&"m constraint-missing-not-valid".to_owned()));
    }

    #[test]
    fn outside_of_a_transaction_each_statement_can_run_again() {
        let found = |sql: &str| lint(&Emitted { transactional: false, ..emitted(sql) }).len();
        let add = "alter table a add constraint c check (b > 0) not valid";
        let validate = "alter table a validate constraint c";
        assert_eq!(found(add), 1);
        assert_eq!(found(&format!("{validate}, add constraint c check (b > 0) not valid")), 2);
        let block = format!("do $$ begin {add}; exception when duplicate_object then null; end $$");
        assert_eq!(found(&format!("{block}; {validate}")), 0);
        assert_eq!(found(&format!("{block}; {validate}; alter table a alter column b set not null")), 0);
    }

    #[test]
    fn what_cannot_be_read_is_a_finding() {
        assert!(found("creat table a (b bigint)").contains(&"m syntax".to_owned()));
    }

    #[test]
    fn only_a_block_of_one_statement_is_looked_into() {
        let block = "do $$ begin create type a as enum('b');exception when duplicate_object then null;end $$";
        assert_eq!(unwrap(block), "create type a as enum('b')");
        for other in [
            "select 1",
            "do $$ begin perform 1;exception when others then null;end $$",
            "do $$ begin a;b;exception when others then null;end $$",
        ] {
            assert_eq!(unwrap(other), other);
        }
    }
}
