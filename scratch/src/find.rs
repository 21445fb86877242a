//! Finds the server's programs on this machine.

use crate::account::{Account, run_as};
use crate::{Error, Options};
use environment::OLDEST_POSTGRES;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// A directory with `initdb` and `postgres` that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) binaries: PathBuf,
    version: Version,
}

/// A release sorts above every beta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    released: bool,
    major: u32,
    minor: u32,
}

/// The newest installation that `account` can run, or the reasons against each directory.
pub(crate) fn newest(options: &Options, account: Option<Account>) -> Result<Installation, String> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let mut seen = BTreeSet::new();
    for directory in directories(options) {
        if !directory.join("postgres").exists() {
            continue;
        }
        let directory = behind_links(directory);
        if !seen.insert(directory.clone()) {
            continue;
        }
        match examine(&directory, account) {
            Ok(installation) => found.push(installation),
            Err(reason) => refused.push(format!("{} ({reason})", directory.display())),
        }
    }
    // Stable, so that of two equal ones the first place wins.
    found.sort_by_key(|installation| Reverse(installation.version));
    found.into_iter().next().ok_or_else(|| {
        if refused.is_empty() {
            "PATH, pg_config, and the usual places of packages, which hold no initdb and postgres".to_owned()
        } else {
            refused.join("; ")
        }
    })
}

/// The installation that `SCRATCH_PG_BIN` names.
pub(crate) fn named(directory: &Path, account: Option<Account>) -> Result<Installation, Error> {
    examine(directory, account).map_err(|reason| Error::Binaries { directory: directory.to_owned(), reason })
}

/// The client programs of one major version: a directory with `pg_dump`, `pg_restore` and `psql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The directory.
    pub directory: PathBuf,
    /// Their major version.
    pub major: u32,
}

impl Options {
    /// The client programs of the lowest major version that is at least `oldest`; a newer one writes what an older server
    /// may not accept. They are looked for where the server's programs are.
    ///
    /// # Errors
    /// There are none.
    pub fn clients(&self, oldest: u32) -> Result<Clients, Error> {
        let places = match &self.binaries {
            Some(named) => vec![named.clone()],
            None => directories(self).collect(),
        };
        let mut found: Vec<Clients> = places.iter().filter_map(|directory| clients_in(directory)).collect();
        // Stable, so that of two equal ones the first place wins.
        found.sort_by_key(|clients| clients.major);
        let looked_at =
            found.iter().map(|Clients { directory, major }| format!("{} ({major})", directory.display()));
        let looked_at = looked_at.collect::<Vec<_>>().join(", ");
        let suitable = found.into_iter().find(|clients| clients.major >= oldest);
        suitable.ok_or(Error::NoClients { oldest, looked_at })
    }
}

/// A wrapper, such as Debian's in `/usr/bin`, does not count: it chooses a version by itself.
fn clients_in(directory: &Path) -> Option<Clients> {
    let directory = fs::canonicalize(directory.join("pg_dump")).ok()?.parent()?.to_owned();
    if !["pg_dump", "pg_restore", "psql"].iter().all(|name| directory.join(name).is_file()) {
        return None;
    }
    let output = Command::new(directory.join("pg_dump")).arg("--version").output().ok()?;
    let version = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    Some(Clients { directory, major: version.major })
}

