//! A person who is called: the rows about them, in every table.

pub(crate) mod cli;

use crate::snapshot::identifier;
use database::contacts::ERASED;
use database::{AdminTx, Error};
use entity::id::{ContactId, OrganizationId};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How a person is named.
#[derive(Clone, Debug)]
pub enum Person {
    /// By a contact: also the organization's other contacts with its phone number.
    Contact(ContactId),
    /// By a phone number: the contacts of the organization, or of all organizations.
    Phone {
        /// The number in E.164 form.
        number: String,
        /// `None`: all.
        organization: Option<OrganizationId>,
    },
}

/// What names a person in the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// The contacts.
    pub(crate) contacts: BTreeSet<ContactId>,
    /// Their organizations, and those that exclude the number.
    pub(crate) organizations: BTreeSet<OrganizationId>,
    /// The phone numbers, without that of an erased contact.
    pub(crate) numbers: BTreeSet<String>,
    /// The addresses of contacts, and those that e-mails went to.
    pub(crate) addresses: BTreeSet<String>,
    /// The keys in the systems of the organizations.
    pub(crate) external_ids: BTreeSet<String>,
}

impl Person {
    /// Finds the person.
    pub(crate) async fn find(&self, tx: &AdminTx) -> Result<Names, Error> {
        const BY_CONTACT: &str = "\
            select c.id, c.organization_id, c.phone_number, c.email, c.external_contact_id \
            from contacts as named \
            join contacts as c on c.id = named.id \
                or c.organization_id = named.organization_id and c.phone_number = named.phone_number \
                    and named.phone_number <> $2 \
            where named.id = $1 \
            order by c.id";
        const BY_NUMBER: &str = "\
            select id, organization_id, phone_number, email, external_contact_id from contacts \
            where phone_number = $1 and ($2::uuid is null or organization_id = $2) \
            order by id";
        const EXCLUSIONS: &str = "\
            select organization_id from exclusion_list_entries \
            where phone_number = any($1) and ($2::uuid is null or organization_id = $2)";
        const ADDRESSES: &str = "select to_email from email_notifications where contact_id = any($1)";
        let mut names = Names::default();
        let rows = match self {
            Self::Contact(id) => select(tx, BY_CONTACT, [(*id).into(), ERASED.into()]).await?,
            Self::Phone { number, organization } => {
                names.numbers.insert(number.clone());
                select(tx, BY_NUMBER, [number.as_str().into(), uuid(*organization)]).await?
            }
        };
        for row in rows {
            names.contacts.insert(row.try_get("", "id")?);
            names.organizations.insert(row.try_get("", "organization_id")?);
            names.numbers.insert(row.try_get("", "phone_number")?);
            names.addresses.extend(row.try_get::<Option<String>>("", "email")?);
            names.external_ids.extend(row.try_get::<Option<String>>("", "external_contact_id")?);
        }
        let within = match self {
            Self::Contact(_) => names.organizations.first().copied(),
            Self::Phone { organization, .. } => *organization,
        };
        for row in select(tx, EXCLUSIONS, [texts(&names.numbers), uuid(within)]).await? {
            names.organizations.insert(row.try_get("", "organization_id")?);
        }
        for row in select(tx, ADDRESSES, [ids(&names.contacts)]).await? {
            names.addresses.insert(row.try_get("", "to_email")?);
        }
        names.numbers.remove(ERASED);
        names.addresses.remove(ERASED);
        Ok(names)
    }
}

/// The ids of the rows about the person by table: of the contacts, of every row that refers to one of them by foreign keys,
/// and of the exclusions of the numbers.
pub(crate) async fn rows(tx: &AdminTx, names: &Names) -> Result<BTreeMap<String, BTreeSet<Uuid>>, Error> {
    // Of a key within a tenant, the column that is not the tenant's.
    const KEYS: &str = "\
        select child.relname::text as child, a.attname::text as column, parent.relname::text as parent \
        from pg_constraint as k \
        join pg_class as child on child.oid = k.conrelid \
        join pg_class as parent on parent.oid = k.confrelid \
        join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = any(k.conkey) \
            and (cardinality(k.conkey) = 1 or a.attname <> 'organization_id') \
        where k.contype = 'f' and k.connamespace = current_schema()::regnamespace";
    const EXCLUSIONS: &str = "\
        select id from exclusion_list_entries where phone_number = any($1) and organization_id = any($2)";
    let mut found = BTreeMap::<String, BTreeSet<Uuid>>::new();
    let contacts = names.contacts.iter().map(|id| *id.as_uuid()).collect();
    found.insert("contacts".to_owned(), contacts);
    let keys = select(tx, KEYS, []).await?;
    let keys = keys
        .iter()
        .map(|row| Ok((row.try_get("", "child")?, row.try_get("", "column")?, row.try_get("", "parent")?)))
        .collect::<Result<Vec<(String, String, String)>, Error>>()?;
    loop {
        let before: usize = found.values().map(BTreeSet::len).sum();
        for (child, column, parent) in &keys {
            let Some(parents) = found.get(parent).filter(|parents| !parents.is_empty()) else { continue };
            let sql = format!("select id from {} where {} = any($1)", identifier(child), identifier(column));
            let parents = parents.iter().copied().collect::<Vec<_>>();
            for row in select(tx, &sql, [parents.into()]).await? {
                found.entry(child.clone()).or_default().insert(row.try_get("", "id")?);
            }
        }
        if found.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    for row in select(tx, EXCLUSIONS, [texts(&names.numbers), ids(&names.organizations)]).await? {
        found.entry("exclusion_list_entries".to_owned()).or_default().insert(row.try_get("", "id")?);
    }
    found.retain(|_, ids| !ids.is_empty());
    Ok(found)
}

/// Runs a query that is built from the catalogue.
pub(crate) async fn select(
    tx: &AdminTx,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, Error> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    Ok(tx.named("ops.person").query_all_raw(statement).await?)
}

pub(crate) fn texts(texts: &BTreeSet<String>) -> Value {
    texts.iter().cloned().collect::<Vec<_>>().into()
}

pub(crate) fn ids<Id: Copy + Into<Uuid>>(ids: &BTreeSet<Id>) -> Value {
    ids.iter().map(|id| (*id).into()).collect::<Vec<Uuid>>().into()
}

fn uuid(id: Option<OrganizationId>) -> Value {
    id.map(|id| *id.as_uuid()).into()
}
