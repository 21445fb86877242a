//! What servers and this process used: processor time, WAL, space on disk.

use crate::{connect, texts};
use std::fs;
use std::ops::{Add, Sub};
use std::time::Duration;

/// The unit of the times in `/proc`, which Linux fixes for programs, whatever the clock of the kernel (time(7)).
const TICKS_PER_SECOND: u32 = 100;

/// What was used until now, or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of the servers, with the processes that ended.
    pub servers: Duration,
    /// Processor time of this process.
    pub clients: Duration,
    /// Bytes of WAL that the servers wrote.
    pub wal: u64,
    /// Bytes of the databases on disk.
    pub disk: u64,
}

impl Usage {
    /// What was used until now, by the databases of these URLs, each on a server of its own on this machine, and as a
    /// superuser.
    ///
    /// # Panics
    /// A server does not answer, or its processes are not visible.
    pub async fn now(urls: &[String]) -> Self {
        let own = stat("self").expect("this process");
        let mut usage = Self { clients: own.own, ..Self::default() };
        for url in urls {
            let db = connect(url).await.expect("a connection");
            let values = texts(
                &db,
                "select unnest(array[split_part(pg_read_file('postmaster.pid'), e'\\n', 1), \
                 pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint::text, \
                 pg_database_size(current_database())::text])",
            );
            let values: Vec<u64> =
                values.await.iter().map(|value| value.parse().expect("a number")).collect();
            let [postmaster, wal, disk] = values[..] else { panic!("{values:?}") };
            usage = usage + Self { servers: processor_time(postmaster), wal, disk, ..Self::default() };
            db.close().await.expect("the connection closes");
        }
        usage
    }

    /// The part of one of `count`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    pub fn of_one(&self, count: u64) -> String {
        let count = count.max(1) as f64;
        format!(
            "processor {:.2} ms of the server and {:.2} ms of the clients, WAL {:.1} kB, disk {:.1} kB",
            1000.0 * self.servers.as_secs_f64() / count,
            1000.0 * self.clients.as_secs_f64() / count,
            self.wal as f64 / 1000.0 / count,
            self.disk as f64 / 1000.0 / count,
        )
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            servers: self.servers + other.servers,
            clients: self.clients + other.clients,
            wal: self.wal + other.wal,
            disk: self.disk + other.disk,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            servers: self.servers.saturating_sub(before.servers),
            clients: self.clients.saturating_sub(before.clients),
            wal: self.wal.saturating_sub(before.wal),
            disk: self.disk.saturating_sub(before.disk),
        }
    }
}

/// The processor time of a postmaster, and of its children, living and ended.
fn processor_time(postmaster: u64) -> Duration {
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
