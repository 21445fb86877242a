//! Errors, each with its object, its place and the remedy.

use crate::manifest::Fault;
use crate::trail;
use std::io;
use std::iter::successors;
use std::path::PathBuf;

/// A failed command. No message contains a password or the content of a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A backup of several databases is ambiguous.
    #[error("{place} has backups of several databases ({databases}): name one of them")]
    Ambiguous {
        /// Where they are.
        place: String,
        /// The names of the databases.
        databases: String,
    },
    /// The audit trail differs from its seals.
    #[error(
        "the audit trail of the {target} was altered: {fault}; keep the database as it is, and compare it with a backup and \
         with the log of the server{remedy}", remedy = fault.remedy()
    )]
    Audit {
        /// The database.
        target: String,
        /// The first difference.
        fault: trail::Fault,
    },
    /// The settings of pgaudit differ.
    #[error(
        "the server of the {target} does not log by pgaudit as required: {}; run as a superuser: ops audit server --apply",
        settings.join(", ")
    )]
    AuditServer {
        /// The database.
        target: String,
        /// Each setting with its value.
        settings: Vec<String>,
    },
    /// A backup is not used.
    #[error("the backup {backup} is refused")]
    Backup {
        /// Its name or directory.
        backup: String,
        /// The reason.
        source: Fault,
    },
    /// A setting is given where no file of the server can change it.
    #[error(
        "{setting} of the server of the {target} is an argument of the command that starts it; add pgaudit to it there"
    )]
    CommandLine {
        /// The database.
        target: String,
        /// The setting.
        setting: &'static str,
    },
    /// The content differs from the manifest.
    #[error("the restored database differs from the manifest of {backup}: {}", differences.join("; "))]
    Content {
        /// The name of the backup.
        backup: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// A transaction of the data-access layer failed.
    #[error("{action} failed on the {target}")]
    Database {
        /// The action.
        action: &'static str,
        /// The database.
        target: String,
        /// The cause.
        source: database::Error,
    },
    /// An encrypted backup cannot be decrypted.
    #[error("the backup {backup} cannot be decrypted with {}: {reason}; it is encrypted to {recipients}", identity.display())]
    Decrypt {
        /// The name of the backup.
        backup: String,
        /// The file of private keys.
        identity: PathBuf,
        /// The public keys.
        recipients: String,
        /// What age reports.
        reason: String,
    },
    /// Checks of the doctor failed.
    #[error("the {target} needs attention, see the report: {failed}")]
    Doctor {
        /// The database.
        target: String,
        /// The names of the checks.
        failed: String,
    },
    /// The `.env` file cannot be used.
    #[error(transparent)]
    DotEnv(#[from] environment::DotEnvError),
    /// The drill found that the backup cannot replace the database.
    #[error("the drill failed, see {}: {}", report.display(), findings.join("; "))]
    Drill {
        /// What it found.
        findings: Vec<String>,
        /// The file of the report.
        report: PathBuf,
    },
    /// The target of a restore has another encoding.
    #[error(
        "the {target} has the encoding {found}, and the backup {expected}; \
         create one with: createdb --template template0 --encoding {expected} NAME"
    )]
    Encoding {
        /// The database.
        target: String,
        /// Its encoding.
        found: String,
        /// The encoding of the backup.
        expected: String,
    },
    /// The backup is of another engine than the target.
    #[error("the backup {backup} is one of {engine}, and the {target} is not")]
    Engine {
        /// The name of the backup.
        backup: String,
        /// Its engine.
        engine: &'static str,
        /// The database.
        target: String,
    },
    /// The gate cannot compare the restored database with the migrations.
    #[error("the restored database cannot be compared with the migrations")]
    Gate(#[source] gate::Error),
    /// The hook of retention failed.
    #[error("the hook failed: {reason}")]
    Hook {
        /// The reason.
        reason: String,
    },
    /// A file or directory cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The action as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The program age is not installed.
    #[error("age, which encrypts and decrypts backups, is not in PATH; install it (Debian: apt install age)")]
    NoAge,
    /// The SQLite file does not exist.
    #[error("the {target} does not exist; correct the database URL")]
    NoFile {
        /// The database.
        target: String,
    },
    /// A recipient is not a public key.
    #[error("--recipient is not a public key: age1…, which age-keygen prints, ssh-ed25519 … or ssh-rsa …")]
    Recipient,
    /// A backup is encrypted, and no private key was given.
    #[error(
        "the backup {backup} is encrypted to {recipients}; name the file of a private key: --identity FILE"
    )]
    NoIdentity {
        /// The name of the backup.
        backup: String,
        /// The public keys.
        recipients: String,
    },
    /// The person was erased, and something that names them is left.
    #[error(
        "{erasure}; the {target} still names the person in {}: erase the contact with that id, or correct the text",
        places.join(", ")
    )]
    Left {
        /// What was erased.
        erasure: String,
        /// The database.
        target: String,
        /// The columns, each with the number of its rows and the first id.
        places: Vec<String>,
    },
    /// Nothing names the person.
    #[error("nothing is stored about the person in the {target}; check the number or the id")]
    NoPerson {
        /// The database.
        target: String,
    },
    /// The extension is not created.
    #[error(
        "the {target} has no Citus; on each node, add citus to shared_preload_libraries, restart it, and: \
         create extension citus"
    )]
    NoCitus {
        /// The database.
        target: String,
    },
    /// The organization does not exist.
    #[error("the {target} has no organization with this id; check the id")]
    NoOrganization {
        /// The database.
        target: String,
    },
    /// Something prevents the distribution.
    #[error("the {target} cannot be distributed: {}", objections.join("; "))]
    Undistributable {
        /// The database.
        target: String,
        /// Each obstacle with its remedy.
        objections: Vec<String>,
    },
    /// A worker refuses what it needs.
    #[error("workers of the {target} are not prepared, correct them and run the command again: {}", failures.join("; "))]
    Workers {
        /// The database.
        target: String,
        /// Each node with its error.
        failures: Vec<String>,
    },
    /// There is no backup.
    #[error("{place} has no backup{remark}")]
    NoBackup {
        /// The place.
        place: String,
        /// What was skipped, in parentheses; may be empty.
        remark: String,
    },
    /// Recordings are past their limit, and nothing can delete them.
    #[error("there is no hook to delete them; set --hook-command or --hook-url")]
    NoHook,
    /// The library is not installed on the server.
    #[error(
        "pgaudit is not installed on the server of the {target}; install it (Debian: apt install postgresql-{major}-pgaudit)"
    )]
    NoPgaudit {
        /// The database.
        target: String,
        /// The major version of the server.
        major: u32,
    },
    /// A table does not exist.
    #[error("the {target} has no table {table}; apply the migrations first: cargo run -p migration -- up")]
    NoTable {
        /// The database.
        target: String,
        /// The table.
        table: &'static str,
    },
    /// The target of a restore has objects.
    #[error("the {target} is not empty: it has {objects}; restore into a new one: createdb NAME")]
    NotEmpty {
        /// The database.
        target: String,
        /// Some of its objects.
        objects: String,
    },
    /// The command is not permitted on the database.
    #[error(transparent)]
    NotPermitted(#[from] environment::Refusal),
    /// Row Level Security hides rows from the login.
    #[error(
        "Row Level Security of the {target} hides rows of {tables} from this login; connect as the owner of the tables"
    )]
    NotOwner {
        /// The database.
        target: String,
        /// The tables.
        tables: String,
    },
    /// The login cannot read all rows.
    #[error(
        "the {target} cannot be backed up by this login: {tables}; connect as the owner of the tables, or as a role with \
         BYPASSRLS that is a member of pg_read_all_data"
    )]
    NotReadable {
        /// The database.
        target: String,
        /// Each table that cannot be read completely, with the reason.
        tables: String,
    },
    /// The server is older than the backup, or than the oldest supported one.
    #[error("the {target} is on PostgreSQL {found}; PostgreSQL {oldest} or newer is required")]
    OldServer {
        /// The database.
        target: String,
        /// The major version of the server.
        found: u32,
        /// The oldest that is suitable.
        oldest: u32,
    },
    /// The command needs PostgreSQL.
    #[error("ops {command} requires PostgreSQL, and the {target} is for local development; set DATABASE_URL")]
    PostgresRequired {
        /// The command.
        command: &'static str,
        /// The database.
        target: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Its name.
        program: &'static str,
        /// The messages of the program.
        message: String,
    },
    /// Names that a command cannot receive.
    #[error("some names contain a control character, which --hook-command cannot receive; use --hook-url")]
    RecordingNames,
    /// Recordings are past their limit, and were not deleted.
    #[error("{recordings} recordings are past their limit and not deleted")]
    Recordings {
        /// Their number, or its lower bound with "at least".
        recordings: String,
        /// The reason.
        source: Box<Error>,
    },
    /// The programs of PostgreSQL are not installed, or no server can be started.
    #[error(transparent)]
    Scratch(#[from] scratch::Error),
    /// The place of backups does not respond as required.
    #[error(
        "cannot {action} {place}: {cause}; check the URL, the variables of AWS and the rights of the key"
    )]
    Store {
        /// The action as a verb.
        action: &'static str,
        /// The place.
        place: String,
        /// The first line of the cause, and of its own first cause.
        cause: String,
    },
    /// A statement failed.
    #[error("{action} failed on the {target}: {cause}{remedy}")]
    Statement {
        /// The action.
        action: &'static str,
        /// The database.
        target: String,
        /// The message of the database.
        cause: String,
        /// The remedy, after a semicolon.
        remedy: String,
    },
    /// The backup would exceed the limit.
    #[error(
        "the backup of {size} was not kept: with those that are kept, {place} would hold {total}, and --max-size is {limit}; \
         raise it, or keep fewer with --keep"
    )]
    TooLarge {
        /// The place.
        place: String,
        /// The size of this backup.
        size: String,
        /// The size of all.
        total: String,
        /// The limit.
        limit: String,
    },
    /// The login may not change the server.
    #[error("{action} of the {target} requires a superuser; connect as one, for instance postgres")]
    SuperuserRequired {
        /// The database.
        target: String,
        /// The action.
        action: &'static str,
    },
    /// The dump lacks a table of the snapshot, or has another one.
    #[error(
        "the dump and the snapshot have different tables ({tables}): a migration ran meanwhile; try again"
    )]
    TablesChanged {
        /// The tables that only one of them has.
        tables: String,
    },
    /// The database cannot be reached.
    #[error("the {target} cannot be reached: {cause}{remedy}")]
    Unreachable {
        /// The database.
        target: String,
        /// The failure.
        cause: String,
        /// The remedy, after a semicolon.
        remedy: String,
    },
    /// A URL cannot be used.
    #[error("{variable} {reason}")]
    Url {
        /// The option.
        variable: &'static str,
        /// The predicate.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn store(
        action: &'static str,
        place: &impl ToString,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        // The answer of a bucket may go on with a document of several lines.
        let first_line = |error: &dyn std::error::Error| {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().split(": <").next().unwrap_or_default().to_owned()
        };
        let mut cause = first_line(error);
        let root = successors(Some(error), |error| error.source()).last().map(first_line);
        if let Some(root) = root.filter(|root| !cause.contains(root)) {
            cause = format!("{cause}: {root}");
        }
        Self::Store { action, place: place.to_string(), cause }
    }

    pub(crate) fn backup(backup: &str) -> impl FnOnce(Fault) -> Self {
        let backup = backup.to_owned();
        move |source| Self::Backup { backup, source }
    }

    pub(crate) fn statement<T: ToString>(
        action: &'static str,
        target: &T,
    ) -> impl Fn(sqlx::Error) -> Self + use<T> {
        let target = target.to_string();
        move |error| {
            let (cause, remedy) = cause(&error);
            Self::Statement { action, target: target.clone(), cause, remedy }
        }
    }

    pub(crate) fn unreachable(target: &impl ToString, error: &sqlx::Error) -> Self {
        let (cause, remedy) = cause(error);
        Self::Unreachable { target: target.to_string(), cause, remedy }
    }
}

/// The message, and the remedy after a semicolon.
fn cause(error: &sqlx::Error) -> (String, String) {
    let (cause, remedy) = match (environment::tls_fault(error), error) {
        (Some(fault), _) => (fault.cause, Some(fault.remedy)),
        (None, sqlx::Error::Database(source)) => {
            (source.message().to_owned(), source.code().and_then(|code| environment::remedy(&code)))
        }
        (None, sqlx::Error::Io(source)) => {
            (source.to_string(), Some("start the server, or correct the host and port of the URL"))
        }
        (None, sqlx::Error::PoolTimedOut) => ("no answer within 15 s".to_owned(), None),
        (None, other) => (other.to_string(), None),
    };
    (cause, remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default())
}
