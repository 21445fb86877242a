//! The matrix can fail: whatever keeps organizations apart is taken away once, and at least one cell turns red.

use crate::isolation::catalogue::B;
use crate::isolation::contexts::{Application, Before, Binding, Context, State};
use crate::isolation::matrix::Report;
use crate::isolation::plain::Login;
use crate::isolation::{OWN, Setup};
use crate::schema::shape::may;
use tests::{run, texts};

/// The triggers stand behind the policies and privileges that are judged here.
const APPEND_ONLY_OFF: &str = "alter table audit_log_entries disable trigger append_only; \
    alter table audit_seals disable trigger append_only";

/// Organization B, and no organization.
const OTHER: State = State { context: Context::Other, before: Before::Nothing, binding: Binding::Actor(B) };
const NONE: State = State { context: Context::None, before: Before::Nothing, binding: Binding::Unbound };

/// What fails is no leak, only something that a customer should be able to do.
fn is_leak(red: &str) -> bool {
    !red.contains(": fails with ")
}

impl Setup {
    async fn application(&self) -> Application {
        Application::start(&self.guest.admin_url(), Some(&self.guest.url()), &[]).await
    }

    /// What is red on a table in a state.
    async fn red(&self, application: &Application, table: &str, state: State) -> Vec<String> {
        let mut report = Report::default();
        report.try_table(application, &self.catalogue, state, table).await;
        report.red
    }

    /// Runs SQL as the owner.
    async fn administer(&self, sql: &str) {
        run(&self.owner, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// SQL that gives a table its policies and privileges back.
    async fn protection(&self, table: &str) -> String {
        let sql = format!(
            "select format('drop policy if exists %I on %I; create policy %1$I on %2$I as %s for %s to %s', policyname,
                           tablename, permissive, cmd, array_to_string(roles, ','))
                    || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '')
             from pg_policies where tablename = '{table}'
             union all select 'revoke all on {table} from customer'
             union all select format('grant %s on {table} to customer', privilege_type)
             from pg_class, aclexplode(relacl) where oid = '{table}'::regclass and grantee = 'customer'::regrole
             union all select format('grant %s (%I) on {table} to customer', privilege_type, attname)
             from pg_attribute, aclexplode(attacl)
             where attrelid = '{table}'::regclass and grantee = 'customer'::regrole"
        );
        texts(&self.owner, &sql).await.join(";")
    }
}

#[tokio::test]
async fn each_policy_is_needed() {
    let setup = Setup::new("isolation_policies").await;
    let application = setup.application().await;
    setup.administer(APPEND_ONLY_OFF).await;
    let policies = texts(
        &setup.owner,
        "select concat_ws('|', tablename, policyname, qual is not null, with_check is not null)
         from pg_policies where schemaname = 'public' order by 1",
    )
    .await;
    let mut tried = 0;
    for table in &setup.catalogue.tables {
        let table = &table.name;
        let protection = setup.protection(table).await;
        // A policy is judged by itself: what stands in front of it, a missing privilege, stands in front no more.
        let open = format!("grant select, insert, update, delete on {table} to customer");
        setup.administer(&open).await;
        let before = setup.red(&application, table, OWN).await;
        let of_table = policies.iter().filter_map(|policy| policy.strip_prefix(&format!("{table}|")));
        for policy in of_table {
            let [name, has_using, has_check] = policy.split('|').collect::<Vec<_>>()[..] else {
                panic!("{policy}")
            };
            let policy = format!("policy {name} on {table}");
            let mut weaker = vec![format!("drop {policy}")];
            weaker.extend((has_using == "t").then(|| format!("alter {policy} using (true)")));
            weaker.extend((has_check == "t").then(|| format!("alter {policy} with check (true)")));
            for weaker in weaker {
                setup.administer(&weaker).await;
                let mut red = setup.red(&application, table, OWN).await;
                setup.administer(&format!("{protection}; {open}")).await;
                red.retain(|red| !before.contains(red));
                assert!(!red.is_empty(), "no cell turns red: {weaker}");
                // Opened, a policy leaks; that it hinders as well would not be enough.
                assert!(
                    weaker.starts_with("drop") || red.iter().any(|red| is_leak(red)),
                    "no leak: {weaker}: {red:?}"
                );
                tried += 1;
            }
        }
        setup.administer(&protection).await;
        assert_eq!(setup.red(&application, table, OWN).await, [""; 0], "{table} is as before");
    }
    assert!(tried > 2 * policies.len(), "{tried} changes of {policies:?}");
    println!("{tried} changes of {} policies", policies.len());
}

