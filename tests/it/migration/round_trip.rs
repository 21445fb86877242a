//! `down` undoes `up` exactly: one migration at a time, without rows and with them. `reset`, `refresh`, `fresh`,
//! `up -n` and `down -n` do what their help states.

use crate::migration::snapshot::{assert_same, catalogue, fill, rows};
use crate::schema::model::model;
use migration::State;
use scratch::Server;
use sea_orm::{DatabaseConnection, DbBackend};
use tests::engine::{Engine, on_both_engines};
use tests::login_role::LoginRole;
use tests::{catalog, connect, empty_with_role, private_server, run, session, texts};

on_both_engines!(empty: every_migration_is_undone_exactly, every_migration_is_undone_exactly_beside_rows);

async fn every_migration_is_undone_exactly(engine: &Engine) {
    every_migration_is_undone(engine, false).await;
}

async fn every_migration_is_undone_exactly_beside_rows(engine: &Engine) {
    every_migration_is_undone(engine, true).await;
}

async fn every_migration_is_undone(Engine { db, url, .. }: &Engine, with_rows: bool) {
    let session = session(url);
    for status in session.status().await.unwrap() {
        let name = &status.name;
        let before = state(db, with_rows).await;
        assert_eq!(session.up(Some(1)).await.unwrap(), 1, "{name}");
        let between = state(db, with_rows).await;
        assert_eq!(session.down(Some(1)).await.unwrap(), 1, "{name}");
        assert_same(&before.0, &catalogue(db).await, name);
        assert_eq!(before.1, filled(db).await, "{name}");
        assert_eq!(session.up(Some(1)).await.unwrap(), 1, "{name}");
        assert_same(&between.0, &catalogue(db).await, name);
    }
    assert_eq!(session.up(None).await.unwrap(), 0, "those were all");
    let (_, rows) = state(db, with_rows).await;
    assert_eq!(rows.len(), if with_rows { 2 * model().tables.len() } else { 0 }, "{rows:#?}");
}

/// The catalogue, and the rows, of which each table gets some if asked.
async fn state(db: &DatabaseConnection, with_rows: bool) -> (Vec<String>, Vec<String>) {
    if with_rows {
        fill(db).await;
    }
    (catalogue(db).await, filled(db).await)
}

/// The rows without the audit entries that triggers wrote about them, which outlive what they name.
async fn filled(db: &DatabaseConnection) -> Vec<String> {
    let mut rows = rows(db).await;
    rows.retain(|row| !(row.starts_with("audit_log_entries: ") && row.contains(",admin,")));
    rows
}

on_both_engines!(empty: each_command_does_what_its_help_states);

async fn each_command_does_what_its_help_states(Engine { db, url, .. }: &Engine) {
    let session = session(url);
    let nothing = catalogue(db).await;
    let all = session.status().await.unwrap().len();

    assert_eq!(session.up(Some(0)).await.unwrap(), 0);
    assert_same(&nothing, &catalogue(db).await, "up -n 0");
    assert_eq!(session.up(Some(3)).await.unwrap(), 3);
    assert_eq!(applied(url).await, 3);
    let three = catalogue(db).await;
    assert_eq!(session.up(Some(u32::MAX)).await.unwrap(), all - 3, "up -n more than there are");
    assert_eq!(applied(url).await, all);
    let complete = catalogue(db).await;

    assert_eq!(session.down(Some(0)).await.unwrap(), 0);
    assert_same(&complete, &catalogue(db).await, "down -n 0");
    fill(db).await;
    assert_eq!(session.down(Some(u32::try_from(all - 3).unwrap())).await.unwrap(), all - 3);
    assert_eq!(applied(url).await, 3);
    assert_same(&three, &catalogue(db).await, "down -n all but three");
    assert_ne!(rows(db).await, [""; 0], "organizations keep their rows");

    assert_eq!(session.refresh().await.unwrap(), all, "refresh applies those that were pending, too");
    assert_same(&complete, &catalogue(db).await, "refresh");
    assert_eq!(rows(db).await, [""; 0], "refresh starts without rows");

    fill(db).await;
    assert_eq!(session.down(None).await.unwrap(), all);
    assert_same(&nothing, &catalogue(db).await, "reset drops everything, the ledger included");
    assert_eq!(session.up(None).await.unwrap(), all);
    assert_eq!(session.down(Some(u32::MAX)).await.unwrap(), all);
    assert_same(&nothing, &catalogue(db).await, "so does down -n more than there are");
    assert_eq!(session.up(Some(1)).await.unwrap(), 1);
    assert_eq!(session.down(Some(1)).await.unwrap(), 1);
    assert_same(&nothing, &catalogue(db).await, "so does down of the only one");
}

