//! The server of `TEST_DATABASE_URL`: not ours, so only databases are created and dropped on it.
//!
//! A run is known to the server by the application name of a connection that it holds. A database of a run
//! without such a connection is abandoned.

use crate::supervisor::{self, Supervisor};
use crate::{Error, Options, find, percent, sql};
use environment::{
    Action, AppEnv, Mark, OLDEST_POSTGRES, Place, UrlError, describe_postgres, parse_postgres, permit,
    tls_fault,
};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection, PgConnection, Row};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use url::Url;

/// The prefix of each database's name, before the token of its run.
pub(crate) const PREFIX: &str = "scratch_";

/// The first words of a run's database names; also its application name.
pub(crate) fn run_name(token: &str) -> String {
    format!("{PREFIX}{token}")
}

/// A server that this process did not start.
pub(crate) struct External {
    pub(crate) admin: PgConnectOptions,
    pub(crate) place: String,
    pub(crate) port: u16,
    base: Url,
    // Dropped in this order: the run ends for other runs once its databases can no longer be in use.
    _janitor: Option<Supervisor>,
    _presence: Presence,
}

impl External {
    /// Connects to the server, checks it, and drops the databases of ended runs.
    pub(crate) fn connect(url: &OsStr, token: &str, options: &Options) -> Result<Self, Error> {
        let base = parse(url)?;
        let admin = parse_postgres(base.as_str()).map_err(|error| match error {
            UrlError::Form(reason) => Error::Url { reason: format!("is not valid: {reason}") },
            error @ (UrlError::SeveralHosts | UrlError::Tls(_)) => Error::Url { reason: error.to_string() },
        })?;
        let place = place(&admin);
        let unreachable = |source| match tls_fault(&source) {
            Some(fault) => Error::Tls { place: place.clone(), fault },
            None => Error::Unreachable { place: place.clone(), source: Box::new(source) },
        };
        let presence =
            Presence::start(admin.clone().application_name(&run_name(token))).map_err(unreachable)?;
        check_mark(&admin, &place)?;
        check_login(&admin, &place)?;
        probe(&admin, &place)?;
        drop_abandoned(&admin, &place)?;
        let janitor = janitor(&base, &admin, token, options);
        let port = admin.get_port();
        Ok(Self { admin, place, port, base, _janitor: janitor, _presence: presence })
    }

    /// The URL of a database, for the login of `TEST_DATABASE_URL`.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut url = self.base.clone();
        url.set_path(&percent::encode(database.as_bytes()));
        // The parameter would override the path.
        let query = url.query().map(|query| {
            query.split('&').filter(|pair| !pair.starts_with("dbname=")).collect::<Vec<_>>().join("&")
        });
        url.set_query(query.as_deref().filter(|query| !query.is_empty()));
        url.into()
    }

    /// Fails if a new backend cannot load a library.
    pub(crate) fn check_libraries(&self) -> Result<(), Error> {
        probe(&self.admin, &self.place)
    }
}

fn parse(url: &OsStr) -> Result<Url, Error> {
    let refuse = |reason: &str| Error::Url { reason: reason.to_owned() };
    let text = url.to_str().ok_or_else(|| refuse("is not UTF-8"))?;
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| refuse("does not begin with postgres:// or postgresql://"))?;
    // A password with a bare /, ? or # would end up in the address or the database, and so in messages.
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let misplaced = tail.split('?').next().unwrap_or_default().contains('@')
        || tail.contains('#')
        || (tail.contains('@') && !authority.contains('@'));
    if misplaced {
        return Err(refuse("has a reserved character (one of / ? # @) in its login or database"));
    }
    Url::parse(text).map_err(|error| refuse(&format!("is not valid: {error}")))
}

/// The login and the address, without the password.
fn place(admin: &PgConnectOptions) -> String {
    let host = admin.get_socket().map_or(admin.get_host().to_owned(), |socket| socket.display().to_string());
    format!("{}@{host}:{}", admin.get_username(), admin.get_port())
}

/// Refuses the server of a production database. The variable's name states what the server is used for, so that another
/// machine is permitted without `APP_ENV`.
fn check_mark(admin: &PgConnectOptions, place: &str) -> Result<(), Error> {
    let marked = sql::fetch(admin, Mark::QUERY.to_owned())
        .map_err(|e| sql::error(place, "read the mark of the database".to_owned(), "", e))?;
    let mark = if marked.is_empty() { Mark::Absent } else { Mark::Production };
    let target = describe_postgres(admin);
    permit(Action::RunTests, Place::of(admin), Some(AppEnv::Test), mark, &target).map_err(Error::NotPermitted)
}

