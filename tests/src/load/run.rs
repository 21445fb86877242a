//! The clients of a run, their time, and what they did in each second of it.

use super::ledger::{Call, Kind, Ledger};
use super::scene::{Campaign, Scene};
use database::Database;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long the work that is left may take after the clients were told to stop.
const LONGEST_DRAIN: Duration = Duration::from_mins(5);

/// What the clients share.
#[derive(Debug)]
pub struct Load {
    pub(super) database: Database,
    pub(super) campaigns: Vec<Campaign>,
    /// Calls under way, each with its next step.
    pub(super) queue: Mutex<VecDeque<Call>>,
    /// What the database acknowledged.
    pub ledger: Arc<Ledger>,
    /// Whether clients claim, or processes of their own do.
    pub(super) clients_claim: AtomicBool,
    /// Attempts that started before are requeued, as after a crash of their scheduler.
    pub(super) stalled_after: Duration,
    pub(super) stop: AtomicBool,
    started: Instant,
    /// Acknowledged transactions in each second since `started`.
    seconds: Mutex<Vec<u64>>,
    pub(super) calls_ended: AtomicU64,
    /// The longest turn of a client in this run, in microseconds.
    longest: AtomicU64,
}

/// What a number of clients did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The clients.
    pub clients: usize,
    /// Acknowledged transactions in each full second.
    pub seconds: Vec<u64>,
    /// Telephone calls that ended.
    pub calls: u64,
    /// Errors by kind.
    pub errors: BTreeMap<Kind, u64>,
    /// The longest turn of a client: a transaction or a few, with the waiting for a connection and for locks.
    pub longest: Duration,
}

impl Outcome {
    /// Transactions in a second, on average.
    #[must_use]
    pub fn rate(&self) -> f64 {
        mean(&self.seconds)
    }
}

/// The mean of a rate's seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn mean(seconds: &[u64]) -> f64 {
    seconds.iter().sum::<u64>() as f64 / seconds.len().max(1) as f64
}

impl Load {
    /// Load on this database, by these pools.
    #[must_use]
    pub fn new(
        database: Database,
        scene: &Scene,
        ledger: &Arc<Ledger>,
        stalled_after: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            database,
            campaigns: scene.campaigns.clone(),
            queue: Mutex::default(),
            ledger: Arc::clone(ledger),
            clients_claim: AtomicBool::new(true),
            stalled_after,
            stop: AtomicBool::new(false),
            started: Instant::now(),
            seconds: Mutex::default(),
            calls_ended: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        })
    }

    /// Runs clients for a time, and `meanwhile` beside them, then finishes what is under way, which is not measured.
    ///
    /// # Panics
    /// An error that no caller should see, or work that does not end.
    pub async fn run(
        self: &Arc<Self>,
        clients: usize,
        time: Duration,
        meanwhile: impl Future<Output = ()>,
    ) -> Outcome {
        self.stop.store(false, Ordering::Relaxed);
        self.longest.store(0, Ordering::Relaxed);
        let before = (self.ledger.errors(), self.calls_ended());
        let mut tasks = JoinSet::new();
        let begun = self.second();
        for number in 0..clients {
            let load = Arc::clone(self);
            tasks.spawn(async move { load.client(number as u64).await });
        }
        tokio::join!(tokio::time::sleep(time), meanwhile);
        let ended = self.second();
        let calls = self.calls_ended() - before.1;
        self.stop.store(true, Ordering::Relaxed);
        let drained = tokio::time::timeout(LONGEST_DRAIN, async {
            while let Some(client) = tasks.join_next().await {
                client.expect("no client panics");
            }
        });
        drained.await.expect("the clients end");
        tokio::time::timeout(LONGEST_DRAIN, self.drain()).await.expect("the work ends");
        let mut errors = self.ledger.errors();
        for (kind, count) in before.0 {
            *errors.entry(kind).or_default() -= count;
        }
        errors.retain(|_, count| *count > 0);
        // The first second and the last are not full.
        let mut seconds = self.seconds().clone();
        seconds.resize(ended.max(seconds.len()), 0);
        let seconds = seconds[(begun + 1).min(ended)..ended].to_vec();
        let longest = Duration::from_micros(self.longest.load(Ordering::Relaxed));
        Outcome { clients, seconds, calls, errors, longest }
    }

    /// The telephone calls that ended in all runs, also after their time.
    pub fn calls_ended(&self) -> u64 {
        self.calls_ended.load(Ordering::Relaxed)
    }

    /// Notes the time of a client's turn.
    pub(super) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.longest.fetch_max(micros, Ordering::Relaxed);
    }

    fn second(&self) -> usize {
        usize::try_from(self.started.elapsed().as_secs()).unwrap_or_default()
    }

    /// Counts an acknowledged transaction.
    pub(super) fn count(&self) {
        let second = self.second();
        let mut seconds = self.seconds();
        if seconds.len() <= second {
            seconds.resize(second + 1, 0);
        }
        seconds[second] += 1;
    }

    fn seconds(&self) -> MutexGuard<'_, Vec<u64>> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
