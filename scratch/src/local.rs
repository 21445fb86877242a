//! A server of our own: started on a private socket, stopped and removed by its supervisor.

use crate::directory::{self, Directory, Handle};
use crate::find::Installation;
use crate::supervisor::{self, Supervisor};
use crate::token::token;
use crate::{Error, Options, percent, sql};
use sqlx::postgres::PgConnectOptions;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SOCKET_PORT: u16 = 5432;

/// A running server whose files are ours.
pub(crate) struct Local {
    pub(crate) admin: PgConnectOptions,
    pub(crate) binaries: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) place: String,
    pub(crate) port: u16,
    identity: Identity,
    longest_start: Duration,
    password: Option<String>,
    supervisor: Mutex<Supervisor>,
    handle: Handle,
}

/// Identifies a build of `postgres`, to detect its replacement under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Local {
    /// Starts a server in a new directory.
    pub(crate) fn start(
        installation: &Installation,
        directory: Directory,
        options: &Options,
    ) -> Result<Self, Error> {
        let binaries = installation.binaries.clone();
        // Before the start: an upgrade from here on is noticed.
        let identity = Identity::of(&binaries).map_err(|e| Error::io("examine", &binaries, e))?;
        let port = if options.tcp { free_port()? } else { SOCKET_PORT };
        let password = options.tcp.then(|| format!("{}{}", token(), token()));
        if let Some(password) = &password {
            directory.write_private("password", password)?;
        }
        if let Some(restore) = &options.restore {
            let data = directory.path().join("data");
            let words = restore.iter().map(|word| quoted(&word.replace("{}", &data.to_string_lossy())));
            directory.write_private("restore", &words.collect::<Vec<_>>().join(" "))?;
            directory.write_private("postgresql.conf", "")?;
            directory.write_private("pg_ident.conf", "")?;
            directory.write_private("pg_hba.conf", "local all all trust\n")?;
        }
        directory.give_away()?;

        let path = directory.path().to_owned();
        let supervisor = Supervisor::start(&mut command(&directory, &binaries, port, options)?)
            .map_err(|e| Error::io("run /bin/sh in", &path, e))?;
        let handle = directory.hand_over();
        let place = format!("the server in {}", path.display());
        let admin = url(&path, port, password.as_deref(), "postgres")
            .parse()
            .map_err(|e| sql::error(&place, "read its URL".to_owned(), "", e))?;
        let supervisor = Mutex::new(supervisor);
        let longest_start = options.longest_start;
        let local = Self {
            admin,
            binaries,
            directory: path,
            place,
            port,
            identity,
            longest_start,
            password,
            supervisor,
            handle,
        };
        // Meanwhile the server starts.
        directory::remove_abandoned(&local.directory);
        local.wait_until_ready()?;
        Ok(local)
    }

    /// The URL of a database, for the administrator.
    pub(crate) fn url(&self, database: &str) -> String {
        url(&self.directory, self.port, self.password.as_deref(), database)
    }

    /// Fails if `postgres` is no longer the file that was started.
    pub(crate) fn check_libraries(&self) -> Result<(), Error> {
        let detail = match Identity::of(&self.binaries) {
            Ok(identity) if identity == self.identity => return Ok(()),
            Ok(_) => {
                format!("{} is another file than at the start", self.binaries.join("postgres").display())
            }
            Err(error) => format!("{}: {error}", self.binaries.join("postgres").display()),
        };
        Err(Error::Upgraded { place: self.place.clone(), detail })
    }

    /// Stops the server: its sessions end, its files stay. At once: as by a crash, after which the start recovers.
    pub(crate) fn stop(&self, at_once: bool) -> Result<(), Error> {
        self.tell(if at_once { "stop_at_once" } else { "stop" })?;
        self.wait_for_state("stopped", None)
    }

    /// Kills the server's first process, and waits until the others have noticed it.
    pub(crate) fn kill(&self) -> Result<(), Error> {
        self.tell("kill")?;
        self.wait_for_state("stopped", None)
    }

    /// Starts the server that was stopped.
    pub(crate) fn start_again(&self) -> Result<(), Error> {
        self.tell("start")?;
        self.wait_until_ready()
    }

    fn tell(&self, line: &str) -> Result<(), Error> {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        supervisor.tell(line).map_err(|e| Error::io("tell the supervisor of", &self.directory, e))
    }

    fn wait_until_ready(&self) -> Result<(), Error> {
        self.wait_for_state("ready", Some("ready"))
    }

    /// Waits until the server's state is `wanted`; `None`: until it is gone.
    fn wait_for_state(&self, name: &str, wanted: Option<&str>) -> Result<(), Error> {
        let started = Instant::now();
        let status = self.directory.join("data/postmaster.pid");
        let reason = loop {
            let reached = match fs::read_to_string(&status) {
                // The eighth line is the server's state.
                Ok(text) => wanted.is_some() && text.lines().nth(7).map(str::trim) == wanted,
                Err(_) => wanted.is_none(),
            };
            if reached {
                return Ok(());
            }
            match self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).ended() {
                Ok(None) => {}
                Ok(Some(status)) => break format!("it ended with {status}"),
                Err(error) => break error.to_string(),
            }
            if started.elapsed() > self.longest_start {
                break format!("not {name} after {} s", self.longest_start.as_secs());
            }
            sleep(Duration::from_millis(5));
        };
        Err(Error::Start { binaries: self.binaries.clone(), reason, log: self.handle.log_tail() })
    }
}

