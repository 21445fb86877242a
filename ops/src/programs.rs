//! `pg_dump`, `pg_restore` and `psql`.

use crate::Error;
use scratch::{Clients, Options};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// The programs for a server, or for an archive, of this major version.
///
/// # Errors
/// They are not installed.
pub(crate) fn find(major: u32) -> Result<Clients, Error> {
    Ok(Options::from_environment().clients(major)?)
}

/// A command that runs one of the programs.
pub(crate) fn command(clients: &Clients, name: &str) -> Command {
    Command::new(clients.directory.join(name))
}

/// The table of contents of a dump.
pub(crate) async fn list(clients: &Clients, dump: &Path) -> Result<String, Error> {
    let output = command(clients, "pg_restore").arg("--list").arg(dump).output().await;
    let output = output.map_err(Error::io("run", "pg_restore"))?;
    let errors = String::from_utf8_lossy(&output.stderr).lines().map(ToOwned::to_owned).collect();
    succeeded("pg_restore", output.status, errors)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Ends the program when its input ends: when this process does, however that happens, or when its end of the pipe is dropped.
const SUPERVISED: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill "$program"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
exit "$status""#;

/// A program that ends with this process, and does not outlive this value for long.
#[derive(Debug)]
pub(crate) struct Supervised {
    child: Child,
    // The program's life.
    input: Option<ChildStdin>,
    name: &'static str,
}

impl Supervised {
    /// Starts a program with the environment of `command`, whose program and arguments come first.
    pub(crate) fn start(name: &'static str, command: &Command) -> Result<Self, Error> {
        let command = command.as_std();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SUPERVISED, "ops-supervisor"].map(OsStr::new));
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = shell.spawn().map_err(Error::io("run", "/bin/sh"))?;
        let input = child.stdin.take();
        Ok(Self { child, input, name })
    }

    /// Waits for its success. Each line of its messages that is not an error is passed to `report`.
    pub(crate) async fn finish(&mut self, report: impl FnMut(&str)) -> Result<(), Error> {
        let messages = messages(self.child.stderr.take(), report).await;
        let status = self.child.wait().await.map_err(Error::io("wait for", self.name))?;
        succeeded(self.name, status, messages)
    }

    /// Ends it.
    pub(crate) async fn stop(&mut self) {
        drop(self.input.take());
        // It was told to; a failure to wait has no remedy.
        let _ = self.child.wait().await;
    }
}

/// Reads the messages of a program until it ends: returns the errors, and passes other lines to `report`.
pub(crate) async fn messages(
    output: Option<impl AsyncRead + Unpin>,
    mut report: impl FnMut(&str),
) -> Vec<String> {
    let mut errors = Vec::new();
    let Some(output) = output else { return errors };
    let mut lines = BufReader::new(output).lines();
    // A line that is not UTF-8 ends the reading; the exit status remains.
    while let Ok(Some(line)) = lines.next_line().await {
        let is_error =
            ["error:", "fatal:", "warning:", "detail:", "hint:", "ERROR:", "FATAL:", "WARNING:", "HINT:"];
        if is_error.iter().any(|word| line.contains(word)) {
            errors.push(line);
        } else {
            report(&line);
        }
    }
    errors
}

/// As many of the first messages as a reader needs; the others follow from them.
const LIMIT: usize = 4;

/// The result of a program that ended.
pub(crate) fn succeeded(name: &'static str, status: ExitStatus, messages: Vec<String>) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    let mut message = messages.into_iter().take(LIMIT).collect::<Vec<_>>().join("; ");
    if message.is_empty() {
        message = format!("it ended with {status}");
    }
    Err(Error::Program { program: name, message })
}
