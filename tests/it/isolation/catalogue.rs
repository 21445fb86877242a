//! What the database has that is to be probed, and two organizations' rows in it.
//!
//! All of it is read from the catalogue, sample values included, so that a new table, key, view or function is
//! probed without a word here.

use database::Actor;
use entity::id::{OrganizationId, UserId};
use sea_orm::DatabaseConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tests::{run, texts};

/// One of the two organizations. Its mark stands in every row of it, so that a row shows whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organization(u8);

pub const A: Organization = Organization(0xa);
pub const B: Organization = Organization(0xb);
/// On its organization and its user no other row depends, so that no key keeps their ids as they are.
pub const LONELY: Organization = Organization(0xd);
/// In whose name no row is.
const NO_ORGANIZATION: Organization = Organization(0xe);

impl Organization {
    pub fn other(self) -> Self {
        if self == A { B } else { A }
    }

    /// What stands in every id of it, and in no other organization's rows.
    pub fn mark(self) -> String {
        format!("{:x}", self.0).repeat(8)
    }

    /// The id of its row `number` in a table, as an SQL literal.
    pub fn id(self, table: &str, number: u32) -> String {
        format!("'{}'", self.uuid(table, number))
    }

    /// Its user 1, who acts for it.
    pub fn actor(self) -> Actor {
        let [organization, user] = ["organizations", "users"].map(|table| self.uuid(table, 1));
        Actor {
            organization: OrganizationId::from_uuid(organization.parse().unwrap()),
            user: UserId::from_uuid(user.parse().unwrap()),
        }
    }

    fn uuid(self, table: &str, number: u32) -> String {
        // The table is in it too, so that the organization 1 is not the user 1.
        let table = table.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        format!("{}-{table:04x}-4000-8000-{number:012x}", self.mark())
    }
}

/// What the database has.
#[derive(Debug)]
pub struct Catalogue {
    /// Who is referred to stands before who refers.
    pub tables: Vec<Table>,
    /// Views and materialized views.
    pub views: Vec<String>,
    /// Calls of each function that the customer may execute.
    pub calls: Vec<String>,
}

#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The columns of each primary key and unique constraint.
    pub unique: Vec<Vec<String>>,
}

#[derive(Debug)]
pub struct Column {
    pub name: String,
    /// The table that it refers to.
    pub parent: Option<String>,
    type_name: String,
    /// Of an enum the first value.
    label: String,
    /// An insert has to name it.
    is_required: bool,
    /// The customer may change it.
    is_updatable: bool,
    /// Which of the texts meets its checks.
    form: usize,
}

/// The columns and values of a row, as SQL.
pub type Row = BTreeMap<String, String>;

impl Catalogue {
    /// Reads the catalogue, fills the tables with two rows for each organization, and installs the judge and each
    /// table's view and functions.
    pub async fn prepare(owner: &DatabaseConnection) -> Self {
        let catalogue = Self::read(owner).await;
        for organization in [A, B] {
            for number in [1, 2] {
                for table in &catalogue.tables {
                    // A second organization of its own would be a third one.
                    if table.name != "organizations" || number == 1 {
                        let values = table.row(organization, number, |_| number);
                        run(owner, &insert(&table.name, &values)).await.unwrap();
                    }
                }
            }
        }
        for table in ["organizations", "users"] {
            let table = catalogue.table(table);
            run(owner, &insert(&table.name, &table.existing(LONELY))).await.unwrap();
        }
        // Not viewers, whose transactions are read-only.
        run(owner, "update users set role = 'campaign_manager'").await.unwrap();
        run(owner, &catalogue.support()).await.unwrap();
        catalogue
    }

