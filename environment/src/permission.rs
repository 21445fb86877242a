//! Whether a program may do to a database what it was called for: one rule for all programs.

use crate::AppEnv;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::net::IpAddr;

/// What a program does to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Removes what is past its limit or about a person, and deletes the files of recordings.
    RemoveData,
    /// Rolls back migrations, or drops everything.
    Destroy {
        /// The command.
        command: &'static str,
        /// Whether `--allow-destructive` was given.
        allowed: bool,
    },
    /// Inserts and updates fixture records.
    LoadFixtures,
    /// Applies pending migrations.
    Migrate,
    /// Creates and drops databases of its own on the server.
    RunTests,
    /// Records calls that were not made.
    SimulateCalls,
}

/// Where a database is, by its address alone: a tunnel to another machine is local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File,
    /// A loopback address, or `localhost`.
    Local,
    /// Any other host.
    Remote,
    /// A Unix socket.
    Socket,
}

impl Place {
    /// The place of a PostgreSQL server.
    #[must_use]
    pub fn of(options: &PgConnectOptions) -> Self {
        let host = options.get_host();
        if options.get_socket().is_some() || host.starts_with('/') {
            return Self::Socket;
        }
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
        {
            Self::Local
        } else {
            Self::Remote
        }
    }
}

/// The mark of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// None, or not read yet. SQLite has no other.
    Absent,
    /// The database is, or is a copy of, a production database.
    Production,
}

impl Mark {
    /// The comment of the ledger that is the mark on PostgreSQL.
    pub const COMMENT: &str =
        "production: destructive commands and fixtures are refused, see docs/operating.md";

    /// The query that returns on PostgreSQL one row with the name of the database if it is marked, and else none.
    ///
    /// Any comment counts, so that one that was edited still protects, and so does the ledger of any schema: objects of one
    /// schema are dropped with those of another that they depend on.
    pub const QUERY: &str = "\
        select current_database()::text as name \
        where exists (select from pg_catalog.pg_class c \
                      where c.relname = 'seaql_migrations' and c.relkind in ('r', 'p') \
                        and pg_catalog.obj_description(c.oid, 'pg_class') is not null)";
}

/// The action is not permitted on the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The action.
    pub action: Action,
    /// Why it is not permitted.
    pub reason: Reason,
    /// A description of the database.
    pub target: String,
}

/// Why an action is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The database is marked as production.
    Marked,
    /// `APP_ENV` is production.
    Production,
    /// The database is on another machine, and `APP_ENV` is not set.
    Undeclared,
}

