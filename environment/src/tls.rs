//! TLS of database connections: what a URL may state, what a failed handshake means, and what production is warned of.

use crate::{AppEnv, Place};
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{fmt, fs};
use url::Url;

/// A parameter that names a PEM file: its names in a URL (<https://docs.rs/sqlx-postgres>) and its variable.
struct Parameter {
    name: &'static str,
    aliases: [&'static str; 2],
    variable: &'static str,
    /// What the file has to contain.
    label: &'static str,
}

const ROOT: Parameter = Parameter {
    name: "sslrootcert",
    aliases: ["ssl-root-cert", "ssl-ca"],
    variable: "PGSSLROOTCERT",
    label: "CERTIFICATE-----",
};
const CERTIFICATE: Parameter = Parameter {
    name: "sslcert",
    aliases: ["ssl-cert", "ssl-cert"],
    variable: "PGSSLCERT",
    label: "CERTIFICATE-----",
};
const KEY: Parameter = Parameter {
    name: "sslkey",
    aliases: ["ssl-key", "ssl-key"],
    variable: "PGSSLKEY",
    label: "PRIVATE KEY-----",
};

impl Parameter {
    fn in_url(&self, url: &Url) -> Option<String> {
        let is_it = |name: &str| name == self.name || self.aliases.contains(&name);
        // The last one counts, as in sqlx.
        url.query_pairs().filter(|(name, _)| is_it(name)).last().map(|(_, value)| value.into_owned())
    }

    fn value(&self, url: &Url) -> Option<String> {
        self.in_url(url).or_else(|| std::env::var(self.variable).ok())
    }

    /// Checks a file, or PEM text in the URL itself, which is never shown.
    fn check(&self, value: &str) -> Result<(), String> {
        let name = self.name;
        let is_inline = value.trim_start().starts_with("-----BEGIN");
        let (place, text) = if is_inline {
            (format!("the text of {name}"), value.to_owned())
        } else {
            let text = fs::read(value)
                .map_err(|error| format!("the file of {name}, {value}, cannot be read: {error}"))?;
            (format!("the file of {name}, {value},"), String::from_utf8_lossy(&text).into_owned())
        };
        if text.contains("ENCRYPTED") && self.label == KEY.label {
            return Err(format!(
                "{place} has an encrypted key, which the driver cannot read; name a file without a passphrase"
            ));
        }
        if text.contains(self.label) {
            return Ok(());
        }
        let kind = self.label.trim_end_matches('-').to_lowercase();
        Err(format!("{place} has no {kind} in PEM form"))
    }
}

/// Checks what sqlx does not check, or reports without the file.
pub(crate) fn check(url: &str, options: &PgConnectOptions) -> Result<(), String> {
    // sqlx has parsed it.
    let Ok(url) = Url::parse(url) else { return Ok(()) };
    let mode = options.get_ssl_mode();
    if matches!(mode, PgSslMode::Disable) {
        return Ok(());
    }
    if matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
        match ROOT.value(&url).as_deref() {
            Some("system") => {
                return Err(
                    "sslrootcert=system is not supported by the driver; leave sslrootcert out to trust the \
                            public certificate authorities"
                        .to_owned(),
                );
            }
            Some(value) => ROOT.check(value)?,
            None => {}
        }
    } else if ROOT.in_url(&url).is_some() {
        // libpq verifies with `require` and a root certificate, sqlx does not.
        return Err("sslrootcert is not used with this sslmode; add sslmode=verify-full".to_owned());
    }
    match (CERTIFICATE.value(&url), KEY.value(&url)) {
        (Some(certificate), Some(key)) => CERTIFICATE.check(&certificate).and_then(|()| KEY.check(&key)),
        (None, None) => Ok(()),
        _ => Err("sslcert and sslkey are used together; add the other one".to_owned()),
    }
}

/// The cause and the remedy of a connection that failed because of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// The message of the TLS library or the server.
    pub cause: String,
    /// The remedy.
    pub remedy: &'static str,
}

