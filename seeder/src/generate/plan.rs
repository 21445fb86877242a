//! Which organizations and campaigns there are, how large they are, and when they call.

use chrono::Datelike as _;
use entity::{
    campaigns, email_templates,
    enums::{
        CampaignStatus, EmailTemplateType, ExclusionSource, LanguageCode, LlmProvider, ProviderType, UserRole,
    },
    id::{CampaignId, EmailTemplateId, OrganizationId, ProviderConfigId, UserId, UserOrganizationId},
    json::Preferences,
    organizations, provider_configs, user_organizations, users,
};
use serde_json::json;

use super::{
    calendar::{DAY, HOUR, MINUTE, SECOND, Schedule, hour, next_calling, time},
    parameters::{CHUNK, Parameters},
    phone,
    random::{Key, Stream, Use, count, index, scale, step},
    words::{Words, email, plain},
};

/// The pause between two contacts of an import.
const IMPORT_PAUSE: i64 = 3_000;

/// The states of the campaigns of an organization, with the shares of its contacts: the first eight have each of them.
const CAMPAIGNS: [(CampaignStatus, i64); 12] = [
    (CampaignStatus::Running, 34),
    (CampaignStatus::Completed, 24),
    (CampaignStatus::Paused, 9),
    (CampaignStatus::Scheduled, 6),
    (CampaignStatus::Draft, 3),
    (CampaignStatus::Cancelled, 5),
    (CampaignStatus::Completed, 12),
    (CampaignStatus::Running, 7),
    (CampaignStatus::Completed, 15),
    (CampaignStatus::Running, 20),
    (CampaignStatus::Completed, 10),
    (CampaignStatus::Cancelled, 4),
];

/// The place of the campaign that is marked as deleted.
const DELETED_CAMPAIGN: i64 = 6;

/// Everything that is generated, except the rows of contacts.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) key: Key,
    pub(super) until: i64,
    pub(super) organizations: Vec<Organization>,
    pub(super) chunks: Vec<Chunk>,
}

/// An organization with its campaigns.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) place: i64,
    pub(super) row: organizations::Model,
    pub(super) users: Vec<users::Model>,
    pub(super) memberships: Vec<user_organizations::Model>,
    pub(super) templates: Vec<email_templates::Model>,
    pub(super) config: provider_configs::Model,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) people: People,
}

/// The people whom an organization knows, each with a telephone number: a person can be in several of its campaigns.
#[derive(Debug)]
pub(super) struct People {
    organization: i64,
    pub(super) count: i64,
    offset: i64,
    step: i64,
    /// When the organization began, and when the history ends.
    times: (i64, i64),
}

/// A campaign, and how its contacts are called.
#[derive(Debug)]
pub(super) struct Campaign {
    /// Counted over all organizations.
    pub(super) number: i64,
    pub(super) row: campaigns::Model,
    pub(super) survey: usize,
    pub(super) contacts: i64,
    /// The place of the first contact among the people, and the step to the next one.
    people: (i64, i64),
    imported_at: i64,
    /// `None`: it has not started.
    pub(super) calls: Option<Calls>,
}

/// The calls of a campaign.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) schedule: Schedule,
    /// No call ends later.
    pub(super) end: i64,
    /// The contacts who are being called at the end of the history: the first one, and the one after the last.
    pub(super) under_way: (i64, i64),
}

/// Contacts of a campaign with everything that belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Counted over all campaigns; the number of its stream.
    pub(super) number: i64,
    pub(super) organization: usize,
    pub(super) campaign: usize,
    /// The first contact, and the one after the last.
    pub(super) contacts: (i64, i64),
}