/// Decides whether `action` is permitted on `target`, a database at `place` with this `APP_ENV` and mark.
///
/// The mark is in the database, and known only once connected. A program decides with [`Mark::Absent`] before it connects,
/// and again with the mark before its first change.
///
/// # Errors
/// It is not permitted.
pub fn permit(
    action: Action,
    place: Place,
    app_env: Option<AppEnv>,
    mark: Mark,
    target: &impl fmt::Display,
) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal { action, reason, target: target.to_string() });
    match (action, app_env) {
        (Action::Migrate, _)
        | (Action::RemoveData | Action::Destroy { allowed: true, .. }, Some(AppEnv::Production)) => Ok(()),
        (_, Some(AppEnv::Production)) => refuse(Reason::Production),
        (_, None) if place == Place::Remote => refuse(Reason::Undeclared),
        _ if mark == Mark::Production => refuse(Reason::Marked),
        _ => Ok(()),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OTHER: &str = "set APP_ENV to development, test or staging";
        let Self { action, reason, target } = self;
        let effect = match action {
            Action::RemoveData => "no data is removed".to_owned(),
            Action::Destroy { command, .. } => format!("`{command}` destroys data"),
            Action::LoadFixtures => "fixtures are never loaded".to_owned(),
            Action::Migrate => "migrations are not applied".to_owned(),
            Action::RunTests => "tests are never run".to_owned(),
            Action::SimulateCalls => "calls are never simulated".to_owned(),
        };
        match (reason, action) {
            (Reason::Marked, Action::RemoveData) => write!(
                f,
                "the {target} is marked as production, where {effect} unless APP_ENV is production: the recordings of a \
                 copy are those of production; set APP_ENV to production, or, if it is a copy, remove the mark: \
                 cargo run -p migration -- mark none --confirm DATABASE"
            ),
            (Reason::Marked, Action::Destroy { .. }) => write!(
                f,
                "the {target} is marked as production, where {effect}, whatever APP_ENV is; to do it there, \
                 set APP_ENV to production and add --allow-destructive; if it is a copy, remove the mark: \
                 cargo run -p migration -- mark none --confirm DATABASE"
            ),
            (Reason::Marked, _) => write!(
                f,
                "the {target} is marked as production, where {effect}, whatever APP_ENV is; choose another database, \
                 or, if it is a copy, remove the mark: cargo run -p migration -- mark none --confirm DATABASE"
            ),
            (Reason::Production, Action::Destroy { .. }) => {
                write!(f, "APP_ENV is production, where {effect}; add --allow-destructive to do it this once")
            }
            (Reason::Production, _) => {
                write!(f, "APP_ENV is production, where {effect}; choose another database and {OTHER}")
            }
            (Reason::Undeclared, Action::RemoveData) => write!(
                f,
                "the {target} is not on this machine and APP_ENV is not set, and {effect}; \
                 {OTHER} or production"
            ),
            (Reason::Undeclared, Action::Destroy { .. }) => write!(
                f,
                "the {target} is not on this machine and APP_ENV is not set, and {effect}; \
                 if that database may lose it, {OTHER}"
            ),
            (Reason::Undeclared, _) => write!(
                f,
                "the {target} is not on this machine and APP_ENV is not set; \
                 if it may be filled with records that are not real, {OTHER}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Mark, Place, Reason, Refusal, permit};
    use crate::{AppEnv, parse_postgres};

    const PLACES: [Place; 4] = [Place::File, Place::Local, Place::Remote, Place::Socket];
    const ENVIRONMENTS: [Option<AppEnv>; 5] = [
        None,
        Some(AppEnv::Development),
        Some(AppEnv::Test),
        Some(AppEnv::Staging),
        Some(AppEnv::Production),
    ];
    const DESTROY: Action = Action::Destroy { command: "fresh", allowed: false };
    const DESTROY_ALLOWED: Action = Action::Destroy { command: "fresh", allowed: true };
    const ACTIONS: [Action; 7] = [
        Action::RemoveData,
        DESTROY,
        DESTROY_ALLOWED,
        Action::LoadFixtures,
        Action::Migrate,
        Action::RunTests,
        Action::SimulateCalls,
    ];

    /// The rule as a table: a column for each action of `ACTIONS`. `-` is permitted, M marked, P production, U undeclared.
    fn expected(place: Place, app_env: Option<AppEnv>, mark: Mark) -> [char; 7] {
        match (app_env, mark, place) {
            (Some(AppEnv::Production), _, _) => ['-', 'P', '-', 'P', '-', 'P', 'P'],
            (None, _, Place::Remote) => ['U', 'U', 'U', 'U', '-', 'U', 'U'],
            (_, Mark::Production, _) => ['M', 'M', 'M', 'M', '-', 'M', 'M'],
            (_, Mark::Absent, _) => ['-'; 7],
        }
    }

    #[test]
    fn each_cell_of_the_matrix_is_decided_by_the_rule() {
        let mut cells = 0;
        for place in PLACES {
            for app_env in ENVIRONMENTS {
                for mark in [Mark::Absent, Mark::Production] {
                    let found =
                        ACTIONS.map(|action| match permit(action, place, app_env, mark, &"database") {
                            Ok(()) => '-',
                            Err(Refusal { reason: Reason::Marked, .. }) => 'M',
                            Err(Refusal { reason: Reason::Production, .. }) => 'P',
                            Err(Refusal { reason: Reason::Undeclared, .. }) => 'U',
                        });
                    assert_eq!(found, expected(place, app_env, mark), "{place:?} {app_env:?} {mark:?}");
                    cells += found.len();
                }
            }
        }
        assert_eq!(cells, 4 * 5 * 2 * 7);
    }

    #[test]
    fn nothing_but_production_with_the_flag_or_for_removal_destroys_a_marked_database() {
        for place in PLACES {
            for app_env in ENVIRONMENTS {
                for action in ACTIONS.into_iter().filter(|action| *action != Action::Migrate) {
                    let permitted = permit(action, place, app_env, Mark::Production, &"database").is_ok();
                    let stated = [Action::RemoveData, DESTROY_ALLOWED].contains(&action)
                        && app_env == Some(AppEnv::Production);
                    assert_eq!(permitted, stated, "{action:?} {place:?} {app_env:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_refused_without_the_mark_is_refused_with_it_for_the_same_reason() {
        for place in PLACES {
            for app_env in ENVIRONMENTS {
                for action in ACTIONS {
                    let decide = |mark| permit(action, place, app_env, mark, &"database");
                    if let Err(refusal) = decide(Mark::Absent) {
                        assert_eq!(decide(Mark::Production), Err(refusal));
                    }
                }
            }
        }
    }

    #[test]
    fn each_refusal_names_the_thing_and_the_remedy() {
        for place in PLACES {
            for app_env in ENVIRONMENTS {
                for mark in [Mark::Absent, Mark::Production] {
                    for action in ACTIONS {
                        let Err(refusal) = permit(action, place, app_env, mark, &"PostgreSQL database \"x\"")
                        else {
                            continue;
                        };
                        let text = refusal.to_string();
                        assert!(text.contains("APP_ENV"), "{text}");
                        assert!(
                            text.contains("database \"x\"") || refusal.reason == Reason::Production,
                            "{text}"
                        );
                        let remedies = match (refusal.reason, action) {
                            (Reason::Marked, Action::RemoveData) => {
                                ["no data is removed", "set APP_ENV to production", "mark none --confirm"]
                            }
                            (Reason::Marked, Action::Destroy { .. }) => {
                                ["`fresh`", "--allow-destructive", "mark none --confirm"]
                            }
                            (Reason::Marked, _) => ["choose another database", "mark none --confirm", ""],
                            (Reason::Production, Action::Destroy { .. }) => {
                                ["`fresh` destroys data", "--allow-destructive", ""]
                            }
                            (Reason::Production, _) => ["choose another database", "set APP_ENV to", ""],
                            (Reason::Undeclared, _) => {
                                ["not on this machine", "set APP_ENV to development, test or staging", ""]
                            }
                        };
                        assert!(remedies.iter().all(|remedy| text.contains(remedy)), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_is_certainly_on_this_machine_is_not_remote() {
        for (url, place) in [
            ("postgres://localhost/x", Place::Local),
            ("postgres://LOCALHOST/x", Place::Local),
            ("postgresql://127.0.0.1:6543/x", Place::Local),
            ("postgres://127.8.9.10/x", Place::Local),
            ("postgres://[::1]/x", Place::Local),
            ("postgres://[::ffff:127.0.0.1]/x", Place::Local),
            ("postgres://db.example/x?host=localhost", Place::Local),
            ("postgres://%2Fvar%2Frun%2Fpostgresql/x", Place::Socket),
            ("postgres://u@localhost/x?host=/tmp/socket", Place::Socket),
            ("postgres://u@db.example/x?host=/tmp/socket", Place::Socket),
            ("postgres://db.example/x", Place::Remote),
            ("postgres://10.0.0.1/x", Place::Remote),
            ("postgres://0.0.0.0/x", Place::Remote),
            ("postgres://[2001:db8::1]/x", Place::Remote),
            ("postgres://[::]/x", Place::Remote),
            ("postgres://localhost.example/x", Place::Remote),
            ("postgres://127.example/x", Place::Remote),
            ("postgres://localhost/x?host=db.example", Place::Remote),
            ("postgres://localhost/x?hostaddr=10.0.0.1", Place::Remote),
        ] {
            assert_eq!(Place::of(&parse_postgres(url).unwrap()), place, "{url}");
        }
    }
}
