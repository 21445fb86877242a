//! What a scheduler does, round after round.

use crate::Options;
use crate::stop::Stop;
use chrono::{DateTime, NaiveTime, Utc};
use database::{Actor, Database, Error, call_attempts, campaigns, contacts};
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
/// In the product a provider calls, and its webhook and the dialogue record the outcome; this example does both.
pub type Dial = Arc<dyn Fn(&contacts::ClaimedContact) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The contact gave these answers.
    Answered([String; 3]),
    /// The contact did not consent.
    Refused,
    /// Nobody was reached, for this reason.
    NotReached(CallOutcome),
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Surveys that were answered.
    pub completed: u64,
    /// Surveys that were refused.
    pub refused: u64,
    /// Calls that reached nobody.
    pub not_reached: u64,
    /// Calls that had been given up when they ended.
    pub late: u64,
    /// Calls of which nothing was heard, and which were given up.
    pub requeued: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { completed, refused, not_reached, late, requeued } = self;
        let calls = completed + refused + not_reached + late;
        write!(f, "{calls} calls: {completed} completed, {refused} refused, {not_reached} not reached, ")?;
        write!(f, "{late} late; {requeued} of others given up")
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

/// What the tasks share.
pub struct Scheduler {
    /// The time in UTC.
    pub clock: fn() -> DateTime<Utc>,
    /// Where the contacts are.
    pub database: Database,
    /// Calls them.
    pub dial: Dial,
    /// How to work.
    pub options: Options,
    /// When to end.
    pub stop: Stop,
}

impl Scheduler {
    /// One task, which needs nothing of the others, here or in another process. It ends when it is told to, or has
    /// nothing to do and was to work until then.
    ///
    /// # Errors
    /// The database fails in a way that waiting does not fix.
    pub async fn work(self: Arc<Self>) -> Result<Summary, crate::Error> {
        let mut summary = Summary::default();
        while !self.stop.requested() {
            match self.round(&mut summary).await {
                Ok(Found::Calls) => continue,
                Ok(Found::Nothing) if self.options.until_done => break,
                Ok(_) => {}
                // A call that was placed and could not be recorded is given up later, as after a crash.
                Err(error @ (Error::Retry | Error::Timeout | Error::Unavailable(_)))
                    if !self.options.until_done =>
                {
                    warn!(error = &error as &dyn std::error::Error, "the round failed; the next one follows");
                }
                Err(error) => return Err(error.into()),
            }
            self.stop.wait(self.options.interval).await;
        }
        Ok(summary)
    }

    /// Gives up what has stalled, then claims a batch of each campaign that may call, and calls it.
    async fn round(&self, summary: &mut Summary) -> Result<Found, Error> {
        let started_before = (self.clock)() - self.options.stalled_after;
        // The admin sees what concerns all organizations. The rest is done as a customer, which keeps a mistake
        // within one.
        let (requeued, under_way, campaigns) = self
            .database
            .with_admin(async |tx| {
                let requeued =
                    call_attempts::requeue_stalled(&tx, started_before, self.options.batch).await?;
                // Counted before the claims: who claims after this is a task that does not end yet.
                let under_way = call_attempts::count_without_outcome(&tx).await?;
                let campaigns = campaigns::list_callable(&tx, self.local_time()).await?;
                Ok((requeued.len(), under_way, campaigns))
            })
            .await?;
        if requeued > 0 {
            warn!(calls = requeued, "nothing was heard of calls, which were given up");
            summary.requeued += requeued;
        }

        let mut found = if under_way > 0 { Found::CallsOfOthers } else { Found::Nothing };
        for campaign in campaigns {
            if self.stop.requested() {
                break;
            }
            let actor = Actor { organization: campaign.organization_id, user: self.options.user };
            let calls = self.claim(actor, campaign.id).await?;
            if calls.is_empty() {
                continue;
            }
            found = Found::Calls;
            info!(organization = %actor.organization, campaign = %campaign.id, calls = calls.len(), "claimed");
            // All of them end before an error of one is looked at.
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
        actor: Actor,
        campaign_id: CampaignId,
    ) -> Result<Vec<contacts::ClaimedContact>, Error> {
        self.database
            .with_customer(actor, async |tx| {
                contacts::claim_due(&tx, campaign_id, self.options.batch, || self.local_time()).await
            })
            .await
    }

    /// Places a call and records how it ended; `None`: it had been given up before.
    async fn call(&self, actor: Actor, call: &contacts::ClaimedContact) -> Result<Option<Outcome>, Error> {
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
            warn!(call_attempt = %call.call_attempt_id, "the call ended when it had been given up");
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

/// What a round has met.
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
