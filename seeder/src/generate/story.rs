//! What happened to the contacts of a chunk: their calls, answers, events, e-mails and transcripts.
//!
//! A contact's history follows the rules of the queries in `database/queries/`: what a claim, an event of the provider, a
//! completed or a refused survey, and a sweep of the exclusion list write.

use entity::{
    call_attempts, contacts, email_notifications,
    enums::{CallOutcome, ContactLanguage, ContactState, EmailStatus, EventType, LanguageCode},
    events,
    id::{
        CallAttemptId, ContactId, EmailNotificationId, EmailTemplateId, EventId, SurveyResponseId,
        TranscriptSnippetId,
    },
    json::{Answer, CallMetadata, EventPayload},
    survey_responses, transcript_snippets,
};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};

use super::{
    calendar::{DAY, HOUR, MINUTE, SECOND, is_calling, next_calling, time},
    plan::{Calls, Campaign, Chunk, Organization, Plan},
    random::{Stream, Use, scale},
    words::{Words, plain},
};

/// Domains that are reserved for examples, by RFC 2606.
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// The time before the end of the history of which the event bus and the e-mail worker have not processed everything.
const BACKLOG: i64 = 2 * HOUR;

/// The rows of a chunk, each table in the order of its ids.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) contacts: Vec<contacts::Model>,
    pub(super) call_attempts: Vec<call_attempts::Model>,
    pub(super) survey_responses: Vec<survey_responses::Model>,
    pub(super) events: Vec<events::Model>,
    pub(super) email_notifications: Vec<email_notifications::Model>,
    pub(super) transcript_snippets: Vec<transcript_snippets::Model>,
}

/// The id of a chunk's first contact, by which a later run finds the chunk.
pub(super) fn first_contact(plan: &Plan, chunk: Chunk) -> ContactId {
    let (_, campaign) = plan.parents(chunk);
    let mut stream = plan.key.stream(Use::Chunk, chunk.number);
    ContactId::from_uuid(stream.uuid(campaign.imported_at(chunk.contacts.0)))
}

impl Story {
    /// The rows of a chunk.
    pub(super) fn of(plan: &Plan, chunk: Chunk) -> Self {
        let (organization, campaign) = plan.parents(chunk);
        let stream = plan.key.stream(Use::Chunk, chunk.number);
        let mut teller = Teller { plan, organization, campaign, stream, story: Self::default() };
        for contact in chunk.contacts.0..chunk.contacts.1 {
            teller.contact(contact);
        }
        let mut story = teller.story;
        story.call_attempts.sort_unstable_by_key(|row| row.id);
        story.survey_responses.sort_unstable_by_key(|row| row.id);
        story.events.sort_unstable_by_key(|row| row.id);
        story.email_notifications.sort_unstable_by_key(|row| row.id);
        story.transcript_snippets.sort_unstable_by_key(|row| row.id);
        story
    }
}

/// Writes the stories of one campaign.
struct Teller<'a> {
    plan: &'a Plan,
    organization: &'a Organization,
    campaign: &'a Campaign,
    stream: Stream,
    story: Story,
}

/// A call that has ended.
struct Ended {
    id: CallAttemptId,
    number: i64,
    outcome: CallOutcome,
    /// When the outcome was recorded.
    at: i64,
}

