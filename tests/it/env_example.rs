//! `.env.example` lists the variables that the code reads, with their defaults.

use database::Settings;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Variables that belong to something else, or to a test among the sources, and a word of SQL.
const FOREIGN: [&str; 5] =
    ["CURRENT_TIMESTAMP", "GATE_GENERATED_CHANGES", "LC_ALL", "OUT_DIR", "XDG_CACHE_HOME"];
const FOREIGN_PREFIXES: [&str; 4] = ["AWS_", "CARGO_", "GITHUB_", "PG"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The variables of `.env.example` with their values.
fn example() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(".env.example")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let variables = lines.map(|line| line.split_once('=').expect(line));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Collects the string literals that look like the name of a variable, outside of tests.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        let text = literal.value();
        let is_name = text.contains('_')
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        if is_name {
            self.0.insert(text);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // The tokens of `#[arg(env = "…")]` are not visited.
        for token in attribute.meta.require_list().into_iter().flat_map(|list| list.tokens.clone()) {
            if let Ok(literal) = syn::parse2(token.into()) {
                self.visit_lit_str(&literal);
            }
        }
    }
}

fn read_by_the_code(directory: &Path, names: &mut Names) {
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            read_by_the_code(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
}

#[test]
fn every_variable_that_the_code_reads_is_in_env_example_and_no_other() {
    let mut names = Names::default();
    for entry in fs::read_dir(root()).unwrap() {
        let directory = entry.unwrap().path();
        let is_code = directory.join("src").is_dir() || directory.ends_with("examples");
        if is_code && !directory.ends_with("tests") {
            read_by_the_code(&directory, &mut names);
        }
    }
    names.0.retain(|name| {
        !FOREIGN.contains(&name.as_str()) && !FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    });
    assert_eq!(names.0, example().into_keys().collect());
}

#[test]
fn the_values_of_env_example_are_the_defaults() {
    let example = example();
    let read = RefCell::new(BTreeSet::new());
    let without = Settings::read(|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    let with = Settings::read(|name| example.get(name).map(OsString::from));
    assert_eq!(with, without, "the settings of the crate database");

    // The command lines state their own: `[env: MIGRATION_LOCK_WAIT=] [default: 60]`.
    let directory = tempfile::tempdir().unwrap();
    let help = |program, arguments: &[&str]| {
        let help = tests::process::binary(program, directory.path()).args(arguments).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let help = help("migration", &["--help"]) + &help("ops", &["retention", "run", "--help"]);
    let mut defaults = BTreeMap::new();
    for (_, rest) in help.match_indices("[env: ").map(|(at, start)| help.split_at(at + start.len())) {
        let (name, rest) = rest.split_once(']').unwrap();
        let name = name.split('=').next().unwrap();
        let default = rest.trim_start().strip_prefix("[default: ").and_then(|rest| rest.split(']').next());
        let default = default.unwrap_or_default().to_owned();
        defaults.insert(name.to_owned(), default);
    }
    assert!(defaults.len() >= 5, "{defaults:?} in {help}");
    // A default that the option's text states in its own words is that of the settings, which are compared already.
    let stated = |(name, default): &(&String, &String)| !default.is_empty() || !read.borrow().contains(*name);
    for (name, default) in defaults.iter().filter(stated) {
        assert_eq!(example.get(name), Some(default), "{name}");
    }

    // An empty value would be no documentation of a default.
    let empty: BTreeSet<&str> =
        example.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.as_str()).collect();
    let without_default = [
        "CONTEXT_SIGNING_KEY",
        "CUSTOMER_DATABASE_URL",
        "DATABASE_SCHEMA",
        "DATABASE_URL",
        "REPLICA_DATABASE_URL",
        "RESTORE_DATABASE_URL",
        "RETENTION_HOOK_COMMAND",
        "RETENTION_HOOK_TOKEN",
        "RETENTION_HOOK_URL",
        "SCRATCH_PG_BIN",
        "TEST_DATABASE_URL",
    ];
    assert_eq!(empty, BTreeSet::from(without_default));
    // And each is checked by one of the two.
    let mut checked = read.into_inner();
    checked.extend(defaults.into_keys());
    let of_others = ["RESTORE_DATABASE_URL", "RETENTION_HOOK_TOKEN", "SCRATCH_PG_BIN", "TEST_DATABASE_URL"];
    checked.extend(of_others.map(ToOwned::to_owned));
    assert_eq!(checked, example.into_keys().collect());
}
