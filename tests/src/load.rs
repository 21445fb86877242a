//! Load on the public API of `database`: what schedulers, webhooks, dialogues, e-mail workers and dashboards do, by any number of
//! clients at once, with a ledger of what the database acknowledged.
//!
//! Every client does all of it, in turn and at random: a step of a call that is under way, a claim if few are, e-mails, a
//! dashboard. With schedulers in processes of their own ([`scheduler`]), these claim, and the clients do not.

mod client;
mod faults;
mod ledger;
mod run;
mod scene;
pub mod scheduler;
mod server;
mod usage;

pub use faults::{Faults, Suffered};
pub use ledger::{Balance, Kind, Ledger};
pub use run::{Load, Outcome, mean};
pub use scene::{Campaign, Scene};
pub use server::{SETTINGS, analyze, fill, pools, server};
pub use usage::{Usage, processor_time};