impl Teller<'_> {
    fn contact(&mut self, place: i64) {
        let Self { plan, organization, campaign, .. } = *self;
        let created_at = campaign.imported_at(place);
        // The first use of the stream: `first_contact` relies on it.
        let id = ContactId::from_uuid(self.stream.uuid(created_at));
        let person = campaign.person(&organization.people, place);
        let identity = organization.people.identity(&plan.key, person);
        let excluded_at = organization.people.excluded(&plan.key, person).map(|(at, _)| at);
        let preferred_language = match (scale(identity.rotate_left(8), 100), campaign.row.language) {
            (0..60, _) => ContactLanguage::Auto,
            (60..93, LanguageCode::En) | (93.., LanguageCode::It) => ContactLanguage::En,
            _ => ContactLanguage::It,
        };
        let do_not_call = self.stream.happens(20);
        let mut contact = contacts::Model {
            id,
            organization_id: organization.row.id,
            campaign_id: campaign.row.id,
            external_contact_id: self.stream.happens(900).then(|| format!("CRM-{person:07}")),
            phone_number: organization.people.number(person),
            email: (scale(identity.rotate_left(16), 100) < 85).then(|| address(identity, person)),
            preferred_language,
            has_prior_consent: self.stream.happens(700),
            do_not_call,
            state: ContactState::Pending,
            attempts_count: 0,
            last_attempt_at: None,
            last_outcome: None,
            created_at: time(created_at),
            updated_at: time(created_at),
        };
        if do_not_call || excluded_at.is_some_and(|at| at <= created_at) {
            contact.state = ContactState::Excluded;
        } else {
            if let Some(calls) = &campaign.calls {
                self.call(&mut contact, calls, place, excluded_at);
            }
            let waits = matches!(contact.state, ContactState::Pending | ContactState::NotReached)
                && contact.attempts_count < campaign.row.max_attempts;
            if let Some(at) = excluded_at.filter(|_| waits) {
                contact.state = ContactState::Excluded;
                contact.updated_at = contact.updated_at.max(time(at));
            }
        }
        self.story.contacts.push(contact);
    }

    /// The calls to a contact until it is reached, or the end.
    fn call(&mut self, contact: &mut contacts::Model, calls: &Calls, place: i64, excluded_at: Option<i64>) {
        let Self { plan, campaign, .. } = *self;
        let last = excluded_at.map_or(calls.end, |at| at.min(calls.end));
        let (first_under_way, first_uncalled) = calls.under_way;
        if (first_under_way..first_uncalled).contains(&place) {
            if excluded_at.is_none() {
                self.under_way(contact, calls.end - (2 + (first_uncalled - place) * 8) * SECOND);
            }
            return;
        }
        let mut started_at = campaign.first_call(&plan.key, calls, place);
        for number in 1..=campaign.row.max_attempts {
            let Some(ended) = self.attempt(contact, number, started_at, last) else { return };
            contact.attempts_count = number;
            contact.last_attempt_at = Some(time(started_at));
            contact.last_outcome = Some(ended.outcome);
            contact.updated_at = time(ended.at);
            contact.state = match ended.outcome {
                CallOutcome::Completed => ContactState::Completed,
                CallOutcome::Refused => ContactState::Refused,
                CallOutcome::NoAnswer | CallOutcome::Busy | CallOutcome::Failed => ContactState::NotReached,
            };
            match contact.state {
                ContactState::Completed => {
                    let answers = self.answers(contact, &ended);
                    self.event(contact, &ended, EventType::SurveyCompleted, Some(answers));
                    return;
                }
                ContactState::Refused => {
                    self.event(contact, &ended, EventType::SurveyRefused, None);
                    return;
                }
                _ if number == campaign.row.max_attempts => {
                    self.event(contact, &ended, EventType::SurveyNotReached, None);
                }
                _ => started_at = self.retry(calls, started_at, ended.at),
            }
        }
    }

    /// The time of the call after one that did not reach the contact.
    fn retry(&mut self, calls: &Calls, started_at: i64, ended_at: i64) -> i64 {
        let least = started_at.max(ended_at) + self.campaign.row.retry_interval_minutes * MINUTE;
        if self.stream.happens(250) {
            let same_day = least + self.stream.below(2 * HOUR);
            if calls.schedule.contains(same_day) {
                return same_day;
            }
        }
        let mut day = next_calling(started_at.div_euclid(DAY) + 1);
        loop {
            let at = calls.schedule.at(day, self.stream.below(1 << 32));
            if at >= least && is_calling(day) {
                return at;
            }
            day += 1;
        }
    }

    /// A call; `None`: it would not have ended by `last`, so it was not made.
    fn attempt(
        &mut self,
        contact: &contacts::Model,
        number: i64,
        started_at: i64,
        last: i64,
    ) -> Option<Ended> {
        let shares = match (contact.has_prior_consent, number) {
            (true, 1) => [330, 60, 380, 110, 120],
            (true, _) => [260, 50, 450, 120, 120],
            (false, 1) => [220, 150, 400, 110, 120],
            (false, _) => [170, 110, 470, 120, 130],
        };
        let [completed, refused, no_answer, busy, failed] = shares;
        let outcome = self.stream.weighted(&[
            (CallOutcome::Completed, completed),
            (CallOutcome::Refused, refused),
            (CallOutcome::NoAnswer, no_answer),
            (CallOutcome::Busy, busy),
            (CallOutcome::Failed, failed),
        ]);
        let stream = &mut self.stream;
        let millis =
            |stream: &mut Stream, least: i64, most: i64| stream.between(least * 1000, most * 1000) * 1000;
        let id = CallAttemptId::from_uuid(stream.uuid(started_at));
        let rings = millis(stream, 3, 25);
        let (talks, status) = match outcome {
            CallOutcome::Completed => (Some(millis(stream, 70, 260)), "completed"),
            CallOutcome::Refused => (Some(millis(stream, 9, 45)), "completed"),
            CallOutcome::NoAnswer => (None, "no-answer"),
            CallOutcome::Busy => (None, "busy"),
            CallOutcome::Failed => (None, "failed"),
        };
        let answered_at = talks.map(|_| started_at + rings);
        let mut ended_at = started_at + rings + talks.unwrap_or_default();
        let mut error_code = None;
        let mut provider_raw_status = Some(status);
        match outcome {
            CallOutcome::NoAnswer => ended_at = started_at + 30 * SECOND,
            // The scheduler crashed, and the attempt was requeued.
            CallOutcome::Failed if stream.happens(50) => {
                ended_at = started_at + millis(stream, 600, 660);
                error_code = Some("never_ended");
                provider_raw_status = None;
            }
            CallOutcome::Failed => error_code = Some(stream.pick(&["13224", "21215", "31005", "32009"])),
            _ => {}
        }
        if ended_at > last {
            return None;
        }
        // The dialogue records the outcome before the goodbye.
        let at = match talks {
            Some(talks) => ended_at - (talks / 10).min(4 * SECOND),
            None => ended_at,
        };
        let expired = self.plan.until - self.organization.config.recording_retention_days * DAY;
        let provider_call_id = format!("CA{}", stream.random_uuid().simple());
        let call_id = stream.random_uuid().to_string();
        let metadata = CallMetadata {
            duration_seconds: talks.map(|talks| talks / SECOND),
            recording_url: (talks.is_some() && started_at > expired + DAY)
                .then(|| format!("https://recordings.example/{provider_call_id}.wav")),
            other: Map::new(),
        };
        let attempt = call_attempts::Model {
            id,
            organization_id: contact.organization_id,
            contact_id: contact.id,
            campaign_id: contact.campaign_id,
            attempt_number: number,
            call_id,
            provider_call_id: provider_raw_status.map(|_| provider_call_id),
            started_at: time(started_at),
            answered_at: answered_at.map(time),
            ended_at: Some(time(ended_at)),
            outcome: Some(outcome),
            provider_raw_status: provider_raw_status.map(str::to_owned),
            error_code: error_code.map(str::to_owned),
            metadata,
            created_at: time(started_at),
            updated_at: time(ended_at),
        };
        self.story.call_attempts.push(attempt);
        if outcome == CallOutcome::Refused && started_at > expired + DAY {
            self.refusal(contact, id, at);
        }
        Some(Ended { id, number, outcome, at })
    }

    /// The call that is under way at the end of the history.
    fn under_way(&mut self, contact: &mut contacts::Model, started_at: i64) {
        let answered_at = started_at + self.stream.between(4_000, 9_000) * 1000;
        let answered_at = (answered_at < self.plan.until).then_some(answered_at);
        let changed_at = answered_at.unwrap_or(started_at);
        self.story.call_attempts.push(call_attempts::Model {
            id: CallAttemptId::from_uuid(self.stream.uuid(started_at)),
            organization_id: contact.organization_id,
            contact_id: contact.id,
            campaign_id: contact.campaign_id,
            attempt_number: 1,
            call_id: self.stream.random_uuid().to_string(),
            provider_call_id: Some(format!("CA{}", self.stream.random_uuid().simple())),
            started_at: time(started_at),
            answered_at: answered_at.map(time),
            ended_at: None,
            outcome: None,
            provider_raw_status: Some(
                if answered_at.is_some() { "in-progress" } else { "ringing" }.to_owned(),
            ),
            error_code: None,
            metadata: CallMetadata::default(),
            created_at: time(started_at),
            updated_at: time(changed_at),
        });
        contact.state = ContactState::InProgress;
        contact.attempts_count = 1;
        contact.last_attempt_at = Some(time(started_at));
        contact.updated_at = time(started_at);
    }

    /// The language that is spoken with the contact.
    fn language(&self, contact: &contacts::Model) -> LanguageCode {
        match contact.preferred_language {
            ContactLanguage::Auto => self.campaign.row.language,
            ContactLanguage::En => LanguageCode::En,
            ContactLanguage::It => LanguageCode::It,
        }
    }

    /// The answers of a completed survey, and what was said; returns the answers for the event.
    fn answers(&mut self, contact: &contacts::Model, ended: &Ended) -> Vec<Answer> {
        let language = self.language(contact);
        let words = Words::of(language);
        let survey = &words.surveys[self.campaign.survey];
        let stream = &mut self.stream;
        let answers = [0, 1, 2].map(|number| {
            let question = &survey.questions[number];
            // A question can stay without an answer.
            (!stream.happens(25)).then(|| {
                let sure = stream.weighted(&[((90, 99), 70), ((75, 89), 22), ((41, 74), 8)]);
                (question.answer(stream), stream.between(sure.0, sure.1))
            })
        });
        let text = |number: usize| answers[number].as_ref().map(|(answer, _)| answer.clone());
        let confidence =
            |number: usize| answers[number].as_ref().map(|(_, hundredths)| Decimal::new(*hundredths, 2));
        self.story.survey_responses.push(survey_responses::Model {
            id: SurveyResponseId::from_uuid(stream.uuid(ended.at)),
            organization_id: contact.organization_id,
            contact_id: contact.id,
            campaign_id: contact.campaign_id,
            call_attempt_id: ended.id,
            q1_answer: text(0),
            q2_answer: text(1),
            q3_answer: text(2),
            q1_confidence: confidence(0),
            q2_confidence: confidence(1),
            q3_confidence: confidence(2),
            completed_at: time(ended.at),
            created_at: time(ended.at),
            updated_at: time(ended.at),
        });
        let [agent, person] = words.speakers;
        let yes = self.stream.pick(words.consent);
        let first = format!("{agent}: {}\n{person}: {yes}", words.intro);
        let mut second = String::new();
        for (question, answer) in survey.questions.iter().zip(&answers) {
            let answer = answer.as_ref().map_or("…", |(answer, _)| answer.as_str());
            second = second + agent + ": " + question.text + "\n" + person + ": " + answer + "\n";
        }
        second = second + agent + ": " + words.thanks;
        self.transcript(contact, ended.id, language, ended.at - 50 * SECOND, first);
        self.transcript(contact, ended.id, language, ended.at, second);
        let entries = (1..).zip(answers).map(|(number, answer)| {
            let mut other = Map::new();
            if answer.is_none() {
                other.insert("answer".to_owned(), Value::Null);
                other.insert("confidence".to_owned(), Value::Null);
            }
            let (answer, confidence) = answer.unzip();
            let confidence =
                confidence.and_then(|hundredths| format!("0.{hundredths:02}").parse::<Number>().ok());
            Answer { question_number: Some(number), answer, confidence, other }
        });
        entries.collect()
    }

    fn refusal(&mut self, contact: &contacts::Model, attempt: CallAttemptId, at: i64) {
        let language = self.language(contact);
        let words = Words::of(language);
        let [agent, person] = words.speakers;
        let no = self.stream.pick(words.refusal);
        let text = format!("{agent}: {}\n{person}: {no}\n{agent}: {}", words.intro, words.regret);
        self.transcript(contact, attempt, language, at, text);
    }

    /// A part of what was said, unless retention has removed it.
    fn transcript(
        &mut self,
        contact: &contacts::Model,
        call_attempt_id: CallAttemptId,
        language: LanguageCode,
        at: i64,
        transcript_text: String,
    ) {
        let expired = self.plan.until - self.organization.config.transcript_retention_days * DAY;
        if at <= expired + DAY {
            return;
        }
        self.story.transcript_snippets.push(transcript_snippets::Model {
            id: TranscriptSnippetId::from_uuid(self.stream.uuid(at)),
            organization_id: contact.organization_id,
            call_attempt_id,
            transcript_text,
            language,
            created_at: time(at),
            updated_at: time(at),
        });
    }

    /// The event of a survey that has ended, and the e-mail that follows it.
    fn event(
        &mut self,
        contact: &contacts::Model,
        ended: &Ended,
        event_type: EventType,
        answers: Option<Vec<Answer>>,
    ) {
        let until = self.plan.until;
        let at = ended.at;
        let stream = &mut self.stream;
        let id = EventId::from_uuid(stream.uuid(at));
        // Half of the newest events wait for the bus.
        let published_at = at + stream.between(500, 20_000) * 1000;
        let published_at =
            (published_at < until && !(at > until - BACKLOG && stream.happens(500))).then_some(published_at);
        self.story.events.push(events::Model {
            id,
            organization_id: contact.organization_id,
            event_type,
            campaign_id: contact.campaign_id,
            contact_id: contact.id,
            call_attempt_id: Some(ended.id),
            payload: EventPayload {
                attempt_number: Some(ended.number),
                outcome: Some(ended.outcome),
                answers,
                other: Map::new(),
            },
            published_at: published_at.map(time),
            created_at: time(at),
            updated_at: time(published_at.unwrap_or(at)),
        });
        let row = &self.campaign.row;
        let template = match event_type {
            EventType::SurveyCompleted => row.email_completed_template_id,
            EventType::SurveyRefused => row.email_refused_template_id,
            EventType::SurveyNotReached => row.email_not_reached_template_id,
        };
        if let (Some(template), Some(email)) = (template, &contact.email) {
            self.email(contact, id, template, email.clone(), at + 25 * SECOND);
        }
    }

    fn email(
        &mut self,
        contact: &contacts::Model,
        event_id: EventId,
        template_id: EmailTemplateId,
        to_email: String,
        at: i64,
    ) {
        let until = self.plan.until;
        let created_at = at.min(until);
        let stream = &mut self.stream;
        let id = EmailNotificationId::from_uuid(stream.uuid(created_at));
        let message = stream.random_uuid();
        let sent_at = created_at + stream.between(1_000, 90_000) * 1000;
        let status = match stream.happens(970) {
            _ if sent_at >= until => EmailStatus::Pending,
            _ if created_at > until - BACKLOG && stream.happens(500) => EmailStatus::Pending,
            true => EmailStatus::Sent,
            false => EmailStatus::Failed,
        };
        self.story.email_notifications.push(email_notifications::Model {
            id,
            organization_id: contact.organization_id,
            event_id,
            contact_id: contact.id,
            campaign_id: contact.campaign_id,
            template_id,
            to_email,
            status,
            provider_message_id: (status == EmailStatus::Sent).then(|| format!("<{message}@mail.example>")),
            error_message: (status == EmailStatus::Failed)
                .then(|| "550 5.1.1 mailbox unavailable".to_owned()),
            created_at: time(created_at),
            updated_at: time(if status == EmailStatus::Pending { created_at } else { sent_at }),
        });
    }
}

