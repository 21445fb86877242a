//! Retention: removes what is past its limit, in short transactions, and records what it removed.

pub(crate) mod cli;
mod history;
pub(crate) mod hook;
mod past_limit;

pub use history::{Entry, history};
pub use hook::Hook;
pub use past_limit::{Limits, PastLimit};

use crate::{Error, Progress, Store};
use database::call_attempts::{self, LockExpiredRecordings, LockExpiredRecordingsRow};
use database::email_notifications::{self, DeleteFinal};
use database::events::{self, DeletePublished, DeletePublishedRow};
use database::exclusion_list_entries;
use database::organizations::{self, PastRetention};
use database::transcript_snippets::{self, DeleteExpired};
use database::{AdminTx, Database, campaigns, contacts, email_templates, users};
use entity::enums::RetentionOutcome;
use entity::id::{
    CallAttemptId, CampaignId, ContactId, EmailNotificationId, EventId, OrganizationId, RetentionRunId,
    TranscriptSnippetId,
};
use entity::json::RemovedRows;
use entity::retention_runs;
use hook::{RECORDINGS, Recording};
use past_limit::pause;
use sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm::{
    ActiveEnum as _, ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The failures of the hook in a row after which a run leaves the other recordings alone.
const FAILURES: u32 = 3;

/// The rows after which a run ends its count of what is left.
const LEFT: usize = 10_000;

/// How a run works.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The limits.
    pub limits: Limits,
    /// Whether to continue until nothing is past its limit. Otherwise one batch of each kind and organization.
    pub until_done: bool,
    /// The maximum number of rows of a batch, without those that belong to them.
    pub batch: i64,
    /// The part of the time in which a batch is under way, in percent; the rest is a pause.
    pub load: u32,
}

/// What a run has done.
#[derive(Debug)]
pub struct Summary {
    /// Its id in the history.
    pub id: RetentionRunId,
    /// The number of removed rows by table, and of recordings.
    pub removed: Removed,
    /// What is still past its limit, at most about 10,000 rows.
    pub left: PastLimit,
    /// The last failure of the hook, or that there is none.
    pub recordings: Option<Error>,
}

/// Numbers of rows by table, and of recordings.
pub type Removed = BTreeMap<&'static str, i64>;

impl Store {
    /// Removes what is past its limit.
    ///
    /// # Errors
    /// A statement failed. What was committed until then is recorded.
    pub async fn run(&self, work: Work, hook: Option<&Hook>, progress: &Progress) -> Result<Summary, Error> {
        progress.step("Looking for what is past its limit");
        let plan = self.plan(work.limits).await?;
        let id = self.start(work).await?;
        let mut run = Run {
            store: self,
            work,
            hook,
            progress,
            id,
            removed: Removed::new(),
            recordings: None,
            failures: 0,
        };
        let done = run.complete(plan).await;
        let Run { removed, mut recordings, .. } = run;
        if done.as_ref().is_ok_and(|left| !left.is_bounded && left.of_kind("recordings") == 0) {
            // A later call succeeded.
            recordings = None;
        }
        let outcome = match (&done, &recordings) {
            (Err(_), _) => RetentionOutcome::Failed,
            (Ok(_), Some(_)) => RetentionOutcome::Incomplete,
            (Ok(_), None) => RetentionOutcome::Completed,
        };
        let finished = self.finish(id, outcome).await;
        let left = done?;
        finished?;
        Ok(Summary { id, removed, left, recordings })
    }

    /// The kinds that may be past their limit, by organization.
    async fn plan(&self, limits: Limits) -> Result<Vec<PastRetention>, Error> {
        let Limits { deleted_days, email_days, event_days } = limits;
        let list = self.database.with_admin(async |tx| {
            organizations::list_past_retention(&tx, deleted_days, email_days, event_days).await
        });
        list.await.map_err(self.failed("looking for what is past its limit"))
    }

    async fn start(&self, work: Work) -> Result<RetentionRunId, Error> {
        let Work { limits: Limits { deleted_days, email_days, event_days }, until_done, .. } = work;
        let insert = self.database.with_admin(async |tx| {
            let run = retention_runs::ActiveModel {
                until_done: Set(until_done),
                deleted_days: Set(deleted_days),
                email_days: Set(email_days),
                event_days: Set(event_days),
                ..Default::default()
            };
            Ok(run.insert(&*tx).await?.id)
        });
        insert.await.map_err(self.failed("recording the run"))
    }

