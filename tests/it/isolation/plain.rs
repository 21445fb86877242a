//! A customer's connection without the crate `database`, for what that has no way for: COPY TO.

use crate::isolation::catalogue::{A, B, Organization};
use crate::isolation::contexts::{Before, Binding, State, dropped_at};
use database::Actor;
use entity::id::{OrganizationId, UserId};
use futures_util::TryStreamExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

/// How a customer connects.
#[derive(Debug)]
pub struct Login {
    pub url: String,
    /// The owner takes the role, as in development.
    pub is_owner: bool,
}

/// A connection in a transaction in this state.
pub async fn enter(login: &Login, state: State) -> PgConnection {
    // Behind PgBouncer the parameter is unknown; this connection prepares no statements.
    let options = login.url.parse::<PgConnectOptions>().unwrap().extra_float_digits(None);
    let mut connection = options.disable_statement_logging().connect().await.unwrap();
    let bound = |bound: &str| format!("begin; {bound}; select count(*) from contacts");
    match state.before {
        Before::Nothing => {}
        Before::Admin => run(&mut connection, "begin; select 1; commit").await.unwrap(),
        Before::Committed => run(&mut connection, &(bound(&binding(B)) + "; commit")).await.unwrap(),
        Before::RolledBack => run(&mut connection, &(bound(&binding(B)) + "; rollback")).await.unwrap(),
        Before::Failed => {
            assert!(run(&mut connection, &(bound(&binding(B)) + "; select 1 / 0")).await.is_err());
            run(&mut connection, "rollback").await.unwrap();
        }
        Before::DroppedAt(_) | Before::DroppedCommittingAt(_) => {
            let mut tx = connection.begin().await.unwrap();
            run(&mut tx, &binding(B)).await.unwrap();
            let longer = "update contacts set email = 'dropped'; select pg_sleep(0.01)";
            // Waiting for the answer.
            dropped_at(1, async { run(&mut tx, longer).await.unwrap() }).await;
        }
    }
    let role = if login.is_owner { "set local role customer" } else { "select 1" };
    let sql = match state.binding {
        Binding::Unbound => role.to_owned(),
        Binding::User => format!("{role}; set local app.user_id = '{}'", A.actor().user.as_uuid()),
        Binding::Actor(organization) => binding(organization),
        Binding::UnknownActor => {
            bind(Actor { organization: OrganizationId::generate(), user: UserId::generate() })
        }
        Binding::Text(text) => {
            let text = text.replace('\'', "''");
            format!("{role}; set local app.organization_id = '{text}'; set local app.user_id = '{text}'")
        }
    };
    run(&mut connection, &format!("begin; {sql}")).await.unwrap();
    connection
}

/// Runs SQL text as it is.
pub async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// What COPY TO sends, or the SQLSTATE.
pub async fn copy(connection: &mut PgConnection, sql: &str) -> Result<String, String> {
    let copied = async {
        let parts: Vec<_> = connection.copy_out_raw(sql).await?.try_collect().await?;
        Ok(parts.concat())
    };
    let code = |error: sqlx::Error| match error.as_database_error() {
        Some(error) => error.code().unwrap_or_default().into_owned(),
        None => panic!("{sql}: {error}"),
    };
    copied.await.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(code)
}

/// Takes the role and binds an organization and its user for a transaction.
pub fn binding(organization: Organization) -> String {
    bind(organization.actor())
}

fn bind(Actor { organization, user }: Actor) -> String {
    format!(
        "set local role customer; set local app.organization_id = '{}'; set local app.user_id = '{}'",
        organization.as_uuid(),
        user.as_uuid()
    )
}
