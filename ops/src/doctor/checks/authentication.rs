//! How clients reach the server and prove who they are: TLS, passwords, rules.

use crate::Target;
use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use environment::Place;
use sqlx::postgres::PgSslMode;

pub const TLS: Check = Check {
    id: "tls",
    engines: Engines::Postgres,
    requires: "A connection to another machine is encrypted and verified, and a server that others reach offers TLS.",
    reads: "`pg_stat_ssl`, `ssl`, `ssl_min_protocol_version`, `listen_addresses`, `sslmode` of the URL",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "set sslmode=verify-full in the URL, see docs/operating.md#tls",
    source: "https://www.postgresql.org/docs/current/ssl-tcp.html",
    look: |subject| Box::pin(tls(subject)),
};

async fn tls(subject: &mut Subject) -> Looked {
    let (encrypted, protocol, offered, oldest, addresses): (bool, Option<String>, bool, String, String) =
        subject
            .row(
                "select coalesce(s.ssl, false), s.version, current_setting('ssl')::bool, \
                    current_setting('ssl_min_protocol_version'), current_setting('listen_addresses') \
                 from (select) as one left join pg_stat_ssl s on s.pid = pg_backend_pid()",
            )
            .await?;
    let is_remote = subject.target.place() == Place::Remote;
    let verified = match &subject.target {
        Target::Postgres(options) => matches!(options.get_ssl_mode(), PgSslMode::VerifyFull),
        Target::Sqlite(_) => true,
    };
    let mut findings = Vec::new();
    if is_remote && !encrypted {
        findings.push(Finding::fail("this connection", "it reaches another machine without encryption"));
    } else if is_remote && !verified {
        let problem = "it is encrypted, but the URL does not verify the server";
        findings.push(Finding::warn("this connection", problem));
    }
    let is_local = |address: &str| matches!(address, "" | "localhost" | "127.0.0.1" | "::1");
    if !offered && !addresses.split(',').all(|address| is_local(address.trim())) {
        let problem = "it listens on addresses that other machines reach, and ssl is off";
        findings.push(
            Finding::warn("the server", problem)
                .fixed_by("set ssl = on with a certificate, and admit other machines by hostssl rules only"),
        );
    }
    if offered && matches!(oldest.as_str(), "" | "TLSv1" | "TLSv1.1") {
        findings.push(
            Finding::warn("ssl_min_protocol_version", "it admits protocols before TLS 1.2")
                .fixed_by("alter system set ssl_min_protocol_version = 'TLSv1.2', and reload"),
        );
    }
    let summary = match (protocol, subject.target.place()) {
        (Some(protocol), _) => format!("this connection uses {protocol}"),
        (None, Place::Socket) => "this connection is a Unix socket".to_owned(),
        (None, _) => "this connection is not encrypted".to_owned(),
    };
    Ok(Found { summary, findings })
}

pub const PASSWORD_ENCRYPTION: Check = Check {
    id: "password_encryption",
    engines: Engines::Postgres,
    requires: "New passwords are stored for scram-sha-256.",
    reads: "`password_encryption`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "alter system set password_encryption = 'scram-sha-256', reload, and set the passwords again",
    source: "https://www.postgresql.org/docs/current/auth-password.html",
    look: |subject| Box::pin(password_encryption(subject)),
};

async fn password_encryption(subject: &mut Subject) -> Looked {
    let (method,): (String,) = subject.row("select current_setting('password_encryption')").await?;
    let findings = if method == "scram-sha-256" {
        Vec::new()
    } else {
        vec![Finding::fail("password_encryption", format!("it is {method}, which is deprecated"))]
    };
    Ok(Found { summary: method, findings })
}

pub const PASSWORD_HASHES: Check = Check {
    id: "password_hashes",
    engines: Engines::Postgres,
    requires: "No login has a password that is stored as MD5.",
    reads: "`pg_authid`: the kind of each password, never the password",
    grant: "run this check as a superuser",
    thresholds: &[],
    fix: "set its password again: \\password LOGIN in psql",
    source: "https://www.postgresql.org/docs/current/auth-password.html",
    look: |subject| Box::pin(password_hashes(subject)),
};

