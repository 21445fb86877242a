//! The page of a table.

use super::areas::Area;
use super::mermaid;
use super::pages::{NOTICE, cell, code};
use super::readers::Reader;
use super::schema_sql::lower as tidy;
use crate::catalogue::schema::{Column, Constraint, ConstraintKind, Grant, Index, Policy, Schema, Table};
use std::fmt::Write as _;

/// What a page tells besides what the catalogue does.
pub(super) struct About<'a> {
    pub(super) area: Option<&'a Area>,
    /// What the text form of its ids begins with.
    pub(super) prefix: Option<&'a str>,
    /// The migration that creates it, and its intent.
    pub(super) migration: Option<(String, String)>,
    pub(super) readers: &'a [Reader],
}

pub(super) fn render(schema: &Schema, table: &Table, about: &About<'_>) -> String {
    let sections = [
        ("Columns", columns(schema, table)),
        ("Refers to", refers_to(table)),
        ("Referred to by", referred_by(schema, table)),
        ("Uniqueness", uniqueness(schema, table)),
        ("Indexes", indexes(table, about)),
        ("Checks", checks(table)),
        ("Row Level Security", security(table)),
        ("Privileges", privileges(table)),
        ("Triggers", triggers(table)),
        ("Who reads and writes it", readers(about)),
    ];
    let mut text = format!("{}\n{}", NOTICE, heading(table, about));
    for (title, section) in sections {
        if !section.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, "\n## {title}\n\n{section}");
        }
    }
    text
}

fn heading(table: &Table, about: &About<'_>) -> String {
    let name = &table.name;
    let mut text =
        format!("# `{name}`\n\n{}\n\n", table.comment.as_deref().unwrap_or("Nobody says what it is."));
    text.push_str("[All tables](README.md)");
    if let Some(area) = about.area {
        let _ = write!(text, " · area [{}](README.md#{})", area.name, area.name);
    }
    let _ = write!(text, " · entity [`{name}.rs`](../../entity/src/{name}.rs)");
    if let Some((file, _)) = &about.migration {
        let _ = write!(text, " · made by [`{}`](../../{file})", file.rsplit('/').next().unwrap_or(file));
    }
    if let Some(prefix) = about.prefix {
        let _ = write!(text, " · ids in text: `{prefix}_…`");
    }
    text + "\n"
}

fn columns(schema: &Schema, table: &Table) -> String {
    let mut text = "| column | type | null | default | meaning |\n|---|---|---|---|---|\n".to_owned();
    for column in &table.columns {
        let Column { name, nullable, default, comment, .. } = column;
        let kind = column.short_type();
        let kind = if schema.enums.iter().any(|of| of.name == kind) {
            format!("[`{kind}`](README.md#{kind})")
        } else {
            code(&kind)
        };
        let mark = mermaid::mark(schema, table, column);
        let _ = writeln!(
            text,
            "| <a id=\"{name}\"></a>`{name}`{}{mark} | {kind} | {} | {} | {} |",
            if mark.is_empty() { "" } else { " " },
            if *nullable { "yes" } else { "no" },
            default.as_deref().map(|default| code(&tidy(default))).unwrap_or_default(),
            cell(comment.as_deref().unwrap_or("?"))
        );
    }
    text
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| format!("[`{column}`](#{column})")).collect::<Vec<_>>().join(", ")
}

/// What becomes of this row when the other goes.
fn on_delete(key: &Constraint) -> String {
    match key.on_delete.as_str() {
        "cascade" => "this row is deleted as well".to_owned(),
        "set null" if key.set_on_delete.is_empty() => "the key becomes null".to_owned(),
        "set null" => format!("`{}` becomes null", key.set_on_delete.join("`, `")),
        "set default" => "the key gets its default".to_owned(),
        _ => "it cannot be deleted".to_owned(),
    }
}

fn refers_to(table: &Table) -> String {
    let mut text = String::new();
    for key in table.foreign_keys() {
        let other = key.parent();
        let referred: Vec<String> =
            key.referred().iter().map(|column| format!("[`{column}`]({other}.md#{column})")).collect();
        let _ = writeln!(
            text,
            "| {} | [`{other}`]({other}.md) ({}) | {} | `{}` |",
            list(&key.columns),
            referred.join(", "),
            on_delete(key),
            key.name
        );
    }
    headed("| columns | table | when that row is deleted | constraint |\n|---|---|---|---|\n", &text)
}

fn referred_by(schema: &Schema, table: &Table) -> String {
    let mut text = String::new();
    for (other, key) in schema.referring(&table.name) {
        let column = key.own_column();
        let _ = writeln!(
            text,
            "| [`{0}`]({0}.md) | [`{column}`]({0}.md#{column}) | {1} |",
            other.name,
            on_delete(key).replace("this row is", "those rows are").replace("it cannot", "this row cannot")
        );
    }
    headed("| table | its column | when a row of this table is deleted |\n|---|---|---|\n", &text)
}

fn uniqueness(schema: &Schema, table: &Table) -> String {
    let mut text = String::new();
    for kind in [ConstraintKind::Primary, ConstraintKind::Unique] {
        for constraint in table.constraints_of(kind) {
            let keys = schema.referring(&table.name);
            let serves = keys.iter().any(|(_, key)| key.referred() == constraint.columns);
            let serves = match (kind, serves) {
                (ConstraintKind::Primary, _) => "identifies the row",
                (_, true) => "what keys of the same organization refer to",
                _ => "no two rows have the same",
            };
            let _ = writeln!(text, "| {} | {serves} | `{}` |", list(&constraint.columns), constraint.name);
        }
    }
    headed("| columns | what for | constraint |\n|---|---|---|\n", &text)
}

