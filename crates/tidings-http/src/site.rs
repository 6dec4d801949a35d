use std::net::{IpAddr, Ipv4Addr};

/// What counts as one address where something is shared out among peers.
///
/// ```
/// use tidings_http::Site;
///
/// let of = |address: &str| address.parse().map(Site::of);
/// assert_eq!(of("2001:db8::1")?, of("2001:db8::2")?);
/// assert_ne!(of("192.0.2.1")?, of("192.0.2.2")?);
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// An IPv4 address, also one that is written as an IPv6 address.
    V4(Ipv4Addr),
    /// The upper half of the address: what a provider gives to one customer.
    V6([u8; 8]),
}

impl Site {
    /// What a peer is counted under; `None` for loopback, which only the total bounds: it may be a proxy that nobody has named.
    pub(crate) fn of_peer(remote: IpAddr) -> Option<Self> {
        let is_loopback = remote.to_canonical().is_loopback();
        (!is_loopback).then(|| Self::of(remote))
    }

    /// Where an address belongs.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [site @ .., _, _, _, _, _, _, _, _] = address.octets();
                Self::V6(site)
            }
        }
    }
}
