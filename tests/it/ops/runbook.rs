//! The commands of docs/backup-restore.md lead from a running database to a restored one, as they stand there.

use super::clients_are_installed;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tests::process::{Running, binary};
use tests::{connect, migrate, private_server, run, texts};

/// Runs a package of the workspace as `cargo run -p` does, without building it again.
pub(super) fn cargo(directory: &Path) -> String {
    let arms: Vec<String> = ["gate", "migration", "ops", "seeder"]
        .iter()
        .map(|name| {
            let program = binary(name, directory);
            format!("{name}) exec '{}' \"$@\" ;;\n", program.get_program().to_str().unwrap())
        })
        .collect();
    format!(
        "#!/bin/sh\n[ \"$1 $2 $4\" = 'run -p --' ] || {{ echo \"not a command of this test: $*\" >&2; exit 2; }}\n\
         package=$3; shift 4\ncase $package in\n{}*) exit 2 ;;\nesac\n",
        arms.concat()
    )
}

/// The commands in a section of the document, block by block.
pub fn blocks(heading: &str) -> Vec<String> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/backup-restore.md");
    let document = fs::read_to_string(document).unwrap();
    let section = document.split_once(&format!("{heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// What the commands call, in `bin`: `cargo`, `sudo` to this account, and `systemctl`, which leaves a request to the test.
pub fn programs(directory: &Path, account: u32) {
    let bin = directory.join("bin");
    fs::create_dir(&bin).unwrap();
    let request = directory.join("request");
    let programs = [
        ("cargo", cargo(directory)),
        (
            "sudo",
            format!(
                "#!/bin/sh\n[ \"$1\" = -u ] || exec \"$@\"\nshift 2\n[ \"$(id -u)\" = {account} ] && exec \"$@\"\n\
                 exec setpriv --reuid={account} --regid=\"$(id -g {account})\" --clear-groups \"$@\"\n"
            ),
        ),
        (
            "systemctl",
            format!(
                "#!/bin/sh\necho \"$1\" >'{0}.new'\nmv '{0}.new' '{0}'\nwhile [ -e '{0}' ]; do sleep 0.1; done\n",
                request.display()
            ),
        ),
    ];
    for (name, text) in programs {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn the_commands_of_the_runbook_work_by_copy_and_paste() {
    if !clients_are_installed() {
        return;
    }
    let Some(server) = private_server::start(false, "the runbook") else { return };
    let Some(binaries) = server.binaries() else { return };
    let admin = connect(&server.url("postgres")).await.unwrap();
    run(&admin, "create database voicesurvey").await.unwrap();
    let url = server.url("voicesurvey");
    migrate(&url).await;

    let script = blocks("## From a running database to a restored one").concat();
    let script = script.replace(
        "postgres://user:password@localhost:5432/voicesurvey_restored",
        &format!("'{}'", server.url("voicesurvey_restored")),
    );
    let script = script.replace("postgres://user:password@localhost:5432/voicesurvey", &format!("'{url}'"));
    assert!(script.matches("cargo run -p ops -- ").count() >= 3, "{script}");

    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("bin");
    programs(directory.path(), 0);
    let path =
        std::env::join_paths([bin.as_path(), binaries, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-euxc", &script]).env_clear().env("PATH", path).current_dir(directory.path());
    if let Some(bin) = std::env::var_os("SCRATCH_PG_BIN") {
        command.env("SCRATCH_PG_BIN", bin);
    }
    Running::start(&mut command, "the runbook").wait().succeeds();

    let restored = connect(&server.url("voicesurvey_restored")).await.unwrap();
    let db = connect(&url).await.unwrap();
    let ledger = "select version from seaql_migrations order by 1";
    assert_eq!(texts(&restored, ledger).await, texts(&db, ledger).await);
    let analyzed = "select relname::text from pg_class where relname = 'seaql_migrations' and reltuples > 0";
    assert_eq!(texts(&restored, analyzed).await.len(), 1);
}
