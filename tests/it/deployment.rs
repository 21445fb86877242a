//! The files of a deployment name only what exists: programs, options, variables, stages, secrets, files.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tests::process::binary;

/// The programs of the image `tools`.
const PROGRAMS: [&str; 4] = ["gate", "migration", "ops", "seeder"];

/// Variables that belong to something else; `PLACE` is that of a step of a workflow.
const FOREIGN: [&str; 5] = ["CITUS_REQUIRED", "IDENTITY", "PLACE", "RECIPIENT", "TMPDIR"];
const FOREIGN_PREFIXES: [&str; 4] = ["AWS_", "CARGO_", "PG", "POSTGRES_"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// compose.yaml, the manifests of Kubernetes and the workflows.
fn documents() -> Vec<(String, Value)> {
    let mut files = vec!["compose.yaml".to_owned()];
    for directory in ["deploy/kubernetes", ".github/workflows"] {
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            files.push(format!("{directory}/{}", entry.unwrap().file_name().to_string_lossy()));
        }
    }
    assert!(files.len() >= 6, "{files:?}");
    files.into_iter().map(|file| (file.clone(), yaml(&file))).collect()
}

/// The values of a key at any depth.
fn values<'a>(document: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match document {
        Value::Object(map) => {
            found.extend(map.get(key));
            map.values().for_each(|value| values(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| values(value, key, found)),
        _ => {}
    }
}

fn all<'a>(document: &'a Value, key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    values(document, key, &mut found);
    found
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|word| word.as_str().map(ToOwned::to_owned)).collect()
}

/// The command lines of our programs in a document, each as its words from the program on.
fn command_lines(document: &Value) -> Vec<Vec<String>> {
    let is_program = |word: &String| PROGRAMS.contains(&word.as_str());
    let mut lines = Vec::new();
    // Lists of words: the program comes first, or after one that runs it every night.
    for list in [all(document, "command"), all(document, "args")].concat() {
        let words = strings(list);
        let start = usize::from(words.first().is_some_and(|word| word == "nightly")) * 2;
        if list.is_array() && words.first().is_some_and(|word| word != "postgres" && word != "start-pooler") {
            assert!(words.get(start).is_some_and(is_program), "{words:?} runs no program of the image");
            lines.push(words[start..].to_vec());
        }
    }
    // Scripts: target/release/PROGRAM, cargo run -p PROGRAM --, docker compose run --rm SERVICE PROGRAM.
    for script in all(document, "run").into_iter().filter_map(Value::as_str) {
        for line in script.replace("\\\n", " ").lines() {
            let words: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
            let end = words.iter().position(|word| ["|", "||", "&&", ">", ">>"].contains(&word.as_str()));
            let words = &words[..end.unwrap_or(words.len())];
            let start = if line.contains("docker compose run") {
                let service = words.iter().skip(3).position(|word| !word.starts_with('-')).expect(line);
                let program = words.get(service + 4);
                assert!(program.is_some_and(is_program), "{line:?} runs no program of the image");
                service + 4
            } else if let Some(at) = words.iter().position(|word| word.starts_with("target/release/")) {
                at
            } else if let Some(at) = words.iter().position(|word| word == "-p") {
                at + 1
            } else {
                continue;
            };
            let name = words[start].trim_start_matches("target/release/").to_owned();
            let rest = words[start + 1..].iter().filter(|word| *word != "--").cloned();
            let line: Vec<String> = [name].into_iter().chain(rest).collect();
            if is_program(&line[0]) {
                lines.push(line);
            }
        }
    }
    lines
}

#[test]
fn every_command_of_a_deployment_is_one_that_its_program_has() {
    let directory = tempfile::tempdir().unwrap();
    let help = |words: &[&str]| {
        let output = binary(words[0], directory.path()).args(&words[1..]).arg("--help").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut checked = BTreeSet::new();
    for (file, document) in documents() {
        for line in command_lines(&document) {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let subcommand = words.get(1).is_some_and(|word| !word.starts_with('-'));
            let help = help(&words[..=usize::from(subcommand)]);
            let known: BTreeSet<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap();
                assert!(known.contains(option), "{file}: {words:?}: there is no option {option}");
            }
            checked.insert((words[0].to_owned(), file.clone()));
        }
    }
    assert!(checked.len() >= 8, "{checked:?}");
}

