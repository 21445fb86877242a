//! Lists the files of `fixtures`, each named after its table, and of `src/check/rules`, each named after its rule, so that
//! neither needs a line in the source.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    list("fixtures", "fixtures.rs")?;
    list("src/check/rules", "rules.rs")
}

/// Writes a file with the names and texts of a directory's files, a slice of pairs.
fn list(directory: &str, file: &str) -> io::Result<()> {
    println!("cargo::rerun-if-changed={directory}");
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let mut paths = Vec::new();
    for entry in fs::read_dir(variable("CARGO_MANIFEST_DIR")?.join(directory))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut list = String::from("&[");
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // Writing to a string does not fail.
        let _ = write!(list, "({name:?}, include_str!({:?})),", path.to_string_lossy());
    }
    fs::write(variable("OUT_DIR")?.join(file), list + "]\n")
}
