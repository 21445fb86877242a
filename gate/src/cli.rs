//! The command line.

use crate::docs::{grants, pages, schema_sql};
use crate::generated_files::{self, Kind, Written};
use crate::migrations::main_branch::{self, Comparison};
use crate::migrations::{changes, lock};
use crate::report::{self, Format};
use crate::rule::{Level, Rule};
use crate::run::{self, Outcome, run_live};
use crate::selftest::selftest;
use crate::{Error, Finding, Subject, Workspace, change, codegen, rules};
use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks the schema, its migrations and the generated files against the rules.
///
/// Without a command it checks everything. It requires PostgreSQL 15 or newer and starts a server itself, as the tests do.
///
/// Exit code: 0 without findings, 1 with findings, 2 if a check failed or the usage is wrong.
#[derive(Parser)]
#[command(name = "gate", version)]
struct Cli {
    /// The root of the workspace [default: the workspace of this build].
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Compare this live PostgreSQL database with its migrations, read-only, instead of checking the rules. PGPASSWORD
    /// may hold the password.
    #[arg(long, value_name = "URL", conflicts_with = "only")]
    database: Option<String>,

    /// The format of the report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Check only this rule; repeatable.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    only: Vec<&'static Rule>,

    /// Exit with 1 for warnings as well.
    #[arg(long)]
    deny_warnings: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List the migrations that the main branch lacks; fail if one of its migrations is missing or changed here, or if
    /// a new one is older than its newest.
    CheckForMigration {
        /// The branch or commit to compare with [default: origin/main, or main without a remote].
        #[arg(long, value_name = "REF")]
        base: Option<String>,
    },
    /// Print what changed in the schema since the last release, in words and as DDL, for CHANGELOG.md.
    Changes,
    /// Generate database/src/generated from database/queries and a migrated PostgreSQL.
    Codegen {
        /// Write nothing; fail if a file is not current.
        #[arg(long)]
        check: bool,
    },
    /// Explain a rule: what it requires, why, the fix and the source.
    Explain {
        /// The id of the rule.
        #[arg(value_parser = rule)]
        rule: &'static Rule,
    },
    /// List the rules.
    List,
    /// Write the digests of what each migration executes to migration/migrations.lock.
    Lock {
        /// Mark all migrations as released: they cannot change any more.
        #[arg(long)]
        release: bool,
    },
    /// Write a migration from the migrated schema to the entities: new tables, columns, keys, indexes and enum values.
    ///
    /// What would lose data or lock a table for long is not written: the migration fails with the recipe instead, and the
    /// exit code is 1.
    Migration {
        /// A verb and an object in snake case: `create_invoices`.
        #[arg(value_name = "NAME")]
        name: String,
        /// The Intent of the header: why, and for each index the query it serves [default: left to be written].
        #[arg(long, value_name = "TEXT")]
        intent: Option<String>,
    },
    /// Violate each rule in a scratch copy, and check that the rule finds it.
    Selftest,
    /// Write the generated files that are not current: the functions of the queries, schema.sql, docs/schema, and the
    /// table of grants in docs/security.md.
    Write,
}

/// Everything that is generated.
pub const GENERATED: &[Kind] = &[codegen::KIND, grants::KIND, pages::KIND, schema_sql::KIND];

/// Runs the command line, and returns the exit code.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return refuse(&error);
        }
    };
    if cli.command.is_some() && (cli.database.is_some() || !cli.only.is_empty()) {
        let message = "--database and --only cannot be combined with a command";
        return refuse(&Cli::command().error(ErrorKind::ArgumentConflict, message));
    }
    match perform(cli).await {
        Ok((text, code)) => {
            let mut out = io::stdout().lock();
            // A truncated report must not pass for a complete one.
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok() {
                code
            } else {
                ExitCode::from(2)
            }
        }
        Err(error) => fail(&error),
    }
}

/// Prints the usage error, or the help or version that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let mistaken = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string);
    if mistaken.is_some_and(|text| text.contains("://")) {
        // It may hold a password.
        let _ = writeln!(io::stderr(), "error: a URL goes after --database");
        return ExitCode::from(2);
    }
    // If printing fails, the exit code remains.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The output and the exit code.
