//! TLS, passwords, and the rules of `pg_hba.conf`.

use super::super::Ops;
use super::look;
use rcgen::generate_simple_self_signed;
use scratch::Server;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tests::{SECRET, connect, private_server, run, server, texts};
use tokio::time::sleep;

/// Writes a file of the server, which the server's account owns.
fn server_file(server: &Server, name: &str, text: &str) -> PathBuf {
    let data = server.socket_dir().unwrap().join("data");
    let (path, owner) = (data.join(name), fs::metadata(&data).unwrap());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    if fs::metadata(&path).unwrap().uid() != owner.uid() {
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    path
}

/// The URL at an address that counts as another machine.
fn remote(server: &Server, parameters: &str) -> String {
    server.url("postgres").replace("127.0.0.1", "0.0.0.0").replace("sslmode=disable", parameters)
}

#[tokio::test]
async fn a_connection_to_another_machine_that_is_not_encrypted_or_not_verified_is_reported() {
    let Some(server) = private_server::start(true, "the TLS of the doctor") else { return };
    look(&Ops::on(&server.url("postgres")), "tls", "").passes();
    let plain = Ops::on(&remote(&server, "sslmode=prefer"));
    look(&plain, "tls", "").fails("this connection", "sslmode=verify-full");

    let certified = generate_simple_self_signed(vec!["0.0.0.0".to_owned()]).unwrap();
    let authority = server_file(&server, "server.crt", &certified.cert.pem());
    server_file(&server, "server.key", &certified.signing_key.serialize_pem());
    let db = connect(&server.url("postgres")).await.unwrap();
    run(&db, "alter system set ssl = on").await.unwrap();
    run(&db, "select pg_reload_conf()").await.unwrap();
    let started = Instant::now();
    while texts(&connect(&server.url("postgres")).await.unwrap(), "show ssl").await != ["on"] {
        assert!(started.elapsed() < Duration::from_secs(30), "TLS is not on");
        sleep(Duration::from_millis(20)).await;
    }
    look(&Ops::on(&remote(&server, "sslmode=require")), "tls", "")
        .warns("this connection", "does not verify");
    let verified = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let looked = look(&Ops::on(&remote(&server, &verified)), "tls", "");
    looked.passes();
    assert!(looked.summary.contains("TLSv1."), "{looked:?}");
    run(&db, "alter system set ssl_min_protocol_version = 'TLSv1'").await.unwrap();
    run(&db, "select pg_reload_conf()").await.unwrap();
    let started = Instant::now();
    while texts(&db, "show ssl_min_protocol_version").await != ["TLSv1"] {
        assert!(started.elapsed() < Duration::from_secs(30), "the setting does not change");
        sleep(Duration::from_millis(20)).await;
    }
    look(&Ops::on(&remote(&server, &verified)), "tls", "").warns("ssl_min_protocol_version", "TLSv1.2");
}

#[tokio::test]
async fn a_server_that_other_machines_reach_without_tls_is_reported() {
    let settings = [("listen_addresses", "localhost, *")];
    let Some(server) = private_server::start_with(true, &settings, "addresses") else { return };
    look(&Ops::on(&server.url("postgres")), "tls", "").warns("the server", "ssl is off");
}

#[tokio::test]
async fn a_password_that_is_stored_as_md5_is_reported_by_its_login() {
    let Some(server) = private_server::start(false, "passwords") else { return };
    let db = connect(&server.url("postgres")).await.unwrap();
    let ops = Ops::on(&server.url("postgres"));
    run(&db, &format!("create role modern login password '{SECRET}'")).await.unwrap();
    look(&ops, "password_hashes", "").passes();
    look(&ops, "password_encryption", "").passes();
    run(&db, "alter database postgres set password_encryption = 'md5'").await.unwrap();
    run(&db, "set password_encryption = 'md5'").await.unwrap();
    run(&db, &format!("create role old login password '{SECRET}'")).await.unwrap();
    let looked = look(&ops, "password_hashes", "");
    looked.fails("the login old", "\\password");
    assert_eq!(looked.findings.len(), 1, "{looked:?}");
    look(&ops, "password_encryption", "").fails("password_encryption", "it is md5");
}

#[tokio::test]
async fn a_rule_that_trusts_sends_passwords_or_cannot_be_read_is_reported_by_its_line() {
    let Some(server) = private_server::start(false, "authentication rules") else { return };
    let ops = Ops::on(&server.url("postgres"));
    // The view shows the file, and not the rules in effect.
    for (rule, verdict, text) in [
        ("host all all 127.0.0.1/32 scram-sha-256", "pass", ""),
        ("local all all scram-sha-256", "pass", ""),
        ("hostssl all all 0.0.0.0/0 scram-sha-256", "warn", "it never matches, because ssl is off"),
        ("local all all trust", "warn", "trust"),
        ("host all all 0.0.0.0/0 trust", "fail", "trust"),
        ("host all all 0.0.0.0/0 scram-sha-256", "warn", "without TLS"),
        ("host all all 127.0.0.1/32 md5", "warn", "md5 is deprecated"),
        ("host all all 0.0.0.0/0 password", "fail", "in clear text"),
        (&format!("local all all {SECRET}"), "fail", "cannot read it"),
    ] {
        server_file(&server, "pg_hba.conf", &format!("local all all peer\n{rule}\n"));
        let looked = look(&ops, "authentication_rules", "");
        match verdict {
            "pass" => looked.passes(),
            "warn" => looked.warns("line 2 of pg_hba.conf", text),
            _ => looked.fails("line 2 of pg_hba.conf", text),
        };
    }
}

#[tokio::test]
async fn a_local_server_needs_no_tls() {
    look(&Ops::on(&server().url("postgres")), "tls", "").passes();
}
