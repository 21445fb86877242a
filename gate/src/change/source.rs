//! The source of a generated migration.

use super::header::header;
use super::plan::{Column, Key, Kind, Literal, Mode, NewTable, NewValues, Part, Step};
use crate::drift::entities::Entities;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

/// The limit of a new text column, in characters: that of most names of the schema.
pub(super) const TEXT_LIMIT: u32 = 255;

/// Writes the source, which rustfmt has still to format.
pub(super) fn source(
    part: &Part,
    entities: &Entities,
    intent: Option<&str>,
    sentences: &BTreeMap<String, String>,
) -> String {
    let mut writer = Writer::default();
    let up: Vec<String> = part.steps.iter().map(|step| writer.up(step)).collect();
    let down: Vec<String> = part.steps.iter().rev().map(|step| writer.down(step)).collect();
    let constants = constants(part, &writer.enums, entities);

    let mut text = header(part, intent, sentences);
    text.push('\n');
    for (module, names) in [("crate::ddl", &writer.ddl), ("crate::online", &writer.online)] {
        text.push_str(&import(module, names));
    }
    text.push_str("use sea_orm_migration::prelude::*;\n");
    text.push_str(&import("sea_orm_migration::schema", &writer.schema));
    text.push_str(&constants);
    text.push_str("\n#[derive(Debug, DeriveMigrationName)]\npub struct Migration;\n\n");
    text.push_str("#[async_trait::async_trait]\nimpl MigrationTrait for Migration {\n");
    if part.mode == Mode::Online {
        text.push_str(
            "    // Each step commits by itself, and releases its locks.\n    fn use_transaction(&self) -> Option<bool> {\n        Some(false)\n    }\n\n",
        );
    }
    text.push_str(&method("up", part, &up));
    text.push('\n');
    text.push_str(&method("down", part, &down));
    text.push_str("}\n");
    text
}

fn import<S: AsRef<str>>(module: &str, names: &BTreeSet<S>) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("use {module}::{{{}}};\n", names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "))
}

fn method(name: &str, part: &Part, steps: &[String]) -> String {
    let mut all = Vec::new();
    if !part.refusals.is_empty() {
        let kind = if steps.is_empty() { "" } else { "::<(), _>" };
        all.push(format!("Err{kind}(DbErr::Migration(UNDECIDED.to_owned()))"));
    }
    all.extend(steps.iter().map(|step| format!("{step}.await")));
    let manager = if steps.is_empty() { "_manager" } else { "manager" };
    let body = all.join("?;\n");
    format!("    async fn {name}(&self, {manager}: &SchemaManager) -> Result<(), DbErr> {{\n{body}\n    }}\n")
}

/// The expressions of the steps, and the names that they need.
#[derive(Debug, Default)]
struct Writer {
    ddl: BTreeSet<&'static str>,
    online: BTreeSet<&'static str>,
    /// Functions of `sea_orm_migration::schema`.
    schema: BTreeSet<String>,
    /// The enum types of new columns.
    enums: BTreeSet<String>,
}

impl Writer {
    fn up(&mut self, step: &Step) -> String {
        match step {
            Step::CreateEnum(kind) => {
                self.ddl.insert("EnumType");
                format!("{}.create(manager)", constant(&kind.name))
            }
            Step::AddValues(NewValues { kind, columns, dependents, .. }) => {
                self.ddl.insert("EnumType");
                self.online.insert("EnumValues");
                self.online.extend((!columns.is_empty()).then_some("EnumColumn"));
                self.online.extend((!dependents.is_empty()).then_some("EnumDependent"));
                format!("{}.add(manager)", constant(&kind.name))
            }
            Step::AddColumn { table, column } if matches!(column.kind, Kind::Text) => {
                self.online.insert("add_text");
                format!("add_text(manager, {table:?}, {}, {TEXT_LIMIT})", self.column(column))
            }
            Step::AddColumn { table, column } => {
                self.online.insert("add_column");
                format!("add_column(manager, {table:?}, {})", self.column(column))
            }
            Step::AddUnique { table, columns } => self.index("unique", table, columns, "create_constraint"),
            Step::CreateTable(table) => self.table(table),
            Step::AddReference { table, key } => {
                self.online.insert("ForeignKey");
                let key = reference(table, key);
                format!("{key}.add(manager).await?;\n{key}.validate(manager)")
            }
            Step::AddIndex { table, column } => self.index("new", table, &[column], "create"),
        }
    }

