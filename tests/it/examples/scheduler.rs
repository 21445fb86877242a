//! Schedulers as processes, two on one database: what they have done is asked of the database, and not of them.

use entity::campaigns;
use entity::enums::{CampaignStatus, ContactLanguage};
use sea_orm::prelude::ChronoTime;
use sea_orm::{DatabaseConnection, Set};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tests::factory::{T, open, settings};
use tests::process::{Running, binary};
use tests::{connect, migrated, run, texts};

/// Only against hanging: on a machine that has much else to do, two minutes are not enough.
const LONGEST: Duration = Duration::from_mins(10);

const RUNNING: CampaignStatus = CampaignStatus::Running;

/// What the organization may have under way.
const MOST: i64 = 50;

/// Writes down when each call begins and ends to count, and whose claim it was.
///
/// The columns of `call_attempts` do not show it: `now()` is the beginning of the transaction, so that one that waited for
/// the lock would seem to have called meanwhile. Here a call begins after the claim has seen what was under way, and
/// ends before the commit that frees its place. So there are never more at once than the claims have counted, and
/// never fewer than are really on the telephone, which begin after the one commit and end before the other.
const WATCH: &str = "
    create table watched (
        attempt uuid, contact uuid, organization uuid, change bigint,
        process text default current_setting('application_name'),
        asked_at timestamptz default statement_timestamp(),
        at timestamptz default clock_timestamp()
    );
    create table closed (since timestamptz, until timestamptz);
    create function watch() returns trigger language plpgsql security definer as $$
    begin
        if tg_op = 'INSERT' then
            insert into watched values (new.id, new.contact_id, new.organization_id, 1);
        elsif old.outcome is null and old.ended_at is null and (new.outcome is not null or new.ended_at is not null) then
            insert into watched values (new.id, new.contact_id, new.organization_id, -1);
        end if;
        return null;
    end $$;
    create trigger watch after insert or update on call_attempts for each row execute function watch();";

