use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

/// An address, or a range of addresses with a common prefix: `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
///
/// What is written as IPv6 but is IPv4 (`::ffff:10.0.0.1`, `::ffff:10.0.0.0/104`) is the address or the network of IPv4.
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
        let network = text.parse().ok().and_then(canonical);
        network.map(Self).ok_or(NetworkError(()))
    }
}

/// The network of IPv4 that an IPv4-mapped one stands for (RFC 4291, section 2.5.5.2). Nothing if it has more than those.
fn canonical(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(mapped) = network else {
        return Some(network);
    };
    let Some(address) = mapped.addr().to_ipv4_mapped() else {
        return Some(network);
    };
    let length = mapped.prefix_len().checked_sub(96)?;
    Ipv4Net::new(address, length).map(IpNet::V4).ok()
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
    fn an_ipv4_network_may_be_written_as_ipv6() {
        for network in ["::ffff:10.0.0.0/104", "::ffff:a01:203/104"] {
            assert!(is_in("10.255.0.1", network), "{network}");
            assert!(is_in("::ffff:10.255.0.1", network), "{network}");
            assert!(!is_in("11.0.0.1", network), "{network}");
        }
        assert!(is_in("192.0.2.1", "::ffff:0:0/96"));
        assert!(!is_in("2001:db8::1", "::ffff:0:0/96"));
        let network: Network = "::ffff:10.0.0.0/104".parse().unwrap();
        assert_eq!(network.to_string(), "10.0.0.0/8");
        assert!("::ffff:10.0.0.0/95".parse::<Network>().is_err());
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