#[tokio::test]
async fn without_row_level_security_every_table_leaks() {
    let setup = Setup::new("isolation_off").await;
    let application = setup.application().await;
    let login = Login { url: setup.guest.url(), is_owner: false, key: None };
    // Without a privilege, nothing leaks whatever the policies are.
    for table in setup.catalogue.tables.iter().filter(|table| !may(&table.name).is_empty()) {
        let table = &table.name;
        setup.administer(&format!("alter table {table} disable row level security")).await;
        let red = setup.red(&application, table, OWN).await;
        let mut copied = Report::default();
        copied.try_copy(&login, OWN, table).await;
        setup.administer(&format!("alter table {table} enable row level security")).await;
        assert!(red.iter().any(|red| red.contains(": shows ")), "{table}: {red:?}");
        assert!(copied.red.iter().any(|red| red.contains(": shows ")), "{table}: {:?}", copied.red);
    }
}

#[tokio::test]
async fn a_key_without_the_organization_leaks() {
    let setup = Setup::new("isolation_keys").await;
    let application = setup.application().await;
    let keys = texts(
        &setup.owner,
        "select concat_ws('|', conrelid::regclass, conname, attname, confrelid::regclass, pg_get_constraintdef(k.oid))
         from pg_constraint k join pg_attribute on attrelid = conrelid and attnum = any(conkey)
         where contype = 'f' and connamespace = 'public'::regnamespace and cardinality(conkey) > 1
           and attname <> 'organization_id'",
    )
    .await;
    assert!(!keys.is_empty(), "there are keys between tenant tables");
    for key in keys {
        let [table, name, column, parent, definition] = key.split('|').collect::<Vec<_>>()[..] else {
            panic!("{key}")
        };
        let replace =
            |with: &str| format!("alter table {table} drop constraint {name}, add constraint {name} {with}");
        setup.administer(&replace(&format!("foreign key ({column}) references {parent} (id)"))).await;
        let red = setup.red(&application, table, OWN).await;
        setup.administer(&replace(definition)).await;
        assert!(
            red.iter().any(|red| is_leak(red) && red.contains(column)),
            "no cell turns red a plain {name}: {red:?}"
        );
    }
}

#[tokio::test]
async fn what_runs_as_the_owner_leaks() {
    let setup = Setup::new("isolation_definer").await;
    let application = setup.application().await;
    setup.administer(APPEND_ONLY_OFF).await;
    for table in &setup.catalogue.tables {
        let name = &table.name;
        let alter = format!(
            "alter view probe.view_{name} set (security_invoker = false); \
             alter function probe.read_{name}() security definer; \
             alter function probe.write_{name}() security definer"
        );
        setup.administer(&alter).await;
        let red = setup.red(&application, name, OWN).await;
        for object in ["view", "read", "write"] {
            let object = format!("probe.{object}_{name}");
            assert!(red.iter().any(|red| is_leak(red) && red.contains(&object)), "{object}: {red:?}");
        }
    }
}