impl Plan {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let key = Key::new(parameters);
        let until = parameters.until.timestamp_micros();
        let mut plan = Self { key, until, organizations: Vec::new(), chunks: Vec::new() };
        for place in 0..parameters.organizations {
            let share = |of: i64| of * parameters.contacts / parameters.organizations;
            let contacts = share(place + 1) - share(place);
            plan.organizations.push(Organization::new(&plan.key, place, contacts, parameters));
        }
        // Chunks of different organizations follow one another, so that concurrent transactions do not lock the same rows:
        // each foreign key locks the organization and the campaign, and a lock that is shared costs more.
        let mut rounds: Vec<(i64, Chunk)> = Vec::new();
        for (organization, Organization { campaigns, .. }) in plan.organizations.iter().enumerate() {
            let mut round = 0;
            for (campaign, Campaign { contacts, .. }) in campaigns.iter().enumerate() {
                for first in (0..*contacts).step_by(index(CHUNK)) {
                    let contacts = (first, (first + CHUNK).min(*contacts));
                    let number = i64::try_from(rounds.len()).unwrap_or_default();
                    rounds.push((round, Chunk { number, organization, campaign, contacts }));
                    round += 1;
                }
            }
        }
        rounds.sort_by_key(|(round, chunk)| (*round, chunk.number));
        plan.chunks = rounds.into_iter().map(|(_, chunk)| chunk).collect();
        plan
    }

    /// The organization and the campaign of a chunk.
    pub(super) fn parents(&self, chunk: Chunk) -> (&Organization, &Campaign) {
        let organization = &self.organizations[chunk.organization];
        (organization, &organization.campaigns[chunk.campaign])
    }
}

impl Organization {
    fn new(key: &Key, place: i64, contacts: i64, parameters: &Parameters) -> Self {
        let stream = &mut key.stream(Use::Organization, place);
        let until = parameters.until.timestamp_micros();
        let start = (until.div_euclid(DAY) - parameters.history) * DAY + 7 * HOUR + stream.below(HOUR);
        let id = OrganizationId::from_uuid(stream.uuid(start));
        let language = if stream.happens(500) { LanguageCode::It } else { LanguageCode::En };
        let words = Words::of(language);
        let (_, founder) = words.name(key.hash(Use::Person, -1, place));
        let name = format!("{founder} {}", stream.pick(words.companies));
        let slug = format!(
            "{}-{}-{place}",
            name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            key.tag()
        );
        let slug = slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let metadata = json!({ "generated": parameters.to_string() });
        let row = organizations::Model {
            id,
            name,
            slug,
            metadata: Preferences(metadata.as_object().cloned().unwrap_or_default()),
            deleted_at: None,
            created_at: time(start),
            updated_at: time(start),
        };
        let (users, memberships) = users(key, stream, &row, place, until);
        let templates = templates(stream, id, start + 10 * MINUTE);
        let created_at = start + 20 * MINUTE;
        let retention = stream.weighted(&[(90, 1), (180, 2), (365, 1)]);
        let (llm_provider, llm_model) = stream.weighted(&[
            ((LlmProvider::OpenAi, "gpt-4.1-mini"), 5),
            ((LlmProvider::Anthropic, "claude-haiku-4-5"), 3),
            ((LlmProvider::Google, "gemini-2.5-flash"), 2),
        ]);
        let config = provider_configs::Model {
            id: ProviderConfigId::from_uuid(stream.uuid(created_at)),
            organization_id: id,
            provider_type: ProviderType::TelephonyApi,
            provider_name: "twilio".to_owned(),
            outbound_number: phone::number(stream.below(phone::COUNT)),
            max_concurrent_calls: stream.weighted(&[(5, 3), (10, 4), (20, 3)]),
            llm_provider,
            llm_model: llm_model.to_owned(),
            recording_retention_days: retention,
            transcript_retention_days: retention,
            created_at: time(created_at),
            updated_at: time(created_at),
        };
        let sizes = sizes(stream, contacts, parameters.campaigns);
        let count = (sizes.iter().max().copied().unwrap_or_default() * 5 / 4).clamp(100, phone::COUNT);
        let people = People {
            organization: place,
            count,
            offset: stream.below(phone::COUNT),
            step: step(stream, phone::COUNT),
            times: (start + HOUR, until),
        };
        let mut this =
            Self { place, row, users, memberships, templates, config, campaigns: Vec::new(), people };
        for (number, contacts) in (0..).zip(sizes) {
            let campaign = this.campaign(stream, number, contacts, parameters);
            this.campaigns.push(campaign);
        }
        this.start_calls(key);
        this
    }

