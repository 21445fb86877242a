//! Changes of the entities, generated from a seed.

use crate::drift::entities::{Entities, list, nullability};
use crate::drift::{Description, Item, Model};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// The entities after some changes.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) entities: Entities,
    /// What was changed.
    pub(super) changes: Vec<String>,
    /// Whether one of the changes must not be written.
    pub(super) is_refused: bool,
    /// New tables outside the tenants, which a person has to add to the lists of some rules.
    pub(super) outside: BTreeSet<String>,
}

const TENANT: &str = "organization_id";
const TENANT_KEY: [&str; 2] = ["id", TENANT];

/// The types of columns with a default of each; the enum types come from the entities.
const TYPES: [(&str, &[&str]); 10] = [
    ("bigint", &["0", "-7", "3000000000"]),
    ("boolean", &["true", "false"]),
    ("date", &["'2026-01-31'"]),
    ("double precision", &["1.5", "-0.25"]),
    ("jsonb", &["'{}'"]),
    ("numeric", &["2"]),
    ("numeric(10,2)", &["0.5"]),
    ("text", &["''", "'it''s \"quoted\"'"]),
    ("time without time zone", &["'09:00:00'"]),
    ("uuid", &["'00000000-0000-7000-8000-000000000000'"]),
];

/// The number of kinds of changes that must not be written.
pub(super) const UNSAFE: u8 = 12;

/// One change that must not be written.
pub(super) fn unsafe_case(kind: u8) -> Case {
    case(u64::from(kind), |generator| generator.unsafe_change(kind))
}

/// One new text column of a table with rows.
pub(super) fn text_case() -> Case {
    case(0, |generator| generator.add_text("''"))
}

/// One to four changes of the entities, sometimes with one that must not be written.
pub(super) fn random_case(seed: u64) -> Case {
    case(seed, |generator| {
        for _ in 0..generator.rng.usize(1..=4) {
            generator.safe_change();
        }
        if generator.rng.u8(0..4) == 0 {
            let kind = generator.rng.u8(0..UNSAFE);
            generator.unsafe_change(kind);
        }
    })
}

fn case(seed: u64, change: impl FnOnce(&mut Generator<'_>)) -> Case {
    let entities = Entities::all();
    let mut case = Case { entities, changes: Vec::new(), is_refused: false, outside: BTreeSet::new() };
    change(&mut Generator { rng: Rng::with_seed(seed), case: &mut case, names: 0 });
    case
}

struct Generator<'a> {
    rng: Rng,
    case: &'a mut Case,
    names: usize,
}

