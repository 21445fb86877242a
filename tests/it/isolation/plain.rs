//! A customer's connection without the crate `database`, for what that has no way for: COPY TO.

use crate::isolation::catalogue::{A, B};
use crate::isolation::contexts::{Before, Binding, State, dropped_at};
use database::Actor;
use entity::id::OrganizationId;
use futures_util::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::prelude::Uuid;
use sha2::Sha256;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use tests::hexadecimal;

/// How a customer connects.
#[derive(Debug)]
pub struct Login {
    pub url: String,
    /// The owner takes the role, as in development.
    pub is_owner: bool,
    /// The signing key of the database.
    pub key: Option<Key>,
}

/// A connection in a transaction in this state.
pub async fn enter(login: &Login, state: State) -> PgConnection {
    // Behind PgBouncer the parameter is unknown; this connection prepares no statements.
    let options = login.url.parse::<PgConnectOptions>().unwrap().extra_float_digits(None);
    let mut connection = options.disable_statement_logging().connect().await.unwrap();
    let key = login.key.as_ref();
    match state.before {
        Before::Nothing => {}
        Before::Admin => run(&mut connection, "begin; select 1; commit").await.unwrap(),
        Before::Committed => as_b(&mut connection, key, "commit").await.unwrap(),
        Before::RolledBack => as_b(&mut connection, key, "rollback").await.unwrap(),
        Before::Failed => {
            assert!(as_b(&mut connection, key, "select 1 / 0").await.is_err());
            run(&mut connection, "rollback").await.unwrap();
        }
        Before::DroppedAt(_) | Before::DroppedCommittingAt(_) => {
            let mut tx = connection.begin().await.unwrap();
            let binding = binding(&mut tx, B.actor(), key).await;
            run(&mut tx, &binding).await.unwrap();
            let longer = "update contacts set email = 'dropped'; select pg_sleep(0.01)";
            // Waiting for the answer.
            dropped_at(1, async { run(&mut tx, longer).await.unwrap() }).await;
        }
    }
    run(&mut connection, "begin").await.unwrap();
    let role = if login.is_owner { "set local role customer" } else { "select 1" };
    let set = |text: &str| {
        let text = text.replace('\'', "''");
        format!("{role}; set local app.organization_id = '{text}'; set local app.user_id = '{text}'")
    };
    let sql = match state.binding {
        Binding::Unbound => role.to_owned(),
        Binding::User => format!("{role}; set local app.user_id = '{}'", A.actor().user.as_uuid()),
        Binding::Actor(organization) => binding(&mut connection, organization.actor(), key).await,
        Binding::UnknownActor => set(&OrganizationId::generate().as_uuid().to_string()),
        Binding::Text(text) => set(text),
    };
    if key.is_some() && matches!(state.binding, Binding::UnknownActor | Binding::Text(_)) {
        let bound = binding(&mut connection, A.actor(), key).await;
        run(&mut connection, &bound).await.unwrap();
    }
    run(&mut connection, &sql).await.unwrap();
    connection
}

/// A transaction of B that has seen its rows, and `end`.
async fn as_b(connection: &mut PgConnection, key: Option<&Key>, end: &str) -> sqlx::Result<()> {
    run(connection, "begin").await?;
    let binding = binding(connection, B.actor(), key).await;
    run(connection, &format!("{binding}; select count(*) from contacts; {end}")).await
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

/// What takes the role and binds a user of an organization in the connection's transaction.
pub async fn binding(connection: &mut PgConnection, actor: Actor, key: Option<&Key>) -> String {
    let Some(key) = key else { return unsigned(actor) };
    let Actor { organization, user } = actor;
    let (organization, user) = (organization.as_uuid(), user.as_uuid());
    let transaction = sqlx::raw_sql(TRANSACTION).fetch_one(connection).await.unwrap().get::<String, _>(0);
    let context = key.context('u', organization, user, u64::MAX / 2 % 10_000_000_000, &transaction);
    format!("set local role customer; select bind_actor('{organization}', '{user}', '{context}')")
}

/// The same in a database without a signing key.
pub fn unsigned(Actor { organization, user }: Actor) -> String {
    format!(
        "set local role customer; set local app.organization_id = '{}'; set local app.user_id = '{}'",
        organization.as_uuid(),
        user.as_uuid()
    )
}

/// The server's name for the current transaction.
pub const TRANSACTION: &str =
    "select pg_backend_pid() || '.' || (date_part('epoch', now()) * 1000000)::bigint";

/// A signing key, used as an application in another language would.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: Uuid,
    pub secret: [u8; 32],
}

impl Key {
    pub fn generate() -> Self {
        Self { id: Uuid::now_v7(), secret: std::array::from_fn(|_| fastrand::u8(..)) }
    }

    /// The value of `CONTEXT_SIGNING_KEY`.
    pub fn variable(&self) -> String {
        format!("{}:{}", self.id, hexadecimal(&self.secret))
    }

    /// The context that `database/src/signature.rs` describes.
    pub fn context(
        &self,
        kind: char,
        organization: &Uuid,
        user: &Uuid,
        expiry: u64,
        transaction: &str,
    ) -> String {
        let text = format!("{}{kind}{organization}{user}{expiry:010}", self.id);
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap();
        mac.update(format!("{text}{transaction}").as_bytes());
        text + &hexadecimal(&mac.finalize().into_bytes())
    }
}