    fn campaign(&self, stream: &mut Stream, number: i64, contacts: i64, parameters: &Parameters) -> Campaign {
        let until = parameters.until.timestamp_micros();
        let (status, _) = CAMPAIGNS[index(number) % CAMPAIGNS.len()];
        let language = if stream.happens(500) { LanguageCode::It } else { LanguageCode::En };
        let words = Words::of(language);
        let survey = index(stream.below(count(words.surveys)));
        let max_attempts = stream.weighted(&[(2, 2), (3, 5), (4, 2), (5, 1)]);
        let window = stream.weighted(&[((9, 20), 5), ((9, 18), 2), ((10, 19), 2), ((8, 21), 1)]);
        let dates = Dates::new(stream, status, window, max_attempts, parameters);
        let created_at = dates.created_at;
        let imported_at = created_at + 3 * HOUR;
        let updated_at =
            dates.changed_at.unwrap_or(imported_at + contacts * IMPORT_PAUSE + 10 * MINUTE).min(until);
        let deleted_at = (number == DELETED_CAMPAIGN).then(|| updated_at + (until - updated_at) / 2);
        let template = |r#type: EmailTemplateType| {
            let live = self.templates.iter().filter(|template| template.deleted_at.is_none());
            live.filter(|template| template.locale == language)
                .find(|template| template.r#type == r#type)
                .map(|t| t.id)
        };
        let survey_of = &words.surveys[survey];
        let date = time(created_at);
        let [first, second, third] = &survey_of.questions;
        let row = campaigns::Model {
            id: CampaignId::from_uuid(stream.uuid(created_at)),
            organization_id: self.row.id,
            name: format!("{} {}-{:02}", survey_of.name, date.year(), date.month()),
            description: stream.happens(800).then(|| survey_of.description.to_owned()),
            status,
            language,
            intro_script: words.intro.to_owned(),
            question_1_text: first.text.to_owned(),
            question_2_text: second.text.to_owned(),
            question_3_text: third.text.to_owned(),
            question_1_type: first.r#type,
            question_2_type: second.r#type,
            question_3_type: third.r#type,
            max_attempts,
            retry_interval_minutes: stream.weighted(&[(30, 1), (60, 4), (120, 3), (240, 2)]),
            allowed_call_start_local: hour(window.0),
            allowed_call_end_local: hour(window.1),
            email_completed_template_id: template(EmailTemplateType::Completed),
            email_refused_template_id: if stream.happens(700) {
                template(EmailTemplateType::Refused)
            } else {
                None
            },
            email_not_reached_template_id: if stream.happens(600) {
                template(EmailTemplateType::NotReached)
            } else {
                None
            },
            created_by_user_id: self.users.get(index(stream.between(1, 2))).map(|user| user.id),
            deleted_at: deleted_at.map(time),
            created_at: time(created_at),
            updated_at: time(deleted_at.unwrap_or(updated_at)),
        };
        let calls = dates.calls.map(|(first_day, last_day, end)| Calls {
            schedule: Schedule::new(window, first_day, last_day),
            end,
            under_way: (0, 0),
        });
        Campaign {
            number: self.place * parameters.campaigns + number,
            row,
            survey,
            contacts,
            people: (stream.below(self.people.count), step(stream, self.people.count)),
            imported_at,
            calls,
        }
    }

    /// Shares the calls that may be under way at the end of the history among the campaigns that run.
    fn start_calls(&mut self, key: &Key) {
        let running =
            self.campaigns.iter().filter(|campaign| campaign.row.status == CampaignStatus::Running).count();
        let share = self.config.max_concurrent_calls / i64::try_from(running).unwrap_or_default().max(1);
        for campaign in &mut self.campaigns {
            if campaign.row.status != CampaignStatus::Running {
                continue;
            }
            let first = campaign.first_uncalled(key);
            let Some(calls) = &mut campaign.calls else { continue };
            // Only where a call of the last minutes is within the window.
            if calls.schedule.contains(calls.end) && calls.schedule.contains(calls.end - 10 * MINUTE) {
                calls.under_way = ((first - share).max(0), first);
            }
        }
    }
}

impl Campaign {
    /// When the contact was imported.
    pub(super) fn imported_at(&self, contact: i64) -> i64 {
        self.imported_at + contact * IMPORT_PAUSE
    }

    /// The person of this contact. A campaign with more contacts than people contains some of them twice.
    pub(super) fn person(&self, people: &People, contact: i64) -> i64 {
        let (first, step) = self.people;
        (first + contact % people.count * step) % people.count
    }

    /// When the contact is called for the first time, in the order of the import.
    pub(super) fn first_call(&self, key: &Key, calls: &Calls, contact: i64) -> i64 {
        let delay = scale(key.hash(Use::FirstCall, self.number, contact), 1 << 32);
        calls.schedule.first_call(contact, self.contacts, delay)
    }