async fn perform(cli: Cli) -> Result<(String, ExitCode), Error> {
    let workspace = Workspace::at(cli.root);
    let Some(command) = cli.command else {
        let outcomes = match cli.database {
            Some(url) => run_live(&workspace, &url).await?,
            None if cli.only.is_empty() => {
                let all: Vec<_> = rules::ALL.iter().collect();
                run::run(&Subject::migrated(workspace).await?, &all).await?
            }
            None => run::run(&Subject::migrated(workspace).await?, &cli.only).await?,
        };
        let code = exit_code(&outcomes, cli.deny_warnings);
        return Ok((report::render(cli.format, &outcomes), code));
    };
    Ok(match command {
        Command::CheckForMigration { base } => {
            let Comparison { base, added, findings } =
                main_branch::compare(&workspace, &migration::emitted().await?, base).await?;
            let (problems, code) = lines(&findings);
            let added_lines: Vec<String> = added.iter().map(|name| format!("new: {name}\n")).collect();
            let mut text = added_lines.concat();
            if added.is_empty() {
                text = format!("{base} has every migration\n");
            }
            (text + &problems, code)
        }
        Command::Changes => (changes::since_release(&workspace).await?, ExitCode::SUCCESS),
        Command::Codegen { check: true } => {
            lines(&generated_files::check(&Subject::migrated(workspace).await?, &codegen::KIND).await?)
        }
        Command::Codegen { check: false } => write(workspace, &[codegen::KIND]).await?,
        Command::Explain { rule } => (explain(rule), ExitCode::SUCCESS),
        Command::List => (list(), ExitCode::SUCCESS),
        Command::Lock { release } => lines(&lock::write(&workspace, &migration::emitted().await?, release)?),
        Command::Migration { name, intent } => {
            let change::Written { report, findings } =
                change::write(&Subject::migrated(workspace).await?, &name, intent.as_deref()).await?;
            let problems = findings.iter().map(|finding| format!("not written: {}\n", finding.problem));
            (report + &problems.collect::<String>(), ExitCode::from(u8::from(!findings.is_empty())))
        }
        Command::Selftest => {
            let failures = selftest(&Subject::migrated(workspace).await?, rules::ALL).await?;
            if failures.is_empty() {
                let breaks: usize = rules::ALL.iter().map(|rule| rule.breaks.len()).sum();
                let text = format!("{breaks} breaks of {} rules, each found\n", rules::ALL.len());
                (text, ExitCode::SUCCESS)
            } else {
                (failures.join("\n") + "\n", ExitCode::from(1))
            }
        }
        Command::Write => write(workspace, GENERATED).await?,
    })
}

/// Writes generated files, and lists those that changed.
async fn write(workspace: Workspace, kinds: &[Kind]) -> Result<(String, ExitCode), Error> {
    let subject = Subject::migrated(workspace).await?;
    let Written { written, deleted, findings } = generated_files::write(&subject, kinds).await?;
    let (wrong, code) = lines(&findings);
    let written = written.iter().map(|file| format!("wrote {file}\n"));
    let deleted = deleted.iter().map(|file| format!("deleted {file}\n"));
    Ok((written.chain(deleted).collect::<String>() + &wrong, code))
}

fn rule(id: &str) -> Result<&'static Rule, String> {
    rules::find(id).ok_or_else(|| "there is no such rule; `gate list` lists them".to_owned())
}

fn exit_code(outcomes: &[Outcome], deny_warnings: bool) -> ExitCode {
    let blocks = |outcome: &Outcome| {
        !outcome.findings.is_empty() && (deny_warnings || outcome.rule.level == Level::Block)
    };
    ExitCode::from(u8::from(outcomes.iter().any(blocks)))
}

fn explain(rule: &Rule) -> String {
    let Rule { id, level, requires, why, fix, source, .. } = rule;
    let level = if *level == Level::Block { "blocks" } else { "warns" };
    format!("{id} ({level})\n{requires}\n\nwhy: {why}\nfix: {fix}\nsource: {source}\n")
}

fn list() -> String {
    let lines: Vec<String> =
        rules::ALL.iter().map(|rule| format!("{:<32} {}\n", rule.id, rule.requires)).collect();
    lines.concat()
}

fn lines(findings: &[Finding]) -> (String, ExitCode) {
    let lines: Vec<String> = findings.iter().map(|finding| format!("{finding}\n")).collect();
    (lines.concat(), ExitCode::from(u8::from(!findings.is_empty())))
}

fn fail(error: &Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {}", environment::chain(error));
    ExitCode::from(2)
}
