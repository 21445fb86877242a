//! Rows of any table, encoded for `COPY` or inserted.

use std::collections::HashSet;

use database::AdminTx;
use entity::{
    campaigns, email_templates, exclusion_list_entries, id::ExclusionListEntryId, organizations,
    provider_configs, user_organizations, users,
};
use futures_util::future::BoxFuture;
use sea_orm::{EntityTrait, IntoActiveModel, Iterable as _};

use super::{
    calendar::time,
    copy::{self, Encoded},
    plan::{Chunk, Organization, Plan},
    random::Use,
    story::Story,
};
use crate::{
    Error,
    reference::{self, Key, Reference},
    table::bind_limit,
};

/// Rows of one table, of any entity.
pub(super) trait Rows: Send + Sync {
    /// The table's name.
    fn table(&self) -> &'static str;

    /// The number of rows.
    fn count(&self) -> usize;

    /// The rows as `COPY … (format binary)` reads them.
    fn encode(&self) -> Result<Encoded, Error>;

    /// The table's foreign keys.
    fn references(&self) -> Vec<Reference>;

    /// The different keys in these columns; a key with a null is none, as in PostgreSQL.
    fn keys(&self, columns: &[String]) -> HashSet<Key>;

    /// Inserts the rows with few statements of many rows each.
    fn insert<'a>(&'a mut self, tx: &'a AdminTx) -> BoxFuture<'a, Result<(), Error>>;
}

struct Models<E: EntityTrait>(Vec<E::Model>);

impl<E> Rows for Models<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: Send,
{
    fn table(&self) -> &'static str {
        E::default().table_name()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn encode(&self) -> Result<Encoded, Error> {
        copy::encode::<E>(&self.0)
    }

    fn references(&self) -> Vec<Reference> {
        Reference::all::<E>()
    }

    fn keys(&self, columns: &[String]) -> HashSet<Key> {
        let columns = reference::columns::<E>(columns);
        self.0.iter().filter_map(|model| reference::key::<E>(model, &columns)).collect()
    }

    fn insert<'a>(&'a mut self, tx: &'a AdminTx) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            // One text for all full statements, which the driver prepares once.
            let limit = bind_limit(tx) / E::Column::iter().count();
            let models = std::mem::take(&mut self.0);
            let mut models = models.into_iter().map(IntoActiveModel::into_active_model).peekable();
            while models.peek().is_some() {
                let rows: Vec<E::ActiveModel> = models.by_ref().take(limit.min(500)).collect();
                let result = E::insert_many(rows).exec_without_returning(tx).await;
                result.map_err(|error| Error::database(self.table(), &error))?;
            }
            Ok(())
        })
    }
}

fn rows<E>(models: Vec<E::Model>) -> Box<dyn Rows>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: Send,
{
    Box::new(Models::<E>(models))
}

/// The rows of an organization that are not of a contact; referenced tables first.
pub(super) fn of_organization(plan: &Plan, place: usize) -> Vec<Box<dyn Rows>> {
    let Organization { row, users, memberships, templates, config, campaigns, .. } =
        &plan.organizations[place];
    vec![
        rows::<organizations::Entity>(vec![row.clone()]),
        rows::<users::Entity>(users.clone()),
        rows::<user_organizations::Entity>(memberships.clone()),
        rows::<email_templates::Entity>(templates.clone()),
        rows::<campaigns::Entity>(campaigns.iter().map(|campaign| campaign.row.clone()).collect()),
        rows::<exclusion_list_entries::Entity>(exclusions(plan, &plan.organizations[place])),
        rows::<provider_configs::Entity>(vec![config.clone()]),
    ]
}

/// The rows of a chunk; referenced tables first.
pub(super) fn of_chunk(plan: &Plan, chunk: Chunk) -> Vec<Box<dyn Rows>> {
    let Story { contacts, call_attempts, survey_responses, events, email_notifications, transcript_snippets } =
        Story::of(plan, chunk);
    vec![
        rows::<entity::contacts::Entity>(contacts),
        rows::<entity::call_attempts::Entity>(call_attempts),
        rows::<entity::survey_responses::Entity>(survey_responses),
        rows::<entity::events::Entity>(events),
        rows::<entity::email_notifications::Entity>(email_notifications),
        rows::<entity::transcript_snippets::Entity>(transcript_snippets),
    ]
}

fn exclusions(plan: &Plan, organization: &Organization) -> Vec<exclusion_list_entries::Model> {
    let mut stream = plan.key.stream(Use::Exclusion, organization.place);
    let people = &organization.people;
    let entry = |person| {
        let (at, source) = people.excluded(&plan.key, person)?;
        Some(exclusion_list_entries::Model {
            id: ExclusionListEntryId::from_uuid(stream.uuid(at)),
            organization_id: organization.row.id,
            phone_number: people.number(person),
            reason: stream.happens(600).then(|| {
                stream.pick(&["asked not to be called", "legal hold", "national do-not-call list"]).to_owned()
            }),
            source,
            created_at: time(at),
            updated_at: time(at),
        })
    };
    (0..people.count).filter_map(entry).collect()
}
