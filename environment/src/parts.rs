//! The parts of a database URL as text, which may have several hosts.

/// Whether the URL has more than one host.
pub(crate) fn has_several(url: &str) -> bool {
    let pieces = Parts::of(url);
    let named =
        pieces.query.split('&').map(decode).any(|(name, value)| name == "host" && value.contains(','));
    pieces.hosts.contains(',') || named
}

/// `postgres://` `login@` `hosts` `/database` `query`.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) login: &'a str,
    pub(crate) hosts: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + 3));
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        Self { scheme, login, hosts, path, query }
    }
}

/// The name and the value of a pair of the query.
pub(crate) fn decode(pair: &str) -> (String, String) {
    let decoded = ::url::form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map(|(name, value)| (name.into_owned(), value.into_owned())).unwrap_or_default()
}
