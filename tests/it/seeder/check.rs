//! The consistency rules: what the services leave keeps all of them, and each of them finds a contradiction.

use ::seeder::generate::{Parameters, Start, generate};
use ::seeder::{CheckReport, Checked, Fixtures, Mode, Rule, Target, check};
use database::call_attempts::{ApplyProviderEvent, CompleteSurvey};
use database::contacts::ClaimedContact;
use database::email_notifications::NewEmailNotification;
use database::events::UnpublishedEvent;
use database::{AppEnv, call_attempts, contacts, email_notifications, events, exclusion_list_entries};
use entity::campaigns;
use entity::enums::{
    CallOutcome, CampaignStatus, ContactState, EmailTemplateType, EventType, ExclusionSource,
};
use entity::id::EmailTemplateId;
use entity::json::CallMetadata;
use sea_orm::prelude::{ChronoTime, ChronoUtc};
use sea_orm::{ConnectionTrait, Set};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;
use tests::engine::{Engine, on_both_engines};
use tests::factory::{T, open, settings};
use tests::process::{Running, binary};
use tests::{SqliteFile, migrated};

/// A change that breaks a rule.
struct Mutation {
    rule: &'static str,
    /// `@name` is the contact of that name.
    sql: &'static str,
    /// The rules that cannot hold without this one.
    also: &'static [&'static str],
}

const fn breaks(rule: &'static str, sql: &'static str) -> Mutation {
    Mutation { rule, sql, also: &[] }
}