/// The e-mail address of a person.
fn address(identity: u64, person: i64) -> String {
    let language = if identity & 1 == 0 { LanguageCode::En } else { LanguageCode::It };
    let (first, last) = Words::of(language).name(identity);
    let domain = DOMAINS[super::random::index(scale(identity.rotate_left(24), 3))];
    format!("{}.{}{person}@{domain}", plain(first), plain(last))
}

#[cfg(test)]
pub(super) mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{Plan, Story, first_contact};
    use crate::generate::Parameters;

    pub(in crate::generate) fn plan() -> Plan {
        Plan::new(&Parameters {
            organizations: 2,
            contacts: 5_000,
            campaigns: 8,
            history: 30,
            seed: 42,
            until: "2026-10-30T16:00:00Z".parse().unwrap(),
        })
    }

    #[test]
    fn the_rows_of_a_seed_do_not_change_unnoticed() {
        let plan = plan();
        let mut hash = Sha256::new();
        hash.update(format!("{:?}", plan.organizations));
        for chunk in &plan.chunks {
            hash.update(format!("{:?}", Story::of(&plan, *chunk)));
        }
        // A change is allowed, but a run that was begun before it cannot be resumed: its other chunks would differ.
        assert_eq!(hash.finalize()[..8], [0x2a, 0xb3, 0xac, 0xfe, 0x46, 0xb8, 0x68, 0xd5]);
    }

    #[test]
    fn a_chunk_is_found_by_its_first_contact() {
        let plan = plan();
        assert!(plan.chunks.len() > 8);
        for chunk in &plan.chunks {
            let story = Story::of(&plan, *chunk);
            assert_eq!(story.contacts.first().map(|contact| contact.id), Some(first_contact(&plan, *chunk)));
        }
    }
}