fn indexes(table: &Table, about: &About<'_>) -> String {
    let mut text = String::new();
    for index in &table.indexes {
        let (columns, condition) = parts(index);
        let linked = columns.iter().map(|column| {
            if table.column(column).is_some() { format!("[`{column}`](#{column})") } else { code(column) }
        });
        let _ = writeln!(
            text,
            "| `{}` | {}{} | {} | {} |",
            index.name,
            if index.definition.starts_with("CREATE UNIQUE") { "unique: " } else { "" },
            linked.collect::<Vec<_>>().join(", "),
            condition.as_deref().map_or_else(|| "all".to_owned(), code),
            serves(table, &columns, condition.as_deref())
        );
    }
    let text = headed("| index | columns | rows | serves |\n|---|---|---|---|\n", &text);
    match &about.migration {
        Some((_, intent)) if !text.is_empty() && !intent.is_empty() => {
            format!("{text}\nWhat its migration intends: {intent}\n")
        }
        _ => text,
    }
}

/// The columns or expressions of an index, and its condition.
fn parts(index: &Index) -> (Vec<&str>, Option<String>) {
    let (head, condition) = match index.definition.split_once(" WHERE ") {
        Some((head, condition)) => (head, Some(tidy(condition))),
        None => (index.definition.as_str(), None),
    };
    let columns = head.split_once(" (").map_or("", |(_, columns)| columns);
    let columns = columns.split_once(") ").map_or(columns.trim_end_matches(')'), |(columns, _)| columns);
    (columns.split(", ").collect(), condition)
}

/// What the index finds. That it serves the deletion of a parent as well is true only of an index that holds every row
/// that refers to it; `indexes_that_serve_a_deletion_are_used_for_it` compares these sentences with the planner.
fn serves(table: &Table, columns: &[&str], condition: Option<&str>) -> String {
    let (first, rest) = (columns[0], columns[1..].join("`, `"));
    let by = |columns: &str| if columns.is_empty() { String::new() } else { format!(", by `{columns}`") };
    let key = table.foreign_keys().find(|key| key.own_column() == first);
    // `column = $1` implies `column is not null`, and no other condition.
    let not_null = format!("{first} is not null");
    let is_whole = condition.is_none_or(|condition| condition == not_null);
    let deletion = if is_whole { ", and its deletion" } else { "" };
    match key.map(Constraint::parent) {
        Some(other) => format!("the rows of one of [`{other}`]({other}.md){}{deletion}", by(&rest)),
        None => format!("rows by `{}`", columns.join("`, `")),
    }
}

fn checks(table: &Table) -> String {
    let mut text = String::new();
    for check in table.constraints_of(ConstraintKind::Check) {
        let condition = tidy(&check.definition());
        let bare = condition.strip_prefix("check (").and_then(|rest| rest.strip_suffix(')'));
        let condition = bare.unwrap_or(&condition);
        let _ = writeln!(text, "| `{}` | {} |", check.name, code(condition));
    }
    headed("| constraint | every row has |\n|---|---|\n", &text)
}

fn security(table: &Table) -> String {
    let whom = if table.forced { "the owner included" } else { "its owner excepted" };
    let mut text = if table.security {
        format!("On: who reads or writes the table, {whom}, sees what the policies show.\n\n")
    } else {
        "Off.\n\n".to_owned()
    };
    let mut policies = String::new();
    for policy in &table.policies {
        let Policy { name, permissive, roles, using, check, .. } = policy;
        let condition = |of: &Option<String>| of.as_deref().map(|of| code(&tidy(of))).unwrap_or_default();
        let _ = writeln!(
            policies,
            "| `{name}` | {}{} | {} | {} | {} |",
            policy.command,
            if *permissive { "" } else { ", restrictive" },
            roles.join(", "),
            condition(using),
            if using == check { "the same".to_owned() } else { condition(check) }
        );
    }
    text.push_str(&headed(
        "| policy | command | role | rows that are seen | rows that may be written |\n|---|---|---|---|---|\n",
        &policies,
    ));
    text.trim_end().to_owned() + "\n"
}

fn privileges(table: &Table) -> String {
    let mut text = String::new();
    for (role, grants) in &table.grants {
        let privileges = grants.iter().map(|Grant { privilege, grantable, column }| {
            let column =
                column.as_ref().map(|column| format!(" of [`{column}`](#{column})")).unwrap_or_default();
            format!("{privilege}{column}{}", if *grantable { " with grant option" } else { "" })
        });
        let _ = writeln!(text, "- `{role}`: {}", privileges.collect::<Vec<_>>().join(", "));
    }
    text
}

fn triggers(table: &Table) -> String {
    let trigger = |definition: &str| format!("- `{}`\n", tidy(definition));
    table.triggers.iter().map(|of| trigger(&of.definition)).collect()
}

fn readers(about: &About<'_>) -> String {
    let mut text = String::new();
    for Reader { name, file, says, writes } in about.readers {
        let short = file.rsplit('/').next().unwrap_or(file);
        let _ = writeln!(
            text,
            "| `{name}` | {} | [`{short}`](../../{file}) | {} |",
            if *writes { "reads, writes" } else { "reads" },
            cell(says)
        );
    }
    headed("| function of `database` | does | source | what for |\n|---|---|---|---|\n", &text)
}

/// A table with its head; nothing if it has no rows.
fn headed(head: &str, rows: &str) -> String {
    if rows.is_empty() { String::new() } else { format!("{head}{rows}") }
}
