//! Lists the files of `fixtures`, each named after its table, so that a table needs no line in the source.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=fixtures");
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let mut files = Vec::new();
    for entry in fs::read_dir(variable("CARGO_MANIFEST_DIR")?.join("fixtures"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut list = String::from("const BUILT_IN: &[(&str, &str)] = &[");
    for file in files {
        let table = file.file_stem().unwrap_or_default().to_string_lossy();
        // Writing to a string does not fail.
        let _ = write!(list, "({table:?}, include_str!({:?})),", file.to_string_lossy());
    }
    fs::write(variable("OUT_DIR")?.join("fixtures.rs"), list + "];\n")
}
