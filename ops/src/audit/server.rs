//! `ops audit server`: pgaudit, which writes the statements that change data or objects into the log of the server.

use super::{close, open};
use crate::snapshot::literal;
use crate::{Error, Target};
use sqlx::{AssertSqlSafe, PgConnection};

const LIBRARY: &str = "pgaudit";

/// Returns the elements of the value that a setting has to get, or `None` if it is correct. What else a list has remains.
type Correction = fn(&str) -> Option<Vec<String>>;

const SETTINGS: [(&str, Correction); 3] = [
    ("shared_preload_libraries", libraries),
    ("pgaudit.log", classes),
    ("pgaudit.log_catalog", |value| (value != "off").then(|| vec!["off".to_owned()])),
];

/// What the command found or did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setup {
    /// The settings are correct.
    Complete,
    /// These settings were written; they apply already.
    Reloaded(Vec<String>),
    /// These settings were written; the server has to be restarted to load the library.
    Restart(Vec<String>),
}

/// Checks the settings of pgaudit, and writes those that differ if `apply`.
///
/// # Errors
/// Without `apply`, settings differ. With it, the login is no superuser, or the library is not installed. The database is no
/// PostgreSQL, or refuses the login.
pub async fn server(target: &Target, apply: bool) -> Result<Setup, Error> {
    let mut connection = open(target).await?;
    let failed = Error::statement("reading the settings of pgaudit", target);
    let mut running = Vec::new();
    for (name, correction) in SETTINGS {
        let value = setting(&mut connection, name).await.map_err(&failed)?;
        if correction(&value).is_some() {
            running.push(format!("{name} is '{value}'"));
        }
    }
    if running.is_empty() {
        close(connection).await;
        return Ok(Setup::Complete);
    }
    if !apply {
        return Err(Error::AuditServer { target: target.to_string(), settings: running });
    }
    may_apply(&mut connection, target).await?;
    let mut written = Vec::new();
    for (name, correction) in SETTINGS {
        let value = configured(&mut connection, name).await.map_err(&failed)?;
        if let Some(values) = correction(&value) {
            write(&mut connection, name, &values)
                .await
                .map_err(Error::statement("changing the settings", target))?;
            written.push(format!("{name} = '{}'", values.join(", ")));
        }
    }
    sqlx::raw_sql("select pg_reload_conf()").execute(&mut connection).await.map_err(&failed)?;
    let loaded = setting(&mut connection, "shared_preload_libraries").await.map_err(&failed)?;
    close(connection).await;
    Ok(if libraries(&loaded).is_none() { Setup::Reloaded(written) } else { Setup::Restart(written) })
}

/// Fails unless a server with these settings would start: without the file of the library it does not.
async fn may_apply(connection: &mut PgConnection, target: &Target) -> Result<(), Error> {
    let major = connection.server_version_num().unwrap_or_default() / 10_000;
    let failed = Error::statement("reading the settings of pgaudit", target);
    let (is_superuser, is_installed, source): (bool, bool, String) = sqlx::query_as(
        "select current_setting('is_superuser')::boolean, \
                exists (select from pg_available_extensions where name = 'pgaudit'), \
                (select source from pg_settings where name = 'shared_preload_libraries')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    let target = target.to_string();
    if !is_superuser {
        return Err(Error::SuperuserRequired { target, action: "a change of the server settings" });
    }
    if !is_installed {
        return Err(Error::NoPgaudit { target, major });
    }
    if source == "command line" {
        return Err(Error::CommandLine { target, setting: "shared_preload_libraries" });
    }
    Ok(())
}

/// The value that applies to this session; empty for a setting of a library that is not loaded.
async fn setting(connection: &mut PgConnection, name: &str) -> sqlx::Result<String> {
    let value: Option<String> =
        sqlx::query_scalar("select current_setting($1, true)").bind(name).fetch_one(connection).await?;
    Ok(value.unwrap_or_default())
}

/// The value in the files of the server, which may wait for a restart, or else the one that applies.
async fn configured(connection: &mut PgConnection, name: &str) -> sqlx::Result<String> {
    let select = "select setting from pg_file_settings where name = $1 order by seqno desc limit 1";
    match sqlx::query_scalar(select).bind(name).fetch_optional(&mut *connection).await? {
        Some(value) => Ok(value),
        None => setting(connection, name).await,
    }
}

async fn write(connection: &mut PgConnection, name: &str, values: &[String]) -> sqlx::Result<()> {
    let value = if name == "shared_preload_libraries" {
        // A list of names, each a literal of its own.
        values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ")
    } else {
        // The library is not loaded yet; as long as it is not, the server knows only settings of the session.
        sqlx::query("select set_config($1, '', false) where current_setting($1, true) is null")
            .bind(name)
            .execute(&mut *connection)
            .await?;
        literal(&values.join(", "))
    };
    let statement = format!("alter system set {name} = {value}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}

fn libraries(value: &str) -> Option<Vec<String>> {
    let mut libraries = list(value);
    if libraries.iter().any(|library| library == LIBRARY || library.ends_with("/pgaudit")) {
        return None;
    }
    libraries.push(LIBRARY.to_owned());
    Some(libraries)
}

fn classes(value: &str) -> Option<Vec<String>> {
    let found: Vec<String> = list(value).iter().map(|class| class.to_ascii_lowercase()).collect();
    let mut classes = found.clone();
    classes.retain(|class| !["none", "-write", "-ddl"].contains(&class.as_str()));
    for class in ["write", "ddl"] {
        if !classes.iter().any(|other| other == class || other == "all") {
            classes.push(class.to_owned());
        }
    }
    (classes != found).then_some(classes)
}

/// The elements of a list, without their quotes.
fn list(value: &str) -> Vec<String> {
    let elements = value.split(',').map(|element| element.trim().trim_matches('"').to_owned());
    elements.filter(|element| !element.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{classes, libraries};

    #[test]
    fn what_a_list_has_remains() {
        assert_eq!(
            libraries("pg_stat_statements, \"$libdir/other\"").unwrap().join(" "),
            "pg_stat_statements $libdir/other pgaudit"
        );
        assert_eq!(libraries("").unwrap(), ["pgaudit"]);
        assert_eq!(libraries("pg_stat_statements,pgaudit"), None);
        assert_eq!(classes("none").unwrap(), ["write", "ddl"]);
        assert_eq!(classes("role, write").unwrap(), ["role", "write", "ddl"]);
        assert_eq!(classes("all, -ddl").unwrap(), ["all"]);
        assert_eq!(classes("DDL, write, role"), None);
        assert_eq!(classes("all, -misc"), None);
    }
}