impl Identity {
    fn of(binaries: &Path) -> std::io::Result<Self> {
        let file = fs::metadata(binaries.join("postgres"))?;
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    }
}

fn command(directory: &Directory, binaries: &Path, port: u16, options: &Options) -> Result<Command, Error> {
    let path = directory.path();
    let clone = |file: &fs::File| file.try_clone().map_err(|e| Error::io("open a file in", path, e));
    let mut command = supervisor::shell(include_str!("supervise.sh"), directory.account, path);
    command.arg(path).arg(binaries).stdout(clone(&directory.lock)?).stderr(clone(&directory.log)?);
    // Settings for the developer's own server must not affect ours.
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        name.as_bytes().starts_with(b"PG") && !name.as_bytes().starts_with(b"PGBACKREST_")
    }) {
        command.env_remove(name);
    }
    // On macOS the server does not start with a missing locale; the cluster's own is given to `initdb`.
    command.env("LC_ALL", "C");
    if directory.account.is_some() {
        command.env("HOME", path);
    }

    let port = port.to_string();
    let listen = if options.tcp { "127.0.0.1" } else { "" };
    let defaults = [
        ("port", port.as_str()),
        ("listen_addresses", listen),
        // Durability is not required.
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("max_connections", "200"),
        // In the directory instead of /dev/shm, which is small in containers and survives a kill.
        ("dynamic_shared_memory_type", "mmap"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    // The configuration of a restored server is elsewhere, or was made for another machine.
    let own = |name: &str| path.join(name).display().to_string();
    let (config, access, identities) = (own("postgresql.conf"), own("pg_hba.conf"), own("pg_ident.conf"));
    let restored = [
        ("config_file", config.as_str()),
        ("hba_file", access.as_str()),
        ("ident_file", identities.as_str()),
        ("archive_mode", "off"),
        ("hot_standby", "off"),
        ("log_destination", "stderr"),
        ("logging_collector", "off"),
        ("shared_buffers", "128MB"),
        ("shared_preload_libraries", ""),
        ("ssl", "off"),
    ];
    let restored = restored.into_iter().filter(|_| options.restore.is_some());
    let settings = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in defaults.into_iter().chain(restored).chain(settings) {
        command.args(["-c", &format!("{name}={value}")]);
    }
    Ok(command)
}

/// A word of a script.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| Error::Io { action: "find a free port of 127.0.0.1".to_owned(), source })
}

/// Complete, so that neither PGPORT nor PGSSLMODE of the caller's environment applies.
fn url(directory: &Path, port: u16, password: Option<&str>, database: &str) -> String {
    let database = percent::encode(database.as_bytes());
    if let Some(password) = password {
        return format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable");
    }
    let socket = percent::encode(directory.as_os_str().as_bytes());
    format!("postgres://postgres@localhost:{port}/{database}?host={socket}&sslmode=disable")
}
