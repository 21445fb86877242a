//! Simulated calls are not recorded in production: the rule of all programs that write records that are not real.

use crate::Error;
use database::{Database, Mark, Settings};
use environment::{Action, AppEnvVariable, Place, describe_postgres, parse_postgres, permit};

/// Refuses production, and a database on another machine whose use `APP_ENV` does not state.
pub(crate) fn before_connecting(settings: &Settings) -> Result<(), Error> {
    decide(settings, Mark::Absent)
}

/// Refuses a database that is marked as production.
pub(crate) async fn before_writing(database: &Database, settings: &Settings) -> Result<(), Error> {
    let tx = database.admin().await?;
    let marked = tx.marked_as_production().await?.is_some();
    tx.rollback().await?;
    if marked { decide(settings, Mark::Production) } else { Ok(()) }
}

fn decide(settings: &Settings, mark: Mark) -> Result<(), Error> {
    // The settings do not distinguish an unset variable from development. They have parsed it.
    let app_env = std::env::var("APP_ENV").unwrap_or_default().parse::<AppEnvVariable>().unwrap_or_default();
    let (place, target) = if settings.database_url.is_sqlite() {
        (Place::File, "SQLite file".to_owned())
    } else {
        let options = parse_postgres(settings.database_url.expose()).map_err(Error::Url)?;
        (Place::of(&options), describe_postgres(&options))
    };
    Ok(permit(Action::SimulateCalls, place, app_env.0, mark, &target)?)
}
