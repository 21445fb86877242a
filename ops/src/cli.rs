//! The command line.

use crate::doctor::Arguments;
use crate::person::cli::{Erase, Subject};
use crate::retention::cli::Retention;
use crate::{
    Distribution, Error, Keep, Options, Permission, Place, PointInTime, Progress, Recipient, Target, audit,
    backup, distribute, drill, drill_point_in_time, point_in_time, rebalance, restore,
};
use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use entity::id::OrganizationId;
use environment::{AppEnvVariable, chain, load_dot_env};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

/// Backs up the voice-survey database, restores backups, proves that they can be restored, removes what is past its limit, and
/// exports and erases what is stored about a person.
///
/// A place of backups is a directory, or a bucket, `s3://BUCKET/PREFIX`, with the variables of AWS (`AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, and `AWS_ENDPOINT` for other providers).
#[derive(Parser)]
#[command(name = "ops", version)]
struct Cli {
    /// What the database is used for: development, test, staging or production [default: development].
    #[arg(
        long,
        global = true,
        env = "APP_ENV",
        default_value = "",
        hide_default_value = true,
        value_name = "WORD"
    )]
    app_env: AppEnvVariable,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Seal, verify and export the audit trail, and check that the server logs by pgaudit.
    Audit {
        /// The database, postgres://….
        #[arg(
            short = 'u',
            long,
            global = true,
            env = "DATABASE_URL",
            hide_env_values = true,
            default_value = "",
            hide_default_value = true,
            value_name = "URL"
        )]
        database_url: String,
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Back up a database.
    Backup {
        /// The place of the backups.
        #[arg(long, value_name = "PLACE")]
        to: String,
        /// The database, postgres://… or sqlite:… [default: the `SQLite` file voicesurvey.db].
        #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: Option<String>,
        /// The backups of this database to keep, for instance 7d,4w,12m: the newest of each of the newest 7 days, 4 weeks and
        /// 12 months that have one. Others are removed [default: keep all].
        #[arg(long, value_name = "PERIODS")]
        keep: Option<Keep>,
        /// The largest size of all backups in the place, for instance 10GB; a backup that exceeds it is not kept.
        #[arg(long, value_name = "SIZE")]
        max_size: Option<ByteSize>,
        /// The number of tables to dump at the same time [default: the number of processors, at most 4].
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=64))]
        jobs: Option<u16>,
        /// A public key of age, to which the backup is encrypted, age1… or that of SSH; several: each can decrypt it.
        #[arg(long = "recipient", value_name = "KEY")]
        // Not parsed by clap, whose error prints the value.
        recipients: Vec<String>,
    },
    /// Distribute a migrated database over the nodes of Citus, by organization. Run it again after a migration.
    Distribute {
        /// The database of the coordinator, postgres://….
        #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: Option<String>,
        /// Print what becomes of each table and what would be lost, and change nothing.
        #[arg(long)]
        check: bool,
    },
    /// Examine a database and its server, read-only, and state the fix of each problem. Exit code 1 if a check failed.
    Doctor(Arguments),
    /// Restore a backup into a private server, compare it with its manifest and with the migrations of this build, and write a
    /// report with the recovery time and the age of the data.
    Drill {
        /// The backup, or a place whose newest one is restored.
        #[arg(required_unless_present = "point_in_time", conflicts_with = "point_in_time")]
        from: Option<String>,
        /// The file with a private key of age, for an encrypted backup.
        #[arg(long, value_name = "FILE", conflicts_with = "point_in_time")]
        identity: Option<PathBuf>,
        /// Instead of a backup, restore the server as of this moment with pgBackRest, for instance '2026-11-25 14:00:00+00'.
        #[arg(long, value_name = "TIME", value_parser = point_in_time::parse, requires = "stanza")]
        point_in_time: Option<DateTime<Utc>>,
        /// The stanza of pgBackRest.
        #[arg(long, value_name = "NAME", requires = "point_in_time")]
        stanza: Option<String>,
        /// The configuration of pgBackRest [default: its own].
        #[arg(long, value_name = "FILE", requires = "point_in_time")]
        config: Option<PathBuf>,
        /// The database of the restored server that is compared with the migrations.
        #[arg(long, value_name = "NAME", default_value = "voicesurvey")]
        database: String,
        /// A query that has to return rows at that moment, for instance of those that were deleted later.
        #[arg(long, value_name = "SQL", requires = "point_in_time")]
        find: Option<String>,
        /// The largest permitted age of the data, for instance 26h or 2days.
        #[arg(long, value_name = "DURATION", default_value = "2days")]
        max_age: humantime::Duration,
        /// The directory of the report, drill-TIME.md and drill-TIME.json.
        #[arg(long, value_name = "DIR", default_value = ".")]
        report: PathBuf,
    },
    /// Distribute the shards of Citus evenly over its workers, or give an organization shards of its own.
    Rebalance {
        /// The database of the coordinator, postgres://….
        #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: Option<String>,
        /// The organization that gets shards of its own, on the worker with the fewest bytes.
        #[arg(long, value_name = "ID")]
        isolate: Option<OrganizationId>,
    },
    /// Restore a backup into an empty database.
    Restore {
        /// The backup, or a place whose newest one is restored.
        from: String,
        /// The file with a private key of age, for an encrypted backup.
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// The empty database, postgres://… or sqlite:….
        #[arg(long, env = "RESTORE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
        to: String,
        /// Permit the restore in production, for this run.
        #[arg(long)]
        allow_destructive: bool,
    },
    /// Remove what is past its limit, or show what was removed.
    #[command(subcommand)]
    Retention(Retention),
    /// Erase what is stored about a person who is called, or complete open requests.
    Erase(Erase),
    /// Print everything that is stored about a person who is called, as JSON.
    Subject(Subject),
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Write the entries as CSV, or as a JSON object on each line, oldest first.
    List {
        #[command(flatten)]
        filter: audit::Filter,
        /// The format.
        #[arg(long, value_enum, default_value_t = audit::Format::Csv)]
        format: audit::Format,
    },
    /// Seal the entries that no seal lists yet, and print the newest seal as NUMBER:DIGEST, to keep outside the database.
    Seal {
        /// Seal entries as well that claim a time which an earlier seal covers. Examine them first.
        #[arg(long)]
        accept_inserted: bool,
    },
    /// Check the settings of pgaudit.
    Server {
        /// Change them, as a superuser.
        #[arg(long)]
        apply: bool,
    },
    /// Compare the entries with their seals, and name the first difference.
    Verify {
        /// A seal that was printed earlier, and has to be in the chain.
        #[arg(long, value_name = "NUMBER:DIGEST")]
        expect: Option<audit::Head>,
    },
}

