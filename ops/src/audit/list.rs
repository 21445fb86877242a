//! `ops audit list`: exports entries.

use super::{close, open_trail};
use crate::snapshot::literal;
use crate::{Error, Target};
use chrono::{DateTime, Utc};
use entity::enums::AuditAction;
use entity::id::{
    CampaignId, EmailTemplateId, ExclusionListEntryId, OrganizationId, ProviderConfigId, UserId,
    UserOrganizationId,
};
use futures_util::TryStreamExt as _;
use std::io::Write;
use std::str::FromStr;
use uuid::Uuid;

/// Which entries an export contains. `None` is no condition.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Filter {
    /// Only entries of this organization.
    #[arg(long, value_name = "ID", value_parser = id::<OrganizationId>)]
    pub organization: Option<Uuid>,
    /// Only changes by this user.
    #[arg(long, value_name = "ID", value_parser = id::<UserId>)]
    pub user: Option<Uuid>,
    /// Only changes of this table.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Only changes of the row with this id.
    #[arg(long, value_name = "ID", value_parser = row_id)]
    pub row: Option<Uuid>,
    /// Only insert, update, delete or truncate.
    #[arg(long, value_name = "ACTION")]
    pub action: Option<AuditAction>,
    /// Only entries of this time or later, for instance 2026-11-25T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<DateTime<Utc>>,
    /// Only entries before this time.
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values, with a header.
    Csv,
    /// One JSON object on each line.
    Json,
}

/// Writes the entries, oldest first.
///
/// # Errors
/// The database is no PostgreSQL, has no audit trail, or refuses the login; or `output` does.
pub async fn list(
    target: &Target,
    filter: &Filter,
    format: Format,
    output: &mut impl Write,
) -> Result<(), Error> {
    let mut connection = open_trail(target).await?;
    let select = filter.query();
    let copy = match format {
        Format::Csv => format!("copy ({select}) to stdout with (format csv, header)"),
        // JSON escapes control characters, so neither the quote nor the delimiter occurs.
        Format::Json => format!(
            "copy (select row_to_json(e) from ({select}) as e) to stdout \
             with (format csv, quote E'\\x01', delimiter E'\\x02')"
        ),
    };
    let failed = Error::statement("exporting the audit trail", target);
    let written = Error::io("write to", "standard output");
    let mut write = async || -> Result<std::io::Result<()>, sqlx::Error> {
        let mut chunks = connection.copy_out_raw(&copy).await?;
        while let Some(chunk) = chunks.try_next().await? {
            if let Err(error) = output.write_all(&chunk) {
                return Ok(Err(error));
            }
        }
        Ok(output.flush())
    };
    write().await.map_err(failed)?.map_err(written)?;
    close(connection).await;
    Ok(())
}

impl Filter {
    /// The query. `copy` takes no parameters, so the values are literals.
    fn query(&self) -> String {
        let Self { organization, user, table, row, action, since, until } = self;
        let conditions = [
            ("organization_id =", organization.map(|id| id.to_string())),
            ("user_id =", user.map(|id| id.to_string())),
            ("table_name =", table.clone()),
            ("row_id =", row.map(|id| id.to_string())),
            ("action =", action.map(|action| action.to_string())),
            ("created_at >=", since.map(|time| time.to_rfc3339())),
            ("created_at <", until.map(|time| time.to_rfc3339())),
        ];
        let mut query =
            "select id, created_at, organization_id, actor, user_id, login, transaction_id, action, \
                         table_name, row_id, changes from audit_log_entries where true"
                .to_owned();
        for (condition, value) in conditions {
            if let Some(value) = value {
                query.extend([" and ", condition, " ", &literal(&value)]);
            }
        }
        query + " order by created_at, id"
    }
}

/// A UUID, or an id with its prefix.
fn id<T: FromStr + Into<Uuid>>(text: &str) -> Result<Uuid, T::Err> {
    text.parse::<Uuid>().or_else(|_| text.parse::<T>().map(Into::into))
}

/// A UUID, or the id of a row in an audited table.
fn row_id(text: &str) -> Result<Uuid, &'static str> {
    id::<CampaignId>(text)
        .or_else(|_| id::<EmailTemplateId>(text))
        .or_else(|_| id::<ExclusionListEntryId>(text))
        .or_else(|_| id::<OrganizationId>(text))
        .or_else(|_| id::<ProviderConfigId>(text))
        .or_else(|_| id::<UserId>(text))
        .or_else(|_| id::<UserOrganizationId>(text))
        .map_err(|_| "neither a UUID nor the id of a row in an audited table")
}
