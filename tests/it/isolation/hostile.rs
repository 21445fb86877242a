//! Statements that an attacker injects into a customer's bound transaction, in a database with a signing key.

use crate::isolation::catalogue::{A, B};
use crate::isolation::contexts::{Binding, State};
use crate::isolation::plain::{self, Key, Login, TRANSACTION};
use crate::isolation::{OWN, Setup};
use database::{ActorError, Database, Error};
use entity::id::OrganizationId;
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sqlx::{AssertSqlSafe, PgConnection, Row, TypeInfo as _, ValueRef as _};
use tests::factory::{open, settings};
use tests::pgbouncer::Mode;
use tests::{code, run, texts};

const ROLES: [&str; 11] = [
    "reset role",
    "set role none",
    "set local role none",
    "set role postgres",
    "set role pg_read_all_data",
    "set role pg_write_all_data",
    "set session authorization default",
    "set session authorization postgres",
    "reset session authorization",
    "select set_config('role', 'none', true)",
    "select set_config('session_authorization', 'postgres', false)",
];

/// Each is followed by an attempt to read and to write.
const SCOPE: [&str; 36] = [
    "set row_security = off",
    "set local row_security = off",
    "set search_path = pg_temp, public",
    "set search_path = pg_catalog",
    "set session_replication_role = replica",
    "set local session_replication_role = replica",
    "reset all",
    "discard all",
    "discard temp",
    "rollback; begin",
    "commit; begin",
    "commit; begin; set local app.organization_id = '{b}'",
    "savepoint s; set local app.organization_id = '{b}'; set local app.context = ''",
    "savepoint s; select set_config('app.context', '', true); rollback to s; set local app.organization_id = '{b}'",
    "alter table contacts disable row level security",
    "alter table contacts no force row level security",
    "alter policy tenant_isolation on contacts using (true)",
    "drop policy tenant_isolation on contacts",
    "create policy mine on contacts using (true)",
    "alter table contacts owner to current_user",
    "grant select on contacts to public",
    "grant execute on function accepts_unsigned_actors() to customer",
    "create or replace function bound_organization_id() returns uuid language sql return '{b}'::uuid",
    "create function public.mine() returns uuid language sql security definer return '{b}'::uuid",
    "create schema mine",
    "create function pg_temp.bound_organization_id() returns uuid language sql return '{b}'::uuid",
    "create temp table signing_keys (id uuid, inner_key bytea, outer_key bytea, expires_at timestamptz)",
    "create temp view contacts as select * from public.contacts; set search_path = pg_temp, public",
    "create temp table organizations (id uuid, deleted_at timestamptz); set search_path = pg_temp, public",
    "alter function bound_context() security invoker",
    "alter function bound_context() set search_path = pg_temp",
    "alter role current_user set app.organization_id = '{b}'",
    "alter role customer bypassrls",
    "alter role current_user superuser",
    "do $$ begin execute 'set local role none'; end $$",
    "do $$ begin perform set_config('app.context', '', true); perform set_config('app.organization_id', '{b}', true); end $$",
];

