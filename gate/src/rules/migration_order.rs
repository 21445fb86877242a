use crate::migrations::files;
use crate::migrations::lock;
use crate::rule::{Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};
use std::collections::BTreeSet;

const LIST: &str = "migration/src/migrations/mod.rs";

/// `migration up` compares with the migrations of a live database, `check-for-migration` with the main branch.
pub const RULE: Rule = Rule {
    id: "migration_order",
    level: Level::Block,
    requires: "Migrations are named by their creation time, listed in that order, and newer than all locked migrations.",
    why: "Two databases otherwise apply the same migrations in different orders, and can end with different schemas.",
    fix: "Create the migration again under a new name with: cargo run -p migration -- generate.",
    source: "docs/conventions.md#migration-order",
    check: Check::Sources(look),
    breaks: &[
        replace(
            LIST,
            "    m20261121_000016_create_bind_actor,
    m20261121_000017_create_transcript_snippets,
",
            "    m20261121_000017_create_transcript_snippets,
    m20261121_000016_create_bind_actor,
",
            &["m20261121_000016_create_bind_actor"],
        ),
        replace(
            LIST,
            "    m20261121_000017_create_transcript_snippets,\n",
            "",
            &["m20261121_000017_create_transcript_snippets"],
        ),
        replace(LIST, ",\n}\n", ",\n    m20261121_000014_ghost,\n}\n", &["m20261121_000014_ghost"]),
        replace(LIST, ",\n}\n", ",\n    m2_ghost,\n}\n", &["m2_ghost"]),
        replace(
            lock::FILE,
            "m20261121_000014_create_provider_configs",
            "m20261121_000014_ghost",
            &["m20261121_000014_create_provider_configs"],
        ),
    ],
};

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let text = workspace.read(LIST)?;
    let listed: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != "migrations! {")
        .take_while(|(_, line)| *line != "}")
        .filter_map(|(index, line)| Some((index + 1, line.trim().strip_suffix(',')?)))
        .collect();
    let locked: Vec<String> = match lock::read(workspace)? {
        Ok(lock) => lock.names().map(ToOwned::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    let newest_locked = locked.iter().map(String::as_str).max().unwrap_or_default();
    let mut findings = Vec::new();
    let mut times = BTreeSet::new();
    let mut newest = "";
    for (line, name) in &listed {
        let problem = match time(name) {
            None => Some("its name is not m<8 digits>_<6 digits>_<words in snake case>".to_owned()),
            Some(time) if !times.insert(time) => Some(format!("another migration has the time {time}")),
            Some(_) if *name < newest => Some(format!("it is listed after {newest}, which is newer")),
            Some(_) if *name < newest_locked && !locked.iter().any(|locked| locked == name) => {
                Some(format!("it is older than {newest_locked}, which is locked"))
            }
            Some(_) => None,
        };
        findings.extend(problem.map(|problem| Finding::at(LIST, *line, problem).about(*name)));
        newest = newest.max(name);
    }
    for file in files::read(workspace)? {
        if listed.iter().all(|(_, name)| *name != file.name) {
            findings
                .push(Finding::at(&file.file, 1, format!("it is not listed in {LIST}")).about(&file.name));
        }
    }
    Ok(findings)
}

/// The time in a migration's name, or `None` if the name has another form.
fn time(name: &str) -> Option<&str> {
    let (date, rest) = name.strip_prefix('m')?.split_once('_')?;
    let (number, words) = rest.split_once('_')?;
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_snake = words.starts_with(|first: char| first.is_ascii_lowercase())
        && words.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (digits(date, 8) && digits(number, 6) && is_snake).then(|| &name[1..16])
}