/// One for each rule.
const MUTATIONS: &[Mutation] = &[
    breaks("attempts_are_counted", "update contacts set attempts_count = 3 where id = @completed"),
    breaks(
        "attempts_are_numbered_without_gaps",
        "update call_attempts set attempt_number = 2 where contact_id = @retry",
    ),
    breaks(
        "attempts_are_within_the_maximum",
        "alter table campaigns disable trigger audit; update campaigns set max_attempts = 2",
    ),
    breaks("call_matches_contact", "update call_attempts set campaign_id = @other where contact_id = @retry"),
    breaks(
        "call_times_are_in_order",
        "update call_attempts set answered_at = started_at - interval '2 hours' where contact_id = @refused",
    ),
    breaks("calls_are_of_a_started_campaign", "update campaigns set status = 'scheduled'"),
    breaks("calls_have_a_configuration", "delete from provider_configs"),
    breaks(
        "completed_call_has_a_response",
        "update survey_responses \
         set call_attempt_id = (select id from call_attempts where contact_id = @completed and attempt_number = 1) \
         where contact_id = @completed",
    ),
    Mutation {
        rule: "completed_contact_has_a_response",
        sql: "delete from survey_responses where contact_id = @completed",
        also: &["completed_call_has_a_response"],
    },
    breaks(
        "contact_in_progress_has_an_open_call",
        "update call_attempts set outcome = 'busy', ended_at = now() where contact_id = @calling",
    ),
    breaks(
        "conversation_has_an_answer_time",
        "update call_attempts set answered_at = null where contact_id = @refused",
    ),
    breaks("conversation_has_an_end", "update call_attempts set ended_at = null where contact_id = @refused"),
    breaks("conversation_has_an_event", "delete from events where contact_id = @refused"),
    breaks("do_not_call_contact_is_not_called", "update contacts set do_not_call = true where id = @waiting"),
    breaks(
        "email_is_sent_once",
        "insert into email_notifications (organization_id, event_id, contact_id, campaign_id, template_id, to_email) \
         select organization_id, event_id, contact_id, campaign_id, template_id, to_email \
         from email_notifications where contact_id = @refused",
    ),
    breaks(
        "email_matches_event",
        "update email_notifications set contact_id = @waiting where contact_id = @refused",
    ),
    breaks(
        "email_status_has_its_result",
        "update email_notifications set status = 'sent', provider_message_id = null",
    ),
    breaks(
        "erased_contact_has_no_data",
        "update contacts set do_not_call = false where phone_number = 'DELETED'",
    ),
    breaks(
        "event_answers_match_response",
        "update survey_responses set q2_answer = 'other' where contact_id = @completed",
    ),
    breaks(
        "event_follows_its_call",
        "update events set created_at = created_at - interval '30 days' where contact_id = @refused",
    ),
    breaks("event_matches_call", "update events set contact_id = @marked where contact_id = @silent"),
    breaks("event_matches_contact", "update events set campaign_id = @other where contact_id = @silent"),
    breaks(
        "event_payload_matches_call",
        "update events set payload = payload || '{\"attempt_number\": 9}' where contact_id = @silent",
    ),
    breaks(
        "event_type_matches_outcome",
        "update events set event_type = 'survey.completed' where contact_id = @silent",
    ),
    breaks("last_attempt_has_an_event", "delete from events where contact_id = @missed"),
    breaks("last_attempt_time_matches", "update contacts set last_attempt_at = now() where id = @retry"),
    breaks("last_outcome_matches", "update contacts set last_outcome = 'busy' where id = @retry"),
    breaks("missed_call_has_an_end", "update call_attempts set ended_at = null where contact_id = @retry"),
    breaks(
        "no_call_after_exclusion",
        "insert into exclusion_list_entries (organization_id, phone_number, created_at) \
         select organization_id, phone_number, now() - interval '30 days' from contacts where id = @refused",
    ),
    breaks(
        "not_reached_event_follows_the_last_attempt",
        "insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id) \
         select organization_id, 'survey.not_reached', campaign_id, contact_id, id \
         from call_attempts where contact_id = @retry",
    ),
    breaks(
        "one_event_for_a_call",
        "insert into events (organization_id, event_type, campaign_id, contact_id, call_attempt_id) \
         select organization_id, event_type, campaign_id, contact_id, call_attempt_id \
         from events where contact_id = @silent",
    ),
    breaks(
        "open_call_is_in_progress",
        "update call_attempts set outcome = null where contact_id = @completed and attempt_number = 1",
    ),
    breaks("published_event_has_an_email", "delete from email_notifications where contact_id = @refused"),
    breaks(
        "response_follows_its_call",
        "update survey_responses set completed_at = completed_at - interval '30 days' where contact_id = @completed",
    ),
    Mutation {
        rule: "response_matches_call",
        sql: "update survey_responses set campaign_id = @other where contact_id = @completed",
        also: &["completed_contact_has_a_response"],
    },
    breaks(
        "retry_interval_is_kept",
        "update call_attempts \
         set started_at = started_at + interval '90 minutes', ended_at = ended_at + interval '90 minutes' \
         where contact_id = @completed and attempt_number = 1",
    ),
    breaks("state_matches_last_outcome", "update contacts set state = 'pending' where id = @retry"),
];

/// Moves everything that happened into the past, as if that much time had passed.
const AGE: &str = "
    update contacts set created_at = created_at - $1, last_attempt_at = last_attempt_at - $1;
    update call_attempts
        set started_at = started_at - $1, answered_at = answered_at - $1, ended_at = ended_at - $1;
    update survey_responses set completed_at = completed_at - $1;
    update events set created_at = created_at - $1, published_at = published_at - $1;
    update exclusion_list_entries set created_at = created_at - $1";

/// What the services make of contacts that end in every way.
struct World {
    t: T,
    campaign: campaigns::Model,
    templates: HashMap<EventType, EmailTemplateId>,
    database: scratch::Database,
}

