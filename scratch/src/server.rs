//! A running server: started by us, or named by `TEST_DATABASE_URL`.

use crate::directory::Directory;
use crate::external::External;
use crate::local::Local;
use crate::token::token;
use crate::{Error, Options, account, download, find, sql};
use sqlx::Row;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A PostgreSQL server; one of our own stops with the last of this value and its [`Database`](crate::Database)s.
pub struct Server {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    kind: Kind,
    pub(crate) token: String,
    version: u32,
}

enum Kind {
    External(External),
    Local(Local),
}

impl Server {
    /// Starts a server according to the environment; see the crate's documentation for the order.
    ///
    /// # Errors
    /// If there is none, it does not start, or the one that is named cannot be used.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&Options::from_environment())
    }

    /// The server of this process, started by the first caller; the others wait for it.
    ///
    /// # Errors
    /// See [`Server::start`]; every caller gets the same failure.
    pub fn shared() -> Result<&'static Self, &'static Error> {
        static SHARED: OnceLock<Result<Server, Error>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    pub(crate) fn start_with(options: &Options) -> Result<Self, Error> {
        let token = token();
        let kind = match options.admin_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Kind::External(External::connect(url, &token, options)?),
            None => Kind::Local(start_local(options)?),
        };
        let mut inner = Inner { kind, token, version: 0 };
        inner.version = inner.read_version()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Stops the server, until [`Server::start_again`]: its sessions end, its databases stay.
    ///
    /// # Errors
    /// If the server is not our own, or does not stop.
    pub fn stop(&self) -> Result<(), Error> {
        self.inner.ours()?.stop(false)
    }

    /// As [`Server::stop`], without a shutdown of the server, which recovers when it is started again: an immediate stop.
    ///
    /// # Errors
    /// If the server is not our own, or does not stop.
    pub fn stop_at_once(&self) -> Result<(), Error> {
        self.inner.ours()?.stop(true)
    }

    /// Kills the server by SIGKILL to its first process, the postmaster, until [`Server::start_again`]. Its other processes end
    /// once they notice that, and it recovers when it is started again.
    ///
    /// # Errors
    /// If the server is not our own, or its files are not released.
    pub fn kill(&self) -> Result<(), Error> {
        self.inner.ours()?.kill()
    }

    /// Starts the server that was stopped, at the same address.
    ///
    /// # Errors
    /// If the server is not our own, or does not start.
    pub fn start_again(&self) -> Result<(), Error> {
        self.inner.ours()?.start_again()
    }

    /// Starts a streaming replica of this server with these settings, which override the defaults: `hot_standby` is on.
    ///
    /// # Errors
    /// If this server is not our own, or the replica does not start.
    pub fn start_replica(&self, settings: &[(&str, &str)]) -> Result<Self, Error> {
        let local = self.inner.ours()?;
        let program = local.binaries.join("pg_basebackup").display().to_string();
        let (directory, port) = (local.directory.display().to_string(), local.port.to_string());
        let command = [
            &*program,
            "--host",
            &directory,
            "--port",
            &port,
            "--username=postgres",
            "--no-password",
            "--checkpoint=fast",
            "--wal-method=stream",
            "--write-recovery-conf",
            "--no-sync",
            "--pgdata={}",
        ];
        let all = [("hot_standby", "on")].into_iter().chain(settings.iter().copied());
        let mut options = Options::from_environment();
        options.admin_url = None;
        options.binaries = Some(local.binaries.clone());
        options.restore = Some(command.map(ToOwned::to_owned).to_vec());
        options.settings = all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        options.start()
    }

    /// Promotes a replica, and returns once it accepts writes.
    ///
    /// # Errors
    /// If the server is no replica, or not promoted within a minute.
    pub fn promote(&self) -> Result<(), Error> {
        sql::execute(self.inner.admin(), "select pg_promote()".to_owned())
            .map_err(|e| sql::error(self.inner.place(), "promote it".to_owned(), "", e))
    }

    /// The URL of a database on this server, for its administrator; it may hold a password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.inner.url(database)
    }

    /// The server's version as `server_version_num` writes it: 150014 is 15.14.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.inner.version
    }

    /// The directory of `postgres`, `pg_dump` and the rest. `None` if the server is not our own.
    #[must_use]
    pub fn binaries(&self) -> Option<&Path> {
        self.inner.local().map(|local| local.binaries.as_path())
    }

    /// The directory of the socket and of everything else. `None` if the server is not our own.
    #[must_use]
    pub fn socket_dir(&self) -> Option<&Path> {
        self.inner.local().map(|local| local.directory.as_path())
    }

    /// The port, which is also a part of the socket's name.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.inner.kind {
            Kind::External(external) => external.port,
            Kind::Local(local) => local.port,
        }
    }
}

impl Options {
    /// Starts the server, or connects to the configured one.
    ///
    /// # Errors
    /// If there is none, it does not start, or the one that is named cannot be used.
    pub fn start(&self) -> Result<Server, Error> {
        Server::start_with(self)
    }
}

// The URLs may hold a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("place", &self.inner.place())
            .field("version", &self.inner.version)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn admin(&self) -> &PgConnectOptions {
        match &self.kind {
            Kind::External(external) => &external.admin,
            Kind::Local(local) => &local.admin,
        }
    }

    pub(crate) fn place(&self) -> &str {
        match &self.kind {
            Kind::External(external) => &external.place,
            Kind::Local(local) => &local.place,
        }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        match &self.kind {
            Kind::External(external) => external.url(database),
            Kind::Local(local) => local.url(database),
        }
    }

    pub(crate) fn check_libraries(&self) -> Result<(), Error> {
        match &self.kind {
            Kind::External(external) => external.check_libraries(),
            Kind::Local(local) => local.check_libraries(),
        }
    }

    fn local(&self) -> Option<&Local> {
        match &self.kind {
            Kind::External(_) => None,
            Kind::Local(local) => Some(local),
        }
    }

    fn ours(&self) -> Result<&Local, Error> {
        self.local().ok_or_else(|| Error::NotOurs { place: self.place().to_owned() })
    }

    fn read_version(&self) -> Result<u32, Error> {
        let query = "select current_setting('server_version_num')::int";
        sql::fetch(self.admin(), query.to_owned())
            .and_then(|rows| rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get::<i32, _>(0))
            .map(|version| u32::try_from(version).unwrap_or_default())
            .map_err(|e| sql::error(self.place(), "read its version".to_owned(), "", e))
    }
}

fn start_local(options: &Options) -> Result<Local, Error> {
    // Between the choice of a free port and its use, another process may take it.
    for _ in 0..2 {
        match start_once(options) {
            Err(Error::Start { log, .. }) if options.tcp && log.contains("could not bind") => {}
            result => return result,
        }
    }
    start_once(options)
}

fn start_once(options: &Options) -> Result<Local, Error> {
    let account = account::of_server()?;
    let installation = match &options.binaries {
        Some(named) => find::named(named, account)?,
        None => match find::newest(options, account) {
            Ok(installation) => installation,
            Err(looked_at) => download::newest(options, account)
                .map_err(|download| Error::NotFound { looked_at, download })?,
        },
    };
    // Last, so that the supervisor has the directory as soon as there is one.
    Local::start(&installation, Directory::create(&options.roots, account)?, options)
}
