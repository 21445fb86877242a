//! `migration keys`: the keys that sign the actors of customer transactions.

use database::schema::MIGRATIONS;
use sea_orm::DbBackend;
use tests::engine::{Engine, on_both_engines};
use tests::process::Migrator;
use tests::texts;

on_both_engines!(migrated: a_key_is_added_and_retired_and_only_generate_shows_its_secret);

async fn a_key_is_added_and_retired_and_only_generate_shows_its_secret(Engine { db, url, .. }: &Engine) {
    let migrator = Migrator::on(url);
    if db.get_database_backend() == DbBackend::Sqlite {
        for command in ["keys list", "keys disable"] {
            migrator.run(command).fails(&["signing keys require PostgreSQL"]);
        }
        return;
    }
    migrator.run("keys add").fails(&["CONTEXT_SIGNING_KEY is not a key", "keys generate"]);
    let generated = || migrator.run("keys generate").succeeds().stdout.trim().to_owned();
    let (first, second) = (generated(), generated());
    assert_ne!(first, second);
    let parts =
        |key: &str| key.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned())).unwrap();
    let ((one, secret), (two, _)) = (parts(&first), parts(&second));
    assert_eq!(secret.len(), 64);

    for key in [&first, &first, &second] {
        let added = Migrator::on(url).with("CONTEXT_SIGNING_KEY", key).run("keys add");
        assert!(!added.succeeds().stdout.contains(&secret), "{}", added.stdout);
    }
    let list = migrator.run("keys list").succeeds().stdout.clone();
    assert_eq!(list.matches(" valid").count(), 2, "{list}");
    assert_eq!(texts(db, "select count(distinct inner_key)::text from signing_keys").await, ["2"]);
    let accepted = "select has_function_privilege('customer', 'accepts_unsigned_actors()', 'execute')::text";
    assert_eq!(texts(db, accepted).await, ["false"]);

    let retired = migrator.run(&format!("keys retire {one}"));
    assert!(retired.succeeds().stdout.contains("expired"), "{}", retired.stdout);
    migrator.run(&format!("keys retire {one}")).fails(&["has no valid key", &one]);
    migrator.run(&format!("keys retire {two}")).fails(&["the last valid one", "keys disable"]);
    migrator.run("keys retire nonsense").is_misused(&["nonsense"]);
    let list = migrator.run("keys disable").succeeds().stdout.clone();
    assert!(list.contains("unsigned actors are accepted"), "{list}");
    assert_eq!(texts(db, accepted).await, ["true"]);
    let since = MIGRATIONS.iter().skip_while(|name| !name.ends_with("_create_signing_keys")).count();
    migrator.run(&format!("down -n {since}")).succeeds();
    migrator.run("keys list").fails(&["no table signing_keys", "migration -- up"]);
}

on_both_engines!(migrated: giving_up_signatures_is_destructive);

async fn giving_up_signatures_is_destructive(Engine { db, url, .. }: &Engine) {
    if db.get_database_backend() == DbBackend::Sqlite {
        return;
    }
    let production = Migrator::on(url).with("APP_ENV", "production");
    production.run("keys disable").fails(&["keys disable", "--allow-destructive"]);
    production.run("keys disable --allow-destructive").succeeds();
}
