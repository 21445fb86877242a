//! Runs tests of `database` on tokio and on async-std.
//!
//! In a build with both, sqlx and `database` use tokio in a tokio runtime, and async-std elsewhere. So do [`sleep`],
//! [`spawn`] and [`timeout`].

use std::panic::resume_unwind;
use std::pin::Pin;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// Declares each of these async functions as a test on tokio, in the module `on_tokio`, and as one on async-std, in the
/// module `on_async_std`. Boxed, because the futures of tests are larger than the stack of a test allows.
#[macro_export]
macro_rules! on_both_runtimes {
    ($($test:ident),* $(,)?) => {
        mod on_tokio {
            $(#[test] fn $test() { $crate::runtime::tokio(Box::pin(super::$test())); })*
        }
        mod on_async_std {
            $(#[test] fn $test() { $crate::runtime::async_std(Box::pin(super::$test())); })*
        }
    };
}

/// A call took longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Runs a test on tokio, with two workers.
pub fn tokio(test: impl Future<Output = ()>) {
    new_tokio(2).block_on(test);
}

/// Runs a test on async-std.
pub fn async_std(test: impl Future<Output = ()>) {
    assert!(!is_tokio());
    async_std::task::block_on(test);
}

/// A runtime of tokio.
#[must_use]
pub fn new_tokio(workers: usize) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.expect("a runtime of tokio")
}

/// Whether the caller runs on tokio.
#[must_use]
pub fn is_tokio() -> bool {
    Handle::try_current().is_ok()
}

/// Awaits `work` on tokio, also where the test runs on async-std: the migrator is a program on tokio.
pub async fn on_tokio<T: Send>(work: impl Future<Output = T> + Send) -> T {
    if is_tokio() {
        return work.await;
    }
    thread::scope(|scope| scope.spawn(|| new_tokio(1).block_on(work)).join())
        .unwrap_or_else(|panic| resume_unwind(panic))
}

/// Sleeps on the timer of the test's runtime.
pub async fn sleep(time: Duration) {
    if is_tokio() {
        tokio::time::sleep(time).await;
    } else {
        async_std::task::sleep(time).await;
    }
}

/// Awaits `call`, at most for `limit`.
pub fn timeout<T>(
    limit: Duration,
    call: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    // Boxed, because the future of a connection is large, and each `async` around it would hold it again.
    let call = Box::pin(call);
    async move {
        if is_tokio() {
            tokio::time::timeout(limit, call).await.map_err(|_| Elapsed)
        } else {
            async_std::future::timeout(limit, call).await.map_err(|_| Elapsed)
        }
    }
}

/// Runs `work` as a task of the test's runtime.
pub fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    if is_tokio() {
        let task = tokio::spawn(work);
        Box::pin(async { task.await.expect("a task panicked") })
    } else {
        Box::pin(async_std::task::spawn(work))
    }
}
