//! The command lines of access and erasure.

use super::Person;
use crate::retention::cli::{HOOK_TIMEOUT, HookArguments, filled};
use crate::{Error, Store, complete, erase, subject};
use clap::Args;
use entity::id::{ContactId, OrganizationId};
use environment::AppEnv;
use serde_json::Value;

#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// The database, postgres://….
    #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// One of the person's contacts: it and the organization's other contacts with its number are erased.
    #[arg(long, value_name = "ID", required_unless_present_any = ["phone", "open"])]
    contact: Option<ContactId>,
    /// The person's phone number, for instance +14155550142: every contact with it is erased.
    #[arg(long, value_name = "NUMBER", value_parser = e164, conflicts_with = "contact")]
    phone: Option<String>,
    /// Erase again the contacts whose request is open and whose calls have their outcomes.
    #[arg(long, conflicts_with_all = ["contact", "phone"])]
    open: bool,
    /// Only the contacts of this organization.
    #[arg(long, value_name = "ID", requires = "phone")]
    organization: Option<OrganizationId>,
    /// Keep the number on the exclusion lists, so that the person is not called if it is uploaded again.
    #[arg(long, conflicts_with = "open")]
    keep_exclusions: bool,
    #[command(flatten)]
    hook: HookArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// The database, postgres://….
    #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// One of the person's contacts: it and the organization's other contacts with its number are exported.
    #[arg(long, value_name = "ID", required_unless_present = "phone")]
    contact: Option<ContactId>,
    /// The person's phone number, for instance +14155550142.
    #[arg(long, value_name = "NUMBER", value_parser = e164, conflicts_with = "contact")]
    phone: Option<String>,
    /// Only what is stored for this organization.
    #[arg(long, value_name = "ID", requires = "phone")]
    organization: Option<OrganizationId>,
}

impl Erase {
    /// Returns what is printed to standard output.
    pub(crate) async fn execute(self, app_env: Option<AppEnv>) -> Result<String, Error> {
        let store = Store::open(filled(self.database_url).as_deref(), "erase", self.hook.timeout()).await?;
        store.permit(app_env).await?;
        let hook = self.hook.hook()?;
        let erasure = match person(self.contact, self.phone, self.organization) {
            Some(person) => erase(&store, &person, hook.as_ref(), self.keep_exclusions).await?,
            None => complete(&store, hook.as_ref()).await?,
        };
        Ok(erasure.to_string())
    }
}

impl Subject {
    /// Returns what is printed to standard output.
    pub(crate) async fn execute(self) -> Result<String, Error> {
        let store = Store::open(filled(self.database_url).as_deref(), "subject", HOOK_TIMEOUT).await?;
        // The command line requires one of them.
        let Some(person) = person(self.contact, self.phone, self.organization) else {
            return Ok(String::new());
        };
        Ok(format!("{:#}", Value::Object(subject(&store, &person).await?)))
    }
}

fn person(
    contact: Option<ContactId>,
    phone: Option<String>,
    organization: Option<OrganizationId>,
) -> Option<Person> {
    let by_phone = phone.map(|number| Person::Phone { number, organization });
    contact.map(Person::Contact).or(by_phone)
}

/// A number in E.164 form, as the columns of numbers require it. The message does not repeat it.
fn e164(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let is_number = (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(text.to_owned()) } else { Err("it is not + and 2 to 15 digits, the first not 0") }
}
