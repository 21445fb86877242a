//! A SQLite file: its pages, its keys, and its journal.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked};
use crate::doctor::subject::Subject;
use std::collections::BTreeMap;

const SOURCE: &str = "https://www.sqlite.org/pragma.html";

pub const SQLITE_INTEGRITY: Check = Check {
    id: "sqlite_integrity",
    engines: Engines::Sqlite,
    requires: "The file is intact.",
    reads: "`pragma integrity_check`",
    grant: "make the file readable",
    thresholds: &[],
    fix: "restore the newest backup: ops restore",
    source: SOURCE,
    look: |subject| Box::pin(integrity(subject)),
};

async fn integrity(subject: &mut Subject) -> Looked {
    // The damage may be such that the check itself fails.
    let problems = match subject.sqlite_rows::<(String,)>("pragma integrity_check(20)").await {
        Ok(rows) => rows.into_iter().map(|(text,)| text).filter(|text| text != "ok").collect(),
        Err(crate::doctor::finding::Stop::Statement(sqlx::Error::Database(error))) => {
            vec![error.message().to_owned()]
        }
        Err(stop) => return Err(stop),
    };
    let findings = problems.into_iter().map(|problem| Finding::fail("the file", problem)).collect();
    Ok(Found::counted(findings, "intact", "damaged places"))
}

pub const SQLITE_FOREIGN_KEYS: Check = Check {
    id: "sqlite_foreign_keys",
    engines: Engines::Sqlite,
    requires: "No row refers to a row that does not exist.",
    reads: "`pragma foreign_key_check`",
    grant: "make the file readable",
    thresholds: &[],
    fix: "delete or correct these rows; a program that wrote them did not set `pragma foreign_keys = on`",
    source: SOURCE,
    look: |subject| Box::pin(foreign_keys(subject)),
};

async fn foreign_keys(subject: &mut Subject) -> Looked {
    let rows: Vec<(String, Option<i64>, String, i64)> =
        subject.sqlite_rows("pragma foreign_key_check").await?;
    let mut keys: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (table, _, parent, _) in rows {
        *keys.entry((table, parent)).or_default() += 1;
    }
    let findings = keys
        .into_iter()
        .map(|((table, parent), count)| {
            Finding::fail(
                format!("the table {table}"),
                format!("{count} rows refer to missing rows of {parent}"),
            )
        })
        .collect();
    Ok(Found::counted(findings, "every key has its row", "keys without rows"))
}

pub const SQLITE_JOURNAL_MODE: Check = Check {
    id: "sqlite_journal_mode",
    engines: Engines::Sqlite,
    requires: "Readers and a writer do not block each other.",
    reads: "`pragma journal_mode`",
    grant: "make the file readable",
    thresholds: &[],
    fix: "cargo run -p migration -- up, which sets it; or: pragma journal_mode = wal",
    source: "https://www.sqlite.org/wal.html",
    look: |subject| Box::pin(journal_mode(subject)),
};

async fn journal_mode(subject: &mut Subject) -> Looked {
    let rows: Vec<(String,)> = subject.sqlite_rows("pragma journal_mode").await?;
    let mode = rows.into_iter().map(|(mode,)| mode).collect::<String>();
    let findings =
        if mode == "wal" { Vec::new() } else { vec![Finding::warn("journal_mode", format!("it is {mode}"))] };
    Ok(Found { summary: mode, findings })
}