/// Parses the command line and the environment, runs the command, and returns the exit code: 0, 1 for a failure, or 2
/// for incorrect usage.
pub async fn run() -> ExitCode {
    if let Err(error) = load_dot_env() {
        return fail(&error.into());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // If printing fails, the exit code remains.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let progress = Progress::new();
    let done = execute(cli, &progress).await;
    progress.finish();
    match done {
        Ok(line) => {
            // If printing fails, the work is done all the same.
            if !line.is_empty() {
                let _ = writeln!(std::io::stdout(), "{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// The line that reports the success.
async fn execute(cli: Cli, progress: &Progress) -> Result<String, Error> {
    let started = Instant::now();
    let resolve = |url: Option<&str>, variable| {
        let target = Target::resolve(url, variable)?;
        if let Some(warning) = target.tls_warning(cli.app_env.0) {
            progress.note(&format!("warning: {warning}"));
        }
        Ok::<_, Error>(target)
    };
    match cli.command {
        Command::Audit { database_url, command } => {
            let url = Some(database_url.as_str()).filter(|url| !url.is_empty());
            audit_trail(&resolve(url, "DATABASE_URL")?, command, progress).await
        }
        Command::Backup { to, database_url, keep, max_size, jobs, recipients } => {
            let target = resolve(database_url.as_deref(), "DATABASE_URL")?;
            if database_url.is_none_or(|url| url.is_empty()) {
                progress.note(&format!("DATABASE_URL is not set: using the {target}"));
            }
            let jobs = jobs
                .map_or_else(|| available_parallelism().map_or(1, |cores| cores.get().min(4)), usize::from);
            let place = Place::resolve(&to)?;
            let recipients = recipients.into_iter().map(Recipient::parse).collect::<Result<_, _>>()?;
            let options = Options { keep, max_size, jobs, recipients };
            let manifest = backup(&target, &place, &options, progress).await?;
            Ok(format!(
                "Backed up to {place}/{}: {} rows of {} tables, {}, in {:.1} s",
                manifest.name,
                manifest.rows(),
                manifest.tables.len(),
                ByteSize(manifest.bytes()).display().si(),
                started.elapsed().as_secs_f64()
            ))
        }
        Command::Distribute { database_url, check } => {
            let target = resolve(database_url.as_deref(), "DATABASE_URL")?;
            let done = distribute(&target, cli.app_env.0, check, progress).await?;
            Ok(distribution(&target, &done, check))
        }
        Command::Doctor(arguments) => arguments.run(cli.app_env.0, progress).await,
        Command::Drill { from, identity, point_in_time, stanza, config, database, find, max_age, report } => {
            let (found, file) = if let Some(at) = point_in_time {
                let what = PointInTime { at, stanza: stanza.unwrap_or_default(), config, database, find };
                drill_point_in_time(&what, &report, progress).await?
            } else {
                let place = Place::resolve(&from.unwrap_or_default())?;
                drill(&place, identity.as_deref(), max_age.into(), &report, progress).await?
            };
            if !found.passed {
                return Err(Error::Drill { findings: found.findings, report: file });
            }
            if let Some(at) = found.point_in_time {
                return Ok(format!(
                    "Restored {} as of {at} in {:.1} s, equal to the migrations; the report is {}",
                    found.place,
                    found.recovery_seconds,
                    file.display()
                ));
            }
            Ok(format!(
                "Restored {} in {:.1} s, equal to its manifest and to the migrations; the report is {}",
                found.backup.unwrap_or_default(),
                found.recovery_seconds,
                file.display()
            ))
        }
        Command::Erase(command) => command.execute(cli.app_env.0).await,
        Command::Subject(command) => command.execute().await,
        Command::Rebalance { database_url, isolate } => {
            let target = resolve(database_url.as_deref(), "DATABASE_URL")?;
            let moved = rebalance(&target, cli.app_env.0, isolate).await?;
            let verb = if moved.isolated { "Isolated the organization" } else { "Rebalanced the shards" };
            Ok(format!("{verb} of the {target}: {}", moved.nodes.join("; ")))
        }
        Command::Retention(command) => command.execute(cli.app_env.0, progress).await,
        Command::Restore { from, identity, to, allow_destructive } => {
            let target = resolve(Some(&to).filter(|url| !url.is_empty()).map(String::as_str), "--to")?;
            let permission = Permission { app_env: cli.app_env.0, allow_destructive };
            let place = Place::resolve(&from)?;
            let manifest = restore(&place, identity.as_deref(), &target, permission, progress).await?;
            Ok(format!(
                "Restored {} into the {target}: {} rows of {} tables, equal to the manifest, in {:.1} s",
                manifest.name,
                manifest.rows(),
                manifest.tables.len(),
                started.elapsed().as_secs_f64()
            ))
        }
    }
}

/// What is printed of a distribution.
fn distribution(target: &Target, done: &Distribution, check: bool) -> String {
    let Distribution { tables, changes } = done;
    let mut lines = tables.clone();
    lines.extend(changes.iter().map(|change| format!("changes: {change}")));
    lines.push(match (check, changes.is_empty()) {
        (true, true) => format!("The {target} is distributed"),
        (true, false) => format!("The {target} can be distributed, with {} changes", changes.len()),
        (false, _) => format!("Distributed the {target}, with {} changes", changes.len()),
    });
    lines.join("\n")
}

/// Runs a command on the audit trail.
async fn audit_trail(target: &Target, command: AuditCommand, progress: &Progress) -> Result<String, Error> {
    match command {
        AuditCommand::List { filter, format } => {
            audit::list(target, &filter, format, &mut std::io::stdout().lock()).await?;
            Ok(String::new())
        }
        AuditCommand::Seal { accept_inserted } => {
            let (count, newest) = audit::seal(target, accept_inserted).await?;
            progress.note(&format!(
                "sealed {count} entries of the {target}; keep the newest seal outside the database"
            ));
            Ok(newest.to_string())
        }
        AuditCommand::Server { apply } => Ok(match audit::server(target, apply).await? {
            audit::Setup::Complete => format!("The server of the {target} logs by pgaudit"),
            audit::Setup::Reloaded(settings) => {
                format!("Set {} on the server of the {target}", settings.join("; "))
            }
            audit::Setup::Restart(settings) => format!(
                "Set {} on the server of the {target}; restart the server to load pgaudit",
                settings.join("; ")
            ),
        }),
        AuditCommand::Verify { expect } => {
            let audit::Trail { newest, seals, sealed, unsealed } =
                audit::verify(target, expect.as_ref()).await?;
            Ok(format!(
                "The audit trail of the {target} is intact: {sealed} entries in {seals} seals; {unsealed} entries are not \
                 sealed yet; the newest seal is {newest}"
            ))
        }
    }
}

fn fail(error: &Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {}", chain(error));
    ExitCode::FAILURE
}
