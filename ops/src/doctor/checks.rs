//! The list of checks. A new one is a constant of a module here, a line in this list, a row of docs/doctor.md and a test.

mod activity;
mod audit;
mod authentication;
mod backups;
mod indexes;
mod maintenance;
mod outbox;
mod replication;
mod retention;
mod roles;
mod schema;
mod server;
mod sqlite;
mod statements;

use super::check::Check;

/// Every check, in the order of the report.
pub const ALL: &[Check] = &[
    server::VERSION,
    server::CONNECTIONS,
    schema::LEDGER,
    schema::DRIFT,
    schema::CONSTRAINTS_VALIDATED,
    authentication::TLS,
    authentication::PASSWORD_ENCRYPTION,
    authentication::PASSWORD_HASHES,
    authentication::AUTHENTICATION_RULES,
    roles::CUSTOMER_ROLE,
    roles::CUSTOMER_LOGINS,
    roles::OWNER_ROLE,
    roles::PUBLIC_SCHEMA,
    backups::BACKUP_AGE,
    backups::DRILL_AGE,
    backups::WAL_ARCHIVING,
    maintenance::AUTOVACUUM,
    maintenance::DEAD_TUPLES,
    maintenance::PLANNER_STATISTICS,
    maintenance::TABLE_BLOAT,
    maintenance::TRANSACTION_AGE,
    indexes::INVALID_INDEXES,
    indexes::DUPLICATE_INDEXES,
    indexes::UNUSED_INDEXES,
    activity::LONG_TRANSACTIONS,
    activity::BLOCKED_SESSIONS,
    statements::SLOW_STATEMENTS,
    replication::REPLICATION_LAG,
    replication::REPLICATION_SLOTS,
    outbox::OUTBOX_BACKLOG,
    retention::RETENTION_BACKLOG,
    audit::AUDIT_SEALS,
    sqlite::SQLITE_INTEGRITY,
    sqlite::SQLITE_FOREIGN_KEYS,
    sqlite::SQLITE_JOURNAL_MODE,
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::doctor::finding::Verdict;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    /// The tables of docs/doctor.md.
    fn tables() -> String {
        let mut text =
            "| check | requires | reads | the login needs | fix |\n|---|---|---|---|---|\n".to_owned();
        for check in ALL {
            let cells =
                [check.requires, check.reads, check.grant, check.fix].map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| [`{}`]({}) | {} |", check.id, check.source, cells.join(" | "));
        }
        text += "\n| threshold | value | result | reason |\n|---|---|---|---|\n";
        for threshold in ALL.iter().flat_map(|check| check.thresholds) {
            let result = match threshold.verdict {
                Verdict::Pass => "ignored below".to_owned(),
                verdict => verdict.to_string(),
            };
            let value = threshold.show(threshold.value);
            let _ = writeln!(text, "| `{}` | {value} | {result} | {} |", threshold.name, threshold.reason);
        }
        text
    }

    #[test]
    fn the_document_lists_every_check_and_threshold() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
        let text = fs::read_to_string(document).unwrap();
        let expected = tables();
        assert!(text.contains(&expected), "docs/doctor.md does not contain these tables:\n\n{expected}");
    }

    #[test]
    fn a_check_has_a_name_of_its_own_that_its_thresholds_begin_with() {
        let ids: BTreeSet<&str> = ALL.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), ALL.len());
        let mut names = BTreeSet::new();
        for check in ALL {
            assert!(check.id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", check.id);
            assert!(check.source.starts_with("https://"), "{}", check.id);
            assert!(check.requires.ends_with('.') && !check.fix.ends_with('.'), "{}", check.id);
            for threshold in check.thresholds {
                assert_eq!(threshold.name.split_once('.').unwrap().0, check.id);
                assert!(names.insert(threshold.name), "{}", threshold.name);
            }
        }
    }
}