/// Returns the fault if TLS is the cause of the error. sqlx reports a certificate that is not accepted as an I/O error.
#[must_use]
pub fn tls_fault(error: &sqlx::Error) -> Option<TlsFault> {
    let fault = |cause: String, remedy| Some(TlsFault { cause, remedy });
    match error {
        sqlx::Error::Io(source) => {
            let source = source.get_ref()?.downcast_ref::<TlsError>()?;
            fault(source.to_string(), remedy(source))
        }
        sqlx::Error::Tls(source) => match source.downcast_ref::<TlsError>() {
            Some(source) => fault(source.to_string(), remedy(source)),
            None if source.to_string() == "server does not support TLS" => fault(
                source.to_string(),
                "enable TLS on the server (ssl = on); on a socket, where it has none, set sslmode to disable",
            ),
            // It may quote the PEM text of the URL.
            None => fault("a certificate cannot be used".to_owned(), PARAMETERS),
        },
        sqlx::Error::Database(source) if source.code().as_deref() == Some("28000") => {
            let cause = source.message();
            let remedy = if cause.contains("client certificate") || cause.starts_with("certificate auth") {
                CLIENT
            } else if cause.contains("no encryption") {
                "the server accepts this login with TLS only: set sslmode to verify-full"
            } else {
                return None;
            };
            fault(cause.to_owned(), remedy)
        }
        _ => None,
    }
}

const PARAMETERS: &str = "correct sslmode, sslrootcert, sslcert and sslkey in the URL";

const CLIENT: &str =
    "set sslcert and sslkey in the URL to a certificate that the server accepts for this login, and its key";

fn remedy(error: &TlsError) -> &'static str {
    match error {
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "connect by a host name that is in the certificate of the server",
        TlsError::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "renew the certificate of the server, or correct the clock of this machine",
        TlsError::InvalidCertificate(_) => {
            "set sslrootcert in the URL to the certificate of the authority that issued the server's"
        }
        TlsError::InconsistentKeys(_) => {
            "sslcert and sslkey in the URL do not belong together: correct one of them"
        }
        TlsError::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate,
        ) => CLIENT,
        _ => PARAMETERS,
    }
}