    async fn read(owner: &DatabaseConnection) -> Self {
        let mut tables = BTreeMap::new();
        for line in texts(owner, COLUMNS).await {
            let [table, name, type_name, label, is_required, is_updatable, parent] =
                line.split('|').collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            let column = Column {
                name: name.to_owned(),
                parent: Some(parent.to_owned()).filter(|parent| !parent.is_empty()),
                type_name: type_name.to_owned(),
                label: label.to_owned(),
                is_required: is_required == "t",
                is_updatable: is_updatable == "t",
                form: 0,
            };
            let new = || Table { name: table.to_owned(), columns: Vec::new(), unique: Vec::new() };
            tables.entry(table.to_owned()).or_insert_with(new).columns.push(column);
        }
        for line in texts(owner, CHECKS).await {
            let [table, name, condition] = line.splitn(3, '|').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            // Citus has the copies of a reference table in the catalogue, and hides them as tables.
            let Some(table_columns) = tables.get_mut(table) else { continue };
            let column = table_columns.columns.iter_mut().find(|c| c.name == name).unwrap();
            if column.is_required {
                column.form = column.form_that_meets(owner, table, condition).await;
            }
        }
        for line in texts(owner, UNIQUE).await {
            let (table, columns) = line.split_once('|').unwrap();
            // On Citus alone, and set by the trigger.
            let columns = columns.split(',').filter(|name| *name != "shard_key").map(str::to_owned).collect();
            if let Some(table) = tables.get_mut(table) {
                table.unique.push(columns);
            }
        }
        Self {
            tables: parents_first(tables),
            views: texts(owner, VIEWS).await,
            calls: texts(owner, FUNCTIONS).await.iter().map(|line| call(line)).collect(),
        }
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).unwrap()
    }

    /// Each key as the table, its column and the table referred to; that of the organization only where it is no
    /// part of another.
    pub fn keys(&self) -> impl Iterator<Item = (&Table, &Column, &str)> {
        self.tables.iter().flat_map(|table| {
            table.columns.iter().filter_map(move |column| Some((table, column, column.parent.as_deref()?)))
        })
    }

    /// A view and two functions for each table, and the judge: a digest of all rows that match a pattern, read as
    /// the owner inside the customer's own transaction, so that nothing has to be committed to be judged.
    fn support(&self) -> String {
        let mut sql = "drop schema if exists probe cascade; create schema probe; \
                       grant usage on schema probe to customer;"
            .to_owned();
        let mut rows = Vec::new();
        for table in &self.tables {
            let (name, column) = (&table.name, table.plain_column());
            write!(
                sql,
                "create view probe.view_{name} with (security_invoker = true) as select * from {name};
                 grant all on probe.view_{name} to customer;
                 create function probe.read_{name}() returns setof text language sql stable security invoker
                     as $$ select t::text from {name} t $$;
                 create function probe.write_{name}() returns bigint language plpgsql security invoker as $$
                     declare changed bigint;
                     begin
                         update {name} set {} = {};
                         get diagnostics changed = row_count;
                         return changed;
                     end $$;",
                column.name,
                column.constant()
            )
            .unwrap();
            rows.push(format!(
                "(select string_agg(t::text, ',' order by t::text) from public.{name} t where t::text ~ $1)"
            ));
        }
        write!(
            sql,
            "create function probe.digest(pattern text) returns text language sql stable security definer
                 as $$ select md5(concat_ws(';', {})) $$",
            rows.join(", ")
        )
        .unwrap();
        sql
    }
}

impl Table {
    /// The values that row `number` of an organization must have, and all its keys; `parent` chooses by the key's
    /// place the number of the row to refer to.
    fn row(&self, organization: Organization, number: u32, parent: impl Fn(usize) -> u32) -> Row {
        let mut values = Row::from([("id".to_owned(), organization.id(&self.name, number))]);
        let mut keys = 0;
        for column in &self.columns {
            let value = match &column.parent {
                _ if column.name == "id" => continue,
                _ if column.name == "organization_id" => organization.id("organizations", 1),
                Some(table) => {
                    keys += 1;
                    organization.id(table, parent(keys))
                }
                // Without a mark: any organization may have the value, and a probe inserts that of another one.
                None if self.is_unique_within_organization(column) => {
                    column.value(NO_ORGANIZATION, 10 * u32::from(organization.0) + number)
                }
                None if column.is_required => column.value(organization, number),
                None => continue,
            };
            values.insert(column.name.clone(), value);
        }
        values
    }

    /// A row of an organization as it is there.
    pub fn existing(&self, organization: Organization) -> Row {
        self.row(organization, 1, |_| 1)
    }

    /// A new row of an organization that meets no row of its own, in whatever order it is inserted.
    pub fn sample(&self, organization: Organization) -> Row {
        // Row 1 refers to rows 1 and row 2 to rows 2, so that pairs of different rows are free.
        self.row(organization, 3, |key| if key % 2 == 0 { 2 } else { 1 })
    }

    /// Another new row, without any value that it may lack.
    pub fn bare_sample(&self, organization: Organization) -> Row {
        let mut values = self.sample(organization);
        let needed = ["id", "organization_id"];
        let may_lack = |column: &&Column| !column.is_required && !needed.contains(&column.name.as_str());
        for column in self.columns.iter().filter(may_lack) {
            values.remove(&column.name);
        }
        values
    }

    /// A column of plain content that the customer may change, if it may change any: no key, and in no unique
    /// constraint.
    pub fn plain_column(&self) -> &Column {
        let is_plain = |column: &&Column| {
            column.name != "id"
                && column.name != "organization_id"
                && column.parent.is_none()
                && !self.unique.iter().any(|unique| unique.contains(&column.name))
        };
        let mut plain = self.columns.iter().filter(is_plain);
        let first = plain.clone().next();
        plain.find(|column| column.is_updatable).or(first).unwrap()
    }

    fn is_unique_within_organization(&self, column: &Column) -> bool {
        let within = |unique: &&Vec<String>| unique.iter().any(|name| name == "organization_id");
        self.unique.iter().filter(within).any(|unique| unique.contains(&column.name))
    }

    pub fn has_organization(&self) -> bool {
        self.columns.iter().any(|column| column.name == "organization_id")
    }
}

