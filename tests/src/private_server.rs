//! A PostgreSQL server that no other test uses: its roles and settings are this test's alone.

use crate::chain;
use scratch::{Options, Server};

/// Starts a server. Returns `None`, and reports `skipped` on standard error, if only the server of
/// `TEST_DATABASE_URL` is available.
pub fn start(tcp: bool, skipped: &str) -> Option<Server> {
    start_with(tcp, &[], skipped)
}

/// As [`start`], with these settings.
pub fn start_with(tcp: bool, settings: &[(&str, &str)], skipped: &str) -> Option<Server> {
    let mut options = Options::from_environment();
    options.tcp = tcp;
    options.settings =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let is_external = options.admin_url.take().is_some_and(|url| !url.is_empty());
    match options.start() {
        Ok(server) => Some(server),
        Err(error) if is_external => {
            eprintln!("NOT TESTED: {skipped}: {}", chain(&error));
            None
        }
        Err(error) => panic!("{}", chain(&error)),
    }
}
