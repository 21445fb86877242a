use crate::drift::{Item, models};
use crate::rule::{Break, Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Token};

/// The file of the id types.
const IDS: &str = "entity/src/id.rs";

pub const RULE: Rule = Rule {
    id: "id_prefixes_unique",
    level: Level::Block,
    requires: "Every table has an id type of its own, with a unique prefix of three lowercase letters, in alphabetical order.",
    why: "With a shared type or prefix, the id of one table is accepted as the id of another.",
    fix: "Add the table's id type to entity/src/id.rs in alphabetical order, with an unused prefix.",
    source: "docs/conventions.md#id-types-and-prefixes",
    check: Check::Sources(look),
    breaks: &[
        edit("ContactId = \"con\"", "ContactId = \"cmp\"", &["ContactId"]),
        edit("ContactId = \"con\"", "ContactId = \"cont\"", &["ContactId"]),
        edit("ContactId = \"con\"", "ContactId = \"CON\"", &["ContactId"]),
        edit(
            "    /// A tenant.\n",
            "    /// Unused.\n    ZebraId = \"zeb\";\n    /// A tenant.\n",
            &["OrganizationId", "ZebraId"],
        ),
        replace("entity/src/events.rs", "pub id: EventId", "pub id: ContactId", &["EventId", "events"]),
        replace("entity/src/events.rs", "pub id: EventId", "pub id: uuid::Uuid", &["EventId", "events"]),
    ],
};

const fn edit(text: &'static str, with: &'static str, finds: &'static [&'static str]) -> Break {
    replace(IDS, text, with, finds)
}

/// `/// Doc. ContactId = "con"`.
struct Id {
    name: Ident,
    prefix: LitStr,
}

impl Parse for Id {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, prefix: input.parse()? })
    }
}

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let unreadable =
        |error: syn::Error| Error::Source { path: workspace.path(IDS), reason: error.to_string() };
    let file = workspace.parse(IDS)?;
    let ids = file.items.iter().find_map(|item| match item {
        syn::Item::Macro(item) if item.mac.path.is_ident("ids") => Some(&item.mac),
        _ => None,
    });
    let Some(ids) = ids else { return Ok(vec![Finding::of(IDS, "has no list of ids: ids! { … }")]) };
    let ids = ids.parse_body_with(Punctuated::<Id, Token![;]>::parse_terminated).map_err(unreadable)?;

    let mut tables = BTreeMap::new();
    let mut findings = Vec::new();
    for (table, model) in models::read(workspace)? {
        let key = model.items.get(&Item::Column("id".to_owned()));
        let id = key.map(|key| key.rust_type.clone()).unwrap_or_default();
        if !ids.iter().any(|known| known.name == id) {
            findings.push(Finding::of(&table, format!("has ids of the type {id}, which is not in {IDS}")));
        } else if let Some(other) = tables.insert(id.clone(), table.clone()) {
            findings.push(Finding::of(&table, format!("has ids of the type {id}, as does {other}")));
        }
    }
    let mut prefixes = BTreeSet::new();
    let mut previous = String::new();
    for id in &ids {
        let (name, prefix) = (id.name.to_string(), id.prefix.value());
        let mut problems = Vec::new();
        if prefix.len() != 3 || !prefix.bytes().all(|byte| byte.is_ascii_lowercase()) {
            problems.push(format!("the prefix {prefix} is not three lowercase letters"));
        }
        if !prefixes.insert(prefix.clone()) {
            problems.push(format!("another id has the prefix {prefix}"));
        }
        if name < previous {
            problems.push(format!("it is listed after {previous}"));
        }
        if !tables.contains_key(&name) {
            problems.push("no table has this type".to_owned());
        }
        if !problems.is_empty() {
            let line = id.name.span().start().line;
            findings.push(Finding::at(IDS, line, problems.join(", ")).about(&name));
        }
        previous = name;
    }
    findings.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(findings)
}