impl World {
    async fn new(name: &str) -> Self {
        let database = migrated(name).await;
        let t = T::on(open(&settings(&[("DATABASE_URL", &database.url())])).await).await;
        let config = t.factory.provider_config(&t.organization);
        config.with(|row| row.max_concurrent_calls = Set(100)).await;
        let mut templates = HashMap::new();
        for (event, kind) in [
            (EventType::SurveyCompleted, EmailTemplateType::Completed),
            (EventType::SurveyRefused, EmailTemplateType::Refused),
            (EventType::SurveyNotReached, EmailTemplateType::NotReached),
        ] {
            let template = t.factory.email_template(&t.organization).with(|row| row.r#type = Set(kind)).await;
            templates.insert(event, template.id);
        }
        let campaign = t.factory.campaign(&t.organization).with(|row| {
            row.status = Set(CampaignStatus::Running);
            row.email_completed_template_id = Set(Some(templates[&EventType::SurveyCompleted]));
            row.email_refused_template_id = Set(Some(templates[&EventType::SurveyRefused]));
            row.email_not_reached_template_id = Set(Some(templates[&EventType::SurveyNotReached]));
        });
        let campaign = campaign.await;
        let other = t.factory.campaign(&t.organization).with(|row| {
            row.name = Set("other".to_owned());
            row.status = Set(CampaignStatus::Running);
        });
        other.await;
        Self { t, campaign, templates, database }
    }

    /// Runs what the services run, until contacts of all kinds exist, and checks at every step.
    async fn live(&self) {
        for name in ["completed", "missed", "refused", "silent", "listed", "erased", "erased busy", "marked"]
        {
            self.contact(name).await;
        }
        self.check("before the first call").await;
        let calls = self.claim(7).await;
        self.check("while calls are under way").await;
        self.missed(&calls["completed"], CallOutcome::NoAnswer).await;
        self.missed(&calls["missed"], CallOutcome::Busy).await;
        self.missed(&calls["listed"], CallOutcome::Failed).await;
        self.refuse(&calls["refused"]).await;
        self.check("before the provider reports an end").await;
        self.ended(&calls["refused"]).await;
        self.refuse(&calls["silent"]).await;
        self.ended(&calls["silent"]).await;
        for name in ["erased", "erased busy"] {
            let tx = self.t.customer().await;
            assert!(contacts::erase(&tx, calls[name].contact_id).await.unwrap().is_some());
            tx.commit().await.unwrap();
        }
        self.check("while calls to erased contacts are under way").await;
        self.complete(&calls["erased"]).await;
        self.ended(&calls["erased"]).await;
        self.missed(&calls["erased busy"], CallOutcome::Busy).await;
        let tx = self.t.customer().await;
        let listed = vec![calls["listed"].phone_number.clone()];
        let import =
            exclusion_list_entries::import(&tx, listed, None, ExclusionSource::Import).await.unwrap();
        assert_eq!(import.excluded_contacts, 1);
        tx.commit().await.unwrap();
        self.check("after the first calls").await;

        self.age("2 hours").await;
        self.contact("stalled").await;
        let calls = self.claim(3).await;
        self.missed(&calls["missed"], CallOutcome::NoAnswer).await;
        // The provider's end arrives before the answers.
        self.ended(&calls["completed"]).await;
        self.check("before the dialogue reports").await;
        self.complete(&calls["completed"]).await;
        self.age("2 hours").await;
        let tx = self.t.admin().await;
        assert_eq!(call_attempts::requeue_stalled(&tx, ChronoUtc::now(), 10).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        self.check("after the second calls").await;

        self.contact("retry").await;
        self.contact("calling").await;
        let calls = self.claim(4).await;
        self.missed(&calls["missed"], CallOutcome::Busy).await;
        self.missed(&calls["retry"], CallOutcome::Failed).await;
        self.check("after the last attempt").await;
        self.publish().await;
        self.contact("waiting").await;
        self.age("3 days").await;
        self.check("after days").await;
    }

    /// A contact of this name. A silent or marked one has no address.
    async fn contact(&self, name: &str) {
        let silent = ["marked", "silent"].contains(&name);
        let contact = self.t.factory.contact(&self.campaign).with(|row| {
            row.external_contact_id = Set(Some(name.to_owned()));
            if silent {
                row.email = Set(None);
            }
        });
        if name == "marked" {
            let marked = contact.with(|row| {
                row.do_not_call = Set(true);
                row.state = Set(ContactState::Excluded);
            });
            marked.await;
        } else {
            contact.await;
        }
    }

    /// The calls that are claimed, by the name of the contact.
    async fn claim(&self, expected: usize) -> BTreeMap<String, ClaimedContact> {
        let tx = self.t.customer().await;
        let noon = || ChronoTime::from_hms_opt(12, 0, 0).unwrap();
        let mut calls = BTreeMap::new();
        for call in contacts::claim_due(&tx, self.campaign.id, 100, noon).await.unwrap() {
            let contact = contacts::find(&tx, call.contact_id).await.unwrap().unwrap();
            calls.insert(contact.external_contact_id.unwrap(), call);
        }
        tx.commit().await.unwrap();
        assert_eq!(calls.len(), expected, "{:?}", calls.keys());
        calls
    }

    async fn complete(&self, call: &ClaimedContact) {
        let answers = CompleteSurvey {
            call_attempt_id: call.call_attempt_id,
            q1_answer: Some("9".to_owned()),
            q2_answer: Some("Nothing.".to_owned()),
            q3_answer: None,
            q1_confidence: None,
            q2_confidence: None,
            q3_confidence: None,
        };
        let tx = self.t.customer().await;
        assert!(call_attempts::complete_survey(&tx, answers).await.unwrap().is_some());
        tx.commit().await.unwrap();
    }

    async fn refuse(&self, call: &ClaimedContact) {
        let tx = self.t.customer().await;
        assert!(call_attempts::refuse_survey(&tx, call.call_attempt_id).await.unwrap().is_some());
        tx.commit().await.unwrap();
    }

    async fn ended(&self, call: &ClaimedContact) {
        self.report(call, None).await;
    }

    async fn missed(&self, call: &ClaimedContact, outcome: CallOutcome) {
        self.report(call, Some(outcome)).await;
    }

    /// The provider's last event of a call.
    async fn report(&self, call: &ClaimedContact, outcome: Option<CallOutcome>) {
        let event = ApplyProviderEvent {
            call_id: Some(call.call_id.clone()),
            provider_call_id: None,
            status: "ended".to_owned(),
            answered_at: None,
            ended_at: Some(ChronoUtc::now()),
            outcome,
            error_code: None,
            metadata: CallMetadata::default(),
        };
        let tx = self.t.customer().await;
        assert!(call_attempts::apply_provider_event(&tx, event).await.unwrap().unwrap().applied);
        tx.commit().await.unwrap();
    }

    /// Publishes all events, and creates their e-mails: of three, one is sent, one fails, one waits.
    async fn publish(&self) {
        let tx = self.t.customer().await;
        let mut emails = Vec::new();
        let published = events::publish(&tx, 100, async |events: Vec<UnpublishedEvent>| {
            for event in &events {
                let template_id = self.templates[&event.event_type];
                let contact = contacts::find(&tx, event.contact_id).await.unwrap().unwrap();
                if let Some(to_email) = contact.email {
                    let email = NewEmailNotification { event_id: event.id, template_id, to_email };
                    emails.extend(email_notifications::create_once(&tx, email).await.unwrap());
                }
            }
            events.iter().map(|event| event.id).collect()
        });
        assert_eq!(published.await.unwrap(), 5, "completed, erased, missed, refused, silent");
        let [first, second, _waiting] = &emails[..] else { panic!("{emails:?}") };
        email_notifications::mark_sent(&tx, first.id, "message".to_owned()).await.unwrap();
        email_notifications::mark_failed(&tx, second.id, "no such box".to_owned()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn age(&self, interval: &str) {
        self.run(&AGE.replace("$1", &format!("interval '{interval}'"))).await;
    }

    async fn run(&self, sql: &str) {
        let tx = self.t.admin().await;
        tx.execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Asserts that no rule is violated.
    async fn check(&self, when: &str) {
        let report = check(&self.t.admin().await, ChronoUtc::now()).await.unwrap();
        assert!(report.is_consistent(), "{when}\n{report}");
    }

    /// What is found after a change, which is rolled back.
    async fn after(&self, sql: &str) -> CheckReport {
        let mut sql = sql.replace("@other", "(select id from campaigns where name = 'other')");
        for name in ["completed", "missed", "refused", "silent", "retry", "calling", "waiting", "marked"] {
            let contact = format!("(select id from contacts where external_contact_id = '{name}')");
            sql = sql.replace(&format!("@{name}"), &contact);
        }
        let tx = self.t.admin().await;
        tx.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let report = check(&tx, ChronoUtc::now()).await.unwrap();
        tx.rollback().await.unwrap();
        report
    }
}

#[tokio::test]
async fn what_the_services_leave_is_consistent_and_every_rule_finds_what_breaks_it() {
    let world = World::new("check").await;
    world.live().await;
    let rules: Vec<&str> = Rule::all().map(|rule| rule.name).collect();
    let mutated: Vec<&str> = MUTATIONS.iter().map(|mutation| mutation.rule).collect();
    assert_eq!(mutated, rules, "one mutation for each rule, in the same order");
    for Mutation { rule, sql, also } in MUTATIONS {
        let report = world.after(sql).await;
        let expected: BTreeSet<&str> = also.iter().copied().chain([*rule]).collect();
        assert_eq!(report.violated().collect::<BTreeSet<_>>(), expected, "{sql}\n{report}");
    }
    world.check("after all mutations were rolled back").await;
}

/// What an operator does, which explains a contradiction.
#[tokio::test]
async fn a_changed_campaign_and_a_retention_run_are_no_violations() {
    let world = World::new("explained").await;
    world.live().await;
    for sql in [
        "update campaigns set max_attempts = 1",
        "update campaigns set max_attempts = 5, retry_interval_minutes = 1000",
        "update campaigns set email_refused_template_id = email_completed_template_id; \
         delete from email_notifications",
        "update campaigns set deleted_at = now(); delete from email_notifications",
        "update organizations set deleted_at = now(); delete from email_notifications",
        "insert into retention_runs (until_done, deleted_days, email_days, event_days) values (true, 30, 1, 1); \
         delete from email_notifications; delete from events",
    ] {
        let report = world.after(sql).await;
        assert!(report.is_consistent(), "{sql}\n{report}");
    }
    let report = world
        .after(
            "insert into retention_runs (until_done, deleted_days, email_days, event_days) values (true, 30, 9, 9); \
             delete from email_notifications; delete from events",
        )
        .await;
    let lost = ["conversation_has_an_event", "last_attempt_has_an_event"];
    assert_eq!(report.violated().collect::<Vec<_>>(), lost, "the run kept what is younger\n{report}");
}

#[tokio::test]
async fn the_command_exits_with_1_and_names_the_rows_without_personal_data() {
    let world = World::new("command").await;
    world.live().await;
    let generate_check = || {
        let directory = TempDir::new().unwrap();
        let mut command = binary("seeder", directory.path());
        // Also in production, where nothing else of this program is permitted.
        command
            .args(["generate", "--check"])
            .envs([("DATABASE_URL", world.database.url()), ("APP_ENV", "production".into())]);
        Running::start(&mut command, "generate --check").wait()
    };
    let consistent = generate_check();
    let rules = Rule::all().count();
    assert!(
        consistent.succeeds().stdout.ends_with(&format!("\nconsistent: {rules} rules hold\n")),
        "{consistent}"
    );
    let contact = "update contacts set last_outcome = 'busy' where external_contact_id = 'retry'";
    world.run(contact).await;
    let inconsistent = generate_check();
    assert_eq!(inconsistent.code, Some(1), "{inconsistent}");
    let tx = world.t.customer().await;
    let contacts = contacts::list_by_campaign(&tx, world.campaign.id, None, None, 100).await.unwrap().items;
    let retry =
        contacts.iter().find(|contact| contact.external_contact_id.as_deref() == Some("retry")).unwrap();
    let line = format!("\n  {}  last_outcome busy, call attempt failed\n", retry.id);
    assert!(inconsistent.stdout.contains(&line), "{inconsistent}");
    assert!(inconsistent.stdout.ends_with(&format!("\n1 of {rules} rules are violated\n")), "{inconsistent}");
    for contact in &contacts {
        assert!(!inconsistent.stdout.contains(&contact.phone_number), "{inconsistent}");
        assert!(
            contact.email.as_ref().is_none_or(|email| !inconsistent.stdout.contains(email)),
            "{inconsistent}"
        );
    }
}

on_both_engines!(migrated: what_is_generated_is_consistent);

async fn what_is_generated_is_consistent(Engine { url, .. }: &Engine) {
    let parameters = Parameters {
        organizations: 3,
        contacts: 6_000,
        campaigns: 8,
        history: 60,
        seed: 7,
        until: ChronoUtc::now(),
    };
    let target = Target::resolve(Some(url), Some(AppEnv::Test)).unwrap();
    generate(&target, &parameters, Start::Empty, 2, &AtomicBool::new(false)).await.unwrap();
    let database = open(&settings(&[("DATABASE_URL", url)])).await;
    let report = check(&database.admin().await.unwrap(), ChronoUtc::now()).await.unwrap();
    assert!(report.is_consistent(), "{report}");
}

#[tokio::test]
async fn a_login_from_which_rows_are_hidden_does_not_check() {
    let t = T::new().await;
    let tx = t.admin().await;
    tx.execute_unprepared("set local role customer").await.unwrap();
    let error = check(&tx, ChronoUtc::now()).await.unwrap_err().to_string();
    assert!(error.contains("Row Level Security hides rows"), "{error}");
}

#[tokio::test]
async fn sqlite_checks_all_rules_but_those_that_state_why_not() {
    let file = SqliteFile::migrated().await;
    let database = open(&settings(&[("DATABASE_URL", &file.url())])).await;
    Fixtures::built_in().unwrap().load(&database, Mode::Commit).await.unwrap();
    let report = check(&database.admin().await.unwrap(), ChronoUtc::now()).await.unwrap();
    assert!(report.is_consistent(), "{report}");
    let skipped: Vec<&str> = report
        .rules
        .iter()
        .filter(|(_, checked)| matches!(checked, Checked::Skipped(_)))
        .map(|(rule, _)| rule.name)
        .collect();
    assert_eq!(skipped, ["call_times_are_in_order", "no_call_after_exclusion", "retry_interval_is_kept"]);
    let tx = database.admin().await.unwrap();
    tx.execute_unprepared("update contacts set attempts_count = 1").await.unwrap();
    let report = check(&tx, ChronoUtc::now()).await.unwrap();
    assert_eq!(report.violated().collect::<Vec<_>>(), ["attempts_are_counted", "state_matches_last_outcome"]);
}

#[test]
fn the_documents_list_every_rule_with_its_sentence() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/consistency.md")).unwrap();
    let listed: Vec<&str> = text.lines().filter(|line| line.starts_with("| [`")).collect();
    let rules: Vec<String> = Rule::all()
        .map(|Rule { name, requires, postgres_only, .. }| {
            let engine =
                postgres_only.map(|reason| format!(" PostgreSQL only: {reason}")).unwrap_or_default();
            format!("| [`{name}`](../seeder/src/check/rules/{name}.sql) | {requires}{engine} |")
        })
        .collect();
    assert_eq!(listed, rules, "docs/consistency.md has to contain these lines:\n{}", rules.join("\n"));
}
