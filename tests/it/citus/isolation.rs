//! Tenants on Citus: keys, and the leak matrix on three nodes.

use crate::isolation::audit;
use crate::isolation::catalogue::{A, B, Catalogue};
use crate::isolation::contexts::{Application, CONTEXTS, Context, State, states};
use crate::isolation::matrix::Report;
use sea_orm::{DatabaseConnection, TransactionTrait};
use std::collections::BTreeSet;
use tests::cluster::cluster;
use tests::{code, connect, run, texts};

/// The owner's connection to a distributed database with two organizations, and what is in it.
async fn two_organizations(url: &str) -> (DatabaseConnection, Catalogue) {
    let owner = connect(url).await.unwrap();
    run(&owner, "set citus.multi_shard_modify_mode = sequential").await.unwrap();
    run(&owner, &audit("disable")).await.unwrap();
    let catalogue = Catalogue::prepare(&owner).await;
    run(&owner, &audit("enable")).await.unwrap();
    (owner, catalogue)
}

#[tokio::test]
async fn no_cell_leaks_on_three_nodes() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_matrix").await;
    let (owner, catalogue) = two_organizations(&url).await;
    let digest = async || {
        let mut rows = Vec::new();
        for table in &catalogue.tables {
            rows.extend(texts(&owner, &format!("select t::text from {} t order by id", table.name)).await);
        }
        rows
    };
    let before = digest().await;
    let application = Application::start(&url, None, &[("DATABASE_STATEMENT_CACHE", "0")]).await;
    let mut report = Report::default();
    for context in CONTEXTS {
        let states: Vec<State> = states().into_iter().filter(|state| state.context == context).collect();
        // Each table takes its share of the ways into a context.
        let share = states.len();
        for (number, state) in states.into_iter().enumerate() {
            for (place, table) in catalogue.tables.iter().enumerate() {
                if (place + number) % share == 0 {
                    report.try_apart(&application, &catalogue, state, &table.name).await;
                }
            }
        }
    }
    assert_eq!(report.red, [""; 0]);
    assert_eq!(digest().await, before, "an attempt is still there afterwards");
    let tried: BTreeSet<Context> = report.cells.iter().map(|(_, _, context)| *context).collect();
    assert_eq!(tried, BTreeSet::from(CONTEXTS));
    println!(
        "{} cells, {} statements, {} not supported",
        report.cells.len(),
        report.statements,
        report.not_run
    );
    assert!(report.not_run < report.statements / 4, "{} of {}", report.not_run, report.statements);
}

#[tokio::test]
async fn a_customer_that_names_the_shards_of_a_node_sees_its_own_rows_only() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_shards").await;
    let (owner, _) = two_organizations(&url).await;
    let shards =
        texts(&owner, "select shard_name::text from citus_shards where table_name = 'contacts'::regclass")
            .await;
    let (mut all, mut visible) = (String::new(), String::new());
    for node in &cluster.nodes[1..] {
        let worker = connect(&node.url("citus_shards")).await.unwrap();
        for shard in &shards {
            let tx = worker.begin().await.unwrap();
            let there = format!("select 'x' where to_regclass('{shard}') is not null");
            if !texts(&tx, &there).await.is_empty() {
                let rows = format!("select t::text from {shard} t");
                all += &texts(&tx, &rows).await.concat();
                let organization = A.id("organizations", 1);
                run(&tx, &format!("set local app.organization_id = {organization}; set local role customer"))
                    .await
                    .unwrap();
                visible += &texts(&tx, &rows).await.concat();
            }
            tx.rollback().await.unwrap();
        }
    }
    for rows in [&all, &visible] {
        assert!(rows.contains(&A.mark()), "{rows}");
    }
    assert!(all.contains(&B.mark()) && !visible.contains(&B.mark()), "{all} {visible}");
}

#[tokio::test]
async fn a_parent_of_another_organization_is_refused_by_the_key() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_parents").await;
    let (owner, catalogue) = two_organizations(&url).await;
    for (table, column, parent) in catalogue.keys().filter(|(table, _, _)| table.has_organization()) {
        if ["organizations", "users"].contains(&parent) {
            continue;
        }
        let sql = format!(
            "update {} set {} = {} where id = {}",
            table.name,
            column.name,
            B.id(parent, 1),
            A.id(&table.name, 1)
        );
        let refused = run(&owner, &sql).await.expect_err(&sql);
        assert_eq!(code(&refused), "23503", "{sql}");
    }
}
