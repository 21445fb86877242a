//! The documents that people read: every link, anchor and path in them resolves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What the name of a file in this repository ends in.
const EXTENSIONS: [&str; 9] = ["rs", "sql", "md", "yaml", "yml", "toml", "lock", "svg", "txt"];

/// The table that documents use as an example does not exist.
const EXAMPLE: &str = "invoices";

/// Files that exist only while they are needed.
const OPTIONAL: [&str; 1] = ["gate/exceptions.yaml"];

#[test]
fn every_link_and_path_in_a_document_resolves() {
    let files = files();
    let documents: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|file| Path::new(file).extension().is_some_and(|e| e == "md"))
        .collect();
    for known in
        ["README.md", "docs/architecture.md", "docs/migrations.md", ".github/pull_request_template.md"]
    {
        assert!(documents.contains(&known), "{known} is not checked");
    }
    let mut broken = Vec::new();
    let mut checked = 0;
    for document in documents {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let prose = prose(&text);
        for target in links(&prose) {
            checked += 1;
            if !link_resolves(document, target) {
                broken.push(format!("{document}: ({target})"));
            }
        }
        for path in prose.split('`').skip(1).step_by(2).filter(|code| is_path(code)) {
            checked += 1;
            if !path_resolves(&files, path) {
                broken.push(format!("{document}: `{path}`"));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
    assert!(checked > 100, "{checked} links and paths");
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    };
    text.lines().filter(is_prose).collect::<Vec<_>>().join("\n")
}

/// The targets of links, those to other sites excepted.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

fn link_resolves(document: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let here = root().join(document);
    let there = if file.is_empty() { here } else { here.parent().unwrap().join(file) };
    if !there.exists() {
        return false;
    }
    anchor.is_empty()
        || fs::read_to_string(there).is_ok_and(|text| {
            text.lines().any(|line| line.starts_with('#') && anchor_of(line) == anchor)
                || text.contains(&format!("id=\"{anchor}\""))
        })
}

/// The anchor that GitHub gives a heading.
fn anchor_of(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_';
    let text: String = heading.trim_start_matches('#').trim().chars().filter(kept).collect();
    text.to_lowercase().replace(' ', "-")
}

/// Whether a word of code names a file or directory of this repository.
fn is_path(code: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if code.contains(EXAMPLE) || !code.chars().all(is_word) || code.starts_with('/') || code.starts_with("..")
    {
        return false;
    }
    let extension = Path::new(code).extension().and_then(|extension| extension.to_str());
    let first = code.split('/').next().unwrap_or_default();
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
        || (code.contains('/') && !first.is_empty() && root().join(first).is_dir())
}

/// A path from the root, or the name of a file anywhere.
fn path_resolves(files: &BTreeSet<String>, path: &str) -> bool {
    if path.contains('/') {
        return OPTIONAL.contains(&path) || root().join(path).exists();
    }
    files.iter().any(|file| file.rsplit('/').next() == Some(path))
}

/// The files of the repository, from its root; not what is built or belongs to git.
fn files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != ".git" {
                directories.push(path);
            } else if path.is_file() {
                files.insert(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn a_path_that_does_not_exist_is_found() {
    assert!(is_path("gate/src/no_such_file.rs") && !path_resolves(&files(), "gate/src/no_such_file.rs"));
    assert!(is_path("no_such_file.rs") && !path_resolves(&files(), "no_such_file.rs"));
    assert!(is_path("tests/it") && path_resolves(&files(), "tests/it"));
    assert!(!is_path("campaign_id") && !is_path("a.b()") && !is_path("entity/src/invoices.rs"));
    assert!(!link_resolves("docs/migrations.md", "migrations.md#no-such-heading"));
    assert!(link_resolves("docs/migrations.md", "#set-not-null"));
    assert!(!link_resolves("docs/migrations.md", "../tests/recipes/no_such_file.rs"));
}
