//! What a server and this process used: processor time, WAL, space on disk.

use crate::{connect, texts};
use scratch::Server;
use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// The unit of the times in `/proc`, which Linux fixes for programs, whatever the clock of the kernel (time(7)).
const TICKS_PER_SECOND: u32 = 100;

/// What was used until now, or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of the server, with its processes that ended.
    pub server: Duration,
    /// Processor time of this process.
    pub clients: Duration,
    /// Bytes of WAL that the server wrote.
    pub wal: u64,
    /// Bytes of the database on disk.
    pub disk: u64,
}

impl Usage {
    /// What the server, this process, and a database of the server used until now.
    ///
    /// # Panics
    /// The server does not answer, or its processes are not visible.
    pub async fn now(server: &Server, url: &str) -> Self {
        let db = connect(url).await.expect("a connection");
        let values = texts(
            &db,
            "select unnest(array[pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, \
             pg_database_size(current_database())])::text",
        );
        let values: Vec<u64> = values.await.iter().map(|value| value.parse().expect("a number")).collect();
        let [wal, disk] = values[..] else { panic!("{values:?}") };
        db.close().await.expect("the connection closes");
        let clients = stat("self").expect("this process").own;
        Self { server: processor_time(server), clients, wal, disk }
    }

    /// The part of one of `count`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    pub fn of_one(&self, count: u64) -> String {
        let count = count.max(1) as f64;
        format!(
            "processor {:.2} ms of the server and {:.2} ms of the clients, WAL {:.1} kB, disk {:.1} kB",
            1000.0 * self.server.as_secs_f64() / count,
            1000.0 * self.clients.as_secs_f64() / count,
            self.wal as f64 / 1000.0 / count,
            self.disk as f64 / 1000.0 / count,
        )
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            clients: self.clients.saturating_sub(before.clients),
            wal: self.wal.saturating_sub(before.wal),
            disk: self.disk.saturating_sub(before.disk),
        }
    }
}

/// The processor time of a server: its first process and the children of that, living and ended.
///
/// # Panics
/// The server is not on this machine.
#[must_use]
pub fn processor_time(server: &Server) -> Duration {
    let directory = server.socket_dir().expect("a server of our own");
    let lock = fs::read_to_string(directory.join(format!(".s.PGSQL.{}.lock", server.port())));
    let lock = lock.expect("the lock file of the socket");
    let postmaster: u64 = lock.lines().next().and_then(|pid| pid.parse().ok()).expect("the first process");
    let processes = fs::read_dir("/proc").expect("the processes").filter_map(|entry| {
        // A process may end meanwhile: then its parent has its time.
        let name = entry.ok()?.file_name();
        stat(name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))?)
    });
    processes
        .filter_map(|process| {
            if process.pid == postmaster {
                Some(process.own + process.children)
            } else {
                (process.parent == postmaster).then_some(process.own)
            }
        })
        .sum()
}

struct Process {
    pid: u64,
    parent: u64,
    own: Duration,
    /// Of children that ended.
    children: Duration,
}

/// Reads `/proc/<pid>/stat`, proc(5).
fn stat(process: &str) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program is in parentheses, and may contain anything.
    let (start, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
    let time = |one, other| Some(Duration::from_secs(1) * (field(one)? + field(other)?) / TICKS_PER_SECOND);
    Some(Process {
        pid: start.split(' ').next()?.parse().ok()?,
        parent: field(4)?.into(),
        own: time(14, 15)?,
        children: time(16, 17)?,
    })
}
