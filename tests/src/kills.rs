//! The moments at which a test kills a run.

use fastrand::Rng;
use std::time::Duration;

/// One moment in each part of the duration of an undisturbed run, anywhere in it.
///
/// A part is repeated until its kill comes before the end of the run. The machine may have less other work than when the
/// duration was measured, so each run that ended before makes it a tenth shorter.
#[derive(Debug)]
pub struct Kills {
    random: Rng,
    undisturbed: Duration,
    parts: u32,
    hits: u32,
    attempts: u32,
}

impl Kills {
    /// Prints the seed.
    #[must_use]
    pub fn new(undisturbed: Duration, parts: u32) -> Self {
        let seed = fastrand::u64(..);
        println!("seed {seed}, undisturbed {undisturbed:?}");
        Self { random: Rng::with_seed(seed), undisturbed, parts, hits: 0, attempts: 0 }
    }

    /// Another sequence of random numbers from the same seed.
    pub fn random(&mut self) -> Rng {
        self.random.fork()
    }

    /// The moment of the next kill; `None`: each part has had its kill.
    pub fn next_moment(&mut self) -> Option<Duration> {
        if self.is_done() {
            return None;
        }
        self.attempts += 1;
        assert!(self.attempts <= 3 * self.parts + 10, "only {} kills hit a run", self.hits);
        let part = (f64::from(self.hits) + self.random.f64()) / f64::from(self.parts);
        Some(self.undisturbed.mul_f64(part))
    }

    /// Records whether the last kill came before the end of the run.
    pub fn record(&mut self, is_hit: bool) {
        if is_hit {
            self.hits += 1;
        } else {
            self.undisturbed = self.undisturbed.mul_f64(0.9);
        }
    }

    /// Whether each part has had its kill.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.hits == self.parts
    }

    /// How many kills have hit a run.
    #[must_use]
    pub fn hits(&self) -> u32 {
        self.hits
    }
}