#[test]
fn every_variable_of_a_deployment_is_one_that_its_programs_read() {
    let example = read(".env.example");
    let known: BTreeSet<&str> =
        example.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let files = read("deploy/tools/with-secrets");
    let mut checked = 0;
    for (file, document) in documents() {
        for variables in [all(&document, "environment"), all(&document, "env")].concat() {
            let mut names: Vec<String> =
                variables.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
            // A container of Kubernetes has a list of names and values.
            names.extend(
                all(variables, "name").iter().filter_map(|name| name.as_str().map(ToOwned::to_owned)),
            );
            // The name of a secret is no variable.
            names.retain(|name| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'));
            for name in names {
                let own = name.strip_suffix("_FILE").filter(|_| !name.starts_with("POSTGRES_"));
                assert!(
                    own.is_none_or(|own| files.split_whitespace().any(|word| word == own)),
                    "{file}: deploy/tools/with-secrets does not read {name}"
                );
                let name = own.unwrap_or(&name);
                let is_foreign =
                    FOREIGN.contains(&name) || FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
                assert!(is_foreign || known.contains(name), "{file}: no program reads {name}");
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn the_dockerfile_builds_what_it_copies_with_the_workspaces_rust() {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| !words.is_empty())
        .collect();

    let mut stages = BTreeMap::new();
    for words in lines.iter().filter(|words| words[0] == "FROM") {
        let (name, tag) = words[1].split_once(':').unwrap_or_else(|| panic!("{words:?} names no version"));
        assert!(tag.starts_with(|first: char| first.is_ascii_digit()), "{words:?} names no version");
        stages.insert(words[3], (name, tag));
    }
    let manifest = read("Cargo.toml");
    let rust = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (image, tag) = stages["build"];
    assert!(
        image == "rust" && tag.starts_with(&format!("{rust}.")),
        "{image}:{tag}, but rust-version is {rust}"
    );

    let targets: BTreeSet<String> = all(&yaml("compose.yaml"), "target")
        .iter()
        .map(|target| target.as_str().unwrap().to_owned())
        .collect();
    let expected = ["pooler", "postgres", "tools"];
    assert_eq!(targets, expected.map(ToOwned::to_owned).into(), "the targets of compose.yaml");
    assert!(expected.iter().all(|target| stages.contains_key(target)), "{stages:?}");

    let build = lines.iter().find(|words| words.contains(&"cargo")).unwrap();
    let after = |flag| {
        let pairs = build.windows(2).filter(move |pair| pair[0] == flag);
        pairs.map(|pair| pair[1]).collect::<BTreeSet<_>>()
    };
    let installed: BTreeSet<&str> =
        build.iter().filter_map(|word| word.strip_prefix("target/release/")).collect();
    assert_eq!(after("-p"), PROGRAMS.into(), "the packages that are built");
    assert_eq!(installed, PROGRAMS.into(), "the programs that are installed");

    for words in lines.iter().filter(|words| words[0] == "COPY") {
        if let Some(stage) = words.iter().find_map(|word| word.strip_prefix("--from=")) {
            assert!(stages.contains_key(stage), "{words:?}: there is no stage {stage}");
        } else {
            let source = words.iter().skip(1).find(|word| !word.starts_with("--")).unwrap();
            assert!(root().join(source).exists(), "{words:?}: there is no {source}");
        }
    }
}

#[test]
fn every_secret_that_a_deployment_reads_is_one_of_compose_yaml() {
    let compose = yaml("compose.yaml");
    let secrets = compose["secrets"].as_object().unwrap();
    for (service, definition) in compose["services"].as_object().unwrap() {
        for secret in strings(&definition["secrets"]) {
            assert!(secrets.contains_key(&secret), "{service}: there is no secret {secret}");
        }
    }
    for (file, service) in
        [("deploy/pooler/start-pooler", "pooler"), ("deploy/postgres/create-logins.sql", "database")]
    {
        let text = read(file);
        let given = strings(&compose["services"][service]["secrets"]);
        let word =
            |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned();
        let read: Vec<String> = text.split("cat /run/secrets/").skip(1).map(word).collect();
        assert!(read.len() >= 2, "{file}: {read:?}");
        for name in read {
            assert!(given.contains(&name), "{file}: the service {service} has no secret {name}");
        }
    }
    // No password stands in the files.
    for file in ["compose.yaml", "deploy/kubernetes/migrate.yaml", "deploy/terraform/rds.tf"] {
        let text = read(file);
        let urls = text.split("postgres://").skip(1).map(|rest| rest.split('@').next().unwrap());
        assert!(urls.clone().all(|login| !login.contains(':')), "{file}: a URL contains a password");
        assert!(!text.contains("POSTGRES_PASSWORD:"), "{file}");
    }
}
