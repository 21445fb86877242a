//! A customer transaction sees and touches one organization's rows: what it may do, what it may not, and that each
//! policy is needed for it.
//!
//! The probes come from the catalogue, so that a new table, key or policy is probed without a word here.

use crate::schema_model::{self, Table, id, insert, row};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement,
    TransactionTrait,
};
use std::collections::BTreeMap;
use tests::{connect, migrated, run};

/// Two organizations, by their number in the samples; the customer is user 1 of the first.
const OWN: u8 = 0;
const OTHER: u8 = 1;

const INSUFFICIENT_PRIVILEGE: &str = "42501";
const FOREIGN_KEY_VIOLATION: &str = "23503";
const RESTRICT_VIOLATION: &str = "23001";
const UNIQUE_VIOLATION: &str = "23505";
/// Reading a setting that is not there, and one that is no UUID: '' after a bound transaction has ended.
const UNBOUND: [&str; 2] = ["42704", "22P02"];

#[tokio::test]
async fn a_customer_never_reaches_another_organizations_rows() {
    let database = migrated("isolation").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    for table in &catalogue.tables {
        let tx = db.begin().await.unwrap();
        bind(&tx).await;
        let leaks = leaks(&tx, &catalogue, table).await;
        assert_eq!(leaks, [""; 0], "{}", table.name);
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_customer_does_with_its_own_rows_what_the_data_model_says() {
    let database = migrated("isolation_own").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    for table in &catalogue.tables {
        let tx = db.begin().await.unwrap();
        bind(&tx).await;
        assert_eq!(hindrances(&tx, table).await, [""; 0], "{}", table.name);
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn each_policy_is_needed() {
    let database = migrated("isolation_policies").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    let policies = texts(
        &db,
        "select format('%I on %I', polname, relname) || '|' || relname || '|' ||
                concat_ws(' ', case when polqual is not null then 'using (true)' end,
                          case when polwithcheck is not null then 'with check (true)' end)
         from pg_policy join pg_class c on c.oid = polrelid order by relname, polname",
    )
    .await;
    assert!(policies.len() >= catalogue.tables.len(), "every table has a policy: {policies:?}");
    for policy in policies {
        let [policy, table, open] = policy.split('|').collect::<Vec<_>>()[..] else { panic!("{policy}") };
        let table = schema_model::table(table);
        for weaken in [format!("drop policy {policy}"), format!("alter policy {policy} {open}")] {
            let tx = db.begin().await.unwrap();
            run(&tx, &weaken).await.unwrap();
            bind(&tx).await;
            let mut found = leaks(&tx, &catalogue, table).await;
            found.extend(hindrances(&tx, table).await);
            tx.rollback().await.unwrap();
            assert!(!found.is_empty(), "nobody notices: {weaken}");
        }
        // Opened, a policy leaks; that it hinders as well would not be enough.
        let tx = db.begin().await.unwrap();
        run(&tx, &format!("alter policy {policy} {open}")).await.unwrap();
        bind(&tx).await;
        assert!(!leaks(&tx, &catalogue, table).await.is_empty(), "nothing leaks through {policy} {open}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn without_row_level_security_every_table_leaks() {
    let database = migrated("isolation_off").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    for table in &catalogue.tables {
        let tx = db.begin().await.unwrap();
        run(&tx, &format!("alter table {} disable row level security", table.name)).await.unwrap();
        bind(&tx).await;
        let leaks = leaks(&tx, &catalogue, table).await;
        assert!(leaks.iter().any(|leak| leak.contains("reads")), "{}: {leaks:?}", table.name);
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_without_the_organization_leaks() {
    let database = migrated("isolation_keys").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    let mut tried = 0;
    for table in catalogue.tables.iter().filter(|table| table.is_tenant) {
        for (column, key) in table.keys().filter(|(_, key)| key.is_composite) {
            tried += 1;
            let tx = db.begin().await.unwrap();
            let name = format!("fk_{}_{}_{}", table.name, column.name, key.table);
            let plain = format!(
                "alter table {0} drop constraint {name}; \
                 alter table {0} add constraint {name} foreign key ({1}) references {2} (id)",
                table.name, column.name, key.table
            );
            run(&tx, &plain).await.unwrap();
            bind(&tx).await;
            let leaks = leaks(&tx, &catalogue, table).await;
            assert!(
                leaks.iter().any(|leak| leak.contains(column.name)),
                "nobody notices a plain {name}: {leaks:?}"
            );
            tx.rollback().await.unwrap();
        }
    }
    assert!(tried > 0, "there are keys between tenant tables");
}

#[tokio::test]
async fn without_a_bound_organization_every_access_is_an_error() {
    let database = migrated("isolation_unbound").await;
    let owner = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&owner).await;
    let user = id(DbBackend::Postgres, "users", OWN, 1);
    for state in [
        String::new(),
        // What a pooled connection looks like after a customer transaction.
        format!("begin; {}; select count(*) from contacts; commit", binding("true")),
        format!("begin; {}; select count(*) from contacts; rollback", binding("true")),
        "set app.user_id = ''; set app.organization_id = ''".to_owned(),
        "set app.user_id = 'nonsense'; set app.organization_id = 'nonsense'".to_owned(),
        "set app.user_id = '1'; set app.organization_id = '1'' or ''1'' = ''1'".to_owned(),
        format!("set app.user_id = {user}"),
    ] {
        let db = connect(&database.url()).await.unwrap();
        run(&db, &state).await.unwrap();
        run(&db, "set role customer").await.unwrap();
        for table in &catalogue.tables {
            let name = table.name;
            let column = table.plain_column().name;
            let sample = sample(table, OWN, 3);
            let mut without = sample.clone();
            without.remove("organization_id");
            for (access, sql) in [
                ("select", format!("select * from {name}")),
                ("select", format!("select count(*) from {name}")),
                ("select", format!("select 1 where exists (select from {name})")),
                ("insert", insert(name, &sample)),
                ("insert", insert(name, &without)),
                ("update", format!("update {name} set {column} = {column}")),
                ("update", format!("update {name} set {column} = {}", plain_value(table))),
                ("delete", format!("delete from {name}")),
            ] {
                let error = db.execute_unprepared(&sql).await.err();
                let code = error.as_ref().map(code).unwrap_or_default();
                let no_privilege = !may(name).contains(&access) && code == INSUFFICIENT_PRIVILEGE;
                assert!(
                    UNBOUND.contains(&code.as_str()) || no_privilege,
                    "{sql} after \"{state}\" is no error of an unbound tenant: {error:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_users_changes_need_a_bound_user() {
    let database = migrated("isolation_no_user").await;
    let db = connect(&database.url()).await.unwrap();
    two_organizations(&db).await;
    let organization = id(DbBackend::Postgres, "organizations", OWN, 1);
    run(&db, &format!("set app.organization_id = {organization}; set role customer")).await.unwrap();
    let error = run(&db, "update users set name = 'x'").await.unwrap_err();
    assert!(UNBOUND.contains(&code(&error).as_str()), "an unbound user is loud: {error}");
    assert_eq!(count(&db, "select count(*) from users").await, 2, "the members can be read without a user");
}

#[tokio::test]
async fn an_insert_that_names_no_organization_goes_to_the_bound_one() {
    let database = migrated("isolation_default").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    let organization = id(DbBackend::Postgres, "organizations", OWN, 1);
    for table in catalogue.tables.iter().filter(|table| table.is_tenant) {
        let mut values = sample(table, OWN, 3);
        values.remove("organization_id");
        let sql = format!("{} returning organization_id = {organization}", insert(table.name, &values));
        let tx = db.begin().await.unwrap();
        bind(&tx).await;
        assert!(truth(&tx, &sql).await, "{}: as the customer", table.name);
        tx.rollback().await.unwrap();

        let tx = db.begin().await.unwrap();
        run(&tx, &format!("set local app.organization_id = {organization}")).await.unwrap();
        assert!(truth(&tx, &sql).await, "{}: as the owner", table.name);
        tx.rollback().await.unwrap();

        for unbound in ["select 1", "set local app.organization_id = ''"] {
            let tx = db.begin().await.unwrap();
            run(&tx, unbound).await.unwrap();
            let error = run(&tx, &insert(table.name, &values)).await.unwrap_err();
            assert_eq!(code(&error), "23502", "{}: the owner, with nothing bound: {error}", table.name);
            assert!(error.to_string().contains("\"organization_id\""), "{}: {error}", table.name);
            tx.rollback().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_user_changes_itself_but_neither_its_role_nor_a_colleague() {
    let database = migrated("isolation_users").await;
    let db = connect(&database.url()).await.unwrap();
    two_organizations(&db).await;
    let tx = db.begin().await.unwrap();
    bind(&tx).await;
    let (own, colleague) =
        (id(DbBackend::Postgres, "users", OWN, 1), id(DbBackend::Postgres, "users", OWN, 2));
    for column in ["oidc_sub", "email", "name"] {
        let sql = format!("update users set {column} = 'new' where id = {own}");
        assert_eq!(attempt(&tx, &sql).await.affected, Ok(1), "its own {column}");
    }
    for sql in [
        format!("update users set role = 'admin' where id = {own}"),
        "update users set role = role".to_owned(),
        format!("update users set name = 'new', role = 'admin' where id = {own}"),
        format!(
            "insert into users (id, oidc_sub, email, name) values ({own}, 'a', 'b', 'c') \
                 on conflict (id) do update set role = 'admin'"
        ),
    ] {
        assert_eq!(attempt(&tx, &sql).await.affected, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "{sql}");
    }
    let seen = format!("select count(*) from users where id = {colleague}");
    assert_eq!(count(&tx, &seen).await, 1, "a colleague is seen");
    for sql in [
        format!("update users set name = 'new' where id = {colleague}"),
        format!("update users set name = 'new' where id = {colleague} returning name"),
        format!("update users set id = {colleague} where false"),
    ] {
        let affected = attempt(&tx, &sql).await.affected;
        assert!(
            affected == Ok(0) || affected == Err(INSUFFICIENT_PRIVILEGE.to_owned()),
            "{sql}: {affected:?}"
        );
    }
    tx.rollback().await.unwrap();

    // A user is seen by itself also when it is no member of the bound organization, and its colleagues by nobody else.
    let tx = db.begin().await.unwrap();
    run(&tx, &format!("delete from user_organizations where user_id = {own}")).await.unwrap();
    bind(&tx).await;
    assert_eq!(count(&tx, &format!("select count(*) from users where id = {own}")).await, 1);
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    run(&tx, &format!("delete from user_organizations where user_id = {colleague}")).await.unwrap();
    bind(&tx).await;
    assert_eq!(count(&tx, &seen).await, 0, "who has left is not seen any more");
}

#[tokio::test]
async fn a_campaigns_author_is_chosen_once_and_among_those_whom_the_customer_sees() {
    let database = migrated("isolation_author").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    let campaigns = catalogue.tables.iter().find(|table| table.name == "campaigns").unwrap();
    let user = |organization, number| id(DbBackend::Postgres, "users", organization, number);
    let campaign = |number| id(DbBackend::Postgres, "campaigns", OWN, number);
    let tx = db.begin().await.unwrap();
    bind(&tx).await;
    for (author, allowed) in
        [(user(OWN, 1), true), (user(OWN, 2), true), ("null".to_owned(), true), (user(OTHER, 1), false)]
    {
        let mut values = sample(campaigns, OWN, 3);
        values.insert("created_by_user_id", author.clone());
        let affected = attempt(&tx, &insert("campaigns", &values)).await.affected;
        let expected = if allowed { Ok(1) } else { Err(INSUFFICIENT_PRIVILEGE.to_owned()) };
        assert_eq!(affected, expected, "a new campaign by {author}");
        let change = format!("update campaigns set created_by_user_id = {author} where id = {}", campaign(1));
        let affected = attempt(&tx, &change).await.affected;
        assert_eq!(
            affected,
            Err(INSUFFICIENT_PRIVILEGE.to_owned()),
            "the author never changes, not to {author}"
        );
    }
    for column in &campaigns.columns {
        // The key, the tenant and the time of birth are nobody's to change either; the document leaves them open.
        if !["id", "organization_id", "created_at", "created_by_user_id"].contains(&column.name) {
            let change = format!("update campaigns set {0} = {0} where id = {1}", column.name, campaign(1));
            assert_eq!(attempt(&tx, &change).await.affected, Ok(1), "{} can be changed", column.name);
        }
    }
    tx.rollback().await.unwrap();

    for departure in [
        format!("delete from user_organizations where user_id = {}", user(OWN, 2)),
        format!("update users set deleted_at = now() where id = {}", user(OWN, 2)),
        format!("delete from users where id = {}", user(OWN, 2)),
    ] {
        let tx = db.begin().await.unwrap();
        run(&tx, &format!("update campaigns set created_by_user_id = {}", user(OWN, 2))).await.unwrap();
        run(&tx, &departure).await.unwrap();
        bind(&tx).await;
        let change =
            format!("update campaigns set status = 'running', name = 'x' where id = {}", campaign(1));
        assert_eq!(
            attempt(&tx, &change).await.affected,
            Ok(1),
            "a campaign outlives its author: {departure}"
        );
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_customer_cannot_touch_the_schema_or_the_ledger() {
    let database = migrated("isolation_schema").await;
    let db = connect(&database.url()).await.unwrap();
    let catalogue = two_organizations(&db).await;
    let tx = db.begin().await.unwrap();
    bind(&tx).await;
    let mut forbidden = vec![
        "select * from seaql_migrations".to_owned(),
        "insert into seaql_migrations (version, applied_at) values ('x', 0)".to_owned(),
        "update seaql_migrations set applied_at = 0".to_owned(),
        "delete from seaql_migrations".to_owned(),
        "truncate seaql_migrations".to_owned(),
        "create table extra (id uuid)".to_owned(),
        "create function extra() returns int language sql return 1".to_owned(),
        "create or replace function current_organization_id() returns uuid language sql return null::uuid"
            .to_owned(),
        "alter role customer bypassrls".to_owned(),
    ];
    for Table { name, .. } in &catalogue.tables {
        forbidden.extend([
            format!("truncate {name}"),
            format!("truncate {name} cascade"),
            format!("alter table {name} disable row level security"),
            format!("drop table {name} cascade"),
            format!("create policy extra on {name} using (true)"),
            format!("create trigger extra before update on {name} execute function set_updated_at()"),
            format!("alter table {name} disable trigger all"),
            format!("create temp table extra (id uuid references {name} (id))"),
            format!("create index extra on {name} (id)"),
        ]);
    }
    for sql in forbidden {
        let code = attempt(&tx, &sql).await.affected.expect_err(&sql);
        // A temporary table refers to temporary tables only (42P16).
        assert!([INSUFFICIENT_PRIVILEGE, "42P16"].contains(&code.as_str()), "{sql}: {code}");
    }
    let off = attempt(&tx, "set local row_security = off; select * from contacts").await.affected;
    assert_eq!(off, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "switched off, the policies are an error");
}

/// What the database has that is to be probed.
struct Catalogue {
    tables: Vec<&'static Table>,
    /// Table, column that is not the tenant's, referred table.
    keys: Vec<(String, String, String)>,
    /// Table and columns of each primary key and unique constraint.
    unique: Vec<(String, Vec<String>)>,
}

/// Fills the database: two rows of the one organization and one of the other in each table.
async fn two_organizations(db: &DatabaseConnection) -> Catalogue {
    let names = texts(
        db,
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'",
    )
    .await;
    let mut tables: Vec<_> = names.iter().map(|name| schema_model::table(name)).collect();
    let place =
        |table: &&Table| schema_model::model().tables.iter().position(|found| found.name == table.name);
    tables.sort_by_key(place);
    for (organization, number) in [(OWN, 1), (OWN, 2), (OTHER, 1)] {
        for table in &tables {
            // A second organization of its own would be a third one.
            if table.name != "organizations" || number == 1 {
                let values = row(DbBackend::Postgres, table, organization, number, |_| number);
                run(db, &insert(table.name, &values)).await.unwrap();
            }
        }
    }
    let keys = texts(
        db,
        "select concat_ws('|', conrelid::regclass, attname, confrelid::regclass)
         from pg_constraint k join pg_attribute on attrelid = conrelid and attnum = any(conkey)
         where contype = 'f' and connamespace = 'public'::regnamespace
           and (attname <> 'organization_id' or cardinality(conkey) = 1)",
    )
    .await;
    let keys = keys.iter().map(|key| {
        let [table, column, parent] = key.split('|').collect::<Vec<_>>()[..] else { panic!("{key}") };
        (table.to_owned(), column.to_owned(), parent.to_owned())
    });
    let unique = texts(
        db,
        "select conrelid::regclass || '|' || string_agg(attname, ',')
         from pg_constraint k join pg_attribute on attrelid = conrelid and attnum = any(conkey)
         where contype in ('p', 'u') and connamespace = 'public'::regnamespace
         group by k.oid, conrelid",
    )
    .await;
    let unique = unique.iter().map(|unique| {
        let (table, columns) = unique.split_once('|').unwrap();
        (table.to_owned(), columns.split(',').map(str::to_owned).collect())
    });
    Catalogue { tables, keys: keys.collect(), unique: unique.collect() }
}

/// Binds a transaction to user 1 of the own organization.
async fn bind(tx: &DatabaseTransaction) {
    run(tx, &format!("{}; savepoint bound", binding("true"))).await.unwrap();
}

fn binding(is_local: &str) -> String {
    let user = id(DbBackend::Postgres, "users", OWN, 1);
    let organization = id(DbBackend::Postgres, "organizations", OWN, 1);
    format!(
        "set local role customer; select set_config('app.user_id', {user}, {is_local}), \
         set_config('app.organization_id', {organization}, {is_local})"
    )
}

/// What the data model lets a customer do.
fn may(table: &str) -> &'static [&'static str] {
    match table {
        "organizations" | "users" => &["select", "update"],
        "user_organizations" => &["select"],
        _ => &["select", "insert", "update", "delete"],
    }
}

/// A new row of an organization that meets no row of its own, in whatever order it is inserted.
fn sample(table: &Table, organization: u8, number: u32) -> BTreeMap<&'static str, String> {
    // The pairs of contact and campaign 1, and 2, have their answers.
    let parent = |parent: &str| if parent == "campaigns" && organization == OWN { 2 } else { 1 };
    row(DbBackend::Postgres, table, organization, number, parent)
}

/// A constant for the table's plain column.
fn plain_value(table: &Table) -> String {
    let column = table.plain_column();
    match &column.kind {
        schema_model::Kind::Enum(kind) => format!("'{}'", kind.values[0]),
        schema_model::Kind::Text(_) => "'x'".to_owned(),
        schema_model::Kind::Timestamptz => "now()".to_owned(),
        kind => panic!("no constant for {}.{} of kind {kind:?}", table.name, column.name),
    }
}

/// The rows of `table` that the bound user may not change, as SQL.
fn not_own(table: &Table) -> String {
    let organization = id(DbBackend::Postgres, "organizations", OWN, 1);
    match table.name {
        "organizations" => format!("id <> {organization}"),
        "users" => format!("id <> {}", id(DbBackend::Postgres, "users", OWN, 1)),
        _ => format!("organization_id <> {organization}"),
    }
}

/// Tries to read, change, insert, refer to, move, delete and upsert what is another's in `table`, in a bound
/// transaction; what succeeds.
async fn leaks(tx: &DatabaseTransaction, catalogue: &Catalogue, table: &'static Table) -> Vec<String> {
    let mut leaks = reads(tx, catalogue, table).await;
    for (what, sql, allowed) in writes(catalogue, table) {
        let Attempt { affected, changed } = attempt(tx, &sql).await;
        match affected {
            Ok(_) if changed => leaks.push(format!("{what} changes another's rows: {sql}")),
            Ok(rows) if allowed.is_none_or(|allowed| rows > allowed) => {
                leaks.push(format!("{what} succeeds with {rows} rows: {sql}"));
            }
            Err(code)
                if ![INSUFFICIENT_PRIVILEGE, FOREIGN_KEY_VIOLATION, RESTRICT_VIOLATION, UNIQUE_VIOLATION]
                    .contains(&code.as_str()) =>
            {
                panic!("{what} fails for another reason, {code}: {sql}");
            }
            _ => {}
        }
    }
    leaks
}

/// Queries that must not see a row of another's, and do.
async fn reads(tx: &DatabaseTransaction, catalogue: &Catalogue, table: &Table) -> Vec<String> {
    let name = table.name;
    let theirs = id(DbBackend::Postgres, name, OTHER, 1);
    let mut queries = vec![
        format!("select 1 from {name} where id = {theirs}"),
        format!("select 1 from {name} where id = any(array[{theirs}]::uuid[])"),
        format!(
            "select 1 from (select max(id::text) m, min(id::text) n from {name}) x where {theirs} in (m, n)"
        ),
        format!("with x as (select * from {name}) select 1 from x where id = {theirs}"),
        format!("select 1 from {name} a, lateral (select * from {name} b where b.id = {theirs}) x"),
        format!(
            "select 1 from pg_catalog.generate_series(1, 1) left join {name} on true where id = {theirs}"
        ),
        format!("select 1 from {name} tablesample bernoulli (100) where id = {theirs}"),
    ];
    if may(name).contains(&"update") {
        queries.extend(
            ["update", "no key update", "share", "key share"]
                .map(|strength| format!("select 1 from {name} where id = {theirs} for {strength}")),
        );
        if name == "users" {
            // A lock is a change, which is for itself alone.
            queries.push(format!("select 1 from users where {} for update", not_own(table)));
        }
    }
    for (child, column, parent) in &catalogue.keys {
        if child == name || parent == name {
            queries.push(format!(
                "select 1 from {child} c join {parent} p on c.{column} = p.id where {}.id = {theirs}",
                if child == name { "c" } else { "p" }
            ));
        }
    }
    let mut found = Vec::new();
    for query in queries {
        // A query without a row says so; a refused lock is a refusal.
        match attempt(tx, &query).await.affected {
            Ok(0) => {}
            Ok(rows) => found.push(format!("reads {rows} rows of another: {query}")),
            Err(code) => assert_eq!(code, INSUFFICIENT_PRIVILEGE, "{query}"),
        }
    }
    found
}

/// Statements that try to change another's rows: what they try, and how many rows of its own they may touch;
/// `None` where even success without a row is too much.
fn writes(catalogue: &Catalogue, table: &'static Table) -> Vec<(String, String, Option<u64>)> {
    let name = table.name;
    let column = table.plain_column().name;
    let constant = plain_value(table);
    let theirs = id(DbBackend::Postgres, name, OTHER, 1);
    let ours = id(DbBackend::Postgres, name, OWN, 1);
    let (own_organization, other_organization) = (
        id(DbBackend::Postgres, "organizations", OWN, 1),
        id(DbBackend::Postgres, "organizations", OTHER, 1),
    );
    let own_rows = if ["organizations", "users"].contains(&name) { 1 } else { 2 };
    let mut writes = Vec::new();
    let mut add = |what: &str, sql: String, allowed| writes.push((format!("{name}: {what}"), sql, allowed));

    for returning in ["", " returning *"] {
        add(
            "update",
            format!("update {name} set {column} = {column} where id = {theirs}{returning}"),
            Some(0),
        );
        add("delete", format!("delete from {name} where id = {theirs}{returning}"), Some(0));
        add("insert", format!("{}{returning}", insert(name, &sample(table, OTHER, 3))), None);
    }
    add("update of all", format!("update {name} set {column} = {column}"), Some(own_rows));
    // No column is read, so only the policies for changes apply.
    add("blind update of all", format!("update {name} set {column} = {constant}"), Some(own_rows));
    add("blind delete of all", format!("delete from {name}"), Some(own_rows));
    add(
        "update by a join",
        format!("update {name} t set {column} = {constant} from organizations o where t.id = {theirs}"),
        Some(0),
    );
    add(
        "delete by a join",
        format!("delete from {name} t using organizations o where t.id = {theirs}"),
        Some(0),
    );
    add(
        "merge",
        format!(
            "merge into {name} t using (select {theirs}::uuid as id) s on t.id = s.id \
             when matched then update set {column} = {constant}"
        ),
        Some(0),
    );
    if table.columns.iter().any(|column| column.name == "organization_id") {
        let to = |id: &str, organization: &str| {
            format!("update {name} set organization_id = {organization} where id = {id}")
        };
        add("move away", to(&ours, &other_organization), None);
        add("blind move away", format!("update {name} set organization_id = {other_organization}"), None);
        add("move in", to(&theirs, &own_organization), Some(0));
    } else {
        add("move", format!("update {name} set id = uuid_generate_v4() where id = {theirs}"), Some(0));
        if name == "organizations" {
            add("turn into another", format!("update {name} set id = uuid_generate_v4()"), None);
        }
    }
    for (child, key, parent) in &catalogue.keys {
        if child == name {
            let key = table.column(key).name;
            let stranger = id(DbBackend::Postgres, parent, OTHER, 1);
            let mut values = sample(table, OWN, 3);
            values.insert(key, stranger.clone());
            add(&format!("insert with another's {key}"), insert(name, &values), None);
            let change = format!("update {name} set {key} = {stranger} where id = {ours}");
            add(&format!("update to another's {key}"), change, None);
        }
    }
    for (constrained, columns) in &catalogue.unique {
        if constrained == name {
            let other = row(DbBackend::Postgres, table, OTHER, 1, |_| 1);
            let mut values = sample(table, OWN, 3);
            for column in columns {
                let column = table.column(column).name;
                if column != "organization_id" {
                    values.insert(column, other[column].clone());
                }
            }
            let target = columns.join(", ");
            let sql = insert(name, &values);
            let upsert = format!("{sql} on conflict ({target}) do update set {column} = {constant}");
            // The same number, say, on two organizations' lists is nobody's conflict.
            let is_per_organization = columns.iter().any(|column| column == "organization_id")
                && !columns.iter().any(|column| column == "id" || column == "user_id");
            let allowed = if is_per_organization { Some(1) } else { None };
            add(&format!("upsert by {target}"), format!("{upsert} returning *"), allowed);
            add(&format!("upsert by {target}"), upsert, allowed);
            let nothing = format!("{sql} on conflict ({target}) do nothing");
            add(&format!("insert over {target}"), nothing, Some(allowed.unwrap_or(0)));
        }
    }
    writes
}

/// What the data model lets the bound user do with its own rows of `table`, and it cannot; and what it can do
/// beyond that.
async fn hindrances(tx: &DatabaseTransaction, table: &'static Table) -> Vec<String> {
    let name = table.name;
    let column = table.plain_column().name;
    let own = id(DbBackend::Postgres, name, OWN, 1);
    let mut found = Vec::new();
    let rows = if name == "organizations" { 1 } else { 2 };
    let seen = attempt(tx, &format!("select * from {name}")).await.affected;
    if seen != Ok(rows) {
        found.push(format!("sees {seen:?} of its {rows} rows"));
    }
    let values = sample(table, OWN, 3);
    let new = &values["id"];
    for (access, sql) in [
        ("insert", insert(name, &values)),
        ("insert", format!("{} returning *", insert(name, &values))),
        ("update", format!("update {name} set {column} = {} where id = {own}", plain_value(table))),
        ("update", format!("update {name} set {column} = {column} where id = {own} returning *")),
        // A row that nothing refers to, made by the customer itself.
        ("delete", format!("{}; delete from {name} where id = {new}", insert(name, &values))),
    ] {
        let affected = attempt(tx, &sql).await.affected;
        let expected = match (may(name).contains(&access), access) {
            (true, "delete") => Ok(2),
            (true, _) => Ok(1),
            (false, _) => Err(INSUFFICIENT_PRIVILEGE.to_owned()),
        };
        if affected != expected {
            found.push(format!("{affected:?} in place of {expected:?}: {sql}"));
        }
    }
    found
}

/// A statement's outcome, taken back.
#[derive(Debug)]
struct Attempt {
    /// The number of its rows, or the SQLSTATE.
    affected: Result<u64, String>,
    /// Rows that the bound user may not change are others than before.
    changed: bool,
}

async fn attempt(tx: &DatabaseTransaction, sql: &str) -> Attempt {
    let snapshot = || async {
        run(tx, "reset role").await.unwrap();
        let tables = schema_model::model().tables.iter().map(|table| {
            format!(
                "(select string_agg(t::text, ',' order by id) from {} t where {})",
                table.name,
                not_own(table)
            )
        });
        let query = format!("select concat_ws(';', {})", tables.collect::<Vec<_>>().join(", "));
        texts(tx, &query).await
    };
    let affected = tx.execute_unprepared(sql).await;
    let affected = affected.map(|result| result.rows_affected()).map_err(|error| code(&error));
    let changed = if affected.is_ok() {
        let after = snapshot().await;
        run(tx, "rollback to savepoint bound").await.unwrap();
        after != snapshot().await
    } else {
        false
    };
    // Also takes the role again.
    run(tx, "rollback to savepoint bound").await.unwrap();
    Attempt { affected, changed }
}

/// The SQLSTATE of an error of the database.
fn code(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        panic!("no error of the database: {error}")
    };
    let error = error.as_database_error().unwrap_or_else(|| panic!("no error of the database: {error}"));
    error.code().unwrap_or_default().into_owned()
}

async fn count(db: &impl ConnectionTrait, sql: &str) -> i64 {
    one(db, sql).await.try_get_by_index(0).unwrap()
}

async fn truth(db: &impl ConnectionTrait, sql: &str) -> bool {
    one(db, sql).await.try_get_by_index(0).unwrap()
}

async fn one(db: &impl ConnectionTrait, sql: &str) -> sea_orm::QueryResult {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap()
}

async fn texts(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