    fn down(&mut self, step: &Step) -> String {
        match step {
            Step::CreateEnum(kind) => format!("{}.drop(manager)", constant(&kind.name)),
            Step::AddValues(NewValues { kind, .. }) => format!("{}.remove(manager)", constant(&kind.name)),
            Step::AddColumn { table, column } => {
                self.online.insert("drop_column");
                format!("drop_column(manager, {table:?}, {:?})", column.name)
            }
            Step::AddUnique { table, columns } => self.index("unique", table, columns, "drop_constraint"),
            Step::CreateTable(table) => {
                self.ddl.insert("drop_table");
                format!("drop_table(manager, {:?})", table.name)
            }
            Step::AddReference { table, key } => format!("{}.drop(manager)", reference(table, key)),
            Step::AddIndex { table, column } => self.index("new", table, &[column], "drop"),
        }
    }

    fn index(&mut self, function: &str, table: &str, columns: &[impl Debug], step: &str) -> String {
        self.online.insert("ConcurrentIndex");
        format!("ConcurrentIndex::{function}({table:?}, &{columns:?}).{step}(manager)")
    }

    fn table(&mut self, table: &NewTable) -> String {
        self.ddl.insert("NewTable");
        let NewTable { name, is_tenant, columns, keys, uniques, indexes } = table;
        let mut text = if *is_tenant {
            format!("NewTable::tenant(manager, {name:?}, CUSTOMER_PRIVILEGES)\n")
        } else {
            format!("NewTable::new(manager, {name:?})\n")
        };
        // Writing to a string does not fail.
        for column in columns {
            let definition = self.column(column);
            let _ = match column.kind {
                Kind::Text => writeln!(text, ".text({definition}, {TEXT_LIMIT})"),
                _ => writeln!(text, ".column({definition})"),
            };
        }
        for Key { column, parent, on_delete, within_tenant } in keys {
            let own = if *within_tenant { "_own" } else { "" };
            let on_delete = heck::ToUpperCamelCase::to_upper_camel_case(*on_delete);
            let _ = writeln!(text, ".references{own}({column:?}, {parent:?}, ForeignKeyAction::{on_delete})");
        }
        for columns in uniques {
            let _ = writeln!(text, ".unique(&{columns:?})");
        }
        for column in indexes {
            let _ = writeln!(text, ".index(&[{column:?}])");
        }
        text + ".create(manager)"
    }

    fn column(&mut self, column: &Column) -> String {
        let Column { name, kind, nullable, default } = column;
        let plain = |writer: &mut Self, function: &str, arguments: &str| {
            let function = format!("{function}{}", if *nullable { "_null" } else { "" });
            let call = format!("{function}({name:?}{arguments})");
            writer.schema.insert(function);
            call
        };
        let mut text = match kind {
            Kind::Plain(function) => plain(self, function, ""),
            Kind::Text => plain(self, "text", ""),
            Kind::Decimal(size) => plain(self, "decimal_len", &format!(", {size}")),
            Kind::Enum(kind) => {
                self.ddl.insert("EnumType");
                self.enums.insert(kind.clone());
                format!("{}.column{}({name:?})", constant(kind), if *nullable { "_null" } else { "" })
            }
        };
        match default {
            Some(Literal::Bare(value)) => text.extend([".default(", &number(value), ")"]),
            Some(Literal::Text(value)) => text.extend([".default(", &format!("{value:?}"), ")"]),
            None => {}
        }
        text
    }
}