async fn password_hashes(subject: &mut Subject) -> Looked {
    let logins: Vec<(String,)> = subject
        .rows("select rolname::text from pg_authid where rolcanlogin and rolpassword like 'md5%' order by 1")
        .await?;
    let findings = logins
        .into_iter()
        .map(|(login,)| Finding::fail(format!("the login {login}"), "its password is stored as MD5"))
        .collect();
    Ok(Found::counted(findings, "no password is stored as MD5", "stored as MD5"))
}

pub const AUTHENTICATION_RULES: Check = Check {
    id: "authentication_rules",
    engines: Engines::Postgres,
    requires: "The rules of pg_hba.conf require scram-sha-256, a certificate or the operating system's account, and TLS \
               for other machines.",
    reads: "`pg_hba_file_rules`",
    grant: "grant select on pg_hba_file_rules to this login, and grant execute on function pg_hba_file_rules() to it",
    thresholds: &[],
    fix: "correct the line of pg_hba.conf, and run: select pg_reload_conf()",
    source: "https://www.postgresql.org/docs/current/auth-pg-hba-conf.html",
    look: |subject| Box::pin(authentication_rules(subject)),
};

async fn authentication_rules(subject: &mut Subject) -> Looked {
    // The text of an error may quote the line.
    let rules: Vec<(i64, String, String, String, bool, bool)> = subject
        .rows(
            "select line_number::bigint, coalesce(type, ''), coalesce(auth_method, ''), coalesce(address, ''), \
                    auth_method is null, error is not null \
             from pg_hba_file_rules order by 1",
        )
        .await?;
    let count = rules.len();
    let findings = rules
        .into_iter()
        .filter_map(|(line, kind, method, address, is_unreadable, has_error)| {
            let (verdict, problem) = match (is_unreadable, has_error) {
                (true, _) => (Verdict::Fail, "PostgreSQL cannot read it"),
                (false, true) => (Verdict::Warn, "it never matches, because ssl is off"),
                (false, false) => judge(&kind, &method, &address)?,
            };
            Some(Finding { verdict, ..Finding::warn(format!("line {line} of pg_hba.conf"), problem) })
        })
        .collect();
    Ok(Found::counted(findings, &format!("{count} rules, each as required"), &format!("of {count} rules")))
}

/// What is wrong with a rule.
fn judge(kind: &str, method: &str, address: &str) -> Option<(Verdict, &'static str)> {
    let is_here = kind == "local"
        || matches!(address, "127.0.0.1" | "::1" | "localhost" | "samehost")
        || address.starts_with("127.");
    match (method, kind) {
        ("reject", _) => None,
        ("trust", _) if is_here => {
            Some((Verdict::Warn, "trust: each account of the machine is any role, without a password"))
        }
        ("trust", _) => Some((Verdict::Fail, "trust: another machine is any role, without a password")),
        ("password", "local" | "hostssl" | "hostgssenc") => {
            Some((Verdict::Warn, "password: the server receives the password itself"))
        }
        ("password", _) => Some((Verdict::Fail, "password: the password is sent in clear text")),
        ("md5", _) => Some((Verdict::Warn, "md5 is deprecated: use scram-sha-256")),
        ("ident", _) if !is_here => Some((Verdict::Fail, "ident: another machine states who it is")),
        (_, "host" | "hostnossl") if !is_here => {
            Some((Verdict::Warn, "it admits other machines without TLS"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};

    #[test]
    fn a_rule_is_judged_by_its_method_and_by_who_can_use_it() {
        for (kind, method, address, expected) in [
            ("local", "peer", "", None),
            ("local", "trust", "", Some(Verdict::Warn)),
            ("host", "trust", "127.0.0.1", Some(Verdict::Warn)),
            ("hostssl", "trust", "10.0.0.0", Some(Verdict::Fail)),
            ("hostssl", "scram-sha-256", "all", None),
            ("hostssl", "cert", "all", None),
            ("host", "scram-sha-256", "::1", None),
            ("host", "scram-sha-256", "all", Some(Verdict::Warn)),
            ("hostssl", "md5", "all", Some(Verdict::Warn)),
            ("hostssl", "password", "all", Some(Verdict::Warn)),
            ("host", "password", "127.0.0.1", Some(Verdict::Fail)),
            ("host", "ident", "10.0.0.0", Some(Verdict::Fail)),
            ("hostnossl", "reject", "all", None),
        ] {
            let found = judge(kind, method, address).map(|(verdict, _)| verdict);
            assert_eq!(found, expected, "{kind} {method} {address}");
        }
    }
}
