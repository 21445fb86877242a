//! Client-side timeouts, for a network that drops packets without closing the connection.

use futures_util::future::{Either, select};
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::time::Duration;

/// Awaits `call`, at most for `limit`; `None`: without a limit.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    call: impl Future<Output = T>,
) -> Result<T, sqlx::Error> {
    let Some(limit) = limit else { return Ok(call.await) };
    // The timer starts only if the call does not return at once.
    match select(pin!(call), pin!(sleep(limit))).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => {
            let message = format!("the server has not answered for {limit:?}");
            Err(sqlx::Error::Io(Error::new(ErrorKind::TimedOut, message)))
        }
    }
}

/// Sleeps on the timer of the runtime that sqlx uses as well: tokio's in a tokio runtime, else async-io's. A timer with
/// a thread of its own would cost each call more than its round trip.
pub(crate) async fn sleep(time: Duration) {
    #[cfg(all(feature = "runtime-tokio", feature = "runtime-async-std"))]
    if tokio::runtime::Handle::try_current().is_ok() {
        tokio::time::sleep(time).await;
    } else {
        async_io::Timer::after(time).await;
    }
    #[cfg(all(feature = "runtime-tokio", not(feature = "runtime-async-std")))]
    tokio::time::sleep(time).await;
    #[cfg(all(feature = "runtime-async-std", not(feature = "runtime-tokio")))]
    async_io::Timer::after(time).await;
    // Without a runtime feature sqlx panics before this is called.
    #[cfg(not(any(feature = "runtime-tokio", feature = "runtime-async-std")))]
    std::future::pending::<()>().await;
    let _ = time;
}
