//! One client: what it does next, and what it does when that fails.

use super::ledger::{BATCH, Call, End, Kind, Step};
use super::run::Load;
use super::scene::Campaign;
use database::call_attempts::{ApplyProviderEvent, CompleteSurvey};
use database::contacts::ClaimedContact;
use database::email_notifications::NewEmailNotification;
use database::events::UnpublishedEvent;
use database::transcript_snippets::NewTranscriptSnippet;
use database::{
    Error, Scope, Tx, call_attempts, campaigns, contacts, email_notifications, events, survey_responses,
    transcript_snippets,
};
use entity::call_attempts::Model as CallAttempt;
use entity::enums::{CallOutcome, ContactState, LanguageCode};
use entity::json::CallMetadata;
use fastrand::Rng;
use futures_util::TryStreamExt;
use sea_orm::prelude::{ChronoTime, ChronoUtc, Decimal};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Events that a worker publishes at once.
const PUBLISHED: i64 = 20;

/// Rows of a page.
const PAGE: u64 = 50;

/// Rows that an export is read for before its reader leaves.
const EXPORTED: usize = 500;

/// The pause before a client tries again what failed.
const PAUSE: Duration = Duration::from_millis(50);

impl Load {
    pub(super) async fn client(&self, number: u64) {
        let mut random = Rng::with_seed(number);
        while !self.stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match random.u8(..100) {
                0 => {
                    let campaign = self.campaign(&mut random);
                    self.tried(self.requeue(campaign, self.stalled_after)).await;
                }
                1..12 => self.tried(self.dashboard(&mut random)).await,
                12..20 => {
                    let campaign = self.campaign(&mut random);
                    self.tried(self.emails(campaign)).await;
                }
                _ => self.call_or_claim(&mut random).await,
            }
            self.took(began.elapsed());
        }
    }

    /// Does what is left, without new claims: every call ends, every event is published.
    pub(super) async fn drain(&self) {
        let mut random = Rng::with_seed(0);
        loop {
            let next = self.queue().pop_front();
            let Some(call) = next else { break };
            self.advance(call, &mut random).await;
        }
        for campaign in &self.campaigns {
            self.tried(self.requeue(campaign, Duration::ZERO)).await;
            while self.emails(campaign).await.unwrap_or(1) > 0 {}
        }
    }

    fn campaign(&self, random: &mut Rng) -> &Campaign {
        &self.campaigns[random.usize(..self.campaigns.len())]
    }

    /// Pauses after an error. What was not done, another client or a later turn does.
    async fn tried<T>(&self, work: impl Future<Output = Result<T, Error>>) {
        if let Err(error) = work.await {
            self.pause(&error).await;
        }
    }

    /// Commits, and counts the transaction.
    async fn commit(&self, tx: Tx<impl Scope>) -> Result<(), Error> {
        tx.commit().await?;
        self.count();
        Ok(())
    }

    /// Counts an error, and pauses.
    async fn pause(&self, error: &Error) -> Kind {
        let kind = match error {
            Error::Retry => Kind::Retry,
            Error::Unavailable(_) => Kind::Unavailable,
            Error::Timeout => Kind::Timeout,
            _ => Kind::Other,
        };
        self.ledger.failed(kind);
        if kind == Kind::Other {
            self.ledger.contradicted(format!("an error of another kind: {error:?}"));
        }
        tokio::time::sleep(PAUSE).await;
        kind
    }

    async fn call_or_claim(&self, random: &mut Rng) {
        let next = {
            let mut queue = self.queue();
            let few = queue.len() < usize::try_from(BATCH).unwrap_or_default();
            if few && self.clients_claim.load(Ordering::Relaxed) { None } else { queue.pop_front() }
        };
        if let Some(call) = next {
            self.advance(call, random).await;
        } else if self.clients_claim.load(Ordering::Relaxed) {
            let campaign = self.campaign(random);
            self.claim(campaign).await;
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn claim(&self, campaign: &Campaign) {
        let claim = async {
            let tx = self.database.customer(campaign.actor).await?;
            let calls = contacts::claim_due(&tx, campaign.id, BATCH, noon).await?;
            self.commit(tx).await.inspect_err(|_| self.ledger.uncertain())?;
            Ok::<_, Error>(calls)
        };
        match claim.await {
            Ok(calls) => {
                for ClaimedContact { call_attempt_id, call_id, .. } in calls {
                    self.take(Call::claimed(campaign.actor.organization, call_attempt_id, call_id));
                }
            }
            Err(error) => {
                self.pause(&error).await;
            }
        }
    }

    /// Notes a claimed call, which a client continues.
    pub(super) fn take(&self, call: Call) {
        self.ledger.claimed(call.id);
        self.queue().push_back(call);
    }

    /// Does the next step of a call, as often as its result is unknown.
    async fn advance(&self, call: Call, random: &mut Rng) {
        let fate = random.u8(..100);
        let outcome = match (call.step, fate) {
            (Step::Provider, 0..30) => {
                Some([CallOutcome::NoAnswer, CallOutcome::Busy, CallOutcome::Failed][usize::from(fate) % 3])
            }
            (Step::Provider | Step::End, _) => None,
            (Step::Dialogue, 0..20) => Some(CallOutcome::Refused),
            (Step::Dialogue, _) => Some(CallOutcome::Completed),
        };
        let mut failed = false;
        let applied = loop {
            match self.step(&call, outcome).await {
                Ok(applied) => break applied,
                Err(error) if self.pause(&error).await == Kind::Other => return,
                Err(_) => failed = true,
            }
        };
        // Providers report things again, and dialogues do after a lost connection.
        if applied && fate.is_multiple_of(10) {
            match self.step(&call, outcome).await {
                Ok(true) => self.ledger.contradicted(format!("{call:?} was applied twice")),
                Ok(false) => {}
                Err(error) => {
                    self.pause(&error).await;
                }
            }
        }
        if !applied && !self.was_applied(&call, outcome, failed).await {
            self.calls_ended.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match (call.step, outcome) {
            (Step::Provider, None) => self.queue().push_back(Call { step: Step::Dialogue, ..call }),
            (Step::Dialogue, Some(outcome)) => {
                self.ledger.ended(call.id, End::Stored(outcome));
                self.queue().push_back(Call { step: Step::End, ..call });
            }
            (_, Some(outcome)) => {
                self.ledger.ended(call.id, End::Stored(outcome));
                self.calls_ended.fetch_add(1, Ordering::Relaxed);
            }
            (_, None) => {
                self.calls_ended.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn step(&self, call: &Call, outcome: Option<CallOutcome>) -> Result<bool, Error> {
        match call.step {
            Step::Provider | Step::End => self.webhook(call, outcome).await,
            Step::Dialogue => self.dialogue(call, outcome == Some(CallOutcome::Completed)).await,
        }
    }

    /// Whether a step that was not applied had been, by an attempt whose acknowledgement was lost. Otherwise the call had been
    /// requeued.
    async fn was_applied(&self, call: &Call, outcome: Option<CallOutcome>, failed: bool) -> bool {
        let attempt: CallAttempt = loop {
            let find = async {
                let tx = self.database.customer(call.actor).await?;
                let found = call_attempts::find(&tx, call.id).await?;
                self.commit(tx).await?;
                Ok::<_, Error>(found)
            };
            match find.await {
                Ok(Some(found)) => break found,
                Ok(None) => {
                    self.ledger.contradicted(format!("{call:?} does not exist"));
                    return false;
                }
                Err(error) => {
                    self.pause(&error).await;
                }
            }
        };
        if attempt.error_code.as_deref() == Some("never_ended") {
            self.ledger.ended(call.id, End::Late);
            return false;
        }
        let stored = match call.step {
            Step::Provider if outcome.is_none() => attempt.answered_at.is_some(),
            Step::Provider | Step::Dialogue => attempt.outcome == outcome,
            Step::End => attempt.ended_at.is_some(),
        };
        if !(stored && failed) {
            self.ledger.contradicted(format!("{call:?} was not applied to {attempt:?}"));
        }
        stored && failed
    }

    /// An event of the provider: looked up by `call_id` in an admin transaction, because it does not name an organization.
    async fn webhook(&self, call: &Call, outcome: Option<CallOutcome>) -> Result<bool, Error> {
        let tx = self.database.admin().await?;
        let found = call_attempts::find_by_call_id(&tx, &call.key).await?;
        self.commit(tx).await?;
        if found.is_none_or(|found| found.id != call.id) {
            self.ledger.contradicted(format!("{call:?} is not found by its call_id"));
        }
        let now = ChronoUtc::now();
        let is_end = call.step == Step::End || outcome.is_some();
        let event = ApplyProviderEvent {
            call_id: Some(call.key.clone()),
            provider_call_id: Some(format!("CA-{}", call.key)),
            status: if is_end { "completed" } else { "in-progress" }.to_owned(),
            answered_at: (!is_end).then_some(now),
            ended_at: is_end.then_some(now),
            outcome,
            error_code: None,
            metadata: CallMetadata { duration_seconds: is_end.then_some(90), ..CallMetadata::default() },
        };
        let tx = self.database.customer(call.actor).await?;
        let applied = call_attempts::apply_provider_event(&tx, event).await?;
        self.commit(tx).await?;
        Ok(applied.is_some_and(|row| row.applied))
    }

    /// The dialogue's report, with a transcript if it is the first one.
    async fn dialogue(&self, call: &Call, completed: bool) -> Result<bool, Error> {
        let tx = self.database.customer(call.actor).await?;
        let applied = if completed {
            let survey = CompleteSurvey {
                call_attempt_id: call.id,
                q1_answer: Some("9".to_owned()),
                q2_answer: Some("The waiting time could be shorter.".to_owned()),
                q3_answer: Some("4".to_owned()),
                q1_confidence: Some(Decimal::new(95, 2)),
                q2_confidence: Some(Decimal::new(80, 2)),
                q3_confidence: Some(Decimal::ONE),
            };
            call_attempts::complete_survey(&tx, survey).await?.is_some()
        } else {
            call_attempts::refuse_survey(&tx, call.id).await?.is_some()
        };
        if applied {
            let snippet = NewTranscriptSnippet {
                call_attempt_id: call.id,
                transcript_text: "Nine, I would say. The waiting time could be shorter.".to_owned(),
                language: LanguageCode::En,
            };
            transcript_snippets::create(&tx, snippet).await?;
        }
        self.commit(tx).await?;
        Ok(applied)
    }

    /// Publishes events and creates their e-mails in one transaction, then sends the e-mails; returns their number.
    async fn emails(&self, campaign: &Campaign) -> Result<usize, Error> {
        let tx = self.database.customer(campaign.actor).await?;
        let mut created = Vec::new();
        let mut failure = None;
        let published = events::publish(&tx, PUBLISHED, async |events: Vec<UnpublishedEvent>| {
            for event in &events {
                let email = NewEmailNotification {
                    event_id: event.id,
                    template_id: campaign.templates[&event.event_type],
                    to_email: "contact@example.com".to_owned(),
                };
                match email_notifications::create_once(&tx, email).await {
                    Ok(email) => created.extend(email),
                    Err(error) => {
                        failure = Some(error);
                        return Vec::new();
                    }
                }
            }
            events.iter().map(|event| event.id).collect()
        });
        let published = published.await;
        // The statements after a failed one fail as well, and do not report why.
        if let Some(error) = failure {
            return Err(error);
        }
        published?;
        self.commit(tx).await?;
        self.ledger.emailed(created.len());
        if !created.is_empty() {
            let tx = self.database.customer(campaign.actor).await?;
            for email in &created {
                email_notifications::mark_sent(&tx, email.id, format!("message-{}", email.id)).await?;
            }
            self.commit(tx).await?;
        }
        Ok(created.len())
    }

    async fn dashboard(&self, random: &mut Rng) -> Result<(), Error> {
        let campaign = self.campaign(random);
        let tx = self.database.customer(campaign.actor).await?;
        match random.u8(..10) {
            0 => {
                campaigns::statistics(&tx, campaign.id).await?;
            }
            1 => {
                let until = ChronoUtc::now();
                let from = until - Duration::from_hours(1);
                campaigns::calls_per_hour(&tx, campaign.id, from, until).await?;
            }
            2 => {
                let mut rows = std::pin::pin!(contacts::export(&tx, campaign.id).await?);
                let mut read = 0;
                while read < EXPORTED && rows.try_next().await?.is_some() {
                    read += 1;
                }
            }
            3 => {
                contacts::count_by_state(&tx, campaign.id).await?;
            }
            4 => {
                campaigns::list(&tx, None, None, PAGE).await?;
                campaigns::count(&tx, None).await?;
            }
            5 | 6 => {
                events::list_by_campaign(&tx, campaign.id, None, PAGE).await?;
            }
            _ => {
                let state = Some(ContactState::Completed);
                let page = contacts::list_by_campaign(&tx, campaign.id, state, None, PAGE).await?;
                survey_responses::list_by_campaign(&tx, campaign.id, None, PAGE).await?;
                if let Some(contact) = page.items.first() {
                    call_attempts::list_by_contact(&tx, contact.id).await?;
                }
            }
        }
        self.commit(tx).await
    }

    /// What a scheduler does before it claims.
    async fn requeue(&self, campaign: &Campaign, stalled_after: Duration) -> Result<(), Error> {
        let before = ChronoUtc::now() - stalled_after;
        loop {
            let tx = self.database.customer(campaign.actor).await?;
            let requeued = call_attempts::requeue_stalled(&tx, before, 100).await?;
            self.commit(tx).await?;
            if requeued.is_empty() || stalled_after > Duration::ZERO {
                return Ok(());
            }
        }
    }
}

/// All campaigns of the scene call at noon.
pub(super) fn noon() -> ChronoTime {
    ChronoTime::from_hms_opt(12, 0, 0).unwrap_or_default()
}
