//! Ctrl-C and SIGTERM, on any runtime.

use futures_channel::oneshot;
use futures_timer::Delay;
use futures_util::future::{BoxFuture, FutureExt as _, Shared, select};
use std::fmt;
use std::time::Duration;

/// A request to shut down: no more claims, and the outcomes of the calls under way are recorded.
#[derive(Clone)]
pub struct Stop(Shared<BoxFuture<'static, ()>>);

/// Returns a stop request that the first signal sets.
pub(crate) fn on_signals() -> Result<Stop, ctrlc::Error> {
    let (sender, receiver) = oneshot::channel::<()>();
    let mut sender = Some(sender);
    ctrlc::set_handler(move || drop(sender.take()))?;
    Ok(Stop(receiver.map(drop).boxed().shared()))
}

impl Stop {
    /// Returns whether shutdown was requested.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.clone().now_or_never().is_some()
    }

    /// Waits until shutdown is requested, at most for `longest`.
    pub async fn wait(&self, longest: Duration) {
        select(self.0.clone(), Delay::new(longest)).await;
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.requested()).finish()
    }
}