impl Generator<'_> {
    fn safe_change(&mut self) {
        match self.rng.u8(0..11) {
            0..3 => self.add_table(),
            3..5 => self.add_column(),
            5 => self.add_text("'a'"),
            6 => self.add_enum_values(),
            7 => self.add_unique(),
            8 => self.add_key(),
            9 => self.add_index(),
            _ => {
                self.add_table();
                self.add_column();
            }
        }
    }

    fn unsafe_change(&mut self, kind: u8) {
        self.case.is_refused = true;
        let table = self.existing();
        let rng = &mut self.rng;
        let model = &mut self.case.entities.tables[table];
        let name = model.table.clone();
        let plain: Vec<String> =
            model.columns.iter().filter(|column| !model.is_in_key(column)).cloned().collect();
        let column = rng.choice(&plain).cloned().unwrap_or_else(|| "updated_at".to_owned());
        let facets = &mut model.items.get_mut(&Item::Column(column.clone())).unwrap().facets;
        let change = match kind {
            0 => {
                model.take(&column);
                format!("drop {name}.{column}")
            }
            1 => {
                let old = model.take(&column);
                model.put("renamed", old);
                format!("rename {name}.{column}")
            }
            2 => {
                let kind = if facets["type"] == "bigint" { "text" } else { "bigint" };
                facets.insert("type", kind.to_owned());
                format!("retype {name}.{column}")
            }
            3 => {
                let other = nullability(facets["nullability"] == "not null");
                facets.insert("nullability", other);
                format!("change the nullability of {name}.{column}")
            }
            4 => {
                facets.insert("default", "'another'".to_owned());
                format!("change the default of {name}.{column}")
            }
            5 => {
                model.put("required", described("uuid", false, None));
                format!("add {name}.required without a default")
            }
            6 => {
                model.put("small", described("integer", true, None));
                format!("add {name}.small, an integer")
            }
            7 => {
                model.put("moment", described("timestamp with time zone", true, Some("CURRENT_TIMESTAMP")));
                format!("add {name}.moment with an expression")
            }
            8 => {
                let key = model.items.keys().find(|item| matches!(item, Item::ForeignKey { .. })).cloned();
                let change = format!("drop a key of {name}");
                match key {
                    Some(key) => _ = model.items.remove(&key),
                    None => _ = model.take(&column),
                }
                change
            }
            9 => {
                let keys = model.items.iter_mut().filter(|(item, _)| matches!(item, Item::ForeignKey { .. }));
                for (_, key) in keys {
                    key.facets.insert("on delete", "restrict".to_owned());
                    key.facets.insert("on update", "cascade".to_owned());
                }
                model.put("odd", described("character varying(9)", true, None));
                format!("change the actions of {name}")
            }
            10 => {
                let values = self.case.entities.enums.values_mut().next().unwrap();
                values.reverse();
                "reorder an enum".to_owned()
            }
            _ => {
                let last = self.case.entities.enums.values_mut().last().unwrap();
                let value = last.pop();
                format!("remove the value {value:?}")
            }
        };
        self.case.changes.push(change);
    }

    fn add_table(&mut self) {
        let name = self.name("ledgers");
        let is_tenant = self.rng.u8(0..5) > 0;
        let mut model = Model { table: name.clone(), ..Model::default() };
        model.put("id", described("uuid", false, None));
        model.items.insert(Item::PrimaryKey, Description::of("", [("columns", "id".to_owned())]));
        if is_tenant {
            model.put(TENANT, described("uuid", false, None));
            model.items.insert(key(&[TENANT], "organizations", &["id"]), actions("cascade"));
        } else {
            self.case.outside.insert(name.clone());
        }
        if is_tenant && self.rng.bool() {
            model
                .items
                .insert(Item::Unique(TENANT_KEY.map(ToOwned::to_owned).into()), Description::default());
        }
        for _ in 0..self.rng.usize(0..6) {
            let (column, description) = (self.name("field"), self.description());
            model.put(&column, description);
        }
        let columns = model.columns.clone();
        if self.rng.bool()
            && let Some(column) = self.rng.choice(&columns[1..])
        {
            let mut unique = BTreeSet::from([column.clone()]);
            unique.extend(is_tenant.then(|| TENANT.to_owned()));
            if unique.len() > 1 || !is_tenant {
                model.items.insert(Item::Unique(unique), Description::default());
            }
        }
        if self.rng.bool()
            && let Some(column) = self.rng.choice(&columns)
        {
            model.items.insert(Item::Index(column.clone()), Description::default());
        }
        self.case.entities.tables.push(model);
        let place = self.case.entities.tables.len() - 1;
        for _ in 0..self.rng.usize(0..3) {
            self.add_key_to(place);
        }
        if self.rng.u8(0..4) == 0 {
            // To itself, and back from an older new one: a cycle.
            self.refer(place, place);
            let older = self.case.entities.tables[..place]
                .iter()
                .position(|model| model.table.starts_with("ledgers"));
            if let Some(older) = older {
                self.refer(older, place);
                self.refer(place, older);
            }
        }
        let model = &mut self.case.entities.tables[place];
        for column in ["created_at", "updated_at"] {
            model.put(column, described("timestamp with time zone", false, None));
        }
        self.case.changes.push(format!("add {name}"));
    }

    fn add_column(&mut self) {
        let description = self.description();
        self.add(description);
    }

    /// Adds a text column, whose length check is a step of its own.
    fn add_text(&mut self, default: &str) {
        let description = self.either("text", default);
        self.add(description);
    }

    fn add(&mut self, description: Description) {
        let (table, name) = (self.existing(), self.name("field"));
        let model = &mut self.case.entities.tables[table];
        self.case.changes.push(format!("add {}.{name} {:?}", model.table, description.facets));
        model.put(&name, description);
    }

    fn add_enum_values(&mut self) {
        let names: Vec<String> = self.case.entities.enums.keys().cloned().collect();
        let name = self.rng.choice(&names).unwrap();
        for _ in 0..self.rng.usize(1..=2) {
            let value = self.name("it's new");
            let values = self.case.entities.enums.get_mut(name).unwrap();
            let place = self.rng.usize(0..=values.len());
            values.insert(place, value);
        }
        self.case.changes.push(format!("add values to {name}"));
    }

    fn add_unique(&mut self) {
        let table = self.existing();
        let model = &mut self.case.entities.tables[table];
        let mut unique = BTreeSet::from([self.rng.choice(&model.columns).unwrap().clone()]);
        unique.extend(model.has(TENANT).then(|| TENANT.to_owned()));
        let unique = Item::Unique(unique);
        self.case.changes.push(format!("add {unique} to {}", model.table));
        model.items.entry(unique).or_default();
    }

    fn add_index(&mut self) {
        let table = self.existing();
        let model = &mut self.case.entities.tables[table];
        let column = self.rng.choice(&model.columns).unwrap().clone();
        self.case.changes.push(format!("index {}.{column}", model.table));
        model.items.entry(Item::Index(column)).or_default();
    }

    fn add_key(&mut self) {
        let table = self.existing();
        self.add_key_to(table);
    }

    fn add_key_to(&mut self, table: usize) {
        let parent = self.rng.usize(0..self.case.entities.tables.len());
        self.refer(table, parent);
    }

    /// Adds a column that refers to a table: within the tenant if both belong to one.
    fn refer(&mut self, table: usize, parent: usize) {
        let column = self.name("row") + "_id";
        let tables = &mut self.case.entities.tables;
        let is_tenant = |model: &Model| model.has(TENANT) && model.table != "audit_log_entries";
        let within = is_tenant(&tables[table]) && is_tenant(&tables[parent]);
        let tenant_key = Item::Unique(TENANT_KEY.map(ToOwned::to_owned).into());
        if within {
            tables[parent].items.entry(tenant_key).or_default();
        } else if is_tenant(&tables[parent]) {
            return;
        }
        let parent = tables[parent].table.clone();
        let model = &mut tables[table];
        let is_new = !model.has("updated_at");
        let on_delete = if self.rng.bool() { "set null" } else { "cascade" };
        let nullable = on_delete == "set null" || !is_new || model.table == parent || self.rng.bool();
        model.put(&column, described("uuid", nullable, None));
        let from_to =
            if within { (vec![TENANT, &column], vec![TENANT, "id"]) } else { (vec![&*column], vec!["id"]) };
        let item = key(&from_to.0, &parent, &from_to.1);
        self.case.changes.push(format!("add {item} to {}", model.table));
        model.items.insert(item, actions(on_delete));
    }

    /// A column that is nullable, or has a default.
    fn description(&mut self) -> Description {
        if self.rng.u8(0..4) == 0 {
            let names: Vec<String> = self.case.entities.enums.keys().cloned().collect();
            let name = if self.rng.bool() {
                let name = self.name("mood");
                self.case.entities.enums.insert(name.clone(), vec!["good".to_owned(), "so-so".to_owned()]);
                name
            } else {
                self.rng.choice(&names).unwrap().clone()
            };
            // The values have no quotation mark, so that each is its own literal.
            let value = self.case.entities.enums[&name].iter().find(|value| !value.contains('\'')).unwrap();
            let default = format!("'{value}'");
            return self.either(&name, &default);
        }
        let (kind, defaults) = *self.rng.choice(TYPES.as_slice()).unwrap();
        let default = *self.rng.choice(defaults).unwrap();
        self.either(kind, default)
    }

    fn either(&mut self, kind: &str, default: &str) -> Description {
        match self.rng.u8(0..3) {
            0 => described(kind, true, None),
            1 => described(kind, true, Some(default)),
            _ => described(kind, false, Some(default)),
        }
    }

    /// A table that the schema has.
    fn existing(&mut self) -> usize {
        let known = Entities::all().tables.len();
        self.rng.usize(0..known)
    }

    fn name(&mut self, word: &str) -> String {
        self.names += 1;
        format!("{word}_{}", self.names)
    }
}

