//! The result of loading.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

/// Whether changes are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are committed.
    Commit,
    /// Everything is written, and rolled back.
    DryRun,
}

/// The number of records of one table by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that did not exist.
    pub inserted: usize,
    /// Records that existed and differed.
    pub updated: usize,
    /// Records that existed and were equal.
    pub unchanged: usize,
}

/// The outcome for each table with a fixture file, in the order of loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether the changes were committed.
    pub mode: Mode,
    /// The table's name, and its counts.
    pub tables: Vec<(&'static str, Counts)>,
}

impl Report {
    /// The sum over all tables.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.tables.iter().fold(Counts::default(), |sum, (_, counts)| Counts {
            inserted: sum.inserted + counts.inserted,
            updated: sum.updated + counts.updated,
            unchanged: sum.unchanged + counts.unchanged,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["entity", "inserted", "updated", "unchanged"]);
        for (name, Counts { inserted, updated, unchanged }) in &self.tables {
            table.add_row([
                (*name).to_owned(),
                inserted.to_string(),
                updated.to_string(),
                unchanged.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{}", table.trim_fmt())?;
        let Counts { inserted, updated, .. } = self.total();
        match (inserted + updated, self.mode) {
            (0, _) => write!(f, "nothing to change: every record is there already"),
            (_, Mode::Commit) => write!(f, "{inserted} inserted, {updated} updated"),
            (_, Mode::DryRun) => {
                write!(f, "dry run: {inserted} would be inserted and {updated} updated, nothing was written")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(mode: Mode, inserted: usize, unchanged: usize) -> String {
        Report { mode, tables: vec![("users", Counts { inserted, updated: 0, unchanged })] }.to_string()
    }

    #[test]
    fn the_last_line_summarizes_the_run() {
        for (text, end) in [
            (report(Mode::Commit, 3, 0), "\n3 inserted, 0 updated"),
            (report(Mode::DryRun, 3, 0), "would be inserted and 0 updated, nothing was written"),
            (report(Mode::Commit, 0, 3), "\nnothing to change: every record is there already"),
            (report(Mode::DryRun, 0, 3), "\nnothing to change: every record is there already"),
        ] {
            assert!(text.ends_with(end), "{text}");
        }
    }

    #[test]
    fn every_table_is_a_row_of_counts() {
        let rows: Vec<Vec<_>> = report(Mode::Commit, 3, 4)
            .lines()
            .map(|line| line.split_whitespace().map(ToOwned::to_owned).collect())
            .collect();
        assert_eq!(rows[0], ["entity", "inserted", "updated", "unchanged"]);
        assert_eq!(rows[1], ["users", "3", "0", "4"]);
    }
}