on_both_engines!(empty: fresh_recreates_the_schema_whatever_exists);

const POSTGRESQL_DEBRIS: &str = "create type stray as enum ('a'); create domain stray_domain as text;
    create type stray_pair as (a int, b int); create type stray_range as range (subtype = int);
    create view stray_view as select 1 as one; create view stray_names as select name from organizations;
    create materialized view stray_sum as select 1 as one; create sequence stray_sequence;
    create table stray_rows (id int references stray_rows, kind stray, primary key (id));
    create table stray_parts (id int) partition by range (id);
    create table stray_part partition of stray_parts default";

const SQLITE_DEBRIS: &str =
    "create table stray_rows (id integer primary key autoincrement, parent references stray_rows (id));
    insert into stray_rows values (1, 1); create view stray_view as select name from organizations";

async fn fresh_recreates_the_schema_whatever_exists(Engine { db, url, .. }: &Engine) {
    let debris = match db.get_database_backend() {
        DbBackend::Postgres => POSTGRESQL_DEBRIS,
        _ => SQLITE_DEBRIS,
    };
    let session = session(url);
    let all = session.status().await.unwrap().len();
    assert_eq!(session.fresh().await.unwrap(), all, "on an empty database");
    let complete = catalogue(db).await;

    fill(db).await;
    run(db, debris).await.unwrap();
    // A ledger that contradicts the schema, and names a migration of another build.
    run(
        db,
        "delete from seaql_migrations where version like '%users';
         insert into seaql_migrations (version, applied_at) values ('m20990101_000001_unknown', 0)",
    )
    .await
    .unwrap();
    assert_eq!(session.fresh().await.unwrap(), all);
    let mut again = catalogue(db).await;
    again.retain(|line| !is_left_by_fresh(line));
    assert_same(&complete, &again, "fresh");
    assert_eq!(rows(db).await, [""; 0]);
    assert_eq!(applied(url).await, all);
}

/// What is neither a table nor a type stays: `fresh` is `SeaORM`'s and drops no more than that.
fn is_left_by_fresh(line: &str) -> bool {
    line.contains("stray_sequence") || line.contains("stray_view") || line.contains("sqlite_sequence")
}

#[tokio::test]
async fn reset_leaves_an_extension_that_was_there_before() {
    let database = empty_with_role("extension").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    let name = "select name::text from pg_available_extensions where name = 'uuid-ossp'";
    if texts(&db, name).await.is_empty() {
        eprintln!("NOT TESTED: this server has no extension uuid-ossp to install");
        return;
    }
    // Where it is searched, and where it is not: there a function of our own takes its place.
    for schema in ["public", "elsewhere"] {
        run(
            &db,
            &format!(
                "drop extension if exists \"uuid-ossp\"; create schema if not exists {schema};
                 create extension \"uuid-ossp\" schema {schema}"
            ),
        )
        .await
        .unwrap();
        up_and_reset_leave_no_trace(&url).await;
    }
    let wrapper = "create schema taken; create function public.uuid_generate_v4() returns uuid
                   language sql return gen_random_uuid()";
    run(&db, wrapper).await.unwrap();
    up_and_reset_leave_no_trace(&url).await;
}

