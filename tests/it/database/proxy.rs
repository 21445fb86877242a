//! A network between a test and its server, that can be cut, or fall silent.

use std::future::pending;
use tests::runtime::new_tokio;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use url::Url;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It ends every connection.
    Cut,
    /// It has forgotten the connections that are open: those are silent for ever, new ones are not.
    Forgetful,
    /// It carries.
    Intact,
    /// It takes what the client sends, and holds back the answers.
    Silent,
}

/// A port of this machine that leads to a database's server.
#[derive(Debug)]
pub struct Proxy {
    /// The database's URL by that port.
    pub url: String,
    network: watch::Sender<Network>,
    /// Its own, because the test may run on async-std. `None`: it has ended.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Leads to the server of `url`.
    pub fn to(url: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Url::parse(url).unwrap();
        let mut own = server.clone();
        own.set_host(Some("127.0.0.1")).unwrap();
        own.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        own.set_query(Some("sslmode=disable"));
        let (network, seen) = watch::channel(Network::Intact);
        let runtime = new_tokio(1);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, server.clone(), seen.clone()));
            }
        });
        Self { url: own.into(), network, runtime: Some(runtime) }
    }

    /// From now on, the network does this.
    pub fn is(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A runtime must not be dropped where a task runs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(client: TcpStream, server: Url, network: watch::Receiver<Network>) {
    let socket = server.query_pairs().find(|(name, _)| name == "host");
    let mut cut = network.clone();
    let both = async {
        if let Some((_, directory)) = socket {
            let path = format!("{directory}/.s.PGSQL.{}", server.port().unwrap_or(5432));
            between(client, UnixStream::connect(path).await?, network).await
        } else {
            let address = (server.host_str().unwrap_or_default(), server.port().unwrap_or(5432));
            between(client, TcpStream::connect(address).await?, network).await
        }
    };
    // However the connection ends, no caller needs the result.
    tokio::select! {
        _ = both => {}
        _ = cut.wait_for(|network| *network == Network::Cut) => {}
    }
}

async fn between(
    client: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    mut network: watch::Receiver<Network>,
) -> std::io::Result<()> {
    let is_new = *network.borrow() == Network::Forgetful;
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let answers = async {
        let mut buffer = [0; 4096];
        loop {
            let length = from_server.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let network = network.wait_for(|network| *network != Network::Silent).await;
            if network.is_ok_and(|network| *network == Network::Forgetful) && !is_new {
                pending::<()>().await;
            }
            to_client.write_all(&buffer[..length]).await?;
        }
    };
    tokio::select! {
        sent = copy(&mut from_client, &mut to_server) => sent.map(|_| ()),
        answered = answers => answered,
    }
}