/// The constants that the steps name.
fn constants(part: &Part, of_columns: &BTreeSet<String>, entities: &Entities) -> String {
    let mut text = String::new();
    let mut enums: BTreeMap<&str, &[String]> = BTreeMap::new();
    for kind in of_columns {
        enums.extend(entities.enums.get(kind).map(|values| (kind.as_str(), values.as_slice())));
    }
    for step in &part.steps {
        if let Step::CreateEnum(kind) = step {
            enums.insert(&kind.name, &kind.values);
        }
    }
    // Writing to a string does not fail.
    for (name, values) in enums {
        let _ = write!(text, "\nconst {}: EnumType = {};\n", constant(name), enum_type(name, values));
    }
    for step in &part.steps {
        match step {
            Step::AddValues(NewValues { kind, added, columns, dependents }) => {
                let columns = columns.iter().map(|(table, name, default)| {
                    format!("EnumColumn {{ table: {table:?}, name: {name:?}, default: {default:?} }}")
                });
                let dependents = dependents.iter().map(|(drop, create)| {
                    format!("EnumDependent {{ drop: {}, create: {} }}", quoted(drop), quoted(create))
                });
                let _ = write!(
                    text,
                    "\nconst {}: EnumValues = EnumValues {{ after: {}, added: &{added:?}, columns: &[{}], dependents: &[{}] }};\n",
                    constant(&kind.name),
                    enum_type(&kind.name, &kind.values),
                    columns.collect::<Vec<_>>().join(", "),
                    dependents.collect::<Vec<_>>().join(", ")
                );
            }
            Step::AddReference { table, key } => {
                let Key { column, parent, on_delete, within_tenant } = key;
                let function = if *within_tenant { "own" } else { "new" };
                let _ = write!(
                    text,
                    "\nconst {}: ForeignKey = ForeignKey::{function}({table:?}, {column:?}, {parent:?}, {on_delete:?});\n",
                    reference(table, key)
                );
            }
            _ => {}
        }
    }
    if part.new_tables().any(|table| table.is_tenant) {
        text.push_str(
            "\n/// None yet. Each privilege needs a function of `database` that uses it, and an entry in `gate/grants.yaml`.\n\
             const CUSTOMER_PRIVILEGES: &str = \"\";\n",
        );
    }
    if !part.refusals.is_empty() {
        let refusals: Vec<String> = part.refusals.iter().map(ToString::to_string).collect();
        let refusals = format!(
            "these changes are left to be written in place of this error:\n- {}",
            refusals.join("\n- ")
        );
        let _ = write!(
            text,
            "\n/// What would lose data, lock a table for long, or violate a convention.\nconst UNDECIDED: &str = {};\n",
            quoted(&refusals)
        );
    }
    text
}

fn enum_type(name: &str, values: &[String]) -> String {
    format!("EnumType {{ name: {name:?}, values: &{values:?} }}")
}

/// A string literal in lines of limited length, with a break after each of its own.
fn quoted(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![String::new()];
    for word in format!("{text:?}").split_inclusive(' ') {
        for piece in word.split_inclusive("\\n") {
            match lines.last_mut() {
                Some(line)
                    if line.chars().count() + piece.chars().count() <= WIDTH && !line.ends_with("\\n") =>
                {
                    line.push_str(piece);
                }
                _ => lines.push(piece.to_owned()),
            }
        }
    }
    // A space before the backslash is a part of the text, one after the line break is not.
    lines.join("\\\n    ")
}

/// A number or a boolean of Rust, its digits in groups as clippy requires them.
fn number(value: &str) -> String {
    if value.starts_with('-') {
        // Quoted, as PostgreSQL prints it: squawk does not see that a sign and a number are constant.
        return format!("{value:?}");
    }
    if !value.bytes().all(|digit| digit.is_ascii_digit()) {
        return value.to_owned();
    }
    let mut grouped = String::new();
    for (place, digit) in value.chars().enumerate() {
        if place > 0 && (value.len() - place).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped + if value.parse::<i32>().is_ok() { "" } else { "_i64" }
}

fn constant(name: &str) -> String {
    heck::ToShoutySnakeCase::to_shouty_snake_case(name)
}

fn reference(table: &str, key: &Key) -> String {
    format!("{}_{}_KEY", constant(table), constant(&key.column))
}
