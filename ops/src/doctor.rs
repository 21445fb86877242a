//! `ops doctor`: examines a database and its server, read-only, and states the fix of each problem.
//!
//! docs/doctor.md lists the checks.

mod check;
mod checks;
mod cli;
mod finding;
mod names;
mod report;
mod subject;
mod threshold;

pub use check::{Answer, Check, Outcome};
pub use checks::ALL;
pub use cli::Arguments;
pub use finding::{Engines, Finding, Found, Stop, Verdict};
pub use report::render;
pub use subject::{Request, Subject};
pub use threshold::{Threshold, Unit};

use crate::{Error, Progress, Target};

/// Runs checks on a database, in their order. Nothing is changed.
///
/// # Errors
/// The database cannot be reached, or the connection is lost. What the login may not read is [`Verdict::Skipped`].
pub async fn doctor(
    target: &Target,
    request: &Request,
    selected: &[&'static Check],
    progress: &Progress,
) -> Result<Vec<Outcome>, Error> {
    let mut subject = Subject::open(target, request).await?;
    let mut outcomes = Vec::new();
    // The other engine's own checks are not worth a line; what PostgreSQL has and SQLite lacks is.
    let is_shown = |check: &&Check| check.engines != Engines::Sqlite || check.engines.include(target);
    for &check in selected.iter().filter(|check| is_shown(check)) {
        progress.object(check.id);
        let found = if check.engines.include(target) {
            (check.look)(&mut subject).await
        } else {
            Err(Stop::not_applicable(check.engines))
        };
        outcomes.push(match found {
            Ok(found) => Outcome::of(check, found),
            Err(Stop::Skip { reason, fix }) => Outcome::skipped(check, reason, fix),
            Err(Stop::Statement(error)) => {
                let (reason, fix) = subject.reason(check.grant, &error)?;
                Outcome::skipped(check, reason, fix)
            }
        });
    }
    Ok(outcomes)
}
