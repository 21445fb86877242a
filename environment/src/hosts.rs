//! URLs with several hosts, in the syntax and with the words of libpq
//! (<https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS>), which sqlx does not read.

use crate::parts::{Parts, decode};
use crate::url::{UrlError, parse_one};
use ::url::form_urlencoded::byte_serialize;
use sqlx::postgres::PgConnectOptions;
use std::str::FromStr;

/// The servers of one URL, in its order.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// At least one.
    pub servers: Vec<PgConnectOptions>,
    /// Which of them a client uses.
    pub target: TargetSessionAttrs,
}

/// `target_session_attrs`: the property of a server that a client uses
/// (<https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    /// Every server.
    #[default]
    Any,
    /// A server whose transactions write by default.
    ReadWrite,
    /// A server whose transactions do not write by default.
    ReadOnly,
    /// A server that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby, or else every server.
    PreferStandby,
}

impl FromStr for TargetSessionAttrs {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "any" => Self::Any,
            "read-write" => Self::ReadWrite,
            "read-only" => Self::ReadOnly,
            "primary" => Self::Primary,
            "standby" => Self::Standby,
            "prefer-standby" => Self::PreferStandby,
            _ => return Err(()),
        })
    }
}

/// Parses `postgres://user:password@host1:5432,host2:5433/database?target_session_attrs=read-write`. Several sockets are
/// `?host=/first,/second`, and `port` has one number for all hosts or one for each.
///
/// # Errors
/// As [`parse_postgres`](crate::parse_postgres), and for a word or a number of ports that does not fit.
pub fn parse_postgres_hosts(url: &str) -> Result<Hosts, UrlError> {
    let form = |reason: &str| UrlError::Form(reason.to_owned());
    let pieces = Parts::of(url);
    let mut target = TargetSessionAttrs::default();
    let (mut hosts, mut ports, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for pair in pieces.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = decode(pair);
        match &*name {
            "target_session_attrs" => {
                let words = "target_session_attrs is none of any, read-write, read-only, primary, standby, prefer-standby";
                target = value.parse().map_err(|()| form(words))?;
            }
            "host" => hosts = value.split(',').map(ToOwned::to_owned).collect(),
            "port" => ports = value.split(',').map(ToOwned::to_owned).collect(),
            _ => rest.push(pair),
        }
    }
    let authority: Vec<&str> = pieces.hosts.split(',').collect();
    let count = if hosts.is_empty() { authority.len() } else { hosts.len() };
    if count == 1 && target == TargetSessionAttrs::Any && !url.contains("target_session_attrs") {
        return Ok(Hosts { servers: vec![parse_one(url)?], target });
    }
    if ![1, count].contains(&authority.len()) || ![0, 1, count].contains(&ports.len()) {
        return Err(form("its numbers of hosts and ports differ"));
    }
    let one_for_each =
        |list: &[String], place: usize| list.get(if list.len() == 1 { 0 } else { place }).cloned();
    let servers = (0..count).map(|place| {
        let authority = authority[if authority.len() == 1 { 0 } else { place }];
        let mut query: Vec<String> = rest.iter().map(|pair| (*pair).to_owned()).collect();
        for (name, list) in [("host", &hosts), ("port", &ports)] {
            let value = one_for_each(list, place);
            query.extend(
                value.map(|value| format!("{name}={}", byte_serialize(value.as_bytes()).collect::<String>())),
            );
        }
        let Parts { scheme, login, path, .. } = pieces;
        let mark = if query.is_empty() { "" } else { "?" };
        parse_one(&format!("{scheme}{login}{authority}{path}{mark}{}", query.join("&")))
    });
    Ok(Hosts { servers: servers.collect::<Result<_, _>>()?, target })
}

#[cfg(test)]
mod tests {
    use super::{TargetSessionAttrs, parse_postgres_hosts};
    use crate::{describe_postgres, parse_postgres};

    fn places(url: &str) -> Vec<String> {
        let hosts = parse_postgres_hosts(url).unwrap();
        let place = |text: String| text.rsplit_once(" as ").unwrap().1.to_owned();
        hosts.servers.iter().map(|server| place(describe_postgres(server))).collect()
    }

    #[test]
    fn each_host_has_the_rest_of_the_url() {
        let url = "postgres://o:p%40@a:5433,b,[::1]:6/d?target_session_attrs=read-write&sslmode=require";
        assert_eq!(places(url), ["\"o\" at a:5433", "\"o\" at b:5432", "\"o\" at [::1]:6"]);
        let hosts = parse_postgres_hosts(url).unwrap();
        assert_eq!(hosts.target, TargetSessionAttrs::ReadWrite);
        assert!(hosts.servers.iter().all(|server| server.get_database() == Some("d")));
        let sockets = "postgres://o@localhost:5432/d?host=%2Fa,%2Fb&port=1,2&target_session_attrs=primary";
        assert_eq!(places(sockets), ["\"o\" on socket /a/.s.PGSQL.1", "\"o\" on socket /b/.s.PGSQL.2"]);
        assert_eq!(places("postgres://o@a,b/d?port=7"), ["\"o\" at a:7", "\"o\" at b:7"]);
    }

    #[test]
    fn what_does_not_fit_is_an_error_without_the_password() {
        for url in [
            "postgres://o:s3cret@a,b/d?target_session_attrs=writable",
            "postgres://o:s3cret@a,b,c/d?port=1,2",
            "postgres://o:s3cret@a,b/d?host=x,y,z",
            "postgres://o:s3cret@a:1x,b/d",
        ] {
            let error = parse_postgres_hosts(url).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_program_that_uses_one_host_refuses_several() {
        for url in ["postgres://o@a,b/d", "postgres://o@a/d?host=a,b", "postgres://o@/d?host=%2Fa%2C%2Fb"] {
            let error = parse_postgres(url).unwrap_err().to_string();
            assert!(error.contains("several hosts"), "{error}");
        }
        assert!(parse_postgres("postgres://o:a%2Cb@a/d").is_ok());
    }
}
