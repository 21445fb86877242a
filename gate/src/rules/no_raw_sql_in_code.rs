//! Application code does not pass SQL as text.

use crate::rule::{Break, Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;

/// The modules in which a lint of [`LINTS`] may be lifted; each `#[expect]` states the reason. A path that ends in `/`
/// is a crate that is not linked into applications.
const LISTED: &[&str] = &[
    "database/src/clock.rs",
    "database/src/driver.rs",
    "database/src/generated/mod.rs",
    "database/src/mark.rs",
    "database/src/session.rs",
    "database/src/shard.rs",
    "database/src/startup.rs",
    "database/src/transaction.rs",
    "gate/",
    "migration/",
    "ops/",
    "scratch/",
    "seeder/src/check.rs",
    "seeder/src/fixtures.rs",
    "seeder/src/generate/copy.rs",
    "seeder/src/generate/run.rs",
    "seeder/src/table.rs",
    "tests/",
];

/// The lints that `clippy.toml` configures.
const LINTS: [&str; 3] = ["disallowed_macros", "disallowed_methods", "disallowed_types"];

/// Groups that contain them.
const GROUPS: [&str; 2] = ["all", "style"];

const CLIPPY: &str = "clippy.toml";

/// Clippy finds the SQL; the rule ensures that nothing turns clippy off.
pub const RULE: Rule = Rule {
    id: "no_raw_sql_in_code",
    level: Level::Block,
    requires: "Application code does not pass SQL as text: clippy.toml disallows each entry point, and only the listed modules lift a lint, with a reason.",
    why: "SQL in a string is not checked against the schema, and a value concatenated into it is an SQL injection.",
    fix: "Build the query with sea-query, or put it into database/queries/; if neither can express it, list the module in gate/src/rules/no_raw_sql_in_code.rs.",
    source: "docs/conventions.md#raw-sql",
    check: Check::Sources(look),
    breaks: &[
        edit(&[CONTACTS], "", "\n#[expect(clippy::disallowed_methods, reason = \"shorter\")] fn a() {}"),
        edit(
            &[CONTACTS],
            "",
            "\nfn a() { #[allow(clippy::disallowed_macros, reason = \"shorter\")] let b = 1; }",
        ),
        edit(
            &[CONTACTS],
            "",
            "\nmacro_rules! a { () => { #[allow(clippy::style, reason = \"shorter\")] fn b() {} } }",
        ),
        edit(
            &[CONTACTS],
            "",
            "\n#[cfg_attr(not(test), allow(clippy::disallowed_types, reason = \"shorter\"))] fn a() {}",
        ),
        edit(&["database/src/clock.rs"], "expect(clippy::disallowed_methods, reason", "doc(alias"),
        edit(
            &["seeder/src/table.rs"],
            "expect(clippy::disallowed_methods, ",
            "allow(clippy::disallowed_methods, ",
        ),
        edit(
            &["seeder/src/table.rs"],
            "#[expect(clippy::disallowed_methods, reason =",
            "#[expect(clippy::disallowed_methods)] #[doc(alias =",
        ),
        edit(
            &["Cargo.toml"],
            "[workspace.lints.clippy]",
            "[workspace.lints.clippy]\ndisallowed_methods = \"allow\"",
        ),
        edit(&["database/clippy.toml"], "", "disallowed-methods = []"),
        edit(&["database/.clippy.toml"], "", "disallowed-methods = []"),
        edit(&[CLIPPY], "disallowed-macros = [", "disallowed-macros = []\nallowed-prefixes = ["),
        edit(&[CLIPPY], "{ path = \"sqlx::raw_sql\", reason =", "{ path = \"sqlx::raw_sql\", replacement ="),
    ],
};

const CONTACTS: &str = "database/src/contacts.rs";

/// A change of a file, which is also the object of the finding.
const fn edit(file: &'static [&'static str; 1], text: &'static str, with: &'static str) -> Break {
    replace(file[0], text, with, file)
}

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let mut findings = configuration(&workspace.read(CLIPPY)?);
    for manifest in workspace.files("", "toml")?.iter().filter(|file| file.ends_with("Cargo.toml")) {
        for (index, line) in workspace.read(manifest)?.lines().enumerate() {
            let key = line.split(['=', '.']).next().unwrap_or_default().trim();
            if (LINTS.contains(&key) || GROUPS.contains(&key)) && line.contains("\"allow\"") {
                findings.push(Finding::at(manifest, index + 1, format!("allows clippy::{key}")));
            }
        }
        // Clippy reads the nearest configuration file, and no other.
        let directory = manifest.trim_end_matches("Cargo.toml");
        for name in [".clippy.toml", CLIPPY] {
            let file = format!("{directory}{name}");
            if file != CLIPPY && workspace.read_if_there(&file)?.is_some() {
                findings
                    .push(Finding::of(file, format!("hides {CLIPPY} from clippy")).fixed_by("Delete it."));
            }
        }
    }
    let mut used = Vec::new();
    for file in workspace.files("", "rs")? {
        // Parsing every file takes seconds.
        let text = workspace.read(&file)?;
        if !LINTS.iter().any(|lint| text.contains(lint))
            && !GROUPS.iter().any(|group| text.contains(&format!("clippy::{group}")))
        {
            continue;
        }
        let attributes = attributes(workspace.parse(&file)?.into_token_stream());
        let listed = LISTED
            .iter()
            .find(|path| if path.ends_with('/') { file.starts_with(*path) } else { file == **path });
        used.extend(listed.filter(|_| !attributes.is_empty()));
        for Attribute { line, words } in attributes {
            let problem = if listed.is_none() {
                "lifts a lint against SQL as text, and is not a listed module"
            } else if !words.iter().any(|word| word == "expect") || !words.iter().any(|word| word == "reason")
            {
                "lifts a lint against SQL as text without `expect` and a reason"
            } else {
                continue;
            };
            findings.push(Finding::at(&file, line, problem));
        }
    }
    findings.extend(LISTED.iter().filter(|path| !used.contains(path)).map(|path| {
        Finding::of(*path, "is listed, but lifts no lint")
            .fixed_by("Remove it from the list in gate/src/rules/no_raw_sql_in_code.rs.")
    }));
    Ok(findings)
}

