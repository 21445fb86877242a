//! What a backup brings back.

use super::{Ops, clients_are_installed, filled};
use crate::migration::snapshot::{assert_same, catalogue, fill, rows};
use scratch::Database;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tests::engine::Engine;
use tests::login_role::LoginRole;
use tests::process::{Exited, Migrator, Running, binary};
use tests::{
    SECRET, SqliteFile, connect, empty, empty_with_role, migrate, private_server, run, server, texts,
};

#[tokio::test]
async fn a_restored_database_has_the_same_objects_privileges_mark_and_rows() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("backed_up").await;
    let db = connect(&source.url()).await.unwrap();
    let name = source.name();
    run(
        &db,
        &format!(
            r#"comment on table seaql_migrations is 'production: a copy';
               alter database {name} set app.organization_id to 'it''s a "\ word';
               alter database {name} set search_path to "$user", public, "a b";
               alter role customer in database {name} set work_mem to '5MB';
               grant connect on database {name} to customer with grant option;
               revoke temporary on database {name} from public;
               -- Texts that COPY, JSON and digests escape.
               update contacts set email = null;
               update campaigns set name = E'tab\t newline\n backslash \\ quote '' ü \u2028 \\.',
                                    intro_script = E'\\N'"#
        ),
    )
    .await
    .unwrap();
    let ops = Ops::on(&source.url());
    ops.back_up();

    let target = empty("restored");
    let restored = ops.restore_to(&target.url());
    restored.succeeds();
    assert!(restored.stdout.contains("equal to the manifest"), "{restored}");
    let copy = connect(&target.url()).await.unwrap();
    let named = |lines: Vec<String>, name: &str| {
        // A list of privileges has the order in which they were granted.
        let privileges =
            |line: String| match line.split_once(" acl {").and_then(|(_, rest)| rest.split_once('}')) {
                Some((list, _)) if line.starts_with("database ") => {
                    let mut items: Vec<&str> = list.split(',').collect();
                    items.sort_unstable();
                    line.replace(list, &items.join(","))
                }
                _ => line,
            };
        let mut lines: Vec<String> =
            lines.iter().map(|line| privileges(line.replace(name, "DATABASE"))).collect();
        lines.sort();
        lines
    };
    let expected = named(catalogue(&db).await, name);
    assert!(expected.iter().any(|line| line.contains("app.organization_id=it's a ")), "{expected:?}");
    assert_same(&expected, &named(catalogue(&copy).await, target.name()), "restored");
    // `updated_at` included: no trigger ran.
    assert_eq!(named(rows(&db).await, name), named(rows(&copy).await, target.name()));
    // In no migration: the gate reports them rightly.
    let copied = target.name();
    run(
        &copy,
        &format!(
            "alter role customer in database {copied} reset all; alter database {copied} reset search_path"
        ),
    )
    .await
    .unwrap();
    gate_is_clean(&target.url());
    // The mark protects the copy.
    let again = Migrator::on(&target.url()).run("down");
    again.fails(&["is marked as production"]);
}

pub fn gate_is_clean(url: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = binary("gate", directory.path());
    command.args(["--deny-warnings", "--database", url]);
    if let Some(bin) = std::env::var_os("SCRATCH_PG_BIN") {
        command.env("SCRATCH_PG_BIN", bin);
    }
    Running::start(&mut command, "gate").wait().succeeds();
}

/// The loss of the server: another one has neither the roles nor their settings.
#[tokio::test]
async fn roles_come_back_on_a_server_without_them() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("lost").await;
    let name = format!("app_{}", source.name());
    let db = connect(&source.url()).await.unwrap();
    run(
        &db,
        &format!(
            "create role {name} login createdb password '{SECRET}'; grant customer to {name} with admin option;
             alter role {name} set statement_timeout to '7s'"
        ),
    )
    .await
    .unwrap();
    let ops = Ops::on(&source.url());
    let backup = ops.back_up();
    run(&db, &format!("drop role {name}")).await.unwrap();
    let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
    assert!(!manifest.contains(SECRET) && !manifest.contains("SCRAM"), "passwords are not part of a backup");

    let Some(other) = private_server::start(false, "roles that come back") else { return };
    if other.version() / 10_000 < server().version() / 10_000 {
        eprintln!(
            "NOT TESTED: roles that come back: no server of the version of TEST_DATABASE_URL is installed"
        );
        return;
    }
    let target = other.create_database("target").unwrap();
    ops.restore_to(&target.url()).succeeds();
    let copy = connect(&target.url()).await.unwrap();
    let role = format!(
        "select format('%s %s %s %s %s', rolcanlogin, rolcreatedb, rolcreaterole, rolconfig,
                       (select admin_option from pg_auth_members where member = r.oid and roleid = 'customer'::regrole))
         from pg_roles r where rolname = '{name}'"
    );
    assert_eq!(texts(&copy, &role).await, ["t t f {statement_timeout=7s} t"]);
    let customer = "select format('%s %s', rolcanlogin, rolinherit) from pg_roles where rolname = 'customer'";
    assert_eq!(texts(&copy, customer).await, texts(&db, customer).await);
    assert_same(&rows(&db).await, &rows(&copy).await, "on another server");
}

