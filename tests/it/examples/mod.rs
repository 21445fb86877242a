//! The programs under `examples/`.

mod scheduler;