    /// The first contact who is called after the end of the history.
    fn first_uncalled(&self, key: &Key) -> i64 {
        let Some(calls) = &self.calls else { return 0 };
        let (mut least, mut most) = (0, self.contacts);
        while least < most {
            let middle = i64::midpoint(least, most);
            if self.first_call(key, calls, middle) < calls.end { least = middle + 1 } else { most = middle }
        }
        least
    }
}

impl People {
    /// The telephone number of a person.
    pub(super) fn number(&self, person: i64) -> String {
        phone::number((self.offset + person * self.step) % phone::COUNT)
    }

    /// A number from which the person's name and languages derive.
    pub(super) fn identity(&self, key: &Key, person: i64) -> u64 {
        key.hash(Use::Person, self.organization, person)
    }

    /// Since when the person is on the exclusion list, and how it came there.
    pub(super) fn excluded(&self, key: &Key, person: i64) -> Option<(i64, ExclusionSource)> {
        let hash = key.hash(Use::Exclusion, self.organization, person);
        let (start, until) = self.times;
        let later = start + scale(hash.rotate_left(32), until - start);
        match scale(hash, 1000) {
            0..6 => Some((start + person * 1000, ExclusionSource::Import)),
            6..9 => Some((later, ExclusionSource::Api)),
            9..12 => Some((later, ExclusionSource::Manual)),
            _ => None,
        }
    }
}

/// The dates of a campaign.
struct Dates {
    created_at: i64,
    /// The last change of the status; `None`: soon after the import.
    changed_at: Option<i64>,
    /// The first and the last day of first calls, and the time at which calls stop; `None`: it has not started.
    calls: Option<(i64, i64, i64)>,
}

impl Dates {
    fn new(
        stream: &mut Stream,
        status: CampaignStatus,
        window: (i64, i64),
        max_attempts: i64,
        parameters: &Parameters,
    ) -> Self {
        let until = parameters.until.timestamp_micros();
        let history = parameters.history;
        let today = until.div_euclid(DAY);
        let start = today - history;
        let mut import = |from: i64, days: i64| start + from + stream.below(days.max(1));
        let import_day = match status {
            CampaignStatus::Draft | CampaignStatus::Scheduled => import(history * 8 / 10, history / 10),
            CampaignStatus::Running => import(1, history * 6 / 10),
            CampaignStatus::Paused | CampaignStatus::Completed | CampaignStatus::Cancelled => {
                import(1, history / 2)
            }
        };
        let created_at = import_day * DAY + 9 * HOUR + stream.below(HOUR);
        let first_day = next_calling(import_day + 1);
        let started = status != CampaignStatus::Cancelled || stream.happens(700);
        let stop_day =
            (first_day + (today - 1 - first_day) * stream.between(400, 1000) / 1000).max(first_day);
        // The share of the contacts who were called by the end.
        let progress = stream.between(300, 950);
        let last_day = |end: i64| first_day + (end - first_day + 1) * 1000 / progress;
        let (changed_at, calls) = match status {
            CampaignStatus::Draft | CampaignStatus::Scheduled => (None, None),
            CampaignStatus::Running => {
                (Some(first_day * DAY + window.0 * HOUR), Some((first_day, last_day(today), until)))
            }
            CampaignStatus::Completed => {
                let reserve = (2 * (max_attempts - 1)).min((stop_day - first_day) / 2);
                let end = stop_day * DAY + window.1 * HOUR;
                (Some(end + 5 * MINUTE), Some((first_day, stop_day - reserve, end)))
            }
            CampaignStatus::Paused | CampaignStatus::Cancelled if started => {
                let end = stop_day * DAY + (window.0 + 3) * HOUR + stream.below(HOUR);
                (Some(end), Some((first_day, last_day(stop_day), end)))
            }
            CampaignStatus::Paused | CampaignStatus::Cancelled => (Some(first_day * DAY), None),
        };
        Self { created_at, changed_at, calls }
    }
}

