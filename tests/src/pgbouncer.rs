//! A PgBouncer of the test's own, in front of a server.

use crate::chain;
use scratch::Companion;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

/// How the application and PgBouncer treat prepared statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The application keeps no statement; PgBouncer has its defaults.
    Uncached,
    /// The application keeps statements, and PgBouncer tracks so many of them on each connection to the server.
    Prepared(u32),
}

impl Mode {
    /// Both of a deployment.
    pub const ALL: [Self; 2] = [Self::Uncached, Self::Prepared(200)];

    /// The variables of the application.
    pub fn variables(self) -> [(&'static str, &'static str); 2] {
        // So many that one tenant's statements serve the next one.
        let cache = if self == Self::Uncached { "0" } else { "5000" };
        [("DATABASE_STATEMENT_CACHE", cache), ("DATABASE_TRANSACTION_POOLER", "true")]
    }
}

/// A PgBouncer in transaction mode, with a new process after each [`PgBouncer::kill`].
#[derive(Debug)]
pub struct PgBouncer {
    /// The URLs that it was started for, by way of it.
    pub urls: Vec<String>,
    program: Program,
    files: [(&'static str, String); 2],
    process: Option<Companion>,
}

impl PgBouncer {
    /// Starts one for these URLs of one server, with so many connections to the server for each login and database.
    /// Returns `None`, and reports it on standard error, if no installed version has the mode.
    pub async fn start(urls: &[String], connections: usize, mode: Mode) -> Option<Self> {
        let program = installed(mode)?;
        let logins: Vec<Login> = urls.iter().map(|url| Login::of(url)).collect();
        let server: PgConnectOptions = urls[0].parse().expect("a URL of PostgreSQL");
        let host =
            server.get_socket().map_or(server.get_host().to_owned(), |path| path.display().to_string());
        let port = free_port();
        let mut configuration = format!(
            "[databases]\n* = host={host} port={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = md5\n\
             auth_file = users\nadmin_users = {}\npool_mode = transaction\ndefault_pool_size = {connections}\n\
             pidfile = pid\nserver_login_retry = 1\n",
            server.get_port(),
            logins[0].name
        );
        if let Mode::Prepared(statements) = mode {
            writeln!(configuration, "max_prepared_statements = {statements}").expect("a string");
        }
        let users = logins.iter().fold(String::new(), |mut users, Login { name, password, .. }| {
            writeln!(users, "\"{name}\" \"{}\"", password.replace('"', "\"\"")).expect("a string");
            users
        });
        let urls = logins.into_iter().map(|login| login.url(port)).collect();
        let files = [("pgbouncer.ini", configuration), ("users", users)];
        let mut pgbouncer = Self { urls, program, files, process: None };
        pgbouncer.start_again().await;
        Some(pgbouncer)
    }

    /// Starts it after a [`PgBouncer::kill`].
    pub async fn start_again(&mut self) {
        let files = self.files.each_ref().map(|(name, content)| (*name, &**content));
        let mut process = Companion::start(&self.program.path, &["pgbouncer.ini"], &files)
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(error) = connect(&self.urls[0]).await {
            let is_over = process.has_ended().expect("its state") || Instant::now() > deadline;
            assert!(!is_over, "PgBouncer does not answer: {error}\n{}", process.log_tail());
            sleep(Duration::from_millis(20)).await;
        }
        self.process = Some(process);
    }

    /// Kills the process, so that it closes no connection in order.
    pub fn kill(&mut self) {
        let process = self.process.take().expect("a running PgBouncer");
        let pid =
            std::fs::read_to_string(process.directory().join("pid")).expect("its file with the process");
        let killed = Command::new("kill").args(["-KILL", pid.trim()]).status().expect("kill");
        assert!(killed.success());
    }

    /// Runs a command of the console, and returns the named column of its rows.
    pub async fn console(&self, command: &'static str, column: &str) -> Vec<String> {
        use sqlx::Row as _;
        let mut console = Url::parse(&self.urls[0]).expect("a URL");
        console.set_path("pgbouncer");
        let mut console = connect(console.as_str()).await.expect("the console");
        let rows = sqlx::raw_sql(command).fetch_all(&mut console).await.expect(command);
        rows.iter().map(|row| row.get::<String, _>(column)).collect()
    }
}

/// A login of the server, which PgBouncer has to know as well.
struct Login {
    url: Url,
    name: String,
    password: String,
}

impl Login {
    fn of(url: &str) -> Self {
        let mut url = Url::parse(url).expect("a URL");
        if url.password().is_none() {
            // The server asks for none; PgBouncer does.
            url.set_password(Some("unused")).expect("a URL with a host");
        }
        let decode = |text: &str| {
            let pair = format!("text={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().expect("a pair").1.into_owned()
        };
        let (name, password) = (decode(url.username()), decode(url.password().expect("set above")));
        Self { url, name, password }
    }

    /// The URL by way of a PgBouncer on this port.
    fn url(mut self, port: u16) -> String {
        self.url.set_host(Some("127.0.0.1")).expect("a URL with a host");
        self.url.set_port(Some(port)).expect("a URL with a host");
        self.url.set_query(Some("sslmode=disable"));
        self.url.into()
    }
}

async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    url.parse::<PgConnectOptions>()?.extra_float_digits(None).disable_statement_logging().connect().await
}

/// A port that is free now, and stays the same when the program starts again.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// The program, and the directory of its copy.
#[derive(Debug)]
struct Program {
    path: PathBuf,
    _directory: Option<TempDir>,
}

/// The program that has the mode: the one that `.ci/pgbouncer` built, or the one that is installed, which Debian puts where
/// only administrators look.
fn installed(mode: Mode) -> Option<Program> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pgbouncer/pgbouncer");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = [built.clone()]
        .into_iter()
        .chain(directories.map(|directory| directory.join("pgbouncer")))
        .find(|program| program.is_file());
    let Some(path) = found else {
        let missing = "NOT TESTED: what holds behind PgBouncer, which is not installed; \
                       Debian: apt-get install pgbouncer";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{missing}");
        eprintln!("{missing}");
        return None;
    };
    let (major, minor) = version(&path);
    if matches!(mode, Mode::Prepared(_)) && (major, minor) < (1, 21) {
        eprintln!(
            "NOT TESTED: prepared statements behind PgBouncer; {} is {major}.{minor}, which does not track them; run \
             .ci/pgbouncer, which builds a newer one",
            path.display()
        );
        return None;
    }
    Some(if path == built { copied(&path) } else { Program { path, _directory: None } })
}

/// A copy that the account of the server may execute, wherever the workspace is.
fn copied(program: &Path) -> Program {
    let directory = TempDir::new().expect("a temporary directory");
    let executable = Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), executable.clone()).expect("its permissions");
    let path = directory.path().join("pgbouncer");
    std::fs::copy(program, &path).expect("a copy of PgBouncer");
    std::fs::set_permissions(&path, executable).expect("its permissions");
    Program { path, _directory: Some(directory) }
}

/// `PgBouncer 1.24.1` is `(1, 24)`.
fn version(program: &Path) -> (u32, u32) {
    let output = Command::new(program).arg("--version").output().expect("its version");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    numbers.next().zip(numbers.next()).unwrap_or_else(|| panic!("{}: no version: {text}", program.display()))
}
