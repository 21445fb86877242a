//! The client's own limit of waiting, for a network that neither answers nor breaks.

use futures_util::future::{Either, select};
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::time::Duration;

/// What `call` returns, unless it takes longer than `limit`; `None`: it may take any time.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    call: impl Future<Output = T>,
) -> Result<T, sqlx::Error> {
    let Some(limit) = limit else { return Ok(call.await) };
    // A block: the timer is made when the call did not return at once.
    match select(pin!(call), pin!(async { futures_timer::Delay::new(limit).await })).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => {
            let message = format!("the server has not answered for {limit:?}");
            Err(sqlx::Error::Io(Error::new(ErrorKind::TimedOut, message)))
        }
    }
}
