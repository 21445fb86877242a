//! The right to erasure: removes what is stored about a person from every table, and proves it (GDPR, article 17).

use crate::person::{Names, Person, ids, select, texts};
use crate::retention::Hook;
use crate::retention::hook::{RECORDINGS, Recording};
use crate::snapshot::identifier;
use crate::{Error, Store};
use database::AdminTx;
use database::contacts::{self, ERASED};
use entity::id::{ContactId, OrganizationId};
use sea_orm::{QueryResult, Value};
use std::collections::BTreeSet;
use std::fmt;

/// The fewest characters of a key, and digits of a number, that are searched for in texts: fewer are in many texts.
const DISTINCT: usize = 6;

/// What an erasure has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// The contacts whose data was erased.
    pub contacts: usize,
    /// Those of them with a call without an outcome, whose data may still arrive. Their requests stay open.
    pub open: usize,
    /// The recordings that the hook has deleted.
    pub recordings: usize,
    /// The entries that were removed from exclusion lists.
    pub exclusions: usize,
    /// The texts in which a number, an address or a key was replaced.
    pub texts: usize,
}

impl fmt::Display for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contacts, open, recordings, exclusions, texts } = self;
        write!(
            f,
            "Erased: contacts {contacts}, recordings {recordings}, exclusions {exclusions}, texts {texts}"
        )?;
        if *open > 0 {
            write!(f, "; {open} requests are open until a call has its outcome, then: ops erase --open")?;
        }
        Ok(())
    }
}

