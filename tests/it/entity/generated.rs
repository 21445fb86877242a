//! What `sea-orm-cli generate entity --entity-format dense` writes from a migrated PostgreSQL compiles; that it is what
//! we wrote is a rule of the gate, `entities_match_generated`.

use clap::Parser as _;
use sea_orm_cli::{Cli, Commands};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tests::migrated;

#[tokio::test]
async fn generated_entities_compile() {
    let database = migrated("generated_entities").await;
    let generated = TempDir::new().unwrap();
    let source = generated.path().join("src");
    generate(&database.url(), &source).await;

    let files =
        std::fs::read_dir(&source).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let tables = entity::ID_PREFIXES.len();
    assert_eq!(files.filter(|file| file.ends_with("s.rs")).count(), tables + 1, "the tables and the enums");
    check(generated.path());
}

async fn generate(url: &str, directory: &Path) {
    let directory = directory.to_str().unwrap();
    let arguments = [
        "sea-orm-cli",
        "generate",
        "entity",
        "--entity-format",
        "dense",
        "--lib",
        "-u",
        url,
        "-o",
        directory,
    ];
    let Commands::Generate { command } = Cli::parse_from(arguments).command else { unreachable!() };
    sea_orm_cli::run_generate_command(command, false).await.unwrap();
}

/// Compiles the generated files with the dependencies of this workspace.
fn check(directory: &Path) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let manifest = std::fs::read_to_string(format!("{root}/Cargo.toml")).unwrap();
    let start = manifest.find("sea-orm = {").unwrap();
    let end = start + manifest[start..].find("] }").unwrap() + 3;
    let manifest = format!(
        "[package]\nname = \"generated\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{}\n",
        &manifest[start..end]
    );
    std::fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(format!("{root}/Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