#[tokio::test]
async fn an_owner_that_is_not_a_superuser_backs_up_and_restores() {
    if !clients_are_installed() {
        return;
    }
    let source = LoginRole::owning(empty_with_role("owned").await, "createrole").await;
    migrate(&source.url()).await;
    let db = connect(&source.url()).await.unwrap();
    fill(&db).await;
    let ops = Ops::on(&source.url());
    ops.back_up();

    for is_prepared in [false, true] {
        let target = empty("owned_copy");
        if is_prepared {
            // By the administrator, who owns it then.
            let db = connect(&target.url()).await.unwrap();
            if run(&db, "create extension \"uuid-ossp\"").await.is_err() {
                eprintln!("NOT TESTED: this server has no extension uuid-ossp to install");
                continue;
            }
        }
        source.administer(&format!("alter database {} owner to {}", target.name(), source.name)).await;
        let url = url_for(&target, &source);
        ops.restore_to(&url).succeeds();
        let copy = connect(&url).await.unwrap();
        assert_same(&rows(&db).await, &rows(&copy).await, "restored by the owner");
        let owners = "select distinct tableowner::text from pg_tables where schemaname = 'public'";
        assert_eq!(texts(&copy, owners).await, [source.name.as_str()]);
        copy.close().await.unwrap();
    }
}

/// The URL of a database for another database's login.
fn url_for(database: &Database, login: &LoginRole) -> String {
    let mut url = url::Url::parse(&database.url()).unwrap();
    url.set_username(&login.name).unwrap();
    url.set_password(Some(SECRET)).unwrap();
    url.into()
}

#[tokio::test]
async fn a_login_that_does_not_see_every_row_makes_no_backup() {
    if !clients_are_installed() {
        return;
    }
    let login = LoginRole::new(filled("partly_seen").await, "").await;
    let ops = Ops::on(&login.url());
    let failed = ops.run("backup --to backups");
    failed.fails(&["cannot be backed up by this login", "it may not read public.contacts", "BYPASSRLS"]);
    login.administer(&format!("grant pg_read_all_data to {}", login.name)).await;
    let failed = ops.run("backup --to backups");
    failed.fails(&["Row Level Security hides rows of public.contacts", "connect as the owner"]);
    assert_eq!(ops.backups().len(), 0);

    // The remedy that the error names.
    login.administer(&format!("alter role {} bypassrls", login.name)).await;
    ops.back_up();
    let target = empty("completely_seen");
    let administrator = Ops::on(&login.admin_url());
    let from = ops.path("backups");
    administrator.run(&format!("restore {} --to {}", from.display(), target.url())).succeeds();
}

