//! A program beside a server, for instance a connection pooler in front of it.

use crate::directory::{Directory, Handle};
use crate::supervisor::{self, Supervisor};
use crate::{Error, Options, account};
use std::path::{Path, PathBuf};

/// A program in a private directory, stopped and removed with this value or with this process, however that ends.
///
/// As with a server of our own, root hands it to another account.
#[derive(Debug)]
pub struct Companion {
    directory: PathBuf,
    // Dropped first: it stops the program and removes the directory.
    supervisor: Supervisor,
    handle: Handle,
}

impl Companion {
    /// Starts `program` in a new directory, which holds these files for its account alone.
    ///
    /// # Errors
    /// There is no directory or account for it. A failure of the program itself is visible in [`Companion::has_ended`].
    pub fn start(program: &Path, arguments: &[&str], files: &[(&str, &str)]) -> Result<Self, Error> {
        let directory = Directory::create(&Options::from_environment().roots, account::of_server()?)?;
        for (name, content) in files {
            directory.write_private(name, content)?;
        }
        directory.give_away()?;
        let path = directory.path().to_owned();
        let mut command = supervisor::shell(include_str!("supervise.sh"), directory.account, &path);
        // No directory of a server's programs.
        command.arg(&path).arg("").arg(program).args(arguments);
        let clone =
            |file: &std::fs::File| file.try_clone().map_err(|e| Error::io("open a file in", &path, e));
        command.stdout(clone(&directory.lock)?).stderr(clone(&directory.log)?);
        let supervisor =
            Supervisor::start(&mut command).map_err(|e| Error::io("run /bin/sh in", &path, e))?;
        let handle = directory.hand_over();
        Ok(Self { directory: path, supervisor, handle })
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// The system does not report its state.
    pub fn has_ended(&mut self) -> Result<bool, Error> {
        let ended =
            self.supervisor.ended().map_err(|e| Error::io("wait for /bin/sh in", &self.directory, e))?;
        Ok(ended.is_some())
    }

    /// The last lines of its output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.handle.log_tail()
    }
}