/// What reads or writes another organization's rows in ways of its own.
const REACH: [&str; 46] = [
    "select * from contacts where organization_id = '{b}'",
    "select * from contacts where id = '{contact}'",
    "select * from contacts where true or organization_id = '{b}'",
    "select * from organizations where id = '{b}'",
    "select * from users where id = '{user}'",
    "select * from user_organizations where organization_id = '{b}'",
    "table signing_keys",
    "select count(*) from signing_keys having count(*) > 0",
    "select * from only signing_keys",
    "copy signing_keys to stdout",
    "copy contacts to program 'cat'",
    "copy contacts from program 'echo'",
    "select pg_read_file('postmaster.pid')",
    "select pg_read_binary_file('base/1/1259')",
    "select lo_import('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select * from pg_authid",
    "select * from pg_shadow",
    "select * from pg_statistic",
    "select most_common_vals::text from pg_stats where tablename in ('contacts', 'organizations', 'users')",
    "select most_common_vals::text from pg_stats_ext",
    "select query from pg_stat_activity where pid <> pg_backend_pid()",
    "update contacts set email = 'taken' where organization_id = '{b}'",
    "update contacts set organization_id = '{a}' where organization_id = '{b}'",
    "update contacts set organization_id = '{b}'",
    "delete from contacts where organization_id = '{b}'",
    "delete from contacts where id = '{contact}'",
    "insert into contacts (organization_id, campaign_id, phone_number) values ('{b}', '{campaign}', '+15550100001')",
    "insert into contacts (campaign_id, phone_number) values ('{campaign}', '+15550100002')",
    "insert into organizations (name, slug) values ('mine', 'mine')",
    "insert into user_organizations (user_id, organization_id) values ('{user}', '{a}')",
    "insert into users (oidc_sub, email, name, role) values ('mine', 'mine', 'mine', 'admin')",
    "update users set role = 'admin'",
    "update users set name = 'taken' where id = '{user}'",
    "insert into signing_keys (inner_key, outer_key) values (decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'))",
    "merge into contacts c using (values ('{contact}'::uuid)) as v (id) on c.id = v.id when matched then delete",
    "with taken as (delete from contacts where id = '{contact}' returning *) select * from taken",
    "truncate contacts cascade",
    "lock table contacts in access exclusive mode",
    "select * from seaql_migrations",
    "delete from seaql_migrations",
    "prepare p as select * from contacts where organization_id = '{b}'; execute p",
    "declare c cursor with hold for select * from contacts where organization_id = '{b}'; commit; fetch all from c",
    "select * from contacts tablesample system (100) where organization_id = '{b}'",
    "explain (analyze, verbose) select * from contacts where email is not null",
    "select bind_actor('{b}', '{user}', null)",
];

/// What follows an attempt to leave the scope.
const THEN: &str = "select c::text from contacts c; update contacts set email = email returning id::text; \
                    delete from contacts where id = '{contact}'; select o::text from organizations o";

#[tokio::test]
async fn no_hostile_statement_reaches_another_organization_or_leaves_its_scope() {
    let mut setup = Setup::new("hostile").await;
    setup.sign().await;
    let before = theirs(&setup).await;
    let login = Login { url: setup.guest.url(), is_owner: false, key: setup.key.clone() };

    let list = statements(setup.key.as_ref().unwrap(), &login).await;
    assert!(list.len() >= 100, "{}", list.len());
    for sql in &list {
        let mut connection = plain::enter(&login, OWN).await;
        shows_nothing_of_b(&mut connection, sql).await;
        // Whatever it left on the connection, B's next transaction on it sees its own rows, and A's after it its own.
        let _ended = plain::run(&mut connection, "rollback").await;
        shows_nothing_of_b(&mut connection, &format!("begin; {}", fill(THEN))).await;
        let _ended = plain::run(&mut connection, "rollback").await;
    }
    assert_eq!(theirs(&setup).await, before, "B's rows are as before");
    println!("{} statements", list.len());
}

/// B's rows, as the owner sees them.
async fn theirs(setup: &Setup) -> Vec<String> {
    texts(&setup.owner, &format!("select probe.digest('{}')", B.mark())).await
}

async fn statements(key: &Key, login: &Login) -> Vec<String> {
    let then = |sql: &str| fill(&format!("{sql}; {THEN}"));
    let mut list: Vec<String> = ROLES.iter().chain(&SCOPE).map(|sql| then(sql)).collect();
    list.extend(REACH.iter().map(|sql| fill(sql)));
    let (b, user) = (B.actor().organization, B.actor().user);
    for (setting, value) in [
        ("app.organization_id", b.as_uuid().to_string()),
        ("app.user_id", user.as_uuid().to_string()),
        ("app.context", String::new()),
    ] {
        for set in [
            "set {} = '{}'",
            "set local {} = '{}'",
            "select set_config('{}', '{}', true)",
            "select set_config('{}', '{}', false)",
        ] {
            list.push(then(&set.replacen("{}", setting, 1).replacen("{}", &value, 1)));
        }
    }
    for context in contexts(key, login).await {
        list.push(then(&format!("select set_config('app.context', '{context}', true)")));
        list.push(then(&format!("select bind_actor('{}', '{}', '{context}')", b.as_uuid(), user.as_uuid())));
    }
    list
}

