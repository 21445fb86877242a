//! TLS: every program verifies the server by the parameters of its URL, and names the certificate that is at fault.

use database::Database as Pools;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use scratch::{Database, Server};
use sea_orm::ConnectionTrait;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tests::factory::settings;
use tests::process::{Exited, Migrator, Running, binary};
use tests::{SECRET, chain, connect, migrate, private_server, run, texts};
use url::Url;

/// The login that only TLS admits, the one that needs a client certificate as well, and the owner of that certificate.
const LOGINS: [&str; 2] = ["over_tls", "by_certificate"];

/// The programs that connect, with the code of a failed connection.
const PROGRAMS: [(&str, &str, i32); 3] =
    [("migration", "status", 1), ("seeder", "--dry-run", 1), ("gate", "--database", 2)];

/// A certificate authority.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = named(name, &[]);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// The certificate and the key in PEM form.
    fn issue(&self, parameters: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut parameters = CertificateParams::new(hosts).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// A server with TLS whose certificate is valid for `localhost` alone, and the files of its clients.
struct Scene {
    server: Server,
    database: Database,
    directory: TempDir,
    authority: Authority,
}

impl Scene {
    async fn new(test: &str) -> Option<Self> {
        let server = private_server::start(true, test)?;
        let database = server.create_database("tls").unwrap();
        migrate(&database.url()).await;
        let authority = Authority::new("the authority of the server");
        let stranger = Authority::new("another authority");
        let scene = Self { server, database, directory: TempDir::new().unwrap(), authority };
        scene.file("ca.pem", &scene.authority.certificate.pem());
        scene.file("other-ca.pem", &stranger.certificate.pem());
        for (name, authority) in [("client", &scene.authority), ("strange", &stranger)] {
            let (certificate, key) = authority.issue(&named("by_certificate", &[]));
            scene.file(&format!("{name}.pem"), &certificate);
            scene.file(&format!("{name}.key"), &key);
        }
        let (certificate, key) = scene.authority.issue(&named("somebody else", &[]));
        scene.file("else.pem", &certificate);
        scene.file("else.key", &key);

        scene.present(&named("the server", &["localhost"])).await;
        let hba = "local all all trust\n\
                   hostssl all by_certificate all cert\n\
                   hostssl all over_tls all scram-sha-256\n\
                   host all postgres all scram-sha-256\n";
        scene.server_file("data/pg_hba.conf", hba);
        let db = connect(&scene.database.url()).await.unwrap();
        for login in LOGINS {
            run(&db, &format!("create role {login} superuser login password '{SECRET}'")).await.unwrap();
        }
        run(&db, "alter system set ssl = on").await.unwrap();
        let authority = scene.server_file("data/root.crt", &scene.authority.certificate.pem());
        run(&db, &format!("alter system set ssl_ca_file = '{}'", authority.display())).await.unwrap();
        scene.reload(&db).await;
        Some(scene)
    }

    /// Gives the server a certificate with these parameters.
    async fn present(&self, parameters: &CertificateParams) {
        let (certificate, key) = self.authority.issue(parameters);
        self.server_file("data/server.crt", &certificate);
        self.server_file("data/server.key", &key);
        let db = connect(&self.database.url()).await.unwrap();
        self.reload(&db).await;
    }

    /// New connections have the new configuration once the postmaster has read it.
    async fn reload(&self, db: &impl ConnectionTrait) {
        let loaded = "select pg_conf_load_time()::text";
        let before = texts(db, loaded).await;
        run(db, "select pg_reload_conf()").await.unwrap();
        loop {
            let db = connect(&self.database.url()).await.unwrap();
            if texts(&db, loaded).await != before {
                break;
            }
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A file that the account of the server owns.
    fn server_file(&self, name: &str, text: &str) -> PathBuf {
        let directory = self.server.socket_dir().unwrap();
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let owner = fs::metadata(directory.join("data")).unwrap();
        if fs::metadata(&path).unwrap().uid() != owner.uid() {
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        path
    }

    /// The URL of a login at a host; a `@` in a parameter stands for the directory of the clients' files.
    fn url(&self, login: &str, host: &str, parameters: &str) -> String {
        let mut url = Url::parse(&self.database.url()).unwrap();
        url.set_username(login).unwrap();
        url.set_password(Some(SECRET)).unwrap();
        url.set_host(Some(host)).unwrap();
        url.set_query(Some(&parameters.replace('@', &format!("{}/", self.directory.path().display()))));
        url.into()
    }

    fn run(&self, (program, argument, _): (&str, &str, i32), url: &str) -> Exited {
        let mut command = binary(program, self.directory.path());
        command.arg(argument).stdin(Stdio::null());
        if program == "gate" {
            command.arg(url)
        } else {
            command.env("DATABASE_URL", url)
        };
        Running::start(&mut command, program).wait()
    }

    /// Every program and the library connect with this URL.
    async fn connects(&self, url: &str) {
        for program in PROGRAMS {
            self.run(program, url).succeeds();
        }
        let pools = pools(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let tx = pools.admin().await.unwrap();
        let sql = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(texts(&tx, sql).await, ["true"], "{url}");
    }

    /// Every program and the library name this cause and this remedy, and no secret.
    async fn is_refused(&self, url: &str, words: &[&str]) {
        for program in PROGRAMS {
            let exited = self.run(program, url);
            if program.2 == 2 {
                exited.is_misused(words)
            } else {
                exited.fails(words)
            };
            assert!(!exited.stderr.contains("PRIVATE KEY"), "{exited}");
        }
        let error = chain(&pools(url).await.unwrap_err());
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
        assert!(!error.contains(SECRET) && !error.contains("PRIVATE KEY"), "{error}");
    }
}

async fn pools(url: &str) -> Result<Pools, database::Error> {
    Pools::connect(&settings(&[("DATABASE_URL", url), ("DATABASE_POOL_SIZE", "1")])).await
}

#[tokio::test]
async fn the_authority_and_the_name_of_the_server_are_verified() {
    let Some(scene) = Scene::new("the certificate of the server").await else { return };
    let at = |host: &str, parameters: &str| scene.url("over_tls", host, parameters);
    let full = "sslmode=verify-full&sslrootcert=@ca.pem";
    scene.connects(&at("localhost", full)).await;
    // Not the name, which is why it is not enough.
    scene.connects(&at("127.0.0.1", "sslmode=verify-ca&sslrootcert=@ca.pem")).await;
    scene.connects(&at("127.0.0.1", "sslmode=require")).await;

    let unknown = ["invalid peer certificate: UnknownIssuer", "set sslrootcert"];
    scene.is_refused(&at("localhost", "sslmode=verify-full&sslrootcert=@other-ca.pem"), &unknown).await;
    scene.is_refused(&at("localhost", "sslmode=verify-ca&sslrootcert=@other-ca.pem"), &unknown).await;
    scene.is_refused(&at("localhost", "sslmode=verify-full"), &unknown).await;
    let name =
        ["certificate not valid for name \"127.0.0.1\"", "connect by a host name that is in the certificate"];
    scene.is_refused(&at("127.0.0.1", full), &name).await;
    let plain = ["no encryption", "set sslmode to verify-full"];
    scene.is_refused(&at("localhost", "sslmode=disable"), &plain).await;

    let mut expired = named("the server", &["localhost"]);
    expired.not_after = date_time_ymd(2020, 1, 1);
    scene.present(&expired).await;
    scene.is_refused(&at("localhost", full), &["certificate expired", "renew the certificate"]).await;
}

#[tokio::test]
async fn a_client_certificate_is_presented_and_a_missing_or_wrong_one_is_named() {
    let Some(scene) = Scene::new("client certificates").await else { return };
    let with = |parameters: &str| {
        let full = "sslmode=verify-full&sslrootcert=@ca.pem";
        scene.url("by_certificate", "localhost", &format!("{full}{parameters}"))
    };
    scene.connects(&with("&sslcert=@client.pem&sslkey=@client.key")).await;
    let remedy = "set sslcert and sslkey in the URL to a certificate that the server accepts";
    scene.is_refused(&with(""), &["connection requires a valid client certificate", remedy]).await;
    scene.is_refused(&with("&sslcert=@strange.pem&sslkey=@strange.key"), &["UnknownCA", remedy]).await;
    scene
        .is_refused(
            &with("&sslcert=@else.pem&sslkey=@else.key"),
            &["certificate authentication failed", remedy],
        )
        .await;
    let mixed = ["sslcert and sslkey in the URL do not belong together"];
    scene.is_refused(&with("&sslcert=@client.pem&sslkey=@else.key"), &mixed).await;
}

#[tokio::test]
async fn a_certificate_file_that_cannot_be_used_is_named_before_the_connection() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = Authority::new("any").issue(&named("any", &[]));
    let (certificate, text) = (file("c.pem", &certificate), file("text.pem", SECRET));
    let encrypted = file("key.pem", &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    for (parameters, words) in [
        (
            "sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(),
            "sslrootcert, /nowhere/ca.pem, cannot be read",
        ),
        (format!("sslmode=verify-full&sslrootcert={text}"), "text.pem, has no certificate"),
        (format!("sslmode=require&sslrootcert={certificate}"), "sslrootcert is not used with this sslmode"),
        (format!("sslmode=require&sslcert={certificate}"), "sslcert and sslkey are used together"),
        (format!("sslmode=require&sslcert={certificate}&sslkey={encrypted}"), "encrypted key"),
    ] {
        // Nothing listens there: the file is reported, not the port.
        let url = format!("postgres://u:{SECRET}@127.0.0.1:1/x?{parameters}");
        let run = |program: &str, argument: &str, last: &str| {
            let mut command = binary(program, directory.path());
            command.arg(argument).args(Some(last).filter(|last| !last.is_empty())).env("DATABASE_URL", &url);
            Running::start(command.stdin(Stdio::null()), program).wait()
        };
        let words = ["has TLS parameters that cannot be used", words];
        run("migration", "status", "").fails(&words);
        run("seeder", "--dry-run", "").fails(&words);
        run("gate", "--database", &url).is_misused(&words);
        let error = pools(&url).await.unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)) && !error.contains(SECRET), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_named() {
    let Some(server) = private_server::start(true, "a server without TLS") else { return };
    let url = server.url("postgres").replace("sslmode=disable", "sslmode=verify-full");
    Migrator::on(&url).run("status").fails(&["server does not support TLS", "ssl = on"]);
    let error = chain(&pools(&url).await.unwrap_err());
    assert!(error.contains("server does not support TLS; enable TLS on the server"), "{error}");
}

#[tokio::test]
async fn production_warns_of_a_remote_server_that_is_not_verified() {
    let Some(scene) = Scene::new("the warning of production").await else { return };
    let remote = |parameters: &str| scene.url("over_tls", "0.0.0.0", parameters);
    let status = |url: &str, app_env: &str| {
        Migrator::on(url).with("APP_ENV", app_env).run("status").succeeds().stderr.clone()
    };
    for parameters in ["sslmode=prefer", "sslmode=require", "sslmode=verify-ca&sslrootcert=@ca.pem"] {
        let stderr = status(&remote(parameters), "production");
        assert!(stderr.starts_with("warning: the PostgreSQL database \""), "{stderr}");
        assert!(stderr.contains("without sslmode=verify-full") && stderr.lines().count() == 1, "{stderr}");
        assert_eq!(status(&remote(parameters), "staging"), "");
    }
    scene.present(&named("the server", &["0.0.0.0"])).await;
    assert_eq!(status(&remote("sslmode=verify-full&sslrootcert=@ca.pem"), "production"), "");
    let local = scene.url("over_tls", "127.0.0.1", "sslmode=require");
    assert_eq!(status(&local, "production"), "");
}

/// The text of the events of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_application_in_production_logs_each_pool_whose_server_is_not_verified() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Nothing listens there, and the first pool fails.
    let url = format!("postgres://u:{SECRET}@0.0.0.0:1/x?sslmode=require");
    for app_env in ["production", "staging"] {
        let variables = [("APP_ENV", app_env), ("DATABASE_URL", &url), ("CUSTOMER_DATABASE_URL", &url)];
        Pools::connect(&settings(&variables)).await.unwrap_err();
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let warning =
        "the PostgreSQL database \"x\" as \"u\" at 0.0.0.0:1 is reached without sslmode=verify-full";
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    assert!(text.contains("WARN") && text.contains("pool=\"admin\"") && !text.contains(SECRET), "{text}");
}
