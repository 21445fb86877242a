//! A scheduler as a process of its own, which may be killed at any moment.
//!
//! It claims, and writes each claimed call as a line after the claim was committed. Killed in between, it leaves calls that no
//! client continues, and they are requeued.

use super::client::noon;
use super::ledger::{BATCH, Call};
use super::run::Load;
use crate::factory::settings;
use database::{Database, SystemActor, contacts};
use entity::id::{CampaignId, OrganizationId};
use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The variable with the URL of the database; a process that has it is a scheduler.
pub const URL: &str = "LOAD_SCHEDULER_URL";

/// The variable with the campaigns: organization, colon, campaign.
const CAMPAIGNS: &str = "LOAD_SCHEDULER_CAMPAIGNS";

/// The first word of a line about a claimed call.
const CLAIMED: &str = "claimed";

/// The pause if no contact is due.
const IDLE: Duration = Duration::from_millis(50);

/// A scheduler process, killed on drop.
#[derive(Debug)]
pub struct Scheduler {
    child: Child,
    reader: Option<thread::JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the program again as a scheduler, whose claims the clients of `load` continue.
    pub fn start(load: &Arc<Load>, command: &mut Command, url: &str) -> Self {
        let campaigns = load.campaigns.iter();
        let campaigns: Vec<String> =
            campaigns.map(|campaign| format!("{}:{}", campaign.actor.organization, campaign.id)).collect();
        let mut child = command
            .env(URL, url)
            .env(CAMPAIGNS, campaigns.join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the scheduler starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let load = Arc::clone(load);
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let [CLAIMED, organization, id, call_id] = line.split(' ').collect::<Vec<_>>()[..]
                    && let (Ok(organization), Ok(id)) = (organization.parse(), id.parse())
                {
                    load.take(Call::claimed(organization, id, call_id.to_owned()));
                }
            }
        });
        Self { child, reader: Some(reader) }
    }

    /// Ends it by SIGKILL, and waits until its last line is read.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Claims until it is killed, if the environment states that this process is a scheduler.
pub async fn run_if_asked() {
    let (Ok(url), Ok(campaigns)) = (env::var(URL), env::var(CAMPAIGNS)) else { return };
    let campaigns: Vec<(OrganizationId, CampaignId)> = campaigns
        .split(',')
        .filter_map(|pair| pair.split_once(':'))
        .map(|(organization, campaign)| {
            (organization.parse().expect("an id"), campaign.parse().expect("an id"))
        })
        .collect();
    let variables =
        [("DATABASE_URL", url.as_str()), ("DATABASE_POOL_SIZE", "1"), ("DATABASE_MAX_OVERFLOW", "0")];
    // The server may be down when it starts.
    let database = loop {
        match Database::connect(&settings(&variables)).await {
            Ok(database) => break database,
            Err(_) => tokio::time::sleep(IDLE).await,
        }
    };
    loop {
        for (organization, campaign) in &campaigns {
            if claim(&database, *organization, *campaign).await == Some(0) {
                tokio::time::sleep(IDLE).await;
            }
        }
    }
}

/// Claims and reports; `None`: the claim failed.
async fn claim(database: &Database, organization: OrganizationId, campaign: CampaignId) -> Option<usize> {
    let tx = database.customer(SystemActor { organization }).await.ok()?;
    let calls = contacts::claim_due(&tx, campaign, BATCH, noon).await.ok()?;
    tx.commit().await.ok()?;
    // One write, which a pipe does not divide; the line break before it ends what a test harness wrote.
    let lines = calls.iter().fold(String::new(), |lines, call| {
        lines + &format!("\n{CLAIMED} {organization} {} {}\n", call.call_attempt_id, call.call_id)
    });
    io::stdout().write_all(lines.as_bytes()).ok()?;
    io::stdout().flush().ok()?;
    Some(calls.len())
}
