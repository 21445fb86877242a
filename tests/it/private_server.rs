//! A PostgreSQL that no other test uses: its roles are this test's alone.

use scratch::{Options, Server};
use tests::chain;

/// A server of the test's own. `None`, said on standard error, where only that of `TEST_DATABASE_URL` is there.
pub fn start(tcp: bool, what_is_left_out: &str) -> Option<Server> {
    let mut options = Options::from_environment();
    let is_external = options.admin_url.take().is_some_and(|url| !url.is_empty());
    options.tcp = tcp;
    match options.start() {
        Ok(server) => Some(server),
        Err(error) if is_external => {
            eprintln!("NOT TESTED: {what_is_left_out}: {}", chain(&error));
            None
        }
        Err(error) => panic!("{}", chain(&error)),
    }
}