#[tokio::test]
async fn reset_leaves_the_role_while_another_database_uses_it() {
    let database = empty_with_role("role_in_use").await;
    up_and_reset_leave_no_trace(&database.url()).await;
    let db = connect(&database.url()).await.unwrap();
    let roles = catalogue(&db).await;
    assert!(roles.iter().any(|line| line.starts_with("role customer ")), "{roles:#?}");
}

#[tokio::test]
async fn reset_of_the_last_database_that_uses_the_role_removes_it() {
    let left_out = "that the role customer goes with the last database that uses it";
    let Some(server) = private_server::start(false, left_out) else { return };
    let databases = ["one", "other"].map(|name| server.create_database(name).unwrap());
    let [one, other] = databases.each_ref().map(scratch::Database::url);
    let db = connect(&one).await.unwrap();
    let untouched = whole_catalogue(&db).await;
    for url in [&one, &other] {
        session(url).up(None).await.unwrap();
    }
    let complete = whole_catalogue(&db).await;
    session(&other).down(None).await.unwrap();
    assert_same(&complete, &whole_catalogue(&db).await, "the other database, its role included");
    session(&one).down(None).await.unwrap();
    assert_same(&untouched, &whole_catalogue(&db).await, "the role went with the last database");
}

#[tokio::test]
async fn reset_leaves_a_role_or_a_membership_of_another_owner() {
    let left_out = "that a role customer created by another session stays";
    let Some(server) = private_server::start(false, left_out) else { return };
    let database = server.create_database("role_of_another").unwrap();
    let url = database.url();
    let db = connect(&url).await.unwrap();

    run(&db, "create role customer nologin").await.unwrap();
    up_and_reset_leave_no_trace(&url).await;
    run(&db, "comment on role customer is 'Of the administrator'").await.unwrap();
    up_and_reset_leave_no_trace(&url).await;
    owner_leaves_no_trace(&server, "grant customer to {owner}").await;
    owner_leaves_no_trace(&server, "grant customer to {owner} with admin option").await;
    run(&db, "drop role customer").await.unwrap();

    // Ours, until the login of an application became a member.
    session(&url).up(None).await.unwrap();
    run(&db, "create role app login in role customer").await.unwrap();
    let with_member = roles(&db).await;
    session(&url).down(None).await.unwrap();
    assert_eq!(with_member, roles(&db).await);
    run(&db, "drop role app, customer").await.unwrap();

    // Ours alone, and the owner is no superuser: it creates the role and removes it.
    owner_leaves_no_trace(&server, "alter role {owner} createrole").await;
    assert_eq!(roles(&db).await.iter().filter(|line| line.contains("customer")).count(), 0);
}

/// `up` and `reset` by a login that owns its database, after `preparation` by the administrator.
async fn owner_leaves_no_trace(server: &Server, preparation: &str) {
    let owner = LoginRole::owning(server.create_database("owned").unwrap(), "").await;
    owner.administer(&preparation.replace("{owner}", &owner.name)).await;
    let db = connect(&owner.admin_url()).await.unwrap();
    let before = whole_catalogue(&db).await;
    session(&owner.url()).up(None).await.unwrap();
    session(&owner.url()).down(None).await.unwrap();
    assert_same(&before, &whole_catalogue(&db).await, preparation);
}

async fn up_and_reset_leave_no_trace(url: &str) {
    let db = connect(url).await.unwrap();
    let before = catalogue(&db).await;
    session(url).up(None).await.unwrap();
    session(url).down(None).await.unwrap();
    assert_same(&before, &catalogue(&db).await, "up and reset");
}

/// The catalogue with all roles, for a server where they are this test's alone.
async fn whole_catalogue(db: &DatabaseConnection) -> Vec<String> {
    catalog::dump(db).await.unwrap()
}

async fn roles(db: &DatabaseConnection) -> Vec<String> {
    let mut lines = whole_catalogue(db).await;
    lines.retain(|line| line.starts_with("role ") || line.starts_with("member "));
    lines
}

async fn applied(url: &str) -> usize {
    let list = session(url).status().await.unwrap();
    list.iter().filter(|status| matches!(status.state, State::Applied(_))).count()
}
