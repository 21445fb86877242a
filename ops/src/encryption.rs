//! Encryption of backups to public keys, by the program [age](https://age-encryption.org).
//!
//! Each file of a backup is encrypted on its own and then has the extension `age`, so that a backup can be decrypted by hand as
//! well. The manifest stays readable: it names the keys, and its lengths and SHA-256 are those of the encrypted files, so that
//! a place can be verified without a private key.

use crate::manifest::{FileEntry, Manifest, file_entries};
use crate::programs::succeeded;
use crate::staging::Staging;
use crate::{Error, Progress};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// The extension of an encrypted file.
const EXTENSION: &str = ".age";

/// A public key, `age1…` or that of SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient(String);

impl Recipient {
    /// Parses a key.
    ///
    /// # Errors
    /// It is not a public one. The error does not contain it: it may be a private key.
    pub fn parse(text: String) -> Result<Self, Error> {
        let is_public = ["age1", "ssh-ed25519 ", "ssh-rsa "].iter().any(|prefix| text.starts_with(prefix));
        if is_public { Ok(Self(text)) } else { Err(Error::Recipient) }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Encrypts a prepared backup into a directory in `parent`, and removes its plaintext.
///
/// # Errors
/// age fails, or is not installed.
pub(crate) async fn encrypt(
    plaintext: Staging,
    manifest: &mut Manifest,
    recipients: &[Recipient],
    parent: &Path,
    progress: &Progress,
) -> Result<Staging, Error> {
    progress.step_of_bytes("Encrypting the files", manifest.bytes());
    let encrypted = Staging::create(parent, &format!("{}-encrypted", manifest.name))?;
    let keys: Vec<&OsStr> =
        recipients.iter().flat_map(|key| ["--recipient", &key.0]).map(OsStr::new).collect();
    for FileEntry { path, bytes, .. } in &manifest.files {
        let to = encrypted.path().join(format!("{path}{EXTENSION}"));
        age("--encrypt", &keys, &plaintext.path().join(path), &to).await?;
        File::open(&to).and_then(|file| file.sync_all()).map_err(Error::io("write", &to))?;
        progress.advance(*bytes);
    }
    let files = file_entries(encrypted.path()).map_err(Error::io("read", encrypted.path()))?;
    manifest.files = files;
    manifest.recipients = recipients.iter().map(ToString::to_string).collect();
    Ok(encrypted)
}

/// Decrypts the files of a backup into the temporary directory.
///
/// # Errors
/// There is no private key of the backup, or age fails.
pub(crate) async fn decrypt(
    directory: &Path,
    manifest: &Manifest,
    identity: Option<&Path>,
    progress: &Progress,
) -> Result<Staging, Error> {
    let Some(identity) = identity else {
        let (backup, recipients) = (manifest.name.clone(), manifest.recipients.join(", "));
        return Err(Error::NoIdentity { backup, recipients });
    };
    progress.step_of_bytes("Decrypting the files", manifest.bytes());
    let plaintext = Staging::create(&std::env::temp_dir(), &format!("{}-decrypted", manifest.name))?;
    let key = [OsStr::new("--identity"), identity.as_os_str()];
    for FileEntry { path, bytes, .. } in &manifest.files {
        // A file that is not encrypted was not written by this program.
        let to = plaintext.path().join(path.strip_suffix(EXTENSION).unwrap_or(path));
        match age("--decrypt", &key, &directory.join(path), &to).await {
            Err(Error::Program { message: reason, .. }) => {
                let (backup, recipients) = (manifest.name.clone(), manifest.recipients.join(", "));
                return Err(Error::Decrypt { backup, identity: identity.to_owned(), recipients, reason });
            }
            result => result?,
        }
        progress.advance(*bytes);
    }
    Ok(plaintext)
}

async fn age(mode: &str, keys: &[&OsStr], from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    let mut command = Command::new("age");
    command.arg(mode).args(keys).arg("--output").arg(to).arg(from);
    let output = match command.stdin(Stdio::null()).kill_on_drop(true).output().await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::NoAge),
        result => result.map_err(Error::io("run", "age"))?,
    };
    // Another line asks for a report to its author.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let errors =
        stderr.lines().filter_map(|line| line.strip_prefix("age: error: ")).map(ToOwned::to_owned).collect();
    succeeded("age", output.status, errors)
}