/// A program from `PATH` or from the usual places.
pub(crate) fn program(options: &Options, name: &str) -> Option<PathBuf> {
    on_path(options)
        .chain(options.places.iter().flat_map(|place| expand(place)))
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// The directory that the programs are linked from, which has the rest of them, too.
fn behind_links(directory: PathBuf) -> PathBuf {
    let real = fs::canonicalize(directory.join("postgres")).ok();
    let home = real.as_deref().and_then(Path::parent).filter(|home| home.join("initdb").exists());
    home.map_or(directory, Path::to_owned)
}

fn examine(binaries: &Path, account: Option<Account>) -> Result<Installation, String> {
    if !binaries.join("initdb").exists() {
        return Err("no initdb".to_owned());
    }
    // Run as the account that will run the server: root may read files that the account cannot.
    let output = run_as(&mut Command::new(binaries.join("postgres")), account)
        .arg("--version")
        .current_dir("/")
        .output()
        .map_err(|error| format!("postgres does not run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = parse_version(&text).ok_or_else(|| {
        format!("postgres --version failed: {}", String::from_utf8_lossy(&output.stderr).trim())
    })?;
    if version.major < OLDEST_POSTGRES {
        return Err(format!("{} is older than {OLDEST_POSTGRES}", text.trim()));
    }
    Ok(Installation { binaries: binaries.to_owned(), version })
}

/// Reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, `… 19beta1` or `… 19devel`.
fn parse_version(text: &str) -> Option<Version> {
    let number = text.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let (major, rest) = number.split_at(digits);
    let minor = rest.strip_prefix('.').map(str::parse);
    Some(Version {
        released: rest.is_empty() || minor.is_some(),
        major: major.parse().ok()?,
        minor: minor.and_then(Result::ok).unwrap_or(0),
    })
}

fn directories(options: &Options) -> impl Iterator<Item = PathBuf> {
    let configured = on_path(options).filter_map(|directory| {
        let output = Command::new(directory.join("pg_config")).arg("--bindir").output().ok()?;
        let directory = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| PathBuf::from(directory.trim()))
    });
    let downloads = options.downloads.iter().map(|downloads| downloads.join("*/bin"));
    on_path(options)
        .chain(configured)
        .chain(options.places.iter().cloned().chain(downloads).flat_map(|place| expand(&place)))
}

fn on_path(options: &Options) -> impl Iterator<Item = PathBuf> {
    // An empty entry means the current directory, from which nothing is run.
    options.path.iter().flat_map(std::env::split_paths).filter(|directory| directory.is_absolute())
}

/// The directories that match a path with at most one `*` in each component.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut matches = vec![PathBuf::new()];
    for component in pattern.components() {
        let star = match component {
            Component::Normal(name) => name.to_str().and_then(|name| name.split_once('*')),
            _ => None,
        };
        matches = match star {
            None => matches.into_iter().map(|base| base.join(component)).collect(),
            Some((before, after)) => matches.iter().flat_map(|base| matching(base, before, after)).collect(),
        };
    }
    matches.retain(|directory| directory.is_dir());
    matches
}

fn matching(base: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let fits = |name: &OsStr| {
        name.to_str().and_then(|n| n.strip_prefix(before)).is_some_and(|rest| rest.ends_with(after))
    };
    let Ok(entries) = fs::read_dir(base) else { return Vec::new() };
    let mut names: Vec<_> = entries.flatten().map(|e| e.file_name()).filter(|name| fits(name)).collect();
    names.sort();
    names.into_iter().map(|name| base.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Version, expand, parse_version};
    use std::fs;
    use std::path::PathBuf;

    fn version(text: &str) -> Version {
        parse_version(&format!("postgres (PostgreSQL) {text}\n")).unwrap()
    }

    #[test]
    fn a_version_is_read_from_every_form_that_postgres_prints() {
        assert_eq!(
            version("15.14 (Debian 15.14-0+deb12u1)"),
            Version { released: true, major: 15, minor: 14 }
        );
        assert_eq!(version("18.0"), Version { released: true, major: 18, minor: 0 });
        assert_eq!(version("19beta1"), Version { released: false, major: 19, minor: 0 });
        assert_eq!(version("19devel"), Version { released: false, major: 19, minor: 0 });
        assert_eq!(parse_version("postgres: permission denied"), None);
    }

    #[test]
    fn the_newest_release_sorts_above_older_ones_and_above_every_beta() {
        let mut versions =
            [version("9.6"), version("18.1"), version("19beta1"), version("15.14"), version("18.0")];
        versions.sort();
        let majors = versions.map(|v| (v.major, v.minor));
        assert_eq!(majors, [(19, 0), (9, 6), (15, 14), (18, 0), (18, 1)]);
    }

    #[test]
    fn a_star_stands_for_any_part_of_one_directory_name() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["postgresql@15/bin", "postgresql@18/bin", "postgresql/bin", "postgresql@16"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let expected: Vec<PathBuf> =
            ["postgresql@15/bin", "postgresql@18/bin"].iter().map(|d| root.path().join(d)).collect();
        assert_eq!(expand(&root.path().join("postgresql@*/bin")), expected);
    }
}
