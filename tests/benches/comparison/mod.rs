//! A table of comparisons: medians of rounds in which all sides run one after the other, their ratio, its limit.
//!
//! The machine's speed cancels out, because all sides meet the same machine in every round.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

/// A table that is printed line by line, and whether every limit held so far.
#[derive(Debug)]
pub struct Table {
    kept: bool,
}

impl Table {
    /// Prints the head.
    pub fn new() -> Self {
        println!(
            "{:<66} {:>9} {:>9} {:>6} {:>6}",
            "ours : theirs, medians of interleaved rounds", "ours", "theirs", "ratio", "limit"
        );
        Self { kept: true }
    }

    /// Prints both times and their ratio, and whether it is within the limit.
    pub fn times(&mut self, what: &str, ours: Duration, theirs: Duration, limit: Option<f64>) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        self.line(what, format!("{ours:.1?}"), format!("{theirs:.1?}"), ratio, limit);
    }

    /// Prints two values and their ratio, and whether it is within the limit.
    pub fn line(
        &mut self,
        what: &str,
        ours: impl Display,
        theirs: impl Display,
        ratio: f64,
        limit: Option<f64>,
    ) {
        let (shown, verdict) = match limit {
            None => ("none".to_owned(), ""),
            Some(limit) if ratio <= limit => (format!("{limit:.2}"), "pass"),
            Some(limit) => {
                self.kept = false;
                (format!("{limit:.2}"), "FAIL")
            }
        };
        println!("{what:<66} {ours:>9} {theirs:>9} {ratio:>6.2} {shown:>6} {verdict}");
    }

    /// 1 if a limit was broken.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(u8::from(!self.kept))
    }
}

/// Runs every side once in each round, and returns the median of each.
pub fn medians<const SIDES: usize>(
    rounds: usize,
    mut sides: [&mut dyn FnMut() -> Duration; SIDES],
) -> [Duration; SIDES] {
    let mut times = [const { Vec::new() }; SIDES];
    for _ in 0..rounds {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            times.push(side());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}
