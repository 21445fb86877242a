//! What differs between two databases is found once, and `gate --database` asks a live one without touching it.

use crate::{program, subject};
use gate::drift::live;
use gate::mutation::Mutation;
use gate::run::check;
use gate::subject::{empty, migrate};
use gate::{Catalogue, Finding, Subject, rules};
use migration::{AppEnv, Mark, Options, Session, Target};
use scratch::Database;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::process::Output;
use url::Url;

const SECRET: &str = "s3cret-of-the-login";

/// What the rule finds in a migrated database after a change.
async fn after(subject: &Subject, sql: &'static str) -> Vec<String> {
    let rule = rules::find("database_matches_migrations").unwrap();
    texts(&check(&subject.with(&Mutation::Sql(sql)).await.unwrap(), rule).await.unwrap())
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn catalogue(url: &str) -> Catalogue {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let catalogue = Catalogue::read(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    catalogue
}

/// Runs the program on a live database, without a password in the environment.
fn gate(url: &str, arguments: &[&str]) -> Output {
    program(&["--database", url]).args(arguments).env_remove("PGPASSWORD").output().unwrap()
}

/// The exit code, and what was found as `object: problem`.
fn judged(url: &str) -> (Option<i32>, Vec<String>) {
    let output = gate(url, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let rules = report["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1, "a live database is compared and no other rule checked");
    let findings = rules[0]["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings =
        findings.iter().map(|finding| text(&finding["object"]) + ": " + &text(&finding["problem"]));
    (output.status.code(), findings.collect())
}

/// A login of its own name for a database, and the database's URL for it.
async fn login(database: &Database) -> (String, String) {
    let name = format!("login_of_{}", database.name());
    run(&database.url(), &format!("create role {name} login password '{SECRET}'")).await;
    let mut url = Url::parse(&database.url()).unwrap();
    url.set_username(&name).unwrap();
    url.set_password(Some(SECRET)).unwrap();
    (name, url.into())
}

#[tokio::test]
async fn a_finding_tells_what_was_and_what_is() {
    let subject = subject().await;
    assert_eq!(after(&subject, "").await, [""; 0]);
    for (change, expected) in [
        (
            "alter table contacts alter email set not null, alter email set default 'none'",
            "column contacts.email: default was nothing, is `'none'::text`; nullable was `true`, is `false`",
        ),
        (
            "alter table events drop constraint fk_events_contact_id_contacts, \
             add constraint fk_events_contact_id_contacts foreign key (organization_id, contact_id) \
             references contacts (organization_id, id) on delete restrict not valid",
            "constraint fk_events_contact_id_contacts on events: on delete was `cascade`, is `restrict`; \
             validated was `true`, is `false`",
        ),
        (
            "alter type user_role add value 'guest' before 'viewer'",
            "enum user_role: values was `admin, campaign_manager, viewer`, is `admin, campaign_manager, guest, viewer`",
        ),
        (
            "alter policy tenant_isolation on events using (true) with check (false)",
            "policy tenant_isolation on events: using was `(organization_id = ( SELECT bound_organization_id() AS \
             bound_organization_id))`, is `true`; with check was `(organization_id = ( SELECT \
             bound_organization_id() AS bound_organization_id))`, is `false`",
        ),
        (
            "alter function set_updated_at() security definer set search_path = public",
            "function set_updated_at(): security was `invoker`, is `definer`; settings was nothing, is \
             `search_path=public`",
        ),
        (
            "alter role customer createrole; alter role customer set row_security = off",
            "role customer: creates roles was `false`, is `true`; settings was nothing, is `row_security=off`",
        ),
        (
            "alter table contacts alter email set (n_distinct = 5)",
            "column contacts.email: options was nothing, is `n_distinct=5`",
        ),
        (
            "grant delete on contacts to customer with grant option",
            "grants to customer on table contacts: privileges was `insert, select`, is \
             `delete with grant option, insert, select`",
        ),
    ] {
        assert_eq!(after(&subject, change).await, [expected]);
    }
}

#[tokio::test]
async fn what_follows_from_another_change_is_told_with_it() {
    let subject = subject().await;
    for (change, expected) in [
        // Two checks are rewritten.
        (
            "alter table contacts alter phone_number type varchar(50)",
            "column contacts.phone_number: type was `text`, is `character varying(50)`, and with it differ: \
             constraint ck_contacts_phone_number_e164 on contacts, constraint ck_contacts_phone_number_length on contacts",
        ),
        // A check, a grant and a comment are parts of it.
        ("alter table campaigns drop name", "column campaigns.name: is missing"),
        (
            "drop table transcript_snippets; drop function bound_user_id() cascade",
            "function bound_user_id(): is missing, and with it differ: policy users_own on users, policy \
             users_visible on users, table transcript_snippets: is missing",
        ),
        (
            "drop table users cascade",
            "table users: is missing, and with it differ: \
             constraint fk_campaigns_created_by_user_id_users on campaigns, \
             constraint fk_user_organizations_user_id_users on user_organizations, \
             policy author_is_visible on campaigns",
        ),
        (
            "alter table contacts rename email to address",
            "column contacts.address: is in no migration, column contacts.email: is missing, and with it differ: \
             constraint ck_contacts_email_length on contacts",
        ),
        (
            "create schema more; create table more.notes (id bigserial primary key, text text unique); \
             create view more.texts as select text from more.notes; grant select on more.notes to public",
            "schema more: is in no migration",
        ),
        (
            "create type mood as enum ('good'); alter table contacts add mood mood not null default 'good'",
            "column contacts.mood: is in no migration, enum mood: is in no migration",
        ),
    ] {
        assert_eq!(after(&subject, change).await.join(", "), expected);
    }
}

/// Objects that the migrations could create and do not.
const FURTHER: &str = "
    create view names as select name from organizations;
    create materialized view sums as select count(*) as sum from organizations;
    create sequence numbers;
    create domain percent as int check (value between 0 and 100);
    create table readings (id int not null, at date not null) partition by range (at);
    create table readings_old partition of readings for values from (minvalue) to ('2026-01-01');
    create index readings_id on readings (id);
    create unique index names_unique on organizations (name) where deleted_at is null;
    create rule keep as on delete to readings do instead nothing;
    create statistics related on name, slug from organizations;
    create procedure tidy() language sql as 'select 1';
    create function on_ddl() returns event_trigger language plpgsql as 'begin end';
    create event trigger watch on ddl_command_end execute function on_ddl();
    create type pair as (a int, b int);
    alter default privileges in schema public grant select on tables to customer;
    alter default privileges revoke execute on functions from public;
    create publication streamed for table organizations;";

/// Stores what a newer minor release may: PostgreSQL 15.20 counts the changes of a column in its options.
const SERVER_OPTIONS: &str = "
    set allow_system_table_mods = on;
    update pg_attribute set attoptions = array['pg_attver=' || attrelid] || array_remove(attoptions, null)
    where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r');
    update pg_class set reloptions = array['pg_relver=' || oid] || array_remove(reloptions, null)
    where relnamespace = 'public'::regnamespace and relkind = 'r';";

#[tokio::test]
async fn options_that_the_server_sets_are_not_compared() {
    let subject = subject().await;
    for rule in ["database_matches_migrations", "schema_sql_current", "schema_docs_current"] {
        let changed = subject.with(&Mutation::Sql(SERVER_OPTIONS)).await.unwrap();
        let stored: i64 =
            sqlx::query_scalar("select count(*) from pg_class where 'pg_relver=' || oid = any(reloptions)")
                .fetch_one(changed.pool())
                .await
                .unwrap();
        assert!(stored > 13, "{stored}");
        assert_eq!(check(&changed, rules::find(rule).unwrap()).await.unwrap(), [], "{rule}");
    }
}

#[tokio::test]
async fn every_kind_of_object_is_compared() {
    let database = empty("kinds").unwrap();
    migrate(&database).await.unwrap();
    run(&database.url(), FURTHER).await;
    let before = catalogue(&database.url()).await;
    assert_eq!(before.differences(&catalogue(&database.url()).await), []);
    run(
        &database.url(),
        "alter view names set (security_invoker = true);
        drop materialized view sums; create materialized view sums as select count(id) as sum from organizations;
        revoke all on sums from customer;
        alter sequence numbers increment 2;
        alter domain percent set not null;
        alter domain percent add constraint even check (value % 2 = 0);
        alter table readings detach partition readings_old;
        drop index readings_id; alter index ix_contacts_campaign_state set (fillfactor = 50);
        drop index names_unique; create unique index names_unique on organizations (name);
        drop rule keep on readings;
        drop statistics related; create statistics related (mcv) on name, slug from organizations;
        create or replace procedure tidy() language sql as 'select 2';
        alter event trigger watch disable;
        alter type pair alter attribute b type bigint;
        alter default privileges in schema public grant insert on tables to customer;
        alter default privileges grant execute on functions to customer;
        alter publication streamed add table contacts;
        alter table contacts force row level security, replica identity full, set (fillfactor = 50);
        alter table transcript_snippets set unlogged;
        alter table users alter name set storage external, alter email set statistics 7;
        alter table call_attempts disable trigger all;
        grant create on schema public to customer;
        revoke execute on function current_user_id() from public;
        revoke usage on type user_role from public;
        grant update (email) on contacts to public;
        alter policy tenant_isolation on provider_configs to public;
        comment on table users is null;
        alter index ix_contacts_phone rename to ix_phone;
        do $$ begin
            execute format('alter database %I set work_mem = ''1MB''', current_database());
            execute format('alter database %I set app.organization_id = ''x''', current_database());
            execute format('grant create on database %I to customer', current_database());
        end $$",
    )
    .await;
    let findings = before.differences(&catalogue(&database.url()).await);
    let objects: Vec<&str> = findings.iter().map(|finding| finding.object.as_str()).collect();
    let expected = [
        "column users.email",
        "column users.name",
        "constraint even on domain percent",
        "constraint fk_call_attempts_campaign_id_campaigns on call_attempts",
        "constraint fk_call_attempts_contact_id_contacts on call_attempts",
        "constraint fk_call_attempts_organization_id_organizations on call_attempts",
        "constraint fk_events_call_attempt_id_call_attempts on events",
        "constraint fk_survey_responses_call_attempt_id_call_attempts on survey_responses",
        "constraint fk_transcript_snippets_call_attempt_id_call_attempts on transcript_snippets",
        "default privileges of the owner on functions",
        "default privileges of the owner on tables in schema public",
        "domain percent",
        "event trigger watch",
        "function tidy()",
        "grants to customer on schema public",
        "grants to customer on the database",
        "grants to public on column contacts.email",
        "grants to public on enum user_role",
        "grants to public on function current_user_id()",
        "index ix_contacts_campaign_state on contacts",
        "index ix_contacts_phone on contacts",
        "index ix_phone on contacts",
        "index names_unique on organizations",
        "index readings_id on readings",
        "materialized view sums",
        "policy tenant_isolation on provider_configs",
        "publication streamed",
        "rule keep on readings",
        "sequence numbers",
        "setting work_mem of the database",
        "statistics related",
        "table contacts",
        "table readings_old",
        "table transcript_snippets",
        "table users",
        "trigger updated_at on call_attempts",
        "type pair",
        "view names",
    ];
    assert_eq!(objects, expected, "{:#?}", texts(&findings));
}

#[tokio::test]
async fn the_order_of_columns_and_the_maker_of_random_ids_do_not_count() {
    let subject = subject().await;
    let change = "alter table contacts drop external_contact_id;
        alter table contacts add external_contact_id text,
            add constraint ck_contacts_external_contact_id_length check (length(external_contact_id) <= 255);
        grant update (external_contact_id) on contacts to customer;
        comment on column contacts.external_contact_id is 'x'";
    let findings = after(&subject, change).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with("column contacts.external_contact_id: comment was "), "{findings:?}");

    for (body, expected) in [
        ("gen_random_uuid()", ""),
        (
            "'00000000-0000-0000-0000-000000000000'::uuid",
            "function uuid_generate_v4(): body was `random`, is ",
        ),
    ] {
        let database = empty("fallback").unwrap();
        run(
            &database.url(),
            &format!("create function uuid_generate_v4() returns uuid language sql return {body}"),
        )
        .await;
        migrate(&database).await.unwrap();
        let found = subject.reference().await.unwrap().differences(&catalogue(&database.url()).await);
        let found = texts(&found).join(", ");
        assert!(if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) }, "{found}");
    }
}

#[tokio::test]
async fn a_live_database_as_it_should_be_passes_whoever_owns_it_and_whoever_asks() {
    let database = empty("owned").unwrap();
    let (owner, as_owner) = login(&database).await;
    run(&database.url(), &format!("alter database {} owner to {owner}", database.name())).await;
    // The role exists already: creating it requires a privilege that this owner lacks.
    let _other = subject().await;
    let target = Target::resolve(Some(&as_owner), None, AppEnv::Test).unwrap();
    Session::new(target, Options::default()).up(None).await.unwrap();
    assert_eq!(judged(&as_owner), (Some(0), vec![]), "as the owner");

    let reader = format!("reader_of_{}", database.name());
    run(&database.url(), &format!("create role {reader} login; alter role {owner} nologin")).await;
    let mut url = Url::parse(&as_owner).unwrap();
    url.set_username(&reader).unwrap();
    url.set_password(None).unwrap();
    let closed = gate(url.as_str(), &[]);
    let message = String::from_utf8_lossy(&closed.stderr).into_owned();
    assert_eq!(closed.status.code(), Some(2), "{message}");
    assert!(message.contains("grant select on seaql_migrations"), "{message}");
    run(&database.url(), &format!("grant select on seaql_migrations to {reader}")).await;
    assert_eq!(judged(url.as_str()), (Some(0), vec![]), "as a login that may only read the ledger");

    let admin = empty("roles").unwrap();
    drop(database);
    run(&admin.url(), &format!("drop role {owner}, {reader}")).await;
}

#[tokio::test]
async fn the_mark_of_a_production_database_is_no_drift() {
    let database = empty("marked").unwrap();
    migrate(&database).await.unwrap();
    let target = Target::resolve(Some(&database.url()), None, AppEnv::Production).unwrap();
    let session = Session::new(target, Options::default());
    session.up(None).await.unwrap();
    assert_eq!(session.mark().await.unwrap(), Mark::Production);
    assert_eq!(judged(&database.url()), (Some(0), vec![]));
}

#[tokio::test]
async fn a_live_database_is_only_read() {
    let database = empty("read_only").unwrap();
    migrate(&database).await.unwrap();
    let before = catalogue(&database.url()).await;
    let mut connection = live::connect(&database.url()).await.unwrap();
    for sql in ["create table stray ()", "delete from seaql_migrations"] {
        let error = connection.execute(sql).await.unwrap_err();
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("25006"), "{sql}: {error}");
    }
    assert_eq!(before.differences(&catalogue(&database.url()).await), []);
    assert_eq!(before.migrations(), catalogue(&database.url()).await.migrations());
}

#[tokio::test]
async fn a_live_database_behind_or_ahead_says_so_and_nothing_else() {
    let database = empty("behind").unwrap();
    migrate(&database).await.unwrap();
    let target = Target::resolve(Some(&database.url()), None, AppEnv::Test).unwrap();
    Session::new(target, Options::default()).down(Some(1)).await.unwrap();
    run(&database.url(), "comment on table users is 'As an older build report.'").await;
    let all = migration::emitted().await.unwrap();
    let (count, newest) = (all.len(), &all.last().unwrap().name);
    let behind = format!("table seaql_migrations: is behind by 1 of {count} migrations: {newest}");
    assert_eq!(judged(&database.url()), (Some(1), vec![behind.clone()]));

    // The progress of an interrupted backfill is the migrator's, and another table of its name is not.
    let progress = "create table backfill_progress (
        migration text primary key, last_id uuid, rows_done bigint, updated_at timestamptz)";
    run(&database.url(), progress).await;
    assert_eq!(judged(&database.url()), (Some(1), vec![behind.clone()]));
    run(&database.url(), "alter table backfill_progress add stray text").await;
    let (_, found) = judged(&database.url());
    assert!(found.iter().any(|finding| finding.starts_with("table backfill_progress: ")), "{found:?}");
    run(&database.url(), "drop table backfill_progress").await;

    run(&database.url(), "alter table users drop name").await;
    let drifted = vec![behind, "column users.name: is missing".to_owned()];
    assert_eq!(judged(&database.url()), (Some(1), drifted));

    let database = empty("ahead").unwrap();
    migrate(&database).await.unwrap();
    run(&database.url(), "insert into seaql_migrations values ('m20990101_000001_unknown', 0)").await;
    let ahead =
        "table seaql_migrations: has migrations that this build does not know: m20990101_000001_unknown";
    assert_eq!(judged(&database.url()), (Some(1), vec![ahead.to_owned()]));

    let database = empty("never").unwrap();
    let (code, findings) = judged(&database.url());
    assert_eq!((code, findings.len()), (Some(1), 1), "{findings:?}");
    assert!(findings[0].contains(&format!(": is behind by {count} of {count} migrations: ")));
}

#[test]
fn what_cannot_be_asked_is_exit_2_and_shows_no_password() {
    let unreachable = format!("postgres://owner:{SECRET}@127.0.0.1:1/survey");
    for (url, words) in [
        (
            unreachable.as_str(),
            "cannot connect to the PostgreSQL database \"survey\" as \"owner\" at 127.0.0.1:1",
        ),
        ("sqlite://voicesurvey.db", "only a PostgreSQL database"),
        ("postgres://owner:s3cret-of-the-login/@host/survey", "error: "),
        ("nonsense", "error: "),
    ] {
        let output = gate(url, &[]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains(SECRET) && output.stdout.is_empty(), "{message}");
    }
    let output = gate(&unreachable, &["--only", "foreign_keys_indexed"]);
    assert_eq!(output.status.code(), Some(2), "--only does not apply to a live database");
    assert!(!String::from_utf8_lossy(&output.stderr).contains(SECRET));
}