#[tokio::test]
async fn truncate_knows_no_policies() {
    let setup = Setup::new("isolation_truncate").await;
    let application = setup.application().await;
    setup.administer("grant truncate on all tables in schema public to customer").await;
    setup.administer(APPEND_ONLY_OFF).await;
    for table in &setup.catalogue.tables {
        let red = setup.red(&application, &table.name, OWN).await;
        assert!(red.iter().any(|red| is_leak(red) && red.contains(": truncate ")), "{}: {red:?}", table.name);
    }
}

#[tokio::test]
async fn the_databases_own_views_and_functions_are_probed() {
    const CREATED: &str = "
        create view overview as select * from contacts;
        grant select on overview to customer;
        create function everything() returns setof text language sql stable security definer
            as $$ select t::text from contacts t $$;
        create function one(id uuid, name text) returns text language sql stable security definer
            as $$ select max(slug) from organizations $$;";
    let setup = Setup::with("isolation_own_views", CREATED).await;
    let application = setup.application().await;
    let red = async || {
        let mut report = Report::default();
        report.try_catalogue(&application, &setup.catalogue, OWN).await;
        report.red
    };
    let found = red().await;
    for object in ["overview", "everything()", "one("] {
        assert!(found.iter().any(|red| red.contains(object)), "no cell turns red {object}: {found:?}");
    }
    setup
        .administer(
            "alter view overview set (security_invoker = true); alter function everything() security invoker; \
             alter function one(uuid, text) security invoker",
        )
        .await;
    assert_eq!(red().await, [""; 0]);
}

/// A table that the tests have never heard of is probed all the same.
#[tokio::test]
async fn a_new_table_is_probed_without_a_word_here() {
    const OWN_ROWS: &str = "organization_id = (select current_setting('app.organization_id')::uuid)";
    const KEY: &str = "foreign key (organization_id, contact_id) references contacts (organization_id, id)";
    let novelties = format!(
        "create table novelties (
             id uuid primary key default uuid_generate_v4(),
             organization_id uuid not null default current_organization_id() references organizations (id),
             contact_id uuid not null, constraint fk_novelties_contact {KEY},
             reference text not null unique, phone_number text not null check (phone_number ~ '^[+][0-9]+$'),
             amount numeric not null check (amount > 0), currency language_code not null, note text);
         alter table novelties enable row level security;
         create policy tenant_isolation on novelties to customer using ({OWN_ROWS}) with check ({OWN_ROWS});
         grant select, insert, update on novelties to customer"
    );
    let setup = Setup::with("isolation_new_table", &novelties).await;
    let application = setup.application().await;
    for state in [OWN, OTHER, NONE] {
        assert_eq!(setup.red(&application, "novelties", state).await, [""; 0], "{state:?}");
    }
    let policy = "alter policy tenant_isolation on novelties";
    let silent = "organization_id = current_organization_id()";
    let back = format!(
        "alter table novelties enable row level security, drop constraint fk_novelties_contact, \
         add constraint fk_novelties_contact {KEY}; {policy} using ({OWN_ROWS}) with check ({OWN_ROWS}); \
         revoke truncate on novelties from customer"
    );
    for (wrong, state) in [
        ("alter table novelties disable row level security".to_owned(), OWN),
        (format!("{policy} using (true)"), OWN),
        (format!("{policy} with check (true)"), OWN),
        (format!("{policy} using (organization_id <> {})", B.id("organizations", 1)), OTHER),
        // No row is seen, but there is no error for the unbound tenant.
        (format!("{policy} using ({silent}) with check ({silent})"), NONE),
        (
            "alter table novelties drop constraint fk_novelties_contact, \
             add constraint fk_novelties_contact foreign key (contact_id) references contacts (id)"
                .to_owned(),
            OWN,
        ),
        ("grant truncate on novelties to customer".to_owned(), OWN),
    ] {
        setup.administer(&wrong).await;
        let red = setup.red(&application, "novelties", state).await;
        setup.administer(&back).await;
        assert!(red.iter().any(|red| is_leak(red)), "no cell turns red: {wrong}: {red:?}");
    }
}
