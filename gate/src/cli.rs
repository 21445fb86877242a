//! The command line.

use crate::docs::{pages, schema_sql};
use crate::generated_files::{self, Kind, Written};
use crate::migrations::lock;
use crate::migrations::main_branch::{self, Comparison};
use crate::report::{self, Format};
use crate::rule::{Level, Rule};
use crate::run::{self, Outcome, run_live};
use crate::selftest::selftest;
use crate::{Error, Finding, Subject, Workspace, codegen, rules};
use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tells whether the schema, its migrations and what is generated from them keep the rules.
///
/// Without a command it checks everything. It needs a PostgreSQL 15 or newer and starts one by itself, as the tests do.
///
/// Exit code: 0 all is well, 1 something is to be fixed, 2 nobody could find out, or a wrong use.
#[derive(Parser)]
#[command(name = "gate", version)]
struct Cli {
    /// The workspace [default: the one that this program was built in].
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Compare this live PostgreSQL database with its migrations, and ask nothing else; only reads. The password may
    /// come from PGPASSWORD.
    #[arg(long, value_name = "URL", conflicts_with = "only")]
    database: Option<String>,

    /// How to tell what was found.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Ask only this rule; may be given again.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    only: Vec<&'static Rule>,

    /// Exit with 1 also where there are only warnings.
    #[arg(long)]
    deny_warnings: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List the migrations that the main branch does not have; fail if one that it has is gone or changed here, or if
    /// a new one is older than its newest.
    CheckForMigration {
        /// The branch or commit to compare with [default: origin/main, or main without a remote].
        #[arg(long, value_name = "REF")]
        base: Option<String>,
    },
    /// Write database/src/generated from database/queries, typed by a migrated PostgreSQL.
    Codegen {
        /// Write nothing; fail if the file is not what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Tell what a rule wants, why, and who asks for it.
    Explain {
        /// Its name.
        #[arg(value_parser = rule)]
        rule: &'static Rule,
    },
    /// List the rules.
    List,
    /// Write down in migration/migrations.lock what each migration executes.
    Lock {
        /// Say that all migrations are released: from now on none of them changes.
        #[arg(long)]
        release: bool,
    },
    /// Break each rule in a scratch copy, and see that it notices.
    Selftest,
    /// Write whatever is generated and is not what it should be: the functions of the queries, schema.sql, docs/schema.
    Write,
}

/// Everything that is generated.
pub const GENERATED: &[Kind] = &[codegen::KIND, pages::KIND, schema_sql::KIND];

/// Reads the command line, does what it says, and returns the exit code.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return refuse(&error);
        }
    };
    if cli.command.is_some() && (cli.database.is_some() || !cli.only.is_empty()) {
        let message = "--database and --only choose what is checked: they go without a command";
        return refuse(&Cli::command().error(ErrorKind::ArgumentConflict, message));
    }
    match perform(cli).await {
        Ok((text, code)) => {
            let mut out = io::stdout().lock();
            // Who gets half of a report must not take it for the whole.
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok() {
                code
            } else {
                ExitCode::from(2)
            }
        }
        Err(error) => fail(&error),
    }
}

/// Says what is wrong with the command line; to be asked for help or the version is not wrong.
fn refuse(error: &clap::Error) -> ExitCode {
    let mistaken = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string);
    if mistaken.is_some_and(|text| text.contains("://")) {
        // It may hold a password.
        let _ = writeln!(io::stderr(), "error: a URL goes after --database");
        return ExitCode::from(2);
    }
    // Where not even this can be printed, the exit code has to do.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// What to print, and the exit code.
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
        Command::Codegen { check: true } => {
            lines(&generated_files::check(&Subject::migrated(workspace).await?, &codegen::KIND).await?)
        }
        Command::Codegen { check: false } => write(workspace, &[codegen::KIND]).await?,
        Command::Explain { rule } => (explain(rule), ExitCode::SUCCESS),
        Command::List => (list(), ExitCode::SUCCESS),
        Command::Lock { release } => lines(&lock::write(&workspace, &migration::emitted().await?, release)?),
        Command::Selftest => {
            let failures = selftest(&Subject::migrated(workspace).await?, rules::ALL).await?;
            if failures.is_empty() {
                let breaks: usize = rules::ALL.iter().map(|rule| rule.breaks.len()).sum();
                let text = format!("{breaks} breaks of {} rules, each noticed\n", rules::ALL.len());
                (text, ExitCode::SUCCESS)
            } else {
                let mut text = String::new();
                for failure in failures {
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "{}: {}", failure.rule, failure.message);
                }
                (text, ExitCode::from(1))
            }
        }
        Command::Write => write(workspace, GENERATED).await?,
    })
}

/// Says what was written; nothing to say is nothing to print.
async fn write(workspace: Workspace, kinds: &[Kind]) -> Result<(String, ExitCode), Error> {
    let subject = Subject::migrated(workspace).await?;
    let Written { written, deleted, findings } = generated_files::write(&subject, kinds).await?;
    let (wrong, code) = lines(&findings);
    let written = written.iter().map(|file| format!("wrote {file}\n"));
    let deleted = deleted.iter().map(|file| format!("deleted {file}\n"));
    Ok((written.chain(deleted).collect::<String>() + &wrong, code))
}

fn rule(id: &str) -> Result<&'static Rule, String> {
    rules::find(id).ok_or_else(|| "there is no such rule; `gate list` shows them".to_owned())
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