/// The users of an organization, and their memberships: one administrator, two managers, and viewers.
fn users(
    key: &Key,
    stream: &mut Stream,
    organization: &organizations::Model,
    place: i64,
    until: i64,
) -> (Vec<users::Model>, Vec<user_organizations::Model>) {
    let language = if place % 2 == 0 { LanguageCode::En } else { LanguageCode::It };
    let words = Words::of(language);
    let start = organization.created_at.timestamp_micros();
    let mut users = Vec::new();
    let mut memberships = Vec::new();
    for number in 0..6 {
        let created_at = start + (number + 1) * MINUTE + stream.below(30 * SECOND);
        let (first, last) = words.name(key.hash(Use::Person, -2 - place, number));
        let (role, deleted_at) = match number {
            0 => (UserRole::Admin, None),
            1 | 2 => (UserRole::CampaignManager, None),
            5 => (UserRole::Viewer, Some(time(created_at + (until - created_at) / 2))),
            _ => (UserRole::Viewer, None),
        };
        let unique = format!("{}-{place}-{number}", key.tag());
        let user = users::Model {
            id: UserId::from_uuid(stream.uuid(created_at)),
            oidc_sub: format!("generated-{unique}"),
            email: format!("{}.{}.{unique}@example.com", plain(first), plain(last)),
            name: format!("{first} {last}"),
            role,
            metadata: Preferences::default(),
            deleted_at,
            created_at: time(created_at),
            updated_at: deleted_at.unwrap_or(time(created_at)),
        };
        memberships.push(user_organizations::Model {
            id: UserOrganizationId::from_uuid(stream.uuid(created_at + SECOND)),
            user_id: user.id,
            organization_id: organization.id,
            created_at: time(created_at + SECOND),
            updated_at: time(created_at + SECOND),
        });
        users.push(user);
    }
    (users, memberships)
}

/// The six templates in use, and one that was replaced.
fn templates(
    stream: &mut Stream,
    organization_id: OrganizationId,
    start: i64,
) -> Vec<email_templates::Model> {
    let mut templates = Vec::new();
    let types = [EmailTemplateType::Completed, EmailTemplateType::Refused, EmailTemplateType::NotReached];
    let mut created_at = start;
    for locale in [LanguageCode::En, LanguageCode::It] {
        for r#type in types {
            let (name, subject, text) = email(r#type, locale);
            created_at += MINUTE;
            let template = email_templates::Model {
                id: EmailTemplateId::from_uuid(stream.uuid(created_at)),
                organization_id,
                name: name.to_owned(),
                r#type,
                subject: subject.to_owned(),
                body_html: format!(
                    "<!DOCTYPE html>\n<html lang=\"{locale}\">\n<body>\n<p>{}</p>\n</body>\n</html>\n",
                    text.trim().replace("\n\n", "</p>\n<p>")
                ),
                body_text: Some(text.to_owned()),
                locale,
                deleted_at: None,
                created_at: time(created_at),
                updated_at: time(created_at),
            };
            if templates.is_empty() {
                let replaced_at = Some(time(created_at + SECOND));
                templates.push(email_templates::Model {
                    id: EmailTemplateId::from_uuid(stream.uuid(created_at - SECOND)),
                    name: format!("{name} (first version)"),
                    deleted_at: replaced_at,
                    created_at: time(created_at - SECOND),
                    updated_at: time(created_at + SECOND),
                    ..template.clone()
                });
            }
            templates.push(template);
        }
    }
    templates
}

/// The number of contacts of each campaign.
fn sizes(stream: &mut Stream, contacts: i64, campaigns: i64) -> Vec<i64> {
    let weights: Vec<i64> = (0..index(campaigns))
        .map(|number| CAMPAIGNS[number % CAMPAIGNS.len()].1 * stream.between(60, 140))
        .collect();
    let total: i64 = weights.iter().sum();
    let mut sizes = Vec::new();
    let (mut used, mut sum) = (0, 0);
    for weight in weights {
        sum += weight;
        let upto =
            i64::try_from(i128::from(contacts) * i128::from(sum) / i128::from(total)).unwrap_or_default();
        sizes.push(upto - used);
        used = upto;
    }
    // No campaign has more contacts than there are numbers, while another one has room.
    let mut surplus: i64 = sizes.iter().map(|size| (size - phone::COUNT).max(0)).sum();
    for size in &mut sizes {
        *size = (*size).min(phone::COUNT);
        let added = surplus.min(phone::COUNT - *size);
        *size += added;
        surplus -= added;
    }
    if let Some(first) = sizes.first_mut() {
        *first += surplus;
    }
    sizes
}
