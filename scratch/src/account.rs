//! The account that a server of our own runs under.

use crate::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A user and its primary group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The account that runs root's server: PostgreSQL's own user, else `nobody`, else the first ordinary one.
///
/// `None` if the caller is not root, and thus runs the server itself.
pub(crate) fn of_server() -> Result<Option<Account>, Error> {
    let ours = |source| Error::Io { action: "make a temporary file".to_owned(), source };
    // The standard library does not expose the user id; the owner of a new file does.
    if tempfile::tempfile().and_then(|file| file.metadata()).map_err(ours)?.uid() != 0 {
        return Ok(None);
    }
    let file = Path::new("/etc/passwd");
    let text = fs::read_to_string(file).map_err(|e| Error::io("read", file, e))?;
    choose(&text).map(Some).ok_or(Error::NoAccount)
}

/// Runs `command` as `account`; `None` is the caller's own.
pub(crate) fn run_as(command: &mut Command, account: Option<Account>) -> &mut Command {
    if let Some(Account { uid, gid }) = account {
        // With `uid`, the standard library also drops root's supplementary groups.
        command.uid(uid).gid(gid);
    }
    command
}

fn choose(passwd: &str) -> Option<Account> {
    let accounts: Vec<(&str, Account)> = passwd.lines().filter_map(parse).collect();
    let named = |name: &str| accounts.iter().find(|(n, _)| *n == name);
    named("postgres")
        .or_else(|| named("_postgres"))
        .or_else(|| named("nobody"))
        // Below 500 are the system's own accounts, on every system we know of.
        .or_else(|| accounts.iter().find(|(_, account)| account.uid >= 500))
        .map(|(_, account)| *account)
}

fn parse(line: &str) -> Option<(&str, Account)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
    let gid = fields.next()?.parse().ok()?;
    Some((name, Account { uid, gid }))
}

#[cfg(test)]
mod tests {
    use super::{Account, choose};

    const ROOT: &str = "root:x:0:0:root:/root:/bin/bash\n# a comment\nbroken\n";
    const NOBODY: &str = "nobody:x:65534:65533::/nonexistent:/usr/sbin/nologin\n";
    const PERSON: &str = "ana:x:1000:1001::/home/ana:/bin/sh\n";

    #[test]
    fn root_prefers_the_servers_own_account_then_nobody_then_a_person() {
        let postgres = "postgres:x:115:116::/var/lib/postgresql:/bin/bash\n";
        let all = format!("{ROOT}{PERSON}{NOBODY}{postgres}");
        assert_eq!(choose(&all), Some(Account { uid: 115, gid: 116 }));
        assert_eq!(choose(&format!("{ROOT}{PERSON}{NOBODY}")), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(choose(&format!("{ROOT}{PERSON}")), Some(Account { uid: 1000, gid: 1001 }));
    }

    #[test]
    fn another_name_for_root_is_never_chosen() {
        assert_eq!(choose(&format!("{ROOT}nobody:x:0:0::/:/bin/sh\n")), None);
    }
}
