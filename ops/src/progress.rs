//! What a command reports while it works: a bar on a terminal, lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// The display. It is cheap to clone, and every clone is the same display.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// The display on standard error.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar }
    }

    /// Begins a step of unknown length.
    pub fn step(&self, text: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text.to_owned());
                bar.set_style(style("{spinner} {elapsed} {msg}"));
            }
            None => line(text),
        }
    }

    /// Begins a step that processes `bytes`.
    pub fn step_of_bytes(&self, text: &str, bytes: u64) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text.to_owned());
                bar.set_length(bytes);
                bar.set_position(0);
                bar.set_style(style("{spinner} {elapsed} {msg} {wide_bar} {bytes}/{total_bytes}"));
            }
            None => line(&format!("{text}, {}", bytesize::ByteSize(bytes).display().si())),
        }
    }

    /// Begins a step that processes an unknown number of rows.
    pub fn step_of_rows(&self, text: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text.to_owned());
                bar.set_position(0);
                bar.set_style(style("{spinner} {elapsed} {msg}, {pos} rows"));
            }
            None => line(text),
        }
    }

    /// Reports progress within the step: bytes or rows that were processed.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Reports the object of the step; shown on a terminal only.
    pub fn object(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Prints a line that stays.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    /// Removes the display.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Unlike `eprintln!`, it does not panic if standard error is closed.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