/// Contexts of B that are not valid in A's transaction.
async fn contexts(key: &Key, login: &Login) -> Vec<String> {
    const LATER: u64 = 9_999_999_999;
    let (b, user) = (*B.actor().organization.as_uuid(), *B.actor().user.as_uuid());
    // Of a transaction that is open in another session.
    let mut other = plain::enter(login, State { binding: Binding::Actor(B), ..OWN }).await;
    let live: String =
        sqlx::raw_sql("select current_setting('app.context')").fetch_one(&mut other).await.unwrap().get(0);
    let transaction: String = sqlx::raw_sql(TRANSACTION).fetch_one(&mut other).await.unwrap().get(0);
    std::mem::forget(other);
    let another = Key { id: key.id, ..Key::generate() };
    let unknown = Key { id: Uuid::now_v7(), ..key.clone() };
    let mut list = vec![live.clone(), key.context('u', &b, &user, LATER, &transaction)];
    for key in [key, &another, &unknown] {
        for transaction in ["", "1.1", &transaction] {
            list.push(key.context('u', &b, &user, LATER, transaction));
            list.push(key.context('s', &b, &Uuid::nil(), LATER, transaction));
        }
    }
    // Cut, and with other parts.
    list.push(live[..live.len() - 1].to_owned());
    list.push(live.replace(&b.to_string(), &A.actor().organization.as_uuid().to_string()));
    list
}

/// Runs a batch; no row of its results, as far as it gets, shows anything of B's.
async fn shows_nothing_of_b(connection: &mut PgConnection, sql: &str) {
    use futures_util::TryStreamExt;
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch(connection);
    while let Ok(Some(row)) = rows.try_next().await {
        for column in 0..row.len() {
            let value = row.try_get_raw(column).unwrap();
            let text = if value.is_null() || value.type_info().name() == "VOID" {
                ""
            } else {
                value.as_str().unwrap()
            };
            // What the attacker wrote itself comes back from a function that sets it.
            let is_echo = sql.contains("set_config") && sql.contains(text);
            assert!(is_echo || !text.contains(&B.mark()), "{sql}: {text}");
        }
    }
}

fn fill(sql: &str) -> String {
    let (a, b) = (A.actor(), B.actor());
    sql.replace("'{contact}'", &B.id("contacts", 1))
        .replace("'{campaign}'", &B.id("campaigns", 1))
        .replace("{user}", &b.user.as_uuid().to_string())
        .replace("{a}", &a.organization.as_uuid().to_string())
        .replace("{b}", &b.organization.as_uuid().to_string())
}

#[tokio::test]
async fn a_context_is_refused_after_its_expiry_and_in_another_transaction() {
    let mut setup = Setup::new("hostile_replay").await;
    setup.sign().await;
    let key = setup.key.clone().unwrap();
    let login = Login { url: setup.guest.url(), is_owner: false, key: setup.key.clone() };
    let (organization, user) = (*A.actor().organization.as_uuid(), *A.actor().user.as_uuid());
    let bind = |context: &str| format!("select bind_actor('{organization}', '{user}', '{context}')");
    let unbound = State { binding: Binding::Unbound, ..OWN };

    let mut connection = plain::enter(&login, unbound).await;
    let transaction: String = sqlx::raw_sql(TRANSACTION).fetch_one(&mut connection).await.unwrap().get(0);
    let now = transaction.split_once('.').unwrap().1.parse::<u64>().unwrap() / 1_000_000;
    let valid = key.context('u', &organization, &user, now + 60, &transaction);
    plain::run(&mut connection, &bind(&valid)).await.unwrap();
    // Once more in the same transaction changes nothing.
    plain::run(&mut connection, &bind(&valid)).await.unwrap();
    let expired = key.context('u', &organization, &user, now - 1, &transaction);
    let mut other = plain::enter(&login, unbound).await;
    for (connection, context) in [(&mut connection, &expired), (&mut other, &valid)] {
        let error = plain::run(connection, &bind(context)).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "VA006");
    }
    // The next transaction on the same connection.
    plain::run(&mut connection, "rollback; begin").await.unwrap();
    let error = plain::run(&mut connection, &bind(&valid)).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "VA006");
}

/// A pool of one connection, so that each transaction follows the other on it.
async fn pool(setup: &Setup, variables: &[(&str, &str)]) -> Database {
    let (owner, customer) = (setup.guest.admin_url(), setup.guest.url());
    let signed = setup.variables();
    // The first value of a variable is used.
    let mut all = variables.to_vec();
    all.extend([
        ("DATABASE_URL", &*owner),
        ("CUSTOMER_DATABASE_URL", &*customer),
        ("DATABASE_POOL_SIZE", "1"),
        ("DATABASE_MAX_OVERFLOW", "0"),
    ]);
    all.extend(signed.iter().map(|(name, value)| (*name, &**value)));
    open(&settings(&all)).await
}

