//! Keys on Citus.

use super::cluster::cluster;
use crate::isolation::audit;
use crate::isolation::catalogue::{A, B, Catalogue};
use tests::{code, connect, run};

#[tokio::test]
async fn a_parent_of_another_organization_is_refused_by_the_key() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.distributed("citus_parents").await;
    let owner = connect(&url).await.unwrap();
    run(&owner, "set citus.multi_shard_modify_mode = sequential").await.unwrap();
    run(&owner, &audit("disable")).await.unwrap();
    let catalogue = Catalogue::prepare(&owner).await;
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