/// An organization that may have [`MOST`] calls at once, on a database of its own that is watched.
struct Scene {
    db: DatabaseConnection,
    directory: TempDir,
    next_number: u64,
    t: T,
    url: String,
    _database: scratch::Database,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let database = migrated(name).await;
        let url = database.url();
        let t = T::on(open(&settings(&[("DATABASE_URL", &url)])).await).await;
        t.factory.provider_config(&t.organization).with(|row| row.max_concurrent_calls = Set(MOST)).await;
        let db = connect(&url).await.unwrap();
        run(&db, WATCH).await.unwrap();
        let directory = TempDir::new().unwrap();
        Self { db, directory, next_number: 100_000_000, t, url, _database: database }
    }

    /// Starts one with ten tasks, on whose clock it is noon.
    fn start(&self, process: &str, arguments: &str) -> Running {
        let mut command = scheduler(self.directory.path(), &self.url, process);
        command.args(["--tasks=10", "--interval=1", "--longest-call=0.1"]);
        command.arg(format!("--utc-offset={}", until_noon())).args(arguments.split_whitespace());
        Running::start(&mut command, arguments)
    }

    /// Contacts of a campaign, all with this label.
    async fn contacts(&mut self, campaign: &campaigns::Model, label: &str, count: usize) {
        let first = self.next_number;
        self.next_number += count as u64;
        let rows = database::contacts::CreateMany {
            campaign_id: campaign.id,
            external_contact_ids: vec![label.to_owned(); count],
            phone_numbers: (first..self.next_number).map(|number| format!("+39{number}")).collect(),
            emails: vec![String::new(); count],
            preferred_languages: vec![ContactLanguage::Auto; count],
            have_prior_consent: vec![true; count],
            do_not_call: vec![false; count],
        };
        let tx = self.t.admin().await;
        assert_eq!(database::contacts::create_many(&tx, rows).await.unwrap(), []);
        tx.commit().await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        texts(&self.db, &format!("select ({sql})::text")).await[0].parse().unwrap()
    }

    /// Asserts that there is no such row; `sql` selects the column to show.
    async fn none(&self, sql: &str) {
        let mut found = texts(&self.db, sql).await;
        // A few are enough to go on with.
        found.truncate(5);
        assert_eq!(found, [""; 0], "{sql}");
    }

    /// Changes the contacts to what their labels state. What the neighbour calls is excluded as well, which is nothing to it.
    async fn keep_from_being_called(&self, neighbour: &T) {
        // Not by `import`, which also marks the contacts: the claim has to find those that are listed later.
        let exclude = format!(
            "insert into exclusion_list_entries (organization_id, phone_number, source) \
             select '{}', phone_number, 'import' from contacts \
             where external_contact_id = 'excluded' or organization_id = '{}'",
            self.t.organization.id.as_uuid(),
            neighbour.organization.id.as_uuid()
        );
        run(&self.db, &exclude).await.unwrap();
        for sql in [
            "update contacts set do_not_call = true where external_contact_id = 'do not call'",
            "update contacts set state = 'not_reached', attempts_count = 3, last_attempt_at = '2025-01-01' \
             where external_contact_id = 'exhausted'",
            "update contacts set state = 'not_reached', attempts_count = 1, last_attempt_at = now() \
             where external_contact_id = 'too early'",
        ] {
            run(&self.db, sql).await.unwrap();
        }
    }

    /// Closes the window of a campaign. A claim that is asked for after `since` has to know of it, also if its task
    /// listed the campaign before.
    async fn close(&self, campaign: &campaigns::Model) {
        let update = hours(campaign, "11:00");
        let since = "insert into closed values (clock_timestamp())";
        run(&self.db, &format!("do $$ begin {update}; commit; {since}; end $$")).await.unwrap();
    }

    /// Opens it again.
    async fn open(&self, campaign: &campaigns::Model) {
        let until = "update closed set until = clock_timestamp() where until is null";
        let update = hours(campaign, "20:00");
        run(&self.db, &format!("do $$ begin {until}; commit; {update}; end $$")).await.unwrap();
    }

    /// Waits for this number.
    async fn until(&self, sql: &str, reached: impl Fn(i64) -> bool) {
        let deadline = Instant::now() + LONGEST;
        while !reached(self.number(sql).await) {
            assert!(Instant::now() < deadline, "{sql}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The most calls that an organization ever had at once.
    async fn most_at_once(&self, t: &T) -> i64 {
        let sql = "select max(running) from ( \
                       select sum(change) over (order by at, change) as running from watched";
        self.number(&format!("{sql} where organization = '{}') as moments", t.organization.id.as_uuid()))
            .await
    }

    /// What holds whenever all schedulers have ended: no call is left open, and no contact was called twice at once.
    async fn is_tidy(&self) {
        self.none("select id::text from call_attempts where outcome is null or ended_at is null").await;
        self.none(
            "select contact::text from ( \
                 select contact, sum(change) over (partition by contact order by at, change) as running from watched \
             ) as moments where running > 1",
        )
        .await;
        // What a contact is, its last call and what came of it agree.
        self.none(
            "select contacts.id::text from contacts \
             join call_attempts as last on last.contact_id = contacts.id and attempt_number = attempts_count \
             where contacts.last_outcome is distinct from last.outcome \
                 or contacts.state::text is distinct from case \
                     when last.outcome in ('completed', 'refused') then last.outcome::text else 'not_reached' end \
                 or (contacts.state = 'completed') <> exists ( \
                     select from survey_responses as given where given.call_attempt_id = last.id) \
                 or (contacts.state in ('completed', 'refused')) <> exists ( \
                     select from events where events.call_attempt_id = last.id)",
        )
        .await;
    }
}

#[tokio::test]
async fn two_schedulers_call_each_due_contact_once_and_no_other() {
    const CLOSINGS: i64 = 5;
    let mut scene = Scene::new("schedulers").await;
    let organization = scene.t.organization.id;
    let due = [campaign(&scene.t, RUNNING, (9, 20)).await, campaign(&scene.t, RUNNING, (9, 20)).await];
    for campaign in &due {
        for label in ["excluded", "do not call", "exhausted", "too early"] {
            scene.contacts(campaign, label, 25).await;
        }
        scene.contacts(campaign, "due", 5_000).await;
    }
    let closing = campaign(&scene.t, RUNNING, (9, 20)).await;
    scene.contacts(&closing, "closing", 3_000).await;
    for (status, window) in [(CampaignStatus::Paused, (9, 20)), (RUNNING, (9, 11)), (RUNNING, (14, 20))] {
        let campaign = campaign(&scene.t, status, window).await;
        scene.contacts(&campaign, "closed", 50).await;
    }
    let unconfigured = scene.t.neighbour().await;
    scene.contacts(&campaign(&unconfigured, RUNNING, (9, 20)).await, "cannot call", 50).await;
    let neighbour = scene.t.neighbour().await;
    let configured = neighbour.factory.provider_config(&neighbour.organization);
    configured.with(|row| row.max_concurrent_calls = Set(3)).await;
    scene.contacts(&campaign(&neighbour, RUNNING, (9, 20)).await, "due", 100).await;
    scene.keep_from_being_called(&neighbour).await;

    let mut schedulers = ["one", "other"].map(|process| scene.start(process, "--until-done"));
    let under_way = format!(
        "select count(*) from call_attempts \
         where outcome is null and ended_at is null and organization_id = '{}'",
        organization.as_uuid()
    );
    let called = |label| {
        format!(
            "select count(*) from watched join contacts on contacts.id = contact \
                 where change = 1 and external_contact_id = '{label}'"
        )
    };
    let deadline = Instant::now() + LONGEST;
    let mut closings = 0;
    while !schedulers.iter_mut().all(Running::has_exited) {
        assert!(Instant::now() < deadline, "they do not end");
        assert!(scene.number(&under_way).await <= MOST);
        if closings < CLOSINGS && scene.number(&called("closing")).await > 50 * closings {
            closings += 1;
            scene.close(&closing).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            if closings < CLOSINGS {
                scene.open(&closing).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for scheduler in schedulers {
        scheduler.wait().succeeds();
    }

    let calls = scene.number("select count(*) / 2 from watched").await;
    let seconds = scene.number("select ceil(extract(epoch from max(at) - min(at))) from watched").await;
    println!("{calls} calls in {seconds} s");
    scene.is_tidy().await;
    assert_eq!(scene.number(&called("due")).await, 10_100);
    scene
        .none(
            "select contacts.id::text from contacts where external_contact_id = 'due' and 1 <> ( \
                 select count(*) from call_attempts where contact_id = contacts.id and outcome is not null)",
        )
        .await;
    scene
        .none(
            "select distinct external_contact_id from contacts where external_contact_id not in ('due', 'closing') \
                 and exists (select from call_attempts where contact_id = contacts.id)",
        )
        .await;
    assert_eq!(closings, CLOSINGS, "the window closed while they worked");
    scene
        .none(
            "select attempt::text from watched join contacts on contacts.id = contact \
             join closed on asked_at > since and asked_at < coalesce(until, 'infinity') \
             where change = 1 and external_contact_id = 'closing'",
        )
        .await;
    assert!(scene.number(&called("closing")).await < 3_000, "the window closed too late to matter");
    assert_eq!(scene.most_at_once(&scene.t).await, MOST, "as many as allowed, and not one more");
    assert_eq!(scene.most_at_once(&neighbour).await, 3);
    for process in ["one", "other"] {
        let claims = format!("select count(*) from watched where change = 1 and process = '{process}'");
        assert!(scene.number(&claims).await > 100, "{process} had nothing to do");
    }
}

#[tokio::test]
async fn schedulers_that_are_killed_lose_nothing() {
    const CONTACTS: usize = 1_500;
    const KILLS: usize = 4;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut scene = Scene::new("killed_schedulers").await;
    let campaign = scene
        .t
        .factory
        .campaign(&scene.t.organization)
        .with(|row| {
            row.status = Set(RUNNING);
            (row.max_attempts, row.retry_interval_minutes) = (Set(5), Set(1));
        })
        .await;
    scene.contacts(&campaign, "due", CONTACTS).await;
    let arguments = "--answered=100 --stalled-after=5";
    let survivor = scene.start("survivor", arguments);
    let mut left = Vec::new();
    for kill in 0..KILLS {
        let process = format!("victim {kill}");
        let mut victim = scene.start(&process, arguments);
        let claims = format!("select count(*) from watched where change = 1 and process = '{process}'");
        scene.until(&claims, |claims| claims > 0).await;
        tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
        victim.kill();
        // The server may still do what it was told last.
        let sessions = format!("select count(*) from pg_stat_activity where application_name = '{process}'");
        scene.until(&sessions, |sessions| sessions == 0).await;
        let sql = "select call_attempts.id::text from call_attempts join watched on attempt = call_attempts.id \
                   where change = 1 and outcome is null and process";
        left.extend(texts(&scene.db, &format!("{sql} = '{process}'")).await);
    }
    println!("{KILLS} kills left {} calls without an outcome", left.len());
    assert!(!left.is_empty(), "no kill hit a scheduler that was calling");

    // The retry interval is a minute at least, which is too long for a test.
    let hour = "update contacts set last_attempt_at = last_attempt_at - interval '1 hour' \
                where state = 'not_reached' and last_attempt_at > now() - interval '1 minute'";
    let open = "select count(*) from contacts where state not in ('completed', 'refused')";
    let deadline = Instant::now() + LONGEST;
    while scene.number(open).await > 0 {
        assert!(Instant::now() < deadline, "{} contacts are lost", scene.number(open).await);
        run(&scene.db, hour).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let terminated = Command::new("kill").arg(survivor.id().to_string()).status().unwrap();
    assert!(terminated.success());
    survivor.wait().succeeds();

    scene.is_tidy().await;
    assert!(scene.most_at_once(&scene.t).await <= MOST);
    scene
        .none(
            "select contacts.id::text from contacts where 1 <> ( \
                 select count(*) from call_attempts \
                 where contact_id = contacts.id and outcome in ('completed', 'refused'))",
        )
        .await;
    scene
        .none(
            "select id::text from call_attempts where outcome not in ('completed', 'refused') \
                 and (outcome, error_code) is distinct from ('failed', 'never_ended')",
        )
        .await;
    let given_up =
        texts(&scene.db, "select id::text from call_attempts where error_code = 'never_ended'").await;
    assert!(left.iter().all(|id| given_up.contains(id)), "what was left was given up");
}

fn scheduler(directory: &Path, url: &str, process: &str) -> Command {
    let mut command = binary("scheduler-tokio", directory);
    command.stdin(Stdio::null()).envs([
        ("APP_ENV", "test"),
        ("DATABASE_APPLICATION_NAME", process),
        ("DATABASE_MAX_OVERFLOW", "0"),
        ("DATABASE_PRE_PING", "false"),
        ("DATABASE_URL", url),
        ("RUST_LOG", "warn"),
    ]);
    command
}

fn hours(campaign: &campaigns::Model, end: &str) -> String {
    let id = campaign.id.as_uuid();
    format!("update campaigns set allowed_call_end_local = '{end}' where id = '{id}'")
}

/// A campaign that may call from the one hour to the other.
async fn campaign(t: &T, status: CampaignStatus, window: (u32, u32)) -> campaigns::Model {
    let hour = |hour| Set(ChronoTime::from_hms_opt(hour, 0, 0).unwrap());
    let campaign = t.factory.campaign(&t.organization).with(|row| {
        row.status = Set(status);
        (row.allowed_call_start_local, row.allowed_call_end_local) = (hour(window.0), hour(window.1));
    });
    campaign.await
}

/// The time zone in which it is noon, to the minute.
fn until_noon() -> String {
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60 % (24 * 60);
    let (sign, minutes) = if minutes > 12 * 60 { ('-', minutes - 12 * 60) } else { ('+', 12 * 60 - minutes) };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
