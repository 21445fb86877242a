//! Three servers with Citus on private sockets: a coordinator and two workers.

use crate::process::{Exited, Running, binary};
use crate::{connect, migrate, private_server, run, server};
use scratch::Server;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use tempfile::TempDir;

/// What each node needs: `logical` to move shards while they are written, and prepared transactions for two-phase commits.
/// A commit is in the log before it is reported.
const SETTINGS: [(&str, &str); 5] = [
    ("shared_preload_libraries", "citus"),
    ("wal_level", "logical"),
    ("max_prepared_transactions", "100"),
    ("citus.shard_count", "8"),
    ("synchronous_commit", "on"),
];

/// The servers of a cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes, the coordinator first.
    pub nodes: Vec<Server>,
    /// Roles and nodes are of the whole cluster, so its databases are set up one after the other.
    lock: tokio::sync::Mutex<()>,
}

/// A cluster for the tests of this process that break none; `None`, and a report, where Citus is not installed. With
/// `CITUS_REQUIRED` that is a failure.
pub fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&[])).as_ref()
}

impl Cluster {
    /// Starts the nodes, each with these settings as well.
    pub fn start(more: &[(&str, &str)]) -> Option<Self> {
        let missing = match server().binaries().and_then(Path::parent).map(|root| root.join("lib/citus.so")) {
            Some(library) if library.exists() => None,
            Some(library) => Some(format!("{} does not exist", library.display())),
            None => Some("the server is that of TEST_DATABASE_URL".to_owned()),
        };
        if let Some(missing) = missing {
            let missing = format!("NOT TESTED: Citus: {missing}");
            assert!(std::env::var_os("CITUS_REQUIRED").is_none(), "{missing}");
            eprintln!("{missing}");
            return None;
        }
        let settings = [&SETTINGS, more].concat();
        let start = |_| private_server::start_with(false, &settings, "Citus");
        Some(Self { nodes: (0..3).map(start).collect::<Option<_>>()?, lock: tokio::sync::Mutex::default() })
    }

    /// An empty database on all nodes, and its URL on the coordinator.
    async fn empty(&self, name: &str) -> String {
        for node in &self.nodes {
            let db = connect(&node.url("postgres")).await.unwrap();
            run(&db, &format!("create database {name}")).await.unwrap();
            // The name by which a node connects to itself, to split a shard.
            let own = node.socket_dir().unwrap().display();
            run(&db, &format!("alter system set citus.local_hostname = '{own}'")).await.unwrap();
            run(&db, "select pg_reload_conf()").await.unwrap();
        }
        self.nodes[0].url(name)
    }

    /// Creates the extension in a database on some nodes.
    async fn extend(nodes: &[Server], name: &str) {
        for node in nodes {
            let db = connect(&node.url(name)).await.unwrap();
            run(&db, "create extension citus").await.unwrap();
        }
    }

    /// A migrated database on all nodes, and its URL on the coordinator.
    pub async fn migrated(&self, name: &str) -> String {
        let url = self.empty(name).await;
        Self::extend(&self.nodes, name).await;
        migrate(&url).await;
        url
    }

    /// The same with the workers in its metadata.
    pub async fn with_workers(&self, name: &str) -> String {
        let _one = self.lock.lock().await;
        let url = self.migrated(name).await;
        self.add_nodes(&url).await;
        url
    }

    /// A database with the workers in its metadata that `restore` fills on the coordinator, with the extension, first.
    pub async fn restored(&self, name: &str, restore: impl FnOnce(&str)) -> String {
        let _one = self.lock.lock().await;
        let url = self.empty(name).await;
        restore(&url);
        Self::extend(&self.nodes[1..], name).await;
        self.add_nodes(&url).await;
        url
    }

    async fn add_nodes(&self, url: &str) {
        let db = connect(url).await.unwrap();
        for (place, node) in self.nodes.iter().enumerate() {
            let add = if place == 0 { "citus_set_coordinator_host" } else { "citus_add_node" };
            let (host, port) = (node.socket_dir().unwrap().display(), node.port());
            run(&db, &format!("select {add}('{host}', {port})")).await.unwrap();
        }
    }

    /// The same, distributed.
    pub async fn distributed(&self, name: &str) -> String {
        let url = self.with_workers(name).await;
        self.distribute(&url).await;
        url
    }

    /// Distributes a database with the workers in its metadata; one at a time, because Citus changes roles, which all
    /// databases of a node have in common.
    pub async fn distribute(&self, url: &str) -> Exited {
        let _one = self.lock.lock().await;
        let distributed = program("ops", url, "distribute");
        distributed.succeeds();
        distributed
    }
}

/// Runs a program of the workspace on a database; `arguments` are separated by spaces.
pub fn program(name: &str, url: &str, arguments: &str) -> Exited {
    let directory = TempDir::new().unwrap();
    let path: PathBuf = directory.path().into();
    let mut command = binary(name, &path);
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).env("DATABASE_URL", url);
    Running::start(&mut command, arguments).wait()
}