// Two threads, because a test waits for a process without yielding to the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_one_moment_while_others_write() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("written").await;
    let url = source.url();
    let rename = |number: u32| {
        format!(
            "begin; update organizations set name = 'n{number}'; update campaigns set name = 'n{number}';
             update users set name = 'n{number}'; commit"
        )
    };
    let db = connect(&url).await.unwrap();
    run(&db, &rename(0)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU32::new(0));
    let writer = tokio::spawn({
        let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
        async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                run(&db, &rename(number)).await.unwrap();
                written.store(number, Ordering::Relaxed);
            }
        }
    });
    let ops = Ops::on(&url);
    for backup in 0..3 {
        let before = written.load(Ordering::Relaxed);
        ops.back_up();
        assert!(written.load(Ordering::Relaxed) > before, "it wrote meanwhile");
        let target = empty("one_moment");
        ops.restore_to(&target.url()).succeeds();
        let copy = connect(&target.url()).await.unwrap();
        let names =
            "select name from organizations union select name from campaigns union select name from users";
        let names = texts(&copy, names).await;
        assert_eq!(names.len(), 1, "backup {backup}: {names:?}");
        copy.close().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

#[tokio::test]
async fn only_an_empty_database_is_restored_into() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("not_empty_source").await;
    let ops = Ops::on(&source.url());
    ops.back_up();
    for object in [
        "create table t (a int)",
        "create view v as select 1 as a",
        "create sequence s",
        "create type e as enum ('a')",
        "create domain d as text",
        "create function f() returns int language sql return 1",
        "create schema s create table t (a int)",
    ] {
        let target = empty("not_empty");
        let db = connect(&target.url()).await.unwrap();
        run(&db, object).await.unwrap();
        let before = catalogue(&db).await;
        let refused = ops.restore_to(&target.url());
        refused.fails(&["is not empty: it has the ", "createdb"]);
        assert_same(&before, &catalogue(&db).await, object);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_restore_asks_the_rule_of_the_wrong_database() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("permission").await;
    let ops = Ops::on(&source.url()).with("APP_ENV", "production");
    ops.back_up();
    let target = empty("permitted");
    ops.restore_to(&target.url()).fails(&["APP_ENV is production, where `restore` destroys data"]);
    let remote = "postgres://owner@db.example/x";
    let undeclared = Ops::on(&source.url());
    let from = ops.path("backups");
    let refused = undeclared.run(&format!("restore {} --to {remote}", from.display()));
    refused.fails(&["is not on this machine and APP_ENV is not set", "`restore` destroys data"]);
    let db = connect(&target.url()).await.unwrap();
    run(&db, "create table seaql_migrations (a int); comment on table seaql_migrations is 'production'")
        .await
        .unwrap();
    let marked = undeclared.run(&format!("restore {} --to {}", from.display(), target.url()));
    marked.fails(&["is marked as production"]);
    run(&db, "drop table seaql_migrations").await.unwrap();
    ops.run(&format!("restore backups --allow-destructive --to {}", target.url())).succeeds();
}

#[tokio::test]
async fn no_argument_and_no_output_has_the_password() {
    if !clients_are_installed() {
        return;
    }
    let Some(binaries) = server().binaries() else { return };
    let login = LoginRole::owning(filled("secret").await, "bypassrls").await;
    login.administer(&format!("grant pg_read_all_data to {}", login.name)).await;
    let ops = Ops::on(&login.url());
    let log = ops.path("calls");
    let bin = ops.path("bin");
    fs::create_dir(&bin).unwrap();
    for program in ["pg_dump", "pg_restore", "psql"] {
        let script = format!(
            "#!/bin/sh\necho \"{program} ${{PGPASSWORD:-none}} $@\" >> '{}'\nexec '{}' \"$@\"\n",
            log.display(),
            binaries.join(program).display()
        );
        let file = bin.join(program);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let ops = ops.with("SCRATCH_PG_BIN", bin.to_str().unwrap());
    let target = empty("secret_copy");
    login.administer(&format!("alter database {} owner to {}", target.name(), login.name)).await;
    ops.back_up();
    let failed = ops.run(&format!("restore backups --to {}", url_for(&target, &login)));
    // Only psql needs it, and it was passed on.
    assert!(!failed.stderr.contains(SECRET) && !failed.stdout.contains(SECRET), "{failed}");
    let calls = fs::read_to_string(&log).unwrap();
    for line in calls.lines().filter(|line| !line.ends_with("--version")) {
        let arguments = line.splitn(3, ' ').nth(2).unwrap();
        assert!(!arguments.contains(SECRET), "{line}");
    }
    for program in ["pg_dump", "psql"] {
        assert!(calls.contains(&format!("{program} {SECRET} --")), "{calls}");
    }
}

#[test]
fn missing_programs_are_named_with_the_package() {
    let url = "postgres://postgres@localhost/x";
    let directory = tempfile::tempdir().unwrap();
    let ops = Ops::on(&server().url("postgres")).with("SCRATCH_PG_BIN", directory.path().to_str().unwrap());
    ops.run("backup --to backups").fails(&[
        "pg_dump, pg_restore and psql",
        "postgresql-client-",
        "SCRATCH_PG_BIN",
    ]);
    let ops = Ops::on(url);
    let misused: Exited = ops.run("backup");
    assert_eq!(misused.code, Some(2), "{misused}");
}

#[tokio::test]
async fn a_restored_sqlite_file_has_the_same_objects_and_rows() {
    let source = Engine::migrated_sqlite("").await;
    fill(&source.db).await;
    let ops = Ops::on(&source.url);
    // Not committed: not in the backup, and not waited for.
    let other = connect(&source.url).await.unwrap();
    run(&other, "begin immediate; update campaigns set name = 'unfinished'").await.unwrap();
    let expected = (catalogue(&source.db).await, rows(&source.db).await);
    ops.back_up();
    run(&other, "rollback").await.unwrap();

    let copy = SqliteFile::new();
    ops.restore_to(&copy.url()).succeeds();
    let db = connect(&copy.url()).await.unwrap();
    assert_same(&expected.0, &catalogue(&db).await, "restored");
    assert_same(&expected.1, &rows(&db).await, "restored");
    Migrator::on(&copy.url()).run("status --check").succeeds();

    ops.restore_to(&copy.url()).fails(&["is not empty"]);
    let backup = ops.backups().pop().unwrap();
    let database = empty("other_engine");
    ops.run(&format!("restore {} --to {}", backup.display(), database.url())).fails(&["is one of SQLite"]);
}
