//! What a customer may try on a table, and how each attempt has to end.

use crate::isolation::catalogue::{Catalogue, LONELY, Organization, Row, Table, insert};
use crate::schema::shape::may;
use Action::{
    CopyTo, Count, Delete, Function, Insert, Join, Lock, Move, Reference, Returning, Select, Truncate,
    Update, Upsert, View,
};
use Expect::{Any, AtMost, NoTable, Refused, Rows};
use database::Actor;

/// What is tried, one column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Select,
    Count,
    Join,
    Insert,
    Upsert,
    Update,
    Move,
    Delete,
    Returning,
    CopyTo,
    Truncate,
    Reference,
    View,
    Function,
    Lock,
}

pub const ACTIONS: [Action; 15] = [
    Select, Count, Join, Insert, Upsert, Update, Move, Delete, Returning, CopyTo, Truncate, Reference, View,
    Function, Lock,
];

/// One statement.
#[derive(Debug)]
pub struct Probe {
    pub action: Action,
    pub sql: String,
    pub expect: Expect,
}

/// How a statement of a bound customer ends. Whatever it is, no row of another's is seen or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// With exactly so many rows.
    Rows(u64),
    /// With at most so many rows, or refused.
    AtMost(u64),
    /// With any number of rows.
    Any,
    /// Refused.
    Refused,
    /// In whatever way: it reads no table.
    NoTable,
}

/// Everything that is tried on a table but COPY TO the client, for which the crate `database` has no way.
pub fn of_table(catalogue: &Catalogue, table: &Table, own: Organization) -> Vec<Probe> {
    let mut probes = Probes { catalogue, table, own, list: Vec::new() };
    probes.reads();
    probes.joins();
    probes.inserts();
    probes.upserts();
    probes.updates();
    probes.moves();
    probes.deletes();
    probes.references();
    probes.indirect();
    probes.locks();
    probes.list
}

/// Everything that is tried once for the database: its own views and functions.
pub fn of_catalogue(catalogue: &Catalogue) -> Vec<Probe> {
    let views = catalogue.views.iter().map(|view| (View, format!("select v::text from {view} v"), Any));
    let calls =
        catalogue.calls.iter().map(|call| (Function, format!("select f::text from {call} f"), NoTable));
    views.chain(calls).map(|(action, sql, expect)| Probe { action, sql, expect }).collect()
}

struct Probes<'a> {
    catalogue: &'a Catalogue,
    table: &'a Table,
    own: Organization,
    list: Vec<Probe>,
}

