//! What the database acknowledged to the clients, to be compared with what it holds at the end.

use super::scene::Scene;
use crate::texts;
use database::SystemActor;
use entity::enums::CallOutcome;
use entity::id::{CallAttemptId, OrganizationId};
use sea_orm::DatabaseConnection;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Contacts of a claim.
pub const BATCH: i64 = 10;

/// An error by what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Run the transaction again.
    Retry,
    /// Wait for the server.
    Unavailable,
    /// The server cancelled a statement.
    Timeout,
    /// Anything else, which a caller of this mix must not see.
    Other,
}

/// A call under way.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub actor: SystemActor,
    /// The call attempt.
    pub id: CallAttemptId,
    /// Its `call_id`, by which the provider reports events.
    pub key: String,
    /// The next step.
    pub step: Step,
}

impl Call {
    /// A call that was claimed.
    pub fn claimed(organization: OrganizationId, id: CallAttemptId, key: String) -> Self {
        let actor = SystemActor { organization };
        Self { actor, id, key, step: Step::Provider }
    }
}

/// What happens next to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The provider reports an answer, or that the contact was not reached.
    Provider,
    /// The dialogue reports answers or a refusal.
    Dialogue,
    /// The provider reports the end.
    End,
}

/// The end of a call, as it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its outcome was stored.
    Stored(CallOutcome),
    /// It had been requeued before.
    Late,
}

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    /// Claimed calls, each with its end.
    calls: HashMap<CallAttemptId, Option<End>>,
    /// E-mails that were created.
    emails: u64,
    errors: BTreeMap<Kind, u64>,
    /// Claims of which it is unknown whether they were committed, and schedulers that were killed.
    uncertain: u64,
    contradictions: Vec<String>,
}

/// What the comparison with the database found.
#[derive(Clone, Debug)]
pub struct Balance {
    /// Calls that were claimed and ended as acknowledged.
    pub calls: usize,
    /// Of these, calls that were requeued before they ended.
    pub late: usize,
    /// Calls of which the claim was not acknowledged, because its connection or its scheduler was lost. They were requeued.
    pub orphans: usize,
    /// E-mails.
    pub emails: u64,
    /// What the ledger and the database contradict each other in.
    pub contradictions: Vec<String>,
}

impl Ledger {
    pub(super) fn claimed(&self, id: CallAttemptId) {
        let mut inner = self.inner();
        if inner.calls.insert(id, None).is_some() {
            inner.contradictions.push(format!("{id} was claimed twice"));
        }
    }

    pub(super) fn ended(&self, id: CallAttemptId, end: End) {
        let mut inner = self.inner();
        match inner.calls.insert(id, Some(end)) {
            Some(None) => {}
            Some(Some(before)) => {
                inner.contradictions.push(format!("{id} ended as {before:?} and as {end:?}"));
            }
            None => inner.contradictions.push(format!("{id} ended and was not claimed")),
        }
    }

    pub(super) fn emailed(&self, count: usize) {
        self.inner().emails += count as u64;
    }

    pub(super) fn failed(&self, kind: Kind) {
        *self.inner().errors.entry(kind).or_default() += 1;
    }

    /// A claim or e-mails may have been committed without an acknowledgement.
    pub fn uncertain(&self) {
        self.inner().uncertain += 1;
    }

    pub(super) fn contradicted(&self, what: String) {
        self.inner().contradictions.push(what);
    }

    pub(super) fn errors(&self) -> BTreeMap<Kind, u64> {
        self.inner().errors.clone()
    }

    /// Compares the ledger with the database, in which nothing is under way any more.
    pub async fn compare(&self, db: &DatabaseConnection, scene: &Scene) -> Balance {
        let ids = scene.campaigns.iter().map(|campaign| format!("'{}'", campaign.id.as_uuid()));
        let campaigns = format!("campaign_id in ({})", ids.collect::<Vec<_>>().join(", "));
        let sql = format!(
            "select concat_ws(' ', id, coalesce(outcome::text, 'none'), coalesce(error_code, '-')) \
             from call_attempts where {campaigns}"
        );
        let mut stored: HashMap<CallAttemptId, (String, bool)> = HashMap::new();
        for row in texts(db, &sql).await {
            let [id, outcome, code] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
            let id = CallAttemptId::from_uuid(id.parse().expect("a UUID"));
            stored.insert(id, (outcome.to_owned(), code == "never_ended"));
        }
        let Inner { calls, emails, uncertain, mut contradictions, .. } = self.inner().clone();
        let mut late = 0;
        for (id, end) in &calls {
            let Some((outcome, requeued)) = stored.remove(id) else {
                contradictions.push(format!("{id} was claimed, and is lost"));
                continue;
            };
            match end {
                Some(End::Stored(acknowledged)) if acknowledged.to_string() == outcome => {}
                Some(End::Late) if requeued => late += 1,
                other => contradictions.push(format!("{id}: acknowledged {other:?}, stored {outcome}")),
            }
        }
        let orphans = stored.len();
        for (id, (outcome, requeued)) in &stored {
            if !requeued {
                contradictions.push(format!("{id} was not acknowledged, and has the outcome {outcome}"));
            }
        }
        let most = uncertain * u64::try_from(BATCH).unwrap_or_default();
        if orphans as u64 > most {
            contradictions
                .push(format!("{orphans} claims were not acknowledged, at most {most} are explained"));
        }
        let unpublished = format!(
            "select id::text from events where {campaigns} and (published_at is null or not exists \
             (select from email_notifications e where e.organization_id = events.organization_id and event_id = events.id))"
        );
        for id in texts(db, &unpublished).await {
            contradictions.push(format!("event {id} was not published, or has no e-mail"));
        }
        let count = format!("select count(*)::text from email_notifications where {campaigns}");
        let stored_emails: u64 = texts(db, &count).await[0].parse().expect("a number");
        // A worker whose connection was lost does not know of its e-mails.
        if stored_emails < emails || (stored_emails > emails && uncertain == 0) {
            contradictions.push(format!("{emails} e-mails were acknowledged, {stored_emails} are stored"));
        }
        Balance { calls: calls.len(), late, orphans, emails: stored_emails, contradictions }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
