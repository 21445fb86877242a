//! The scheduler on async-std.

use async_std::task;
use std::process::ExitCode;

fn main() -> ExitCode {
    task::block_on(scheduler::main(async |work| task::spawn(work).await))
}