impl Probes<'_> {
    fn add(&mut self, action: Action, expect: Expect, sql: impl Into<String>) {
        self.list.push(Probe { action, sql: sql.into(), expect });
    }

    /// What `access` ends in where the data model allows it, and elsewhere.
    fn if_allowed(&self, access: &str, expect: Expect) -> Expect {
        if may(&self.table.name).contains(&access) { expect } else { Refused }
    }

    fn theirs(&self) -> String {
        self.own.other().id(&self.table.name, 1)
    }

    fn ours(&self) -> String {
        self.own.id(&self.table.name, 1)
    }

    fn seen(&self) -> u64 {
        if self.table.name == "organizations" { 1 } else { 2 }
    }

    /// How many rows are the customer's to change.
    fn changeable(&self) -> u64 {
        if ["organizations", "users"].contains(&self.table.name.as_str()) { 1 } else { 2 }
    }

    fn constant(&self) -> String {
        self.table.plain_column().constant()
    }

    fn reads(&mut self) {
        let (name, theirs, seen) = (&self.table.name, self.theirs(), self.seen());
        for sql in [
            format!("select t::text from {name} t"),
            format!("select t::text from (select * from {name} offset 0) t"),
            format!("with t as materialized (select * from {name}) select t::text from t"),
        ] {
            self.add(Select, Rows(seen), sql);
        }
        for sql in [
            format!("select t::text from {name} t where id = {theirs}"),
            format!("select t::text from {name} t where id = any(array[{theirs}]::uuid[])"),
            format!("with t as (select * from {name}) select t::text from t where id = {theirs}"),
            format!("select t::text from {name} t tablesample bernoulli (100) where id = {theirs}"),
            format!("select 'found' where exists (select from {name} where id = {theirs})"),
        ] {
            self.add(Select, AtMost(0), sql);
        }
        // As many rows as are counted.
        let counted = "x.n::text from t x, generate_series(1, x.n)";
        self.add(Count, Rows(seen), format!("with t as (select count(*) as n from {name}) select {counted}"));
        for sql in [
            format!(
                "with t as (select count(*) filter (where id = {theirs}) as n from {name}) select {counted}"
            ),
            format!(
                "select 'found' from (select max(id::text) m, min(id::text) n from {name}) x where {theirs} in (m, n)"
            ),
        ] {
            self.add(Count, AtMost(0), sql);
        }
        self.add(Count, Any, format!("select string_agg(t::text, ',') from {name} t having count(*) > 0"));
    }

    fn joins(&mut self) {
        let (name, theirs) = (&self.table.name, self.theirs());
        self.add(
            Join,
            AtMost(0),
            format!("select b::text from {name} a, lateral (select * from {name} b where b.id = {theirs}) b"),
        );
        for (child, column, parent) in self.catalogue.keys() {
            let (child, column, is_child) = (&child.name, &column.name, child.name == *name);
            if !is_child && parent != name {
                continue;
            }
            let this = if is_child { "c" } else { "p" };
            let joined = format!("{child} c join {parent} p on c.{column} = p.id");
            self.add(Join, Any, format!("select c::text || p::text from {joined}"));
            self.add(
                Join,
                AtMost(0),
                format!("select c::text || p::text from {joined} where {this}.id = {theirs}"),
            );
            self.add(
                Join,
                Any,
                format!("select c::text || p::text from {child} c full join {parent} p on c.{column} = p.id"),
            );
        }
    }

    fn inserts(&mut self) {
        let (name, theirs) = (&self.table.name, self.theirs());
        let own = insert(name, &self.table.sample(self.own));
        let foreign = insert(name, &self.table.sample(self.own.other()));
        let allowed = self.if_allowed("insert", Rows(1));
        self.add(Insert, allowed, &*own);
        let mut to_the_default = self.table.sample(self.own);
        to_the_default.remove("organization_id");
        self.add(Insert, allowed, insert(name, &to_the_default));
        self.add(Insert, Refused, &*foreign);
        // Without the keys that another policy may object to.
        self.add(Insert, Refused, insert(name, &self.table.bare_sample(self.own.other())));
        let (_, values) = foreign.split_once(" values ").unwrap();
        self.add(Insert, Refused, format!("{own}, {values}"));
        self.add(Insert, AtMost(0), format!("insert into {name} select * from {name} where id = {theirs}"));
        self.add(Returning, allowed, format!("{own} returning {name}::text"));
        self.add(Returning, Refused, format!("{foreign} returning {name}::text"));
    }

    fn upserts(&mut self) {
        let (name, constant) = (&self.table.name, self.constant());
        let column = &self.table.plain_column().name;
        for unique in &self.table.unique {
            let other = self.table.existing(self.own.other());
            let mut values = self.table.sample(self.own);
            for column in unique.iter().filter(|column| *column != "organization_id") {
                values.insert(column.clone(), other[column].clone());
            }
            // The same number, say, on two organizations' lists is no conflict. Any organization may use an id.
            let refers = |name: &String| {
                let found = self.table.columns.iter().find(|column| column.name == *name);
                name == "id" || found.is_some_and(|column| column.parent.is_some())
            };
            let own_part = unique.iter().filter(|column| *column != "organization_id");
            let is_per_organization =
                unique.iter().any(|column| column == "organization_id") && !own_part.clone().any(refers);
            let touched = if is_per_organization { Some(1) } else { None };
            let sql = insert(name, &values);
            let target = unique.join(", ");
            let update = format!("{sql} on conflict ({target}) do update set {column} = {constant}");
            let expect = touched.map_or(Refused, AtMost);
            self.add(Upsert, expect, &*update);
            self.add(Returning, expect, format!("{update} returning {name}::text"));
            // Silence about a conflict with what is not visible would be an answer, but it changes nothing.
            let nothing = AtMost(touched.unwrap_or(0));
            self.add(Upsert, nothing, format!("{sql} on conflict ({target}) do nothing"));
            self.add(Upsert, nothing, format!("{sql} on conflict do nothing"));
            self.add(
                Upsert,
                nothing,
                format!(
                    "{sql} on conflict ({target}) do update set {column} = excluded.{column} where false"
                ),
            );
        }
    }

    fn updates(&mut self) {
        let (name, ours, theirs) = (&self.table.name, self.ours(), self.theirs());
        let (column, constant) = (&self.table.plain_column().name, self.constant());
        let changeable = self.changeable();
        let allowed = self.if_allowed("update", Rows(1));
        self.add(Update, allowed, format!("update {name} set {column} = {constant} where id = {ours}"));
        let blind = format!("update {name} set {column} = {constant}");
        for (expect, sql) in [
            // No column is read, so only the policies for changes apply.
            (AtMost(changeable), blind.clone()),
            (AtMost(changeable), format!("update {name} set {column} = {column}")),
            (AtMost(0), format!("{blind} where id = {theirs}")),
            (
                AtMost(0),
                format!(
                    "update {name} t set {column} = {constant} from organizations o where t.id = {theirs}"
                ),
            ),
            (
                AtMost(0),
                format!(
                    "merge into {name} t using (select {theirs}::uuid as id) s on t.id = s.id \
                     when matched then update set {column} = {constant}"
                ),
            ),
        ] {
            self.add(Update, expect, sql);
        }
        let returning = format!("returning {name}::text");
        self.add(Returning, allowed, format!("{blind} where id = {ours} {returning}"));
        self.add(Returning, AtMost(changeable), format!("{blind} {returning}"));
        self.add(Returning, AtMost(0), format!("{blind} where id = {theirs} {returning}"));
    }

    fn moves(&mut self) {
        let (name, ours, theirs) = (&self.table.name, self.ours(), self.theirs());
        if self.table.has_organization() {
            let [here, there] = [self.own, self.own.other()].map(|o| o.id("organizations", 1));
            let to = |organization: &str| format!("update {name} set organization_id = {organization}");
            self.add(Move, Refused, to(&there));
            self.add(Move, Refused, format!("{} where id = {ours}", to(&there)));
            self.add(Move, AtMost(0), format!("{} where id = {theirs}", to(&here)));
            self.add(Returning, Refused, format!("{} where id = {ours} returning {name}::text", to(&there)));
            let mut values = self.table.sample(self.own);
            values.insert("organization_id".to_owned(), there);
            self.add(Move, Refused, insert(name, &values));
        } else {
            assert!(
                ["audit_seals", "organizations", "retention_runs", "signing_keys", "users"]
                    .contains(&name.as_str()),
                "{name} has no organization_id; add the owner of its rows here"
            );
            for who in [self.own, LONELY] {
                // Bound again, because keys to its own rows keep the organization from turning into another.
                let Actor { organization, user } = who.actor();
                let [organization, user] = [organization.as_uuid(), user.as_uuid()];
                let bind = format!(
                    "set local app.organization_id = '{organization}'; set local app.user_id = '{user}'"
                );
                self.add(Move, Refused, format!("{bind}; update {name} set id = gen_random_uuid()"));
            }
            self.add(Move, Refused, format!("update {name} set id = {theirs} where id = {ours}"));
            self.add(
                Move,
                AtMost(0),
                format!("update {name} set id = gen_random_uuid() where id = {theirs}"),
            );
        }
    }

    fn deletes(&mut self) {
        let (name, theirs) = (&self.table.name, self.theirs());
        let own = self.table.sample(self.own);
        // A row that nothing refers to, inserted by the customer itself.
        let both = format!("{}; delete from {name} where id = {}", insert(name, &own), own["id"]);
        let allowed = self.if_allowed("delete", Rows(2));
        self.add(Delete, allowed, both);
        self.add(Delete, AtMost(self.changeable()), format!("delete from {name}"));
        self.add(Delete, AtMost(0), format!("delete from {name} where id = {theirs}"));
        self.add(
            Delete,
            AtMost(0),
            format!("delete from {name} t using organizations o where t.id = {theirs}"),
        );
        self.add(
            Returning,
            AtMost(0),
            format!("delete from {name} where id = {theirs} returning {name}::text"),
        );
        // To the client it goes in `Report::try_copy`.
        self.add(CopyTo, Refused, format!("copy {name} to program 'true'"));
        self.add(CopyTo, Refused, format!("copy {name} to '/dev/null'"));
        self.add(Truncate, Refused, format!("truncate {name}"));
        self.add(Truncate, Refused, format!("truncate {name} cascade"));
    }

    /// Rows of the own organization that refer to another's, from this table or to it.
    fn references(&mut self) {
        let name = &self.table.name;
        for (child, column, parent) in self.catalogue.keys() {
            if child.name == *name || parent == name {
                let stranger = self.own.other().id(parent, 1);
                let column = &column.name;
                let mut values: Row = child.sample(self.own);
                values.insert(column.clone(), stranger.clone());
                self.add(Reference, Refused, insert(&child.name, &values));
                let ours = self.own.id(&child.name, 1);
                let change = format!("update {} set {column} = {stranger} where id = {ours}", child.name);
                self.add(Reference, Refused, change);
            }
        }
    }

    /// Through a view or a function, both of which run as the customer.
    fn indirect(&mut self) {
        let (name, theirs) = (&self.table.name, self.theirs());
        let (column, constant) = (&self.table.plain_column().name, self.constant());
        let (seen, changeable) = (self.seen(), self.changeable());
        self.add(View, Rows(seen), format!("select v::text from probe.view_{name} v"));
        self.add(View, AtMost(0), format!("select v::text from probe.view_{name} v where id = {theirs}"));
        let update = format!("update probe.view_{name} set {column} = {constant}");
        self.add(View, AtMost(changeable), &*update);
        self.add(View, AtMost(0), format!("{update} where id = {theirs}"));
        self.add(View, AtMost(0), format!("delete from probe.view_{name} where id = {theirs}"));
        self.add(Function, Rows(seen), format!("select f from probe.read_{name}() f"));
        // As many rows as are changed.
        let write = format!("select n::text from generate_series(1, probe.write_{name}()) n");
        self.add(Function, AtMost(changeable), write);
    }

    fn locks(&mut self) {
        let (name, theirs) = (&self.table.name, self.theirs());
        for strength in ["update", "no key update", "share", "key share"] {
            self.add(
                Lock,
                AtMost(0),
                format!("select t::text from {name} t where id = {theirs} for {strength}"),
            );
        }
        if name == "users" {
            // A lock is a change, which is for itself alone.
            let ours = self.ours();
            self.add(Lock, AtMost(0), format!("select t::text from users t where id <> {ours} for update"));
        }
    }
}