impl Model {
    fn put(&mut self, column: &str, description: Description) {
        let name = column.to_owned();
        self.items.insert(Item::Column(name.clone()), Description { name: name.clone(), ..description });
        self.columns.push(name);
    }

    /// Removes a column that is in no key.
    fn take(&mut self, column: &str) -> Description {
        self.columns.retain(|of| of != column);
        self.items.remove(&Item::Column(column.to_owned())).unwrap()
    }

    fn is_in_key(&self, column: &str) -> bool {
        let column = column.to_owned();
        column == "id" || self.items.keys().any(|item| item.columns().contains(&&column))
    }
}

fn described(kind: &str, nullable: bool, default: Option<&str>) -> Description {
    let facets = [("type", kind.to_owned()), ("nullability", nullability(nullable))];
    let mut facets: BTreeMap<_, _> = facets.into();
    facets.extend(default.map(|default| ("default", default.to_owned())));
    Description { facets, ..Description::default() }
}

fn key(from: &[&str], table: &str, to: &[&str]) -> Item {
    let texts = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
    Item::ForeignKey { from: texts(from), table: table.to_owned(), to: texts(to) }
}

fn actions(on_delete: &str) -> Description {
    let none = list(&["no action".to_owned()]);
    Description::of("", [("on delete", on_delete.to_owned()), ("on update", none)])
}
