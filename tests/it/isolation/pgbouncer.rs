//! The matrix once more behind PgBouncer in transaction mode, where the clients share the server's connections.

use crate::isolation::Setup;
use crate::isolation::catalogue::{A, B, Organization};
use database::{CustomerTx, Database};
use scratch::Companion;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::factory::{open, settings};
use tests::{chain, run, texts};
use tokio::time::{Instant, sleep};
use url::Url;

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_where_the_owner_takes_the_role() {
    let setup = Setup::new("pgbouncer_owner").await;
    let Some(pgbouncer) = PgBouncer::start(&setup, 1).await else { return };
    setup.matrix("PgBouncer, the owner takes the role", &pgbouncer.owner, None, true).await;
}

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_to_a_login_of_customers() {
    let setup = Setup::new("pgbouncer_login").await;
    let Some(pgbouncer) = PgBouncer::start(&setup, 1).await else { return };
    let customer = Some(&*pgbouncer.customer);
    setup.matrix("PgBouncer, a login of customers", &pgbouncer.owner, customer, true).await;
}

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_to_a_login_of_customers_whose_actors_are_signed() {
    let mut setup = Setup::new("pgbouncer_signed").await;
    setup.sign().await;
    let Some(pgbouncer) = PgBouncer::start(&setup, 1).await else { return };
    let customer = Some(&*pgbouncer.customer);
    setup.matrix("PgBouncer, signed actors", &pgbouncer.owner, customer, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_pgbouncer_customers_who_share_a_connection_see_their_own_rows() {
    /// Clients of PgBouncer at once.
    const CLIENTS: usize = 4;
    const TRANSACTIONS: usize = 25;
    let setup = Setup::new("pgbouncer_shared").await;
    // Of two connections a client may find on the one what it prepared on the other.
    for connections in [1, 2] {
        let Some(pgbouncer) = PgBouncer::start(&setup, connections).await else { return };
        let clients = CLIENTS.to_string();
        let database = open(&settings(&[
            ("DATABASE_URL", &pgbouncer.owner),
            ("CUSTOMER_DATABASE_URL", &pgbouncer.customer),
            ("DATABASE_POOL_SIZE", &clients),
            ("DATABASE_MAX_OVERFLOW", "0"),
            ("DATABASE_STATEMENT_CACHE", "0"),
        ]))
        .await;
        let tasks: Vec<_> = (0..2 * CLIENTS)
            .map(|task| {
                let database = database.clone();
                let organization = if task % 2 == 0 { A } else { B };
                tokio::spawn(async move {
                    let mut seen = BTreeSet::new();
                    for number in 0..TRANSACTIONS {
                        seen.insert(look(&database, organization, number).await);
                    }
                    seen
                })
            })
            .collect();
        let mut seen = BTreeSet::new();
        for task in tasks {
            seen.extend(task.await.unwrap());
        }
        let open_now = pgbouncer.clients(&setup).await;
        assert!(open_now > connections, "{open_now} clients on {connections} connections");
        assert!(seen.len() <= connections, "more than {connections} connections to the server: {seen:?}");
        database.close().await.unwrap();
    }
}

/// One customer's transaction, ended in one of four ways; the process of the server that served it.
async fn look(database: &Database, organization: Organization, number: usize) -> String {
    let tx = database.customer(organization.actor()).await.unwrap();
    let own = async |tx: &CustomerTx| {
        let rows = texts(tx, "select c::text from contacts c").await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(!rows.concat().contains(&organization.other().mark()), "{rows:?}");
    };
    own(&tx).await;
    let server = texts(&tx, "select pg_backend_pid()::text").await.concat();
    match number % 4 {
        0 => tx.commit().await.unwrap(),
        1 => tx.rollback().await.unwrap(),
        2 => {
            assert!(run(&tx, "select 1 / 0").await.is_err());
            drop(tx);
        }
        _ => {
            run(&tx, "update contacts set email = 'dropped'").await.unwrap();
            own(&tx).await;
            drop(tx);
        }
    }
    server
}

/// A PgBouncer in front of a database.
#[derive(Debug)]
struct PgBouncer {
    /// The database's URL for its owner.
    owner: String,
    /// And for the login of customers.
    customer: String,
    _program: Companion,
}

impl PgBouncer {
    /// Starts one that opens so many connections to the server for each login; `None`, said on standard error, where
    /// it is not installed.
    async fn start(setup: &Setup, connections: usize) -> Option<Self> {
        let Some(program) = installed() else {
            let missing = "NOT TESTED: what holds behind PgBouncer, which is not installed; \
                           Debian: apt-get install pgbouncer";
            assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{missing}");
            eprintln!("{missing}");
            return None;
        };
        let logins = [setup.guest.admin_url(), setup.guest.url()].map(|url| Login::of(&url));
        let server: PgConnectOptions = setup.guest.admin_url().parse().unwrap();
        let host =
            server.get_socket().map_or(server.get_host().to_owned(), |path| path.display().to_string());
        let configuration = format!(
            "[databases]\n* = host={host} port={}\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = .\nauth_type = md5\n\
             auth_file = users\nadmin_users = {}\npool_mode = transaction\ndefault_pool_size = {connections}\n",
            server.get_port(),
            logins[0].name
        );
        let users = logins.iter().fold(String::new(), |mut users, Login { name, password, .. }| {
            writeln!(users, "\"{name}\" \"{}\"", password.replace('"', "\"\"")).unwrap();
            users
        });
        let files = [("pgbouncer.ini", &*configuration), ("users", &*users)];
        let mut program = Companion::start(&program, &["pgbouncer.ini"], &files)
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        let [owner, customer] = logins.map(|login| login.url(program.directory()));
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(error) = connect(&owner).await {
            let is_over = program.has_ended().unwrap() || Instant::now() > deadline;
            assert!(!is_over, "PgBouncer does not answer: {error}\n{}", program.log_tail());
            sleep(Duration::from_millis(20)).await;
        }
        Some(Self { owner, customer, _program: program })
    }

    /// How many clients are connected as the login of customers.
    async fn clients(&self, setup: &Setup) -> usize {
        let mut console = Url::parse(&self.owner).unwrap();
        console.set_path("pgbouncer");
        let mut console = connect(console.as_str()).await.unwrap();
        let rows = sqlx::raw_sql("show clients").fetch_all(&mut console).await.unwrap();
        rows.iter().filter(|row| row.get::<&str, _>("user") == setup.guest.name).count()
    }
}

/// A login of the server, which PgBouncer has to know as well.
struct Login {
    url: Url,
    name: String,
    password: String,
}

impl Login {
    fn of(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        if url.password().is_none() {
            // The server asks for none; PgBouncer does.
            url.set_password(Some("unused")).unwrap();
        }
        let decode = |text: &str| {
            let pair = format!("text={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
        };
        let (name, password) = (decode(url.username()), decode(url.password().unwrap()));
        Self { url, name, password }
    }

    /// The URL by way of a PgBouncer in this directory.
    fn url(mut self, directory: &Path) -> String {
        self.url.set_port(Some(6432)).unwrap();
        self.url.set_query(None);
        self.url
            .query_pairs_mut()
            .append_pair("host", directory.to_str().unwrap())
            .append_pair("sslmode", "disable");
        self.url.into()
    }
}

async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    url.parse::<PgConnectOptions>()?.extra_float_digits(None).disable_statement_logging().connect().await
}

/// The program, which Debian puts where only administrators look.
fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join("pgbouncer")).find(|program| program.is_file())
}
