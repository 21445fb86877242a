//! The rounds of a scheduler.

use crate::options::Options;
use crate::stop::Stop;
use chrono::{DateTime, NaiveTime, Utc};
use database::{Database, Error, SystemActor, call_attempts, campaigns, contacts};
use entity::enums::CallOutcome;
use entity::id::CampaignId;
use entity::json::CallMetadata;
use futures_util::future::{BoxFuture, join_all};
use std::fmt;
use std::iter::Sum;
use std::sync::Arc;
use tracing::{info, warn};

/// Places a call and returns its outcome.
///
/// In the product a provider places the call, and its webhook and the dialogue record the outcome; this example does
/// both.
pub type Dial = Arc<dyn Fn(&contacts::ClaimedContact) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The contact's answers.
    Answered([String; 3]),
    /// The contact did not consent.
    Refused,
    /// The contact was not reached, for this reason.
    NotReached(CallOutcome),
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Completed surveys.
    pub completed: u64,
    /// Refused surveys.
    pub refused: u64,
    /// Calls that did not reach the contact.
    pub not_reached: u64,
    /// Calls that had been requeued before they ended.
    pub late: u64,
    /// Stalled calls that were requeued.
    pub requeued: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { completed, refused, not_reached, late, requeued } = self;
        let calls = completed + refused + not_reached + late;
        write!(f, "{calls} calls: {completed} completed, {refused} refused, {not_reached} not reached, ")?;
        write!(f, "{late} late; {requeued} requeued")
    }
}

impl Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(summaries: I) -> Self {
        summaries.fold(Self::default(), |sum, other| Self {
            completed: sum.completed + other.completed,
            refused: sum.refused + other.refused,
            not_reached: sum.not_reached + other.not_reached,
            late: sum.late + other.late,
            requeued: sum.requeued + other.requeued,
        })
    }
}

/// The state that the tasks share.
pub struct Scheduler {
    /// Returns the current time.
    pub clock: fn() -> DateTime<Utc>,
    /// The database.
    pub database: Database,
    /// The dialer.
    pub dial: Dial,
    /// The command line.
    pub options: Options,
    /// The request to shut down.
    pub stop: Stop,
}

impl Scheduler {
    /// Runs one task, which is independent of others in this and in other processes. Returns when shutdown is requested,
    /// or with `--until-done` when nothing is left to do.
    ///
    /// # Errors
    /// An error of the database that a later round cannot resolve; with `--until-done` any error.
    pub async fn work(self: Arc<Self>) -> Result<Summary, crate::error::Error> {
        let mut summary = Summary::default();
        while !self.stop.requested() {
            match self.round(&mut summary).await {
                Ok(Found::Calls) => continue,
                Ok(Found::Nothing) if self.options.until_done => break,
                Ok(_) => {}
                // A call whose outcome could not be recorded is requeued later, as after a crash.
                Err(error @ (Error::Retry | Error::Timeout | Error::Unavailable(_)))
                    if !self.options.until_done =>
                {
                    warn!(error = &error as &dyn std::error::Error, "the round failed; retrying");
                }
                Err(error) => return Err(error.into()),
            }
            self.stop.wait(self.options.interval).await;
        }
        Ok(summary)
    }

    /// Requeues stalled calls, then claims and calls a batch of each campaign that may call.
    async fn round(&self, summary: &mut Summary) -> Result<Found, Error> {
        let started_before = (self.clock)() - self.options.stalled_after;
        // Admin scope for the queries across organizations only. The others run in customer scope, which limits the
        // effect of a bug to one organization.
        let (requeued, under_way, campaigns) = self
            .database
            .with_admin(async |tx| {
                let requeued =
                    call_attempts::requeue_stalled(&tx, started_before, self.options.batch).await?;
                // Counted before the claims: a task that claims later is still running, and does not end before its calls.
                let under_way = call_attempts::count_without_outcome(&tx).await?;
                let campaigns = campaigns::list_callable(&tx, self.local_time()).await?;
                Ok((requeued.len(), under_way, campaigns))
            })
            .await?;
        if requeued > 0 {
            warn!(calls = requeued, "requeued stalled calls");
            summary.requeued += requeued;
        }

        let mut found = if under_way > 0 { Found::CallsOfOthers } else { Found::Nothing };
        for campaign in campaigns {
            if self.stop.requested() {
                break;
            }
            let actor = SystemActor { organization: campaign.organization_id };
            let calls = self.claim(actor, campaign.id).await?;
            if calls.is_empty() {
                continue;
            }
            found = Found::Calls;
            info!(organization = %actor.organization, campaign = %campaign.id, calls = calls.len(), "claimed");
            // All calls end before an error of one is returned.
            for ended in join_all(calls.iter().map(|call| self.call(actor, call))).await {
                match ended? {
                    Some(Outcome::Answered(_)) => summary.completed += 1,
                    Some(Outcome::Refused) => summary.refused += 1,
                    Some(Outcome::NotReached(_)) => summary.not_reached += 1,
                    None => summary.late += 1,
                }
            }
        }
        Ok(found)
    }

    async fn claim(
        &self,
        actor: SystemActor,
        campaign_id: CampaignId,
    ) -> Result<Vec<contacts::ClaimedContact>, Error> {
        self.database
            .with_customer(actor, async |tx| {
                contacts::claim_due(&tx, campaign_id, self.options.batch, || self.local_time()).await
            })
            .await
    }

    /// Places a call and records its outcome; `None`: it had been requeued before it ended.
    async fn call(
        &self,
        actor: SystemActor,
        call: &contacts::ClaimedContact,
    ) -> Result<Option<Outcome>, Error> {
        let outcome = (self.dial)(call).await;
        let ended_at = (self.clock)();
        let applied = self
            .database
            .with_customer(actor, async |tx| {
                let not_reached = match &outcome {
                    Outcome::Answered(answers) => {
                        call_attempts::complete_survey(&tx, survey(call, answers)).await?;
                        None
                    }
                    Outcome::Refused => {
                        call_attempts::refuse_survey(&tx, call.call_attempt_id).await?;
                        None
                    }
                    Outcome::NotReached(reason) => Some(*reason),
                };
                let event = call_attempts::ApplyProviderEvent {
                    call_id: Some(call.call_id.clone()),
                    provider_call_id: None,
                    status: not_reached.map_or_else(|| "answered".to_owned(), |reason| reason.to_string()),
                    answered_at: None,
                    ended_at: Some(ended_at),
                    outcome: not_reached,
                    error_code: None,
                    metadata: CallMetadata::default(),
                };
                let event = call_attempts::apply_provider_event(&tx, event).await?;
                Ok(event.is_some_and(|event| event.applied))
            })
            .await?;
        if !applied {
            warn!(call_attempt = %call.call_attempt_id, "the call ended after it was requeued");
        }
        Ok(applied.then_some(outcome))
    }

    fn local_time(&self) -> NaiveTime {
        (self.clock)().with_timezone(&self.options.utc_offset).time()
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a round found.
enum Found {
    Calls,
    CallsOfOthers,
    Nothing,
}

fn survey(
    call: &contacts::ClaimedContact,
    [first, second, third]: &[String; 3],
) -> call_attempts::CompleteSurvey {
    call_attempts::CompleteSurvey {
        call_attempt_id: call.call_attempt_id,
        q1_answer: Some(first.clone()),
        q2_answer: Some(second.clone()),
        q3_answer: Some(third.clone()),
        q1_confidence: None,
        q2_confidence: None,
        q3_confidence: None,
    }
}
