//! A simulated dialer.

use crate::options::Options;
use crate::work::{Dial, Outcome};
use entity::enums::CallOutcome;
use fastrand::Rng;
use futures_timer::Delay;
use futures_util::future::FutureExt as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Returns a dialer whose calls have random durations and outcomes, which the seed determines.
pub(crate) fn dialer(options: &Options) -> Dial {
    let (answered, longest) = (options.answered, options.longest_call);
    let random = Mutex::new(Rng::with_seed(options.seed));
    Arc::new(move |_call| {
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        let duration = longest.mul_f64(random.f64());
        let outcome = outcome(&mut random, answered);
        Delay::new(duration).map(|()| outcome).boxed()
    })
}

fn outcome(random: &mut Rng, answered: u8) -> Outcome {
    if random.u8(..100) >= answered {
        let outcomes = [CallOutcome::NoAnswer, CallOutcome::Busy, CallOutcome::Failed];
        return Outcome::NotReached(outcomes[random.usize(..outcomes.len())]);
    }
    if random.u8(..5) == 0 {
        return Outcome::Refused;
    }
    Outcome::Answered([random.u8(1..=10).to_string(), "Nothing.".to_owned(), random.u8(..5).to_string()])
}