/// Each is left on the connection, committed, however the transaction ends.
fn left() -> Vec<String> {
    let id = A.id("campaigns", 1);
    // The statements that the driver or the pooler prepared, under their names.
    let each = |then: &str| {
        format!(
            "do $$ declare taken text; begin for taken in select name from pg_prepared_statements loop \
             execute format('deallocate %I', taken); {then} end loop; end $$"
        )
    };
    vec![
        "declare kept cursor with hold for select * from contacts".to_owned(),
        "create temp table contacts as select * from public.contacts".to_owned(),
        "create temp view organizations as select * from public.organizations".to_owned(),
        "set session search_path = pg_temp".to_owned(),
        "set session default_transaction_read_only = on".to_owned(),
        "set session default_transaction_isolation = serializable".to_owned(),
        "set session row_security = off".to_owned(),
        "set session client_encoding = latin1; set session timezone = 'Asia/Tokyo'".to_owned(),
        "set session role none".to_owned(),
        "select pg_advisory_lock(1)".to_owned(),
        "listen everything".to_owned(),
        "prepare kept as select * from contacts".to_owned(),
        "deallocate all".to_owned(),
        each(""),
        each(&format!(
            "execute format('prepare %I as delete from campaigns where id = %L returning id::text', taken, {id});"
        )),
        // The names of the driver.
        format!("deallocate all; prepare sqlx_s_1 as delete from campaigns where id = {id}"),
        (1..9)
            .map(|n| format!("deallocate all; prepare sqlx_s_{n} as select 1"))
            .collect::<Vec<_>>()
            .join(";"),
    ]
}

#[tokio::test]
async fn what_a_transaction_leaves_on_its_connection_is_gone_before_the_next() {
    let mut setup = Setup::new("hostile_left").await;
    setup.sign().await;
    for mode in [None, Some(Mode::Uncached), Some(Mode::Prepared(200))] {
        let pgbouncer = match mode {
            None => None,
            Some(mode) => {
                let Some(pgbouncer) = setup.pgbouncer(1, mode).await else { continue };
                Some(pgbouncer)
            }
        };
        let mut variables = mode.map_or(Vec::new(), |mode| mode.variables().to_vec());
        if let Some(pgbouncer) = &pgbouncer {
            variables.push(("DATABASE_URL", &pgbouncer.urls[0]));
            variables.push(("CUSTOMER_DATABASE_URL", &pgbouncer.urls[1]));
        }
        let database = pool(&setup, &variables).await;
        // The driver and the pooler know its statements.
        meets_nothing(&database).await.unwrap();
        for left in left() {
            for end in ["commit", "rollback", "drop"] {
                let tx = database.customer(A.actor()).await.unwrap();
                // Committed by the statement itself, so that it lasts however the transaction ends.
                let committed = run(&tx, &format!("{left}; commit; begin")).await;
                committed.unwrap_or_else(|error| panic!("{mode:?}, {left}: {error}"));
                match end {
                    "commit" => tx.commit().await.unwrap(),
                    "rollback" => tx.rollback().await.unwrap(),
                    _ => drop(tx),
                }
                // What happens to prepared statements behind a pooler ends the connection, and is an error once.
                let is_ended = mode.is_some() && (left.contains("prepare") || left.contains("deallocate"));
                let mut found = meets_nothing(&database).await;
                let is_once = match &found {
                    Err(Error::Unavailable(_)) => true,
                    // No such statement.
                    Err(Error::Database(fault)) => fault.code == "26000",
                    _ => false,
                };
                if is_ended && is_once {
                    found = meets_nothing(&database).await;
                }
                found.unwrap_or_else(|error| panic!("{mode:?}, {end} after {left}: {error:?}"));
            }
        }
    }
    let is_there = format!("select 'there' from campaigns where id = {}", A.id("campaigns", 1));
    assert_eq!(texts(&setup.owner, &is_there).await, ["there"]);
}

