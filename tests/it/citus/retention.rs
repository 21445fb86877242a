//! Retention on three nodes.

use crate::ops::Ops;
use crate::ops::retention::{counts, difference, history, insert, recorded, removed};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::cluster::cluster;
use tests::connect;

#[tokio::test]
async fn retention_removes_the_same_rows_as_on_one_server_and_records_them() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.with_workers("citus_retention").await;
    let db = connect(&url).await.unwrap();
    insert(&db, 10).await;
    cluster.distribute(&url).await;
    let ops =
        Ops::on(&url).with("RETENTION_HOOK_COMMAND", "cat >> hooked").with("DATABASE_STATEMENT_CACHE", "0");

    let planned = ops.run("retention run --dry-run --load 100 --format json");
    planned.succeeds();
    let mut by_kind = BTreeMap::new();
    for row in serde_json::from_str::<Vec<Value>>(&planned.stdout).unwrap() {
        *by_kind.entry(row["kind"].as_str().unwrap().to_owned()).or_default() +=
            row["rows"].as_i64().unwrap();
    }
    assert_eq!(by_kind, removed());

    let before = counts(&db).await;
    // One batch of each kind, organization and shard.
    ops.run("retention run --batch 7 --load 100").succeeds();
    assert_eq!(difference(&before, &counts(&db).await), recorded(&ops));
    ops.run("retention run --until-done --batch 7 --load 100").succeeds();
    assert_eq!(difference(&before, &counts(&db).await), removed());
    assert_eq!(recorded(&ops), removed());
    let runs = history(&ops);
    assert_eq!((runs.len(), &runs[0]["outcome"]), (2, &json!("completed")), "{runs:?}");
    let again = ops.run("retention run --until-done");
    assert!(again.stdout.starts_with("Removed nothing in "), "{again}");
}
