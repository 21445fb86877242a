//! A process that outlives this one briefly, to clean up.

use crate::account::{Account, run_as};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A shell that acts when our end of its input closes: on drop, or when this process ends for any reason.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    // Closed on exec by the standard library, so no other child of ours keeps it open.
    pipe: Option<ChildStdin>,
}

/// A shell command for a [`Supervisor`].
pub(crate) fn shell(script: &str, account: Option<Account>, directory: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    run_as(&mut command, account).args(["-c", script, "scratch-supervisor"]).current_dir(directory);
    command
}

impl Supervisor {
    /// Starts `command`; the caller redirects its output.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        // A group of its own: Ctrl-C at the terminal, or a kill of our group, does not reach it.
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Sends it a line.
    pub(crate) fn tell(&self, line: &str) -> io::Result<()> {
        self.pipe.as_ref().map_or(Ok(()), |mut pipe| writeln!(pipe, "{line}"))
    }

    /// Its exit status, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Its work is bounded; a failure to wait has no remedy.
        let _ = self.child.wait();
    }
}
