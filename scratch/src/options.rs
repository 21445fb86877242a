//! Where to look for a server, and how to run one of our own.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The options that [`Server::start`](crate::Server::start) reads from the environment.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// `TEST_DATABASE_URL`: the server to use instead of our own. `None` and the empty text mean our own.
    pub admin_url: Option<OsString>,
    /// `SCRATCH_PG_BIN`: the directory of `initdb` and `postgres`. `None` means the newest installed.
    pub binaries: Option<PathBuf>,
    /// `PATH`, searched for `initdb`, `postgres`, `pg_config` and `psql`.
    pub path: Option<OsString>,
    /// More directories to search; one `*` may stand in a component of each.
    pub places: Vec<PathBuf>,
    /// Where downloaded servers are kept. `None` means that there is no such place, thus no download.
    pub downloads: Option<PathBuf>,
    /// Whether a server may be downloaded; without the feature `download` it never is.
    pub may_download: bool,
    /// The parent of the server's directory; the first usable one is taken.
    pub roots: Vec<PathBuf>,
    /// A command that restores the data directory of our own server, which is otherwise created by `initdb`: a program and its
    /// arguments, in which `{}` stands for the path. Its configuration files are replaced, and `postgres` has to be a superuser.
    /// Not with `tcp`.
    pub restore: Option<Vec<String>>,
    /// How long our own server may take to start.
    pub longest_start: Duration,
    /// Settings of our own server that override the defaults, such as `("wal_level", "logical")`.
    pub settings: Vec<(String, String)>,
    /// Listens on a free port of 127.0.0.1 as well, with a password, and puts that address into the URLs.
    pub tcp: bool,
}

impl Options {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|cache| cache.is_absolute());
        Self {
            admin_url: std::env::var_os("TEST_DATABASE_URL"),
            binaries: std::env::var_os("SCRATCH_PG_BIN").filter(|bin| !bin.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH"),
            places: PLACES.iter().map(PathBuf::from).collect(),
            downloads: cache
                .or_else(|| Some(home?.join(".cache")))
                .map(|cache| cache.join("scratch-postgresql")),
            may_download: true,
            roots: vec![std::env::temp_dir(), PathBuf::from("/tmp")],
            restore: None,
            longest_start: Duration::from_secs(90),
            settings: Vec::new(),
            tcp: false,
        }
    }
}

// The URL may hold a password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("admin_url", &self.admin_url.as_ref().map(|_| ".."))
            .field("binaries", &self.binaries)
            .field("tcp", &self.tcp)
            .finish_non_exhaustive()
    }
}

/// Where packages put the server's programs.
const PLACES: [&str; 10] = [
    // Debian, Ubuntu.
    "/usr/lib/postgresql/*/bin",
    // Fedora and others, from PostgreSQL's own repository.
    "/usr/pgsql-*/bin",
    // Alpine.
    "/usr/libexec/postgresql*",
    // FreeBSD, and PostgreSQL's own `make install`.
    "/usr/local/bin",
    "/usr/local/pgsql/bin",
    // Homebrew on Apple silicon, Intel, Linux.
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    // Postgres.app, EDB's installer.
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/Library/PostgreSQL/*/bin",
];
