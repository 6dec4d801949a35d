use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// An address, or a range of addresses with a common prefix: `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
///
/// An IPv4 address that a socket tells as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// A text is not a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an address or a network like 10.0.0.0/8")]
pub struct NetworkError(());

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        text.parse().map(Self).map_err(|_| NetworkError(()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(address: &str, network: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        assert!(is_in("127.0.0.1", "127.0.0.1"));
        assert!(!is_in("127.0.0.2", "127.0.0.1"));
        assert!(is_in("10.255.0.1", "10.0.0.0/8"));
        assert!(is_in("10.255.0.1", "10.1.2.3/8"));
        assert!(!is_in("11.0.0.1", "10.0.0.0/8"));
        assert!(is_in("2001:db8:1::1", "2001:db8::/32"));
        assert!(!is_in("10.0.0.1", "2001:db8::/32"));
        assert!(is_in("::ffff:10.0.0.1", "10.0.0.0/8"));
        assert!(is_in("10.0.0.1", "::ffff:10.0.0.1"));
    }

    #[test]
    fn a_network_is_told_as_it_is_written() {
        for text in ["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), text);
        }
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0/8",
            "*",
            "10.0.0.0/8,",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }
}
