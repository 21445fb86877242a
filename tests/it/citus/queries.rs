//! Which functions of `database` run on Citus.

use database::Error;
use database::constraint::{UQ_ORGANIZATIONS_SLUG, UQ_USERS_EMAIL};
use tests::cases::{Case, cases};
use tests::cluster::cluster;
use tests::factory::{open, settings};
use tests::world::World;

#[tokio::test]
async fn every_query_runs_on_three_nodes() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_queries").await;
    let database = open(&settings(&[("DATABASE_URL", &url), ("DATABASE_STATEMENT_CACHE", "0")])).await;
    let world = World::new(database).await;
    let (mut failed, mut wrong, mut count) = (Vec::new(), Vec::new(), 0);
    let mut note = |query: &str, scope: &str, result: Result<bool, Error>| {
        count += 1;
        match result {
            Ok(true) => {}
            // Of a name that is taken.
            Err(Error::Constraint(name)) if [UQ_ORGANIZATIONS_SLUG, UQ_USERS_EMAIL].contains(&&*name) => {}
            Ok(false) => wrong.push(format!("{query} {scope} found nothing")),
            Err(error) => {
                eprintln!("{query} {scope}: {}", tests::chain(&error));
                failed.push(format!("{query} {scope}"));
            }
        }
    };
    for Case { query, admin, customer } in cases() {
        if let Some(call) = admin {
            let tx = world.database.admin().await.unwrap();
            note(query, "admin", call(&world, &tx).await);
            tx.rollback().await.unwrap();
        }
        if let Some(call) = customer {
            let tx = world.database.customer(world.actor).await.unwrap();
            note(query, "customer", call(&world, &tx).await);
            tx.rollback().await.unwrap();
        }
    }
    println!("{count} calls");
    assert!(count > 100, "{count} calls");
    assert_eq!((wrong, failed), (Vec::<String>::new(), Vec::<String>::new()));
}
