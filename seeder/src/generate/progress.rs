//! What a run reports while it works: a bar for each table on a terminal, lines elsewhere.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

/// The tables, in the order of the summary.
pub(super) const TABLES: [&str; 13] = [
    "organizations",
    "users",
    "user_organizations",
    "email_templates",
    "campaigns",
    "exclusion_list_entries",
    "provider_configs",
    CONTACTS,
    "call_attempts",
    "survey_responses",
    "events",
    "email_notifications",
    "transcript_snippets",
];

const CONTACTS: &str = "contacts";

/// The pause between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts the rows that were committed, and shows them.
pub(super) struct Progress {
    started: Instant,
    /// The number of contacts to write.
    contacts: u64,
    counts: [AtomicU64; TABLES.len()],
    /// The microseconds that all connections spent on each table.
    micros: [AtomicU64; TABLES.len()],
    /// On a terminal, a bar for each table.
    bars: Option<Vec<ProgressBar>>,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// The display on standard error, for this number of contacts.
    pub(super) fn new(contacts: u64) -> Self {
        let bars = io::stderr().is_terminal().then(|| {
            let display = MultiProgress::new();
            let style = ProgressStyle::with_template(
                "{prefix:22} {wide_bar} {human_pos:>12} of {human_len:<12} {per_sec:>14} {eta:>5} left",
            );
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = |table: &&'static str| {
                let bar = display.add(ProgressBar::no_length());
                bar.set_style(style.clone());
                bar.set_prefix(*table);
                bar
            };
            TABLES.iter().map(bar).collect()
        });
        let now = Instant::now();
        let [counts, micros] = [const { [const { AtomicU64::new(0) }; TABLES.len()] }; 2];
        Self { started: now, contacts, counts, micros, bars, last_line: Mutex::new(now) }
    }

    /// Adds rows of a table that were committed, and the time for them.
    pub(super) fn add(&self, table: &str, rows: usize, time: Duration) {
        let Some(place) = TABLES.iter().position(|name| *name == table) else { return };
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros[place].fetch_add(micros, Ordering::Relaxed);
        self.counts[place].fetch_add(u64::try_from(rows).unwrap_or_default(), Ordering::Relaxed);
        match &self.bars {
            Some(bars) => self.draw(bars),
            None => self.print(),
        }
    }

    /// The rows of each table.
    pub(super) fn rows(&self) -> [u64; TABLES.len()] {
        std::array::from_fn(|place| self.counts[place].load(Ordering::Relaxed))
    }

    /// The time that all connections spent on each table.
    pub(super) fn times(&self) -> [Duration; TABLES.len()] {
        std::array::from_fn(|place| Duration::from_micros(self.micros[place].load(Ordering::Relaxed)))
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Prints a line that stays.
    pub(super) fn note(&self, text: &str) {
        match self.bars.as_deref() {
            Some([bar, ..]) => bar.suspend(|| line(text)),
            _ => line(text),
        }
    }

    /// Removes the display.
    pub(super) fn finish(&self) {
        for bar in self.bars.iter().flatten() {
            bar.finish_and_clear();
        }
    }

    fn written_contacts(&self) -> u64 {
        let rows = TABLES.iter().zip(self.rows()).find(|(name, _)| **name == CONTACTS);
        rows.map(|(_, rows)| rows).unwrap_or_default()
    }

    /// The tables that belong to contacts grow with them, and so their totals are estimated.
    fn draw(&self, bars: &[ProgressBar]) {
        let contacts = self.written_contacts();
        for ((table, rows), bar) in TABLES.iter().zip(self.rows()).zip(bars) {
            let belongs = TABLES.iter().position(|name| name == table)
                >= TABLES.iter().position(|name| *name == CONTACTS);
            let total = match (belongs, contacts) {
                (true, 1..) => {
                    u64::try_from(u128::from(rows) * u128::from(self.contacts) / u128::from(contacts))
                        .unwrap_or(rows)
                }
                _ => rows,
            };
            bar.set_length(total.max(rows));
            bar.set_position(rows);
        }
    }

    fn print(&self) {
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < PAUSE {
            return;
        }
        *last = Instant::now();
        let seconds = self.elapsed().as_secs().max(1);
        let mut text = String::new();
        for (table, rows) in TABLES.iter().zip(self.rows()).filter(|(_, rows)| *rows > 0) {
            // Writing to a string does not fail.
            let _ = write!(text, "{table} {} ({}/s), ", HumanCount(rows), HumanCount(rows / seconds));
        }
        let contacts = self.written_contacts();
        let left = self.contacts.saturating_sub(contacts) * seconds / contacts.max(1);
        line(&format!("{text}about {} left", HumanDuration(Duration::from_secs(left))));
    }
}

/// Unlike `eprintln!`, it does not panic if standard error is closed.
fn line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
