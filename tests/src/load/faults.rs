//! What goes wrong meanwhile: schedulers are killed, and the server is stopped as by a crash and started again.

use super::run::Load;
use super::scheduler::Scheduler;
use fastrand::Rng;
use scratch::Server;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The time from a stop of the server to its start.
const DOWN: Duration = Duration::from_secs(2);

/// The faults of a run.
#[derive(Debug)]
pub struct Faults {
    /// The schedulers, each a process.
    pub schedulers: usize,
    /// One of them is killed this often, at most.
    pub kill_every: Duration,
    /// The server is stopped this long after the start.
    pub restart_after: Duration,
    /// The end of the run.
    pub until: Duration,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suffered {
    /// Schedulers that were killed, without those at the end.
    pub kills: u64,
    /// From the stop of the server until it accepted connections.
    pub down: Duration,
}

impl Faults {
    /// Runs schedulers, which `command` starts, kills them at random, and restarts the server once.
    pub async fn inject(
        self,
        load: &Arc<Load>,
        server: &Arc<Server>,
        url: &str,
        command: impl Fn() -> Command,
    ) -> Suffered {
        load.clients_claim.store(false, Ordering::Relaxed);
        let started = Instant::now();
        let mut random = Rng::with_seed(1);
        let start = || Scheduler::start(load, &mut command(), url);
        let mut schedulers: Vec<Scheduler> = (0..self.schedulers).map(|_| start()).collect();
        let mut suffered = Suffered::default();
        while started.elapsed() < self.until {
            let pause = self.kill_every.mul_f64(random.f64());
            sleep(pause.min(self.until.saturating_sub(started.elapsed()))).await;
            let victim = random.usize(..schedulers.len());
            schedulers[victim].kill();
            load.ledger.uncertain();
            suffered.kills += 1;
            schedulers[victim] = start();
            if suffered.down.is_zero() && started.elapsed() > self.restart_after {
                // Each process may lose the acknowledgement of a commit; clients note theirs.
                (0..schedulers.len()).for_each(|_| load.ledger.uncertain());
                suffered.down = restart(Arc::clone(server)).await;
            }
        }
        schedulers.iter_mut().for_each(Scheduler::kill);
        (0..schedulers.len()).for_each(|_| load.ledger.uncertain());
        suffered
    }
}

async fn restart(server: Arc<Server>) -> Duration {
    let started = Instant::now();
    let down = spawn_blocking(move || {
        server.stop_at_once().expect("the server stops");
        std::thread::sleep(DOWN);
        server.start_again().expect("the server starts");
    });
    down.await.expect("the server is restarted");
    started.elapsed()
}
