use std::net::{IpAddr, Ipv4Addr};

/// What counts as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Site {
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

    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [site @ .., _, _, _, _, _, _, _, _] = address.octets();
                Self::V6(site)
            }
        }
    }
}