impl Column {
    /// A value of it, as SQL.
    fn value(&self, organization: Organization, number: u32) -> String {
        match self.type_name.as_str() {
            _ if !self.label.is_empty() => format!("'{}'", self.label),
            "text" | "character varying" => self.texts(organization, number).swap_remove(self.form),
            // Unique among all organizations.
            "bigint" if self.name == "number" => (100 * u32::from(organization.0) + number).to_string(),
            "bigint" | "integer" | "smallint" | "numeric" => number.to_string(),
            "boolean" => "false".to_owned(),
            // As long as the keys of `signing_keys`.
            "bytea" => format!("decode(repeat('{:02x}', 64), 'hex')", organization.0),
            "json" | "jsonb" => "'{}'".to_owned(),
            "uuid" => organization.id("", number),
            "date" | "timestamp with time zone" => "now()".to_owned(),
            "time without time zone" => "'10:00'".to_owned(),
            other => panic!("{} is of type {other}; add a sample value here", self.name),
        }
    }

    /// A value without the mark of an organization.
    pub fn constant(&self) -> String {
        self.value(NO_ORGANIZATION, 9)
    }

    fn texts(&self, organization: Organization, number: u32) -> Vec<String> {
        let word = self.name.replace('_', "-");
        vec![
            format!("'{word}-{}-{number}'", organization.mark()),
            format!("'+1415555{:02}{number:02}'", organization.0),
            "'x'".to_owned(),
        ]
    }

    /// Which text meets a check of the column, as PostgreSQL evaluates it.
    async fn form_that_meets(&self, owner: &DatabaseConnection, table: &str, condition: &str) -> usize {
        for (form, text) in self.texts(A, 3).iter().enumerate().skip(self.form) {
            let sql = format!(
                "select ({condition})::text from (select {text}::{} as {}) t",
                self.type_name, self.name
            );
            if self.type_name != "text" || texts(owner, &sql).await == ["true"] {
                return form;
            }
        }
        panic!("no sample for {table}.{} meets {condition}; add a sample value here", self.name)
    }
}

/// `insert into <table> …` of these values.
pub fn insert(table: &str, values: &Row) -> String {
    let columns: Vec<&str> = values.keys().map(String::as_str).collect();
    let values: Vec<&str> = values.values().map(String::as_str).collect();
    format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))
}

/// A call of `<name>|<types of its arguments>`, each argument null where the type has no sample.
fn call(function: &str) -> String {
    let (name, types) = function.split_once('|').unwrap();
    let arguments: Vec<String> =
        types.split(',').filter(|name| !name.is_empty()).map(|name| format!("null::{name}")).collect();
    format!("{name}({})", arguments.join(", "))
}

fn parents_first(mut tables: BTreeMap<String, Table>) -> Vec<Table> {
    let (mut placed, mut order) = (BTreeSet::new(), Vec::new());
    while !tables.is_empty() {
        let is_next = |table: &Table| {
            table
                .columns
                .iter()
                .filter_map(|column| column.parent.as_ref())
                .all(|parent| placed.contains(parent))
        };
        let next = tables.values().find(|table| is_next(table)).map(|table| table.name.clone());
        let next = next.unwrap_or_else(|| panic!("keys in a circle: {:?}", tables.keys()));
        order.push(tables.remove(&next).unwrap());
        placed.insert(next);
    }
    order
}

const COLUMNS: &str = "
    select concat_ws('|', relname, attname, format_type(atttypid, null),
                     coalesce((select enumlabel from pg_enum where enumtypid = atttypid
                               order by enumsortorder limit 1), ''),
                     attnotnull and not atthasdef and attidentity = '',
                     has_column_privilege('customer', c.oid, attnum, 'update'),
                     coalesce((select confrelid::regclass::text from pg_constraint
                               where contype = 'f' and conrelid = c.oid and attnum = any(conkey)
                                 and (attname <> 'organization_id' or cardinality(conkey) = 1)
                               limit 1), ''))
    from pg_class c join pg_attribute on attrelid = c.oid
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
      and attnum > 0 and not attisdropped and attname <> 'shard_key'
    order by relname, attnum";

/// Checks of one column.
const CHECKS: &str = "
    select concat_ws('|', conrelid::regclass, attname, pg_get_expr(conbin, conrelid))
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'c' and cardinality(conkey) = 1 and connamespace = 'public'::regnamespace";

const UNIQUE: &str = "
    select conrelid::regclass || '|' || string_agg(attname, ',' order by array_position(conkey, attnum))
    from pg_constraint k join pg_attribute on attrelid = conrelid and attnum = any(conkey)
    where contype in ('p', 'u') and connamespace = 'public'::regnamespace
      and conrelid::regclass::text <> 'seaql_migrations'
    group by k.oid, conrelid";

const VIEWS: &str = "
    select relname::text from pg_class
    where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace
      and has_table_privilege('customer', oid, 'select')
      and not exists (select from pg_depend d where d.objid = pg_class.oid and d.deptype = 'e')";

/// Functions that a query can call.
const FUNCTIONS: &str = "
    select proname || '|' || coalesce((select string_agg(format_type(type, null), ',' order by place)
                                       from unnest(proargtypes) with ordinality a (type, place)), '')
    from pg_proc p
    where pronamespace = 'public'::regnamespace and prokind = 'f' and prorettype <> 'trigger'::regtype
      and has_function_privilege('customer', oid, 'execute')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')";