/// B's transaction sees its own rows and nothing that another transaction left.
async fn meets_nothing(database: &Database) -> Result<(), Error> {
    const KEPT: &str = "select concat((select count(*) from pg_cursors where name <> ''), \
        (select count(*) from pg_prepared_statements where from_sql), \
        (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), \
        (select count(*) from pg_class where pg_table_is_visible(oid) and relpersistence = 't' and relkind = 'r'), \
        (select count(*) from pg_listening_channels()), current_setting('client_encoding'), \
        current_setting('timezone'), current_setting('application_name'), ' ', \
        current_setting('transaction_isolation'))";
    let tx = database.customer(B.actor()).await?;
    let texts = async |sql: &str| -> Result<Vec<String>, Error> {
        let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect())
    };
    let found = texts("select c::text from contacts c").await?;
    assert!(found.len() == 2 && found.iter().all(|row| row.contains(&B.mark())), "{found:?}");
    run(&tx, "update campaigns set name = name").await?;
    assert_eq!(texts(KEPT).await?, ["00000UTF8UTCvoicesurvey read committed"]);
    tx.rollback().await
}

#[tokio::test]
async fn a_login_of_customers_reaches_nothing_by_resetting_its_role() {
    let setup = Setup::new("hostile_reset").await;
    // As in production, without a key.
    let database = pool(&setup, &[("APP_ENV", "production")]).await;
    for reset in ROLES {
        let tx = database.customer(A.actor()).await.unwrap();
        if run(&tx, reset).await.is_ok() {
            let found = texts(&tx, "select c::text from contacts c").await;
            assert!(
                found.len() == 2 && found.iter().all(|row| row.contains(&A.mark())),
                "{reset}: {found:?}"
            );
            assert!(run(&tx, "alter table contacts disable row level security").await.is_err(), "{reset}");
        }
    }
}

#[tokio::test]
async fn a_key_is_replaced_while_transactions_go_on() {
    use migration::keys::Change;
    use migration::{AppEnv, Options, Session, Target};
    let mut setup = Setup::new("hostile_rotation").await;
    setup.sign().await;
    let old = setup.key.clone().unwrap();
    // Those that only fill the table.
    run(&setup.owner, &format!("delete from signing_keys where id <> '{}'", old.id)).await.unwrap();
    let before = pool(&setup, &[]).await;
    let session = || {
        let target = Target::resolve(Some(&setup.guest.admin_url()), None, Some(AppEnv::Test)).unwrap();
        Session::new(target, Options::default())
    };
    let new = Key::generate();
    session().change_keys(&Change::Add(new.variable().parse().unwrap())).await.unwrap();
    let after = pool(&setup, &[("CONTEXT_SIGNING_KEY", &new.variable())]).await;
    for database in [&before, &after] {
        database.customer(A.actor()).await.unwrap().commit().await.unwrap();
    }
    session().change_keys(&Change::Retire(old.id)).await.unwrap();
    let refused = before.customer(A.actor()).await.unwrap_err();
    assert_eq!(refused, Error::Actor(ActorError::Signature));
    after.customer(A.actor()).await.unwrap().commit().await.unwrap();
    let last = session().change_keys(&Change::Retire(new.id)).await.unwrap_err();
    assert!(last.to_string().contains("the last valid one"), "{last}");

    // An application without a valid key does not start, and says why.
    let owner = setup.guest.admin_url();
    for (key, reason) in [(String::new(), "CONTEXT_SIGNING_KEY is not set"), (old.variable(), "is not valid")]
    {
        let settings = settings(&[("DATABASE_URL", &owner), ("CONTEXT_SIGNING_KEY", &key)]);
        let refused = Database::connect(&settings).await.unwrap_err().to_string();
        let secret = key.split_once(':').map_or("?", |(_, secret)| secret);
        assert!(refused.contains(reason) && !refused.contains(secret), "{refused}");
    }
    session().change_keys(&Change::Disable).await.unwrap();
    let without = open(&settings(&[("DATABASE_URL", &owner)])).await;
    without.customer(A.actor()).await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn the_owner_sees_every_row_and_needs_no_signature() {
    let mut setup = Setup::new("hostile_owner").await;
    setup.sign().await;
    let database = pool(&setup, &[]).await;
    let tx = database.admin().await.unwrap();
    assert_eq!(texts(&tx, "select count(*)::text from contacts").await, ["4"]);
    // An owner that takes the role is a customer.
    run(&tx, "set local role customer").await.unwrap();
    assert_eq!(code(&tx.execute_unprepared("select * from contacts").await.unwrap_err()), "VA006");
    let unknown = database::SystemActor { organization: OrganizationId::generate() };
    assert_eq!(
        database.customer(unknown).await.unwrap_err(),
        Error::Actor(ActorError::OrganizationNotFound),
        "a signature is no proof that its organization exists"
    );
}