/// What is missing in `clippy.toml`: a list, or the reason of an entry.
fn configuration(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for lint in LINTS {
        let list = format!("{} = [", lint.replace('_', "-"));
        let entries = text.lines().enumerate().skip_while(|(_, line)| !line.starts_with(&list)).skip(1);
        let entries: Vec<_> = entries.take_while(|(_, line)| line.starts_with(' ')).collect();
        if entries.is_empty() {
            findings.push(Finding::of(CLIPPY, format!("has no entries of {lint}")));
        }
        let unexplained = entries.iter().filter(|(_, line)| !line.contains("reason = \""));
        findings
            .extend(unexplained.map(|(index, _)| Finding::at(CLIPPY, index + 1, "the entry has no reason")));
    }
    findings
}

/// An attribute that lifts one of the lints.
struct Attribute {
    line: usize,
    /// Its identifiers, in order.
    words: Vec<String>,
}

/// The attributes that lift one of the lints, including those in the arguments of macros.
fn attributes(tokens: TokenStream) -> Vec<Attribute> {
    let mut found = Vec::new();
    let mut is_attribute = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                is_attribute = punct.as_char() == '#' || is_attribute && punct.as_char() == '!';
            }
            TokenTree::Group(group) => {
                if is_attribute && group.delimiter() == Delimiter::Bracket {
                    let words = words(group.stream());
                    if lifts(&words) {
                        found.push(Attribute { line: group.span_open().start().line, words });
                    }
                } else {
                    found.extend(attributes(group.stream()));
                }
                is_attribute = false;
            }
            _ => is_attribute = false,
        }
    }
    found
}

fn words(tokens: TokenStream) -> Vec<String> {
    let words = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Group(group) => words(group.stream()),
        _ => Vec::new(),
    });
    words.collect()
}

fn lifts(words: &[String]) -> bool {
    words.iter().any(|word| word == "allow" || word == "expect")
        && words.windows(2).any(|pair| {
            let [tool, lint] = pair else { return false };
            tool == "clippy" && (LINTS.contains(&lint.as_str()) || GROUPS.contains(&lint.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_attribute_that_lifts_a_lint_is_found() {
        let found = attributes("\n#![allow(clippy::style)]".parse().unwrap());
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);
        for code in [
            "#[deny(clippy::all)] fn a() {}",
            "#[allow(clippy::allow_attributes)] fn a() {}",
            "[allow(clippy::all)]",
        ] {
            assert!(attributes(code.parse().unwrap()).is_empty(), "{code}");
        }
    }
}