fn check_login(admin: &PgConnectOptions, place: &str) -> Result<(), Error> {
    let query = "select current_setting('server_version_num')::int / 10000, quote_ident(rolname), \
                 rolsuper or rolcreatedb, rolsuper or rolcreaterole from pg_roles where rolname = current_user";
    let read = |row: &PgRow| -> sqlx::Result<(i32, String, bool, bool)> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
    };
    let (major, role, databases, roles) = sql::fetch(admin, query.to_owned())
        .and_then(|rows| rows.first().ok_or(sqlx::Error::RowNotFound).and_then(read))
        .map_err(|e| sql::error(place, "read the login's privileges".to_owned(), "", e))?;
    let major = u32::try_from(major).unwrap_or_default();
    if major < OLDEST_POSTGRES {
        return Err(Error::TooOld { place: place.to_owned(), major });
    }
    let lacks: Vec<&str> = [("createdb", databases), ("createrole", roles)]
        .iter()
        .filter(|(_, has)| !has)
        .map(|(n, _)| *n)
        .collect();
    if lacks.is_empty() {
        Ok(())
    } else {
        Err(Error::Privilege { place: place.to_owned(), role, missing: lacks.join(" ") })
    }
}

fn probe(admin: &PgConnectOptions, place: &str) -> Result<(), Error> {
    sql::probe_libraries(admin).map_err(|e| sql::error(place, "run a block in PL/pgSQL".to_owned(), "", e))
}

fn drop_abandoned(admin: &PgConnectOptions, place: &str) -> Result<(), Error> {
    // 20 bytes: the prefix and the token. The second subquery keeps databases with a session, such as psql's.
    let query = "select quote_ident(datname::text) from pg_database d \
                 where datname ~ '^scratch_[0-9a-f]{12}_' and pg_has_role(datdba, 'member') \
                 and not exists (select from pg_stat_activity where application_name = left(d.datname, 20)) \
                 and not exists (select from pg_stat_activity where datid = d.oid)";
    let rows = sql::fetch(admin, query.to_owned())
        .map_err(|e| sql::error(place, "list the databases of earlier runs".to_owned(), "", e))?;
    for row in rows {
        if let Ok(database) = row.try_get::<String, _>(0) {
            // Not WITH (FORCE): who has connected since then keeps it, and the next run tries again.
            let _ = sql::execute(admin, format!("drop database if exists {database}"));
        }
    }
    Ok(())
}

/// Waits for the end of this process and then drops the run's databases, where `psql` is installed.
fn janitor(base: &Url, admin: &PgConnectOptions, token: &str, options: &Options) -> Option<Supervisor> {
    const SCRIPT: &str = "trap '' HUP INT TERM\nread -r _\nexec \"$1\" -X -q -w -v run=\"$2\" <<'END'\n\
        select format('drop database if exists %I with (force)', datname)\n\
        from pg_database where starts_with(datname, :'run') \\gexec\nEND\n";
    let psql = find::program(options, "psql")?;
    let parameter =
        |name: &str| base.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let password = || percent::decode(base.password()?);
    let socket = admin.get_socket().and_then(|socket| socket.to_str());
    let settings = [
        ("PGHOST", Some(socket.unwrap_or(admin.get_host()).to_owned())),
        ("PGPORT", Some(admin.get_port().to_string())),
        ("PGUSER", Some(admin.get_username().to_owned())),
        ("PGDATABASE", Some(admin.get_database().unwrap_or(admin.get_username()).to_owned())),
        ("PGPASSWORD", parameter("password").or_else(password)),
        ("PGSSLMODE", parameter("sslmode")),
        ("PGSSLROOTCERT", parameter("sslrootcert")),
        ("PGSSLCERT", parameter("sslcert")),
        ("PGSSLKEY", parameter("sslkey")),
        ("PGCONNECT_TIMEOUT", Some("10".to_owned())),
    ];
    let mut command = supervisor::shell(SCRIPT, None, Path::new("/"));
    command.arg(psql).arg(format!("{}_", run_name(token)));
    command.envs(settings.into_iter().filter_map(|(name, value)| Some((name, value?))));
    // Without it the next run cleans up, so its failure is ignored.
    Supervisor::start(command.stdout(Stdio::null()).stderr(Stdio::null())).ok()
}

/// An open connection, by which other runs on the same server detect that this one is alive.
struct Presence {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Presence {
    fn start(options: PgConnectOptions) -> sqlx::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (report, first) = mpsc::channel();
        let hold = move || {
            let opened = sql::runtime().map_err(sqlx::Error::from).and_then(|runtime| {
                let connection = runtime.block_on(open(&options))?;
                Ok((runtime, connection))
            });
            let (runtime, mut connection) = match opened {
                Ok(opened) => opened,
                Err(error) => return drop(report.send(Err(error))),
            };
            drop(report.send(Ok(())));
            // More often than firewalls drop idle connections.
            while stopped.recv_timeout(Duration::from_secs(30)) == Err(RecvTimeoutError::Timeout) {
                if runtime.block_on(connection.ping()).is_err()
                    && let Ok(again) = runtime.block_on(open(&options))
                {
                    connection = again;
                }
            }
            drop(runtime.block_on(connection.close()));
        };
        let thread = thread::Builder::new().name("scratch-presence".to_owned()).spawn(hold)?;
        let presence = Self { stop: Some(stop), thread: Some(thread) };
        first.recv().unwrap_or(Err(sqlx::Error::WorkerCrashed))?;
        Ok(presence)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn open(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = sql::connect(options).await?;
    // Some servers close idle sessions.
    sqlx::raw_sql("set idle_session_timeout = 0").execute(&mut connection).await?;
    Ok(connection)
}
