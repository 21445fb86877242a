//! The leak matrix: every table × everything that a customer may try × every state of its connection, and never a
//! row of another organization seen or changed.
//!
//! The probes come from the catalogue, so that a new table, key, view, function or policy is probed without a word
//! here. They run on the crate `database`'s own pools, each of one connection: on a larger pool a leak passes unseen.

pub(crate) mod catalogue;
pub(crate) mod contexts;
mod hostile;
pub(crate) mod matrix;
mod mutations;
mod pgbouncer;
mod plain;
mod probes;
mod rules;

use crate::schema::shape::may;
use catalogue::{A, B, Catalogue};
use contexts::{Application, Before, Binding, CONTEXTS, Context, State, states};
use matrix::Report;
use migration::keys::Change;
use migration::{AppEnv, Options, Session, Target};
use plain::{Key, Login};
use probes::{ACTIONS, Action};
use sea_orm::DatabaseConnection;
use tests::login_role::LoginRole;
use tests::pgbouncer::Mode;
use tests::{connect, migrated, run, texts};

/// Organization A on an unused connection.
const OWN: State = State { context: Context::Own, before: Before::Nothing, binding: Binding::Actor(A) };

#[tokio::test]
async fn no_cell_leaks_where_the_owner_takes_the_role() {
    let setup = Setup::new("isolation_owner").await;
    setup.matrix("the owner takes the role", &setup.guest.admin_url(), None, None).await;
}

#[tokio::test]
async fn no_cell_leaks_to_a_login_of_customers_whose_actors_are_signed() {
    let mut setup = Setup::new("isolation_signed").await;
    setup.sign().await;
    let (owner, customer) = (setup.guest.admin_url(), setup.guest.url());
    setup.matrix("signed actors", &owner, Some(&customer), None).await;
}

#[tokio::test]
async fn no_cell_leaks_to_a_login_of_customers() {
    let setup = Setup::new("isolation_login").await;
    let (owner, customer) = (setup.guest.admin_url(), setup.guest.url());
    setup.matrix("a login of customers", &owner, Some(&customer), None).await;
}

/// Enables or disables the triggers that write audit entries.
pub(crate) fn audit(switch: &str) -> String {
    format!(
        "do $$ declare audited regclass; begin \
         for audited in select tgrelid from pg_trigger where tgname = 'audit' loop \
         execute format('alter table %s {switch} trigger audit', audited); end loop; end $$"
    )
}

/// A database with two organizations, and a login that is a member of the role `customer`.
#[derive(Debug)]
struct Setup {
    guest: LoginRole,
    owner: DatabaseConnection,
    catalogue: Catalogue,
    key: Option<Key>,
}

impl Setup {
    async fn new(name: &str) -> Self {
        Self::with(name, "select 1").await
    }

    /// A database that has been changed before the catalogue is read.
    async fn with(name: &str, change: &str) -> Self {
        let guest = LoginRole::new(migrated(name).await, "in role customer").await;
        let owner = connect(&guest.admin_url()).await.unwrap();
        run(&owner, change).await.unwrap();
        // The audit entries of the samples would be further rows of their organizations.
        run(&owner, &audit("disable")).await.unwrap();
        let catalogue = Catalogue::prepare(&owner).await;
        run(&owner, &audit("enable")).await.unwrap();
        Self { guest, owner, catalogue, key: None }
    }

    /// Adds a signing key, so that unsigned actors are refused.
    async fn sign(&mut self) {
        let key = Key::generate();
        let target = Target::resolve(Some(&self.guest.admin_url()), None, AppEnv::Test).unwrap();
        let change = Change::Add(key.variable().parse().unwrap());
        Session::new(target, Options::default()).change_keys(&change).await.unwrap();
        self.key = Some(key);
    }

    /// The variables of an application on this database.
    fn variables(&self) -> Vec<(&'static str, String)> {
        self.key.iter().map(|key| ("CONTEXT_SIGNING_KEY", key.variable())).collect()
    }

    /// Fills every cell of the matrix over these URLs, which lead to a PgBouncer of this mode, if any.
    async fn matrix(&self, name: &str, owner: &str, customer: Option<&str>, pgbouncer: Option<Mode>) {
        let signed = self.variables();
        let mut more = match pgbouncer {
            Some(mode) => mode.variables().to_vec(),
            // So many that one tenant's plans serve the next one.
            None => vec![("DATABASE_STATEMENT_CACHE", "5000")],
        };
        more.extend(signed.iter().map(|(name, value)| (*name, &**value)));
        let application = Application::start(owner, customer, &more).await;
        let (is_owner, key) = (customer.is_none(), self.key.clone());
        let login = Login { url: customer.unwrap_or(owner).to_owned(), is_owner, key };
        let before = self.digest().await;
        let mut report = Report { signed: self.key.is_some(), ..Report::default() };
        for context in CONTEXTS {
            let states: Vec<State> = states().into_iter().filter(|state| state.context == context).collect();
            // Where there are many ways into a context, each table takes its share of them; all of them only as in
            // production.
            let share = match context {
                _ if pgbouncer.is_some() || customer.is_none() => states.len(),
                Context::Cancelled => 4,
                _ => 1,
            };
            for (number, state) in states.into_iter().enumerate() {
                let tables = self.catalogue.tables.iter().enumerate();
                for (_, table) in tables.filter(|(place, _)| (place + number) % share == 0) {
                    report.try_table(&application, &self.catalogue, state, &table.name).await;
                    report.try_copy(&login, state, &table.name).await;
                }
                report.try_catalogue(&application, &self.catalogue, state).await;
            }
        }
        assert_eq!(report.red, [""; 0], "{name}");
        assert!(self.digest().await == before, "{name}: an attempt is still there afterwards");
        for table in &self.catalogue.tables {
            // They have no key, and no table refers to them.
            let alone = |name: &str| name == "audit_log_entries" || may(name).is_empty();
            let tried = |action: &Action| *action != Action::Reference || !alone(&table.name);
            for action in ACTIONS.into_iter().filter(tried) {
                for context in CONTEXTS {
                    let cell = (table.name.clone(), action, context);
                    assert!(report.cells.contains(&cell), "{cell:?} was not tried");
                }
            }
        }
        println!("{name}: {} cells, {} statements", report.cells.len(), report.statements);
    }

    /// All rows of both organizations, as the owner sees them.
    async fn digest(&self) -> Vec<String> {
        texts(&self.owner, &format!("select probe.digest('{}|{}')", A.mark(), B.mark())).await
    }
}
