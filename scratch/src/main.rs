//! Runs a PostgreSQL for as long as this program runs.

use scratch::{Database, Error, Options};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: scratch [--tcp] [--database NAME] [[--] COMMAND [ARGUMENT...]]

Without COMMAND: starts a PostgreSQL, prints its URL, and stops it at the end of the input or at Ctrl-C.
With COMMAND: runs it with that URL as TEST_DATABASE_URL, and ends with its status.

  --tcp            listen on a free port of 127.0.0.1 as well, and print that address
  --database NAME  create a database, and print its URL

The server is that of TEST_DATABASE_URL, if set; else the newest installed, or SCRATCH_PG_BIN; else a download.";

const VERSION: &str = concat!("scratch ", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(if [USAGE, VERSION].contains(&&*message) { 0 } else { 2 });
        }
    };
    run(arguments).unwrap_or_else(|error| {
        eprintln!("scratch: {error:?}");
        ExitCode::FAILURE
    })
}

#[derive(Default)]
struct Arguments {
    command: Vec<OsString>,
    database: Option<String>,
    tcp: bool,
}

impl Arguments {
    /// Returns the message to print as the error: [`USAGE`] or [`VERSION`] where it was asked for.
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut parsed = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--tcp") => parsed.tcp = true,
                Some("--database") => match arguments.next().map(OsString::into_string) {
                    Some(Ok(name)) => parsed.database = Some(name),
                    _ => return Err(format!("scratch: --database needs a name\n{USAGE}")),
                },
                Some("--help" | "-h") => return Err(USAGE.to_owned()),
                Some("--version" | "-V") => return Err(VERSION.to_owned()),
                Some("--") => parsed.command = arguments.by_ref().collect(),
                Some(option) if option.starts_with('-') => {
                    return Err(format!("scratch: unknown option {option}\n{USAGE}"));
                }
                _ => parsed.command = std::iter::once(argument).chain(arguments.by_ref()).collect(),
            }
        }
        Ok(parsed)
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let mut options = Options::from_environment();
    options.tcp = arguments.tcp;
    let server = options.start()?;
    let database = arguments.database.map(|name| server.create_database(&name)).transpose()?;
    let url = database.as_ref().map_or_else(|| server.url("postgres"), Database::url);

    let Some((program, rest)) = arguments.command.split_first() else {
        let wait = || {
            let mut output = io::stdout();
            writeln!(output, "{url}")?;
            output.flush()?;
            io::stdin().read_to_end(&mut Vec::new())
        };
        return wait().map(|_| ExitCode::SUCCESS).map_err(|source| Error::Io {
            action: "print the URL and wait for the input's end".to_owned(),
            source,
        });
    };
    let status = Command::new(program)
        .args(rest)
        .env("TEST_DATABASE_URL", url)
        .status()
        .map_err(|source| Error::Io { action: format!("run {}", program.display()), source })?;
    // A command that was killed has no code of its own.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