/// Returns the warning that a program of production prints if `target`, the server, is on another machine and not verified.
#[must_use]
pub fn tls_warning(
    options: &PgConnectOptions,
    app_env: Option<AppEnv>,
    target: &impl fmt::Display,
) -> Option<String> {
    let is_verified =
        matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) || Place::of(options) != Place::Remote;
    (app_env == Some(AppEnv::Production) && !is_verified).then(|| {
        format!(
            "the {target} is reached without sslmode=verify-full, so that its identity is not verified; \
             add sslmode=verify-full to the URL, and sslrootcert for a private certificate authority"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{TlsFault, tls_fault, tls_warning};
    use crate::{AppEnv, UrlError, parse_postgres};
    use rustls::{AlertDescription, CertificateError, Error as TlsError};
    use std::io;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";

    fn refused(parameters: &str) -> String {
        match parse_postgres(&format!("postgres://u:s3cret@h/x?{parameters}")) {
            Err(error @ UrlError::Tls(_)) => error.to_string(),
            other => panic!("{parameters}: {other:?}", other = other.map(|_| "accepted")),
        }
    }

    #[test]
    fn a_certificate_file_that_cannot_be_used_is_named_with_its_parameter_and_not_shown() {
        let directory = std::env::temp_dir().join(format!("environment-tls-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (certificate, key, text) = (file("c.pem", PEM), file("k.pem", KEY), file("t.pem", "s3cret"));
        let encrypted = file("e.pem", &KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"));
        let inline = KEY.replace('\n', "%0A");
        for (parameters, words) in [
            (
                "sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(),
                "sslrootcert, /nowhere/ca.pem, cannot be read",
            ),
            (format!("sslmode=verify-ca&ssl-ca={text}"), "t.pem, has no certificate in PEM form"),
            (format!("sslmode=verify-full&sslrootcert={key}"), "k.pem, has no certificate in PEM form"),
            (
                format!("sslmode=verify-full&sslrootcert={inline}"),
                "the text of sslrootcert has no certificate",
            ),
            ("sslmode=verify-full&sslrootcert=system".to_owned(), "leave sslrootcert out"),
            (format!("sslmode=require&sslrootcert={certificate}"), "add sslmode=verify-full"),
            (format!("sslrootcert={certificate}"), "add sslmode=verify-full"),
            (format!("sslmode=require&sslcert={certificate}"), "sslcert and sslkey are used together"),
            (format!("sslkey={key}"), "sslcert and sslkey are used together"),
            (format!("sslcert={certificate}&sslkey={text}"), "sslkey, "),
            (format!("sslcert={key}&sslkey={key}"), "the file of sslcert, "),
            (format!("sslcert={certificate}&sslkey={encrypted}"), "encrypted key"),
            (
                format!("sslcert={certificate}&sslkey=/nowhere/k.pem"),
                "sslkey, /nowhere/k.pem, cannot be read",
            ),
        ] {
            let text = refused(&parameters);
            assert!(text.contains(words) && !text.contains("s3cret"), "{parameters}: {text}");
        }
        for parameters in [
            "sslmode=verify-full".to_owned(),
            format!("sslmode=verify-full&sslrootcert={certificate}"),
            format!("sslmode=verify-ca&ssl-root-cert={certificate}&ssl-cert={certificate}&ssl-key={key}"),
            format!("sslmode=verify-full&sslcert={certificate}&sslkey={inline}"),
            // Nothing of it is used.
            "sslmode=disable&sslrootcert=/nowhere&sslkey=/nowhere".to_owned(),
        ] {
            assert!(parse_postgres(&format!("postgres://u@h/x?{parameters}")).is_ok(), "{parameters}");
        }
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_remedy() {
        for (source, words) in [
            (TlsError::InvalidCertificate(CertificateError::UnknownIssuer), "set sslrootcert"),
            (TlsError::InvalidCertificate(CertificateError::NotValidForName), "host name"),
            (TlsError::InvalidCertificate(CertificateError::Expired), "renew"),
            (TlsError::AlertReceived(AlertDescription::UnknownCA), "set sslcert and sslkey"),
            (TlsError::HandshakeNotComplete, "correct sslmode"),
        ] {
            let text = source.to_string();
            let error = sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidData, source));
            let TlsFault { cause, remedy } = tls_fault(&error).unwrap();
            assert_eq!(cause, text);
            assert!(remedy.contains(words), "{text}: {remedy}");
        }
        let quoting = sqlx::Error::Tls(format!("Invalid certificate {KEY}").into());
        assert!(!format!("{:?}", tls_fault(&quoting)).contains("s3cret"));
        assert_eq!(tls_fault(&sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into())), None);
    }

    #[test]
    fn production_is_warned_of_a_remote_server_that_is_not_verified() {
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
            for (host, is_remote) in
                [("db.example", true), ("localhost", false), ("%2Frun%2Fpostgresql", false)]
            {
                let options =
                    parse_postgres(&format!("postgres://u:s3cret@{host}/x?sslmode={mode}")).unwrap();
                let warning = tls_warning(&options, Some(AppEnv::Production), &"server");
                assert_eq!(warning.is_some(), is_remote && mode != "verify-full", "{host} {mode}");
                assert!(
                    warning.is_none_or(|text| text.starts_with("the server is ") && !text.contains("s3cret"))
                );
                for app_env in [None, Some(AppEnv::Development), Some(AppEnv::Test), Some(AppEnv::Staging)] {
                    assert_eq!(tls_warning(&options, app_env, &"server"), None);
                }
            }
        }
    }
}
