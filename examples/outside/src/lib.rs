#![doc = include_str!("../../../docs/app.md")]
