//! The matrix once more behind PgBouncer in transaction mode, where the clients share the server's connections, without and
//! with prepared statements.

use crate::isolation::Setup;
use crate::isolation::catalogue::{A, B, Organization};
use database::{CustomerTx, Database};
use std::collections::BTreeSet;
use tests::factory::{open, settings};
use tests::pgbouncer::{Mode, PgBouncer};
use tests::{run, texts};

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_where_the_owner_takes_the_role() {
    let setup = Setup::new("pgbouncer_owner").await;
    for mode in Mode::ALL {
        let Some(pgbouncer) = setup.pgbouncer(1, mode).await else { continue };
        let name = format!("PgBouncer, {mode:?}, the owner takes the role");
        setup.matrix(&name, &pgbouncer.urls[0], None, Some(mode)).await;
    }
}

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_to_a_login_of_customers() {
    let setup = Setup::new("pgbouncer_login").await;
    for mode in Mode::ALL {
        let Some(pgbouncer) = setup.pgbouncer(1, mode).await else { continue };
        let name = format!("PgBouncer, {mode:?}, a login of customers");
        setup.matrix(&name, &pgbouncer.urls[0], Some(&pgbouncer.urls[1]), Some(mode)).await;
    }
}

#[tokio::test]
async fn behind_pgbouncer_no_cell_leaks_to_a_login_of_customers_whose_actors_are_signed() {
    let mut setup = Setup::new("pgbouncer_signed").await;
    setup.sign().await;
    for mode in Mode::ALL {
        let Some(pgbouncer) = setup.pgbouncer(1, mode).await else { continue };
        let name = format!("PgBouncer, {mode:?}, signed actors");
        setup.matrix(&name, &pgbouncer.urls[0], Some(&pgbouncer.urls[1]), Some(mode)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_pgbouncer_customers_who_share_a_connection_see_their_own_rows() {
    /// Clients of PgBouncer at once.
    const CLIENTS: usize = 4;
    const TRANSACTIONS: usize = 25;
    let setup = Setup::new("pgbouncer_shared").await;
    // Of two connections a client may find on the one what it prepared on the other.
    for (connections, mode) in [1, 2].into_iter().flat_map(|number| Mode::ALL.map(|mode| (number, mode))) {
        let Some(pgbouncer) = setup.pgbouncer(connections, mode).await else { continue };
        let clients = CLIENTS.to_string();
        let pool = [
            ("DATABASE_URL", &*pgbouncer.urls[0]),
            ("CUSTOMER_DATABASE_URL", &*pgbouncer.urls[1]),
            ("DATABASE_POOL_SIZE", &clients),
            ("DATABASE_MAX_OVERFLOW", "0"),
        ];
        let database = open(&settings(&[&pool[..], &mode.variables()].concat())).await;
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
        let clients = pgbouncer.console("show clients", "user").await;
        let open_now = clients.iter().filter(|user| **user == setup.guest.name).count();
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

impl Setup {
    /// A PgBouncer with so many connections to the server for each login; its URLs are those of the owner and of the login
    /// of customers.
    pub(crate) async fn pgbouncer(&self, connections: usize, mode: Mode) -> Option<PgBouncer> {
        PgBouncer::start(&[self.guest.admin_url(), self.guest.url()], connections, mode).await
    }
}