/// Erases what is stored about a person, in one transaction, after the hook has deleted the recordings; then searches every
/// text and jsonb column for what named the person.
///
/// Each contact gets a request in `erasure_requests`. Without `keep_exclusions` the number is removed from the exclusion
/// lists, too: the person is called again if the number is uploaded again.
///
/// # Errors
/// [`Error::NoPerson`]: there is nothing to erase. [`Error::NoHook`]: there are recordings, and nothing can delete them.
/// [`Error::Hook`]. A statement failed. After these nothing is changed, except that the hook may have deleted recordings.
/// [`Error::Left`]: the data was erased, and something that names the person is left in other rows.
pub async fn erase(
    store: &Store,
    person: &Person,
    hook: Option<&Hook>,
    keep_exclusions: bool,
) -> Result<Erasure, Error> {
    let failed = || store.failed("erasing the person's data");
    let tx = store.begin().await.map_err(failed())?;
    let names = person.find(&tx).await.map_err(failed())?;
    let recordings = delete_recordings(&tx, store, &names, hook).await?;
    let change = async {
        let mut erasure = Erasure { recordings, ..Erasure::default() };
        for contact in &names.contacts {
            if let Some(erased) = contacts::erase(&tx, *contact).await? {
                erasure.contacts += 1;
                erasure.open += usize::from(erased.calls_without_outcome > 0);
            }
        }
        let search = Search::new(person, &names, keep_exclusions);
        if !keep_exclusions {
            erasure.exclusions = remove_exclusions(&tx, &names).await?;
        }
        let columns = columns(&tx).await?;
        erasure.texts = search.replace(&tx, &columns).await?;
        let left = search.find(&tx, &columns).await?;
        if erasure == Erasure::default() && left.is_empty() {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok((erasure, left))
    };
    let (erasure, left) = change.await.map_err(failed())?;
    if !left.is_empty() {
        return Err(Error::Left { erasure: erasure.to_string(), target: store.to_string(), places: left });
    }
    if erasure == Erasure::default() {
        return Err(Error::NoPerson { target: store.to_string() });
    }
    Ok(erasure)
}

/// Erases again the contacts whose request is open and whose last call has its outcome. Returns what was done in total.
///
/// # Errors
/// As [`erase`].
pub async fn complete(store: &Store, hook: Option<&Hook>) -> Result<Erasure, Error> {
    const OPEN: &str = "\
        select contact_id from erasure_requests where completed_at is null and contact_id is not null order by due_at, id";
    let open = async {
        let tx = store.begin().await?;
        let rows = select(&tx, OPEN, []).await?;
        tx.rollback().await?;
        Ok(rows.iter().map(|row| row.try_get("", "contact_id")).collect::<Result<Vec<ContactId>, _>>()?)
    };
    let open = open.await.map_err(store.failed("reading open requests"))?;
    let mut total = Erasure::default();
    for contact in open {
        let Erasure { contacts, open, recordings, exclusions, texts } =
            erase(store, &Person::Contact(contact), hook, true).await?;
        total.contacts += contacts;
        total.open += open;
        total.recordings += recordings;
        total.exclusions += exclusions;
        total.texts += texts;
    }
    Ok(total)
}

/// Lets the hook delete the recordings of the person's calls, which are files elsewhere.
async fn delete_recordings(
    tx: &AdminTx,
    store: &Store,
    names: &Names,
    hook: Option<&Hook>,
) -> Result<usize, Error> {
    const OF_CONTACTS: &str = "\
        select organization_id, id, call_id, provider_call_id, metadata ->> 'recording_url' as recording_url \
        from call_attempts where contact_id = any($1) and metadata ? 'recording_url' order by organization_id, id";
    let read = async {
        let recording = |row: &QueryResult| {
            Ok(Recording {
                organization_id: row.try_get("", "organization_id")?,
                call_attempt_id: row.try_get("", "id")?,
                call_id: row.try_get("", "call_id")?,
                provider_call_id: row.try_get("", "provider_call_id")?,
                url: row.try_get("", "recording_url")?,
            })
        };
        let rows = select(tx, OF_CONTACTS, [ids(&names.contacts)]).await?;
        rows.iter().map(recording).collect::<Result<Vec<_>, database::Error>>()
    };
    let recordings = read.await.map_err(store.failed("reading the person's recordings"))?;
    for some in recordings.chunks(RECORDINGS.into()) {
        if hook.ok_or(Error::NoHook)?.delete(some).await?.len() < some.len() {
            return Err(Error::RecordingNames);
        }
    }
    Ok(recordings.len())
}

async fn remove_exclusions(tx: &AdminTx, names: &Names) -> Result<usize, database::Error> {
    const REMOVE: &str = "\
        delete from exclusion_list_entries where phone_number = any($1) and organization_id = any($2) returning id";
    Ok(select(tx, REMOVE, [texts(&names.numbers), ids(&names.organizations)]).await?.len())
}

/// A text or jsonb column.
struct Column {
    table: String,
    name: String,
    is_text: bool,
    /// Whether a part of its text may be replaced: it holds data of contacts, or what people write.
    is_replaced: bool,
    /// The column of the tenant.
    organization: Option<&'static str>,
}

async fn columns(tx: &AdminTx) -> Result<Vec<Column>, database::Error> {
    // Like the rule `personal_data_classified`. The ledger of the migrations has no id.
    const COLUMNS: &str = "\
        select c.relname::text as table_name, a.attname::text as column_name, a.atttypid = 'text'::regtype as is_text, \
               coalesce(col_description(c.oid, a.attnum) ~ '\\[personal data: (contact|possible)\\]$', false) as is_replaced, \
               exists (select from pg_attribute where attrelid = c.oid and attname = 'organization_id') as is_tenant \
        from pg_class as c \
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
        join pg_type as t on t.oid = a.atttypid \
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
          and exists (select from pg_attribute where attrelid = c.oid and attname = 'id') \
          and coalesce(nullif(t.typelem, 0), t.oid) in ( \
              'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'jsonb'::regtype, 'json'::regtype, 'xml'::regtype) \
        order by 1, a.attnum";
    let rows = select(tx, COLUMNS, []).await?;
    let column = |row: &QueryResult| {
        let table: String = row.try_get("", "table_name")?;
        let organization = match &*table {
            "organizations" => Some("id"),
            _ => row.try_get::<bool>("", "is_tenant")?.then_some("organization_id"),
        };
        let (name, is_text) = (row.try_get("", "column_name")?, row.try_get("", "is_text")?);
        Ok(Column { table, name, is_text, is_replaced: row.try_get("", "is_replaced")?, organization })
    };
    rows.iter().map(column).collect()
}

/// What is searched for, and where.
struct Search {
    /// A regular expression of what names the person; empty if nothing is known.
    names: String,
    /// The keys that are too short for a search in texts.
    short: BTreeSet<String>,
    /// `None`: every row.
    organizations: Option<BTreeSet<OrganizationId>>,
    keep_exclusions: bool,
}

impl Search {
    fn new(person: &Person, names: &Names, keep_exclusions: bool) -> Self {
        let organizations = match person {
            Person::Phone { organization: None, .. } => None,
            Person::Phone { organization, .. } => Some(organization.iter().copied().collect()),
            Person::Contact(_) => Some(names.organizations.clone()),
        };
        let (short, long): (BTreeSet<_>, BTreeSet<_>) =
            names.external_ids.iter().cloned().partition(|id| id.chars().count() < DISTINCT);
        // Not a part of a longer number or word. The plus sign is not written everywhere.
        let numbers = names.numbers.iter().map(|number| number.trim_start_matches('+'));
        let numbers = numbers
            .filter(|digits| digits.len() >= DISTINCT)
            .map(|digits| format!(r"(?<![0-9])\+?{}(?![0-9])", escaped(digits)));
        let words = names.addresses.iter().chain(&long);
        let words = words.map(|word| format!("(?<![[:alnum:]]){}(?![[:alnum:]])", escaped(word)));
        let names = numbers.chain(words).collect::<Vec<_>>().join("|");
        Self { names, short, organizations, keep_exclusions }
    }

    /// The condition on the tenant of a column's table, and its value as the parameter `$2`; `None`: no row is searched.
    fn within(&self, column: &Column) -> Option<(String, Value)> {
        match (&self.organizations, column.organization) {
            (None, _) => Some(("$2::uuid[] is null".to_owned(), None::<Vec<sea_orm::prelude::Uuid>>.into())),
            (Some(organizations), Some(name)) => Some((format!("{name} = any($2)"), ids(organizations))),
            (Some(_), None) => None,
        }
    }

    /// Replaces the names in texts that hold more than a name. Returns the number of texts.
    async fn replace(&self, tx: &AdminTx, columns: &[Column]) -> Result<usize, database::Error> {
        let mut replaced = 0;
        if self.names.is_empty() {
            return Ok(replaced);
        }
        for column in columns.iter().filter(|column| column.is_replaced) {
            let Some((within, organizations)) = self.within(column) else { continue };
            let (table, name) = (identifier(&column.table), identifier(&column.name));
            // A text that is a name belongs to another row about the person.
            let (new, also) = if column.is_text {
                (
                    format!("regexp_replace({name}, $1, '{ERASED}', 'gi')"),
                    format!("and {name} !~* ('^(' || $1 || ')$')"),
                )
            } else {
                (format!("regexp_replace({name}::text, $1, '{ERASED}', 'gi')::jsonb"), String::new())
            };
            let sql = format!(
                "update {table} set {name} = {new} where {name}::text ~* $1 {also} and {within} returning id"
            );
            replaced += select(tx, &sql, [self.names.as_str().into(), organizations]).await?.len();
        }
        Ok(replaced)
    }

    /// Returns the columns in which a name is left, each with the number of rows and the first of them.
    async fn find(&self, tx: &AdminTx, columns: &[Column]) -> Result<Vec<String>, database::Error> {
        let mut places = Vec::new();
        if self.names.is_empty() && self.short.is_empty() {
            return Ok(places);
        }
        for column in columns {
            let Some((within, organizations)) = self.within(column) else { continue };
            let place = format!("{}.{}", column.table, column.name);
            if self.keep_exclusions && place == "exclusion_list_entries.phone_number" {
                continue;
            }
            let name = identifier(&column.name);
            let keys = if place == "contacts.external_contact_id" {
                texts(&self.short)
            } else {
                texts(&BTreeSet::new())
            };
            let sql = format!(
                "select count(*) as count, min(id::text) as first from {} \
                 where ($1 <> '' and {name}::text ~* $1 or {name}::text = any($3)) and {within}",
                identifier(&column.table)
            );
            for row in select(tx, &sql, [self.names.as_str().into(), organizations, keys]).await? {
                let count: i64 = row.try_get("", "count")?;
                if let Some(first) = row.try_get::<Option<String>>("", "first")? {
                    places.push(format!("{place} ({count} rows, the first with the id {first})"));
                }
            }
        }
        Ok(places)
    }
}

/// A text as a regular expression that matches it.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if character.is_ascii() && !character.is_ascii_alphanumeric() {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
