use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;

/// A host as a request or a setting names it: a name or an address, and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// In lower case; an IPv6 address is in brackets.
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads a `Host` header or the authority of a URL; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let name = authority.host();
        let rest = text.strip_prefix(name)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(digits.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        (!name.is_empty()).then(|| Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    /// Reads an item of the setting `allowed_hosts`.
    pub(super) fn listed(text: &str) -> Result<Self, String> {
        let host = Self::parse(text).filter(|host| !host.name.contains('*'));
        host.ok_or_else(|| {
            format!("must be names like hub.example or hub.example:8434, not {text:?}")
        })
    }

    /// Whether a request that names `other` names this host. Without a port, any will do.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.port.is_none() || self.port == other.port)
    }

    /// Whether it can only be this machine: no server of names has a say in it.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.name.trim_start_matches('[').trim_end_matches(']');
        self.name == "localhost"
            || address
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn the_loopback_has_its_names_on_any_port() {
        for text in [
            "127.0.0.1",
            "localhost:1",
            "LOCALHOST",
            "[::1]:8434",
            "127.9.9.9:1",
        ] {
            assert!(host(text).is_loopback(), "{text}");
        }
        for text in [
            "127.0.0.1.evil.example",
            "evil.example:80",
            "localhost.evil",
            "10.0.0.1",
            "[::2]",
        ] {
            assert!(!host(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn a_listed_host_without_port_covers_every_port() {
        assert!(host("Hub.example").covers(&host("hub.example:81")));
        assert!(host("hub.example:81").covers(&host("hub.example:81")));
        assert!(!host("hub.example:81").covers(&host("hub.example")));
        assert!(!host("hub.example").covers(&host("sub.hub.example")));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for text in [
            "",
            "a b",
            "user@localhost",
            "localhost:",
            "localhost:x",
            "localhost:70000",
            "http://a",
        ] {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
        assert!(Host::listed("*").is_err());
    }
}