    async fn finish(&self, id: RetentionRunId, outcome: RetentionOutcome) -> Result<(), Error> {
        let update = self.database.with_admin(async |tx| {
            retention_runs::Entity::update_many()
                .col_expr(retention_runs::Column::Outcome, outcome.as_enum())
                .col_expr(retention_runs::Column::FinishedAt, Expr::current_timestamp())
                .filter(retention_runs::Column::Id.eq(id))
                .exec(&*tx)
                .await?;
            Ok(())
        });
        update.await.map_err(self.failed("recording the outcome"))
    }
}

/// A run that is under way.
struct Run<'a> {
    store: &'a Store,
    work: Work,
    hook: Option<&'a Hook>,
    progress: &'a Progress,
    id: RetentionRunId,
    removed: Removed,
    /// Why recordings are left.
    recordings: Option<Error>,
    /// The failures of the hook in a row.
    failures: u32,
}

impl Run<'_> {
    /// Removes everything that may be removed, and returns what is left.
    async fn complete(&mut self, plan: Vec<PastRetention>) -> Result<PastLimit, Error> {
        let Work { limits, until_done, load, .. } = self.work;
        let mut plan = plan;
        loop {
            let before = self.total();
            self.pass(&plan).await?;
            plan = self.store.plan(limits).await?;
            if plan.is_empty() {
                return Ok(PastLimit::default());
            }
            // What remains after a pass that removed nothing is locked, belongs to a recording that is left, or has to be
            // kept.
            if !until_done || self.total() == before {
                self.progress.step("Counting what is left");
                return self.store.past_limit(limits, load, Some(LEFT)).await;
            }
        }
    }

    fn total(&self) -> i64 {
        self.removed.values().sum()
    }

    /// One pass over everything, children before their parents.
    async fn pass(&mut self, plan: &[PastRetention]) -> Result<(), Error> {
        for organization in self.begin_of_each(plan, "recordings", "Deleting recordings") {
            self.recordings(organization).await?;
        }
        for organization in self.begin_of_each(plan, "transcript_snippets", "Removing transcripts") {
            self.transcripts(organization).await?;
        }
        if self.begin(plan, "email_notifications", "Removing e-mails") {
            self.emails().await?;
        }
        if self.begin(plan, "events", "Removing events") {
            self.events().await?;
        }
        for organization in self.begin_of_each(plan, "contacts", "Removing contacts of what was deleted") {
            self.contacts(organization).await?;
        }
        for organization in self.begin_of_each(plan, "campaigns", "Removing campaigns") {
            self.campaigns(organization).await?;
        }
        for organization in
            self.begin_of_each(plan, "exclusion_list_entries", "Removing exclusions of deleted organizations")
        {
            self.exclusions(organization).await?;
        }
        for organization in self.begin_of_each(plan, "email_templates", "Removing templates") {
            self.templates(organization).await?;
        }
        for organization in self.begin_of_each(plan, "organizations", "Removing organizations") {
            self.organization(organization).await?;
        }
        if self.begin(plan, "users", "Removing users") {
            self.users().await?;
        }
        Ok(())
    }

    /// Displays the step, if the plan has the kind, and returns whether it has.
    fn begin(&self, plan: &[PastRetention], kind: &str, text: &str) -> bool {
        let is_planned = plan.iter().any(|row| row.kind == kind);
        if is_planned {
            self.progress.step_of_rows(text);
        }
        is_planned
    }

    /// The same for a kind that is removed by organization; returns these.
    fn begin_of_each(&self, plan: &[PastRetention], kind: &str, text: &str) -> Vec<OrganizationId> {
        self.begin(plan, kind, text);
        plan.iter().filter(|row| row.kind == kind).filter_map(|row| row.organization_id).collect()
    }

    /// Runs a batch in a transaction of its own, which records the removed rows as well, and then pauses.
    async fn batch<T>(
        &mut self,
        action: &'static str,
        statement: impl AsyncFn(&AdminTx) -> Result<(T, Removed), database::Error>,
    ) -> Result<T, Error> {
        self.batch_on(&self.store.database, action, statement).await
    }

    /// The same on a shard.
    async fn batch_on<T>(
        &mut self,
        database: &Database,
        action: &'static str,
        statement: impl AsyncFn(&AdminTx) -> Result<(T, Removed), database::Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let (id, before) = (self.id, &self.removed);
        let (result, removed) = database
            .with_admin(async |tx| {
                let (result, removed) = statement(&tx).await?;
                let removed = record(&tx, id, before, removed).await?;
                Ok((result, removed))
            })
            .await
            .map_err(self.store.failed(action))?;
        self.committed(removed, started.elapsed()).await;
        Ok(result)
    }

    /// The parts of the database in which rows of all organizations are in one order.
    async fn shards(&self) -> Result<Vec<Database>, Error> {
        self.store.database.shards().await.map_err(self.store.failed("looking for the shards"))
    }

    /// Notes what was committed by statements that took so long, and pauses.
    async fn committed(&mut self, removed: Removed, worked: Duration) {
        let before = self.total();
        self.removed = removed;
        self.progress.advance(u64::try_from(self.total() - before).unwrap_or_default());
        pause(worked, self.work.load).await;
    }

    /// Whether a batch that looked at so many rows was the last one. Without `until_done` it is the first one that removes
    /// something: rows that have to be kept do not hide the others.
    fn is_last(&self, seen: i64, removed: i64) -> bool {
        seen < self.work.batch || !self.work.until_done && removed > 0
    }

    async fn recordings(&mut self, organization_id: OrganizationId) -> Result<(), Error> {
        let (batch, deleted_days) =
            (Ord::min(self.work.batch, RECORDINGS.into()), self.work.limits.deleted_days);
        let mut after = (DateTimeUtc::UNIX_EPOCH, CallAttemptId::from_uuid(Uuid::nil()));
        while self.failures < FAILURES {
            let started = Instant::now();
            let failed = || self.store.failed("clearing recordings");
            let tx = self.store.database.admin().await.map_err(failed())?;
            let (after_started_at, after_id) = after;
            let next =
                LockExpiredRecordings { organization_id, deleted_days, after_started_at, after_id, batch };
            let rows = call_attempts::lock_expired_recordings(&tx, next).await.map_err(failed())?;
            let Some(last) = rows.last() else {
                tx.rollback().await.map_err(failed())?;
                break;
            };
            let Some(hook) = self.hook else {
                self.recordings.get_or_insert(Error::NoHook);
                tx.rollback().await.map_err(failed())?;
                break;
            };
            after = (last.started_at, last.call_attempt_id);
            let locked = started.elapsed();
            let recordings: Vec<_> = rows.into_iter().map(|row| recording(organization_id, row)).collect();
            match hook.delete(&recordings).await {
                Ok(deleted) => {
                    if deleted.len() < recordings.len() {
                        self.recordings = Some(Error::RecordingNames);
                    }
                    let clearing = Instant::now();
                    let clear = async {
                        let cleared = call_attempts::clear_recordings(&tx, deleted).await?;
                        let removed = Removed::from([("recordings", number(cleared))]);
                        let removed = record(&tx, self.id, &self.removed, removed).await?;
                        tx.commit().await?;
                        Ok(removed)
                    };
                    let removed = clear.await.map_err(failed())?;
                    self.failures = 0;
                    // The hook is no load of the database.
                    self.committed(removed, locked + clearing.elapsed()).await;
                }
                Err(error) => {
                    tx.rollback().await.map_err(failed())?;
                    self.failures += 1;
                    self.progress.note(&format!("{} recordings are left: {error}", recordings.len()));
                    self.recordings = Some(error);
                }
            }
            if length(&recordings) < batch || !self.work.until_done && self.failures == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn transcripts(&mut self, organization_id: OrganizationId) -> Result<(), Error> {
        let batch = self.work.batch;
        let mut after = (DateTimeUtc::UNIX_EPOCH, TranscriptSnippetId::from_uuid(Uuid::nil()));
        loop {
            let (after_created_at, after_id) = after;
            let next = DeleteExpired { organization_id, after_created_at, after_id, batch };
            let places = self.batch("removing transcripts", async |tx| {
                let rows = transcript_snippets::delete_expired(tx, next.clone()).await?;
                let places: Vec<_> = rows.into_iter().map(|row| (row.created_at, row.id)).collect();
                let removed = Removed::from([("transcript_snippets", length(&places))]);
                Ok((places, removed))
            });
            let places = places.await?;
            after = places.iter().copied().max().unwrap_or(after);
            if self.is_last(length(&places), length(&places)) {
                return Ok(());
            }
        }
    }

    async fn emails(&mut self) -> Result<(), Error> {
        for shard in self.shards().await? {
            self.emails_of(&shard).await?;
        }
        Ok(())
    }

    async fn emails_of(&mut self, shard: &Database) -> Result<(), Error> {
        let (batch, email_days) = (self.work.batch, self.work.limits.email_days);
        let mut after = (DateTimeUtc::UNIX_EPOCH, EmailNotificationId::from_uuid(Uuid::nil()));
        loop {
            let (after_created_at, after_id) = after;
            let next = DeleteFinal { email_days, after_created_at, after_id, batch };
            let places = self.batch_on(shard, "removing e-mails", async |tx| {
                let rows = email_notifications::delete_final(tx, next.clone()).await?;
                let places: Vec<_> = rows.into_iter().map(|row| (row.created_at, row.id)).collect();
                let removed = Removed::from([("email_notifications", length(&places))]);
                Ok((places, removed))
            });
            let places = places.await?;
            after = places.iter().copied().max().unwrap_or(after);
            if self.is_last(length(&places), length(&places)) {
                return Ok(());
            }
        }
    }

    async fn events(&mut self) -> Result<(), Error> {
        for shard in self.shards().await? {
            self.events_of(&shard).await?;
        }
        Ok(())
    }

    async fn events_of(&mut self, shard: &Database) -> Result<(), Error> {
        let (batch, event_days) = (self.work.batch, self.work.limits.event_days);
        let mut after = (DateTimeUtc::UNIX_EPOCH, EventId::from_uuid(Uuid::nil()));
        loop {
            let (after_created_at, after_id) = after;
            let next = DeletePublished { event_days, after_created_at, after_id, batch };
            let seen = self.batch_on(shard, "removing events", async |tx| {
                let Some(row) = events::delete_published(tx, next.clone()).await? else {
                    return Ok(((0, 0, None), Removed::new()));
                };
                let DeletePublishedRow { events, seen, last_created_at, last_id } = row;
                Ok(((seen, events, last_created_at.zip(last_id)), Removed::from([("events", events)])))
            });
            let (seen, removed, last) = seen.await?;
            after = last.unwrap_or(after);
            if self.is_last(seen, removed) {
                return Ok(());
            }
        }
    }

    async fn contacts(&mut self, organization_id: OrganizationId) -> Result<(), Error> {
        let (batch, deleted_days) = (self.work.batch, self.work.limits.deleted_days);
        let mut after =
            (CampaignId::from_uuid(Uuid::nil()), DateTimeUtc::UNIX_EPOCH, ContactId::from_uuid(Uuid::nil()));
        loop {
            let (after_campaign_id, after_created_at, after_id) = after;
            let next = contacts::Purge {
                organization_id,
                after_campaign_id,
                after_created_at,
                after_id,
                deleted_days,
                batch,
            };
            let (last, seen, removed) = self
                .batch("removing contacts", async |tx| {
                    let contacts::PurgeRow {
                        email_notifications,
                        events,
                        transcript_snippets,
                        survey_responses,
                        call_attempts,
                        contacts,
                        seen,
                        last_campaign_id,
                        last_created_at,
                        last_id,
                    } = contacts::purge(tx, next.clone()).await?;
                    let last = last_campaign_id.zip(last_created_at).zip(last_id);
                    let removed = Removed::from([
                        ("email_notifications", email_notifications),
                        ("events", events),
                        ("transcript_snippets", transcript_snippets),
                        ("survey_responses", survey_responses),
                        ("call_attempts", call_attempts),
                        ("contacts", contacts),
                    ]);
                    Ok(((last, seen, contacts), removed))
                })
                .await?;
            after = last.map_or(after, |((campaign, created_at), id)| (campaign, created_at, id));
            if self.is_last(seen, removed) {
                return Ok(());
            }
        }
    }

    async fn campaigns(&mut self, organization: OrganizationId) -> Result<(), Error> {
        let (batch, deleted_days) = (self.work.batch, self.work.limits.deleted_days);
        loop {
            let count = self.batch("removing campaigns", async |tx| {
                let count = number(campaigns::purge(tx, organization, deleted_days, batch).await?);
                Ok((count, Removed::from([("campaigns", count)])))
            });
            let count = count.await?;
            if self.is_last(count, count) {
                return Ok(());
            }
        }
    }

    async fn exclusions(&mut self, organization_id: OrganizationId) -> Result<(), Error> {
        let (batch, deleted_days) = (self.work.batch, self.work.limits.deleted_days);
        let mut after_phone_number = String::new();
        loop {
            let next = exclusion_list_entries::Purge {
                organization_id,
                deleted_days,
                after_phone_number: after_phone_number.clone(),
                batch,
            };
            let numbers = self.batch("removing exclusions", async |tx| {
                let numbers = exclusion_list_entries::purge(tx, next.clone()).await?;
                let removed = Removed::from([("exclusion_list_entries", length(&numbers))]);
                Ok((numbers, removed))
            });
            let numbers = numbers.await?;
            let count = length(&numbers);
            // Digits after a plus sign, which every collation orders as bytes.
            after_phone_number = numbers.into_iter().max().unwrap_or(after_phone_number);
            if self.is_last(count, count) {
                return Ok(());
            }
        }
    }

    async fn templates(&mut self, organization: OrganizationId) -> Result<(), Error> {
        let (batch, deleted_days) = (self.work.batch, self.work.limits.deleted_days);
        loop {
            let count = self.batch("removing templates", async |tx| {
                let count = number(email_templates::purge(tx, organization, deleted_days, batch).await?);
                Ok((count, Removed::from([("email_templates", count)])))
            });
            let count = count.await?;
            if self.is_last(count, count) {
                return Ok(());
            }
        }
    }

    async fn organization(&mut self, organization: OrganizationId) -> Result<(), Error> {
        let deleted_days = self.work.limits.deleted_days;
        self.batch("removing organizations", async |tx| {
            let organizations::PurgeRow {
                provider_configs,
                user_organizations,
                erasure_requests,
                organizations,
            } = organizations::purge(tx, organization, deleted_days).await?;
            let removed = Removed::from([
                ("provider_configs", provider_configs),
                ("user_organizations", user_organizations),
                ("erasure_requests", erasure_requests),
                ("organizations", organizations),
            ]);
            Ok(((), removed))
        })
        .await
    }

    async fn users(&mut self) -> Result<(), Error> {
        let (batch, deleted_days) = (self.work.batch, self.work.limits.deleted_days);
        loop {
            let count = self.batch("removing users", async |tx| {
                let users::PurgeRow { user_organizations, users } =
                    users::purge(tx, deleted_days, batch).await?;
                Ok((users, Removed::from([("user_organizations", user_organizations), ("users", users)])))
            });
            let count = count.await?;
            if self.is_last(count, count) {
                return Ok(());
            }
        }
    }
}

/// Adds the removed rows to those of the run, in the transaction that removes them, and returns the sum.
async fn record(
    tx: &AdminTx,
    id: RetentionRunId,
    before: &Removed,
    removed: Removed,
) -> Result<Removed, database::Error> {
    let mut sum = before.clone();
    for (kind, count) in removed.into_iter().filter(|(_, count)| *count > 0) {
        *sum.entry(kind).or_default() += count;
    }
    if sum != *before {
        let document = sum.iter().map(|(kind, count)| ((*kind).to_owned(), (*count).into())).collect();
        let run = retention_runs::ActiveModel {
            id: Set(id),
            removed: Set(RemovedRows(document)),
            ..Default::default()
        };
        run.update(tx).await?;
    }
    Ok(sum)
}

fn recording(organization_id: OrganizationId, row: LockExpiredRecordingsRow) -> Recording {
    let LockExpiredRecordingsRow { call_attempt_id, call_id, provider_call_id, recording_url, started_at: _ } =
        row;
    Recording { organization_id, call_attempt_id, call_id, provider_call_id, url: recording_url }
}

fn length<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

fn number(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
