//! How many connections are held, in all and for one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections that are open and refuses those over a cap.
#[derive(Debug)]
pub(super) struct Admission {
    connections: usize,
    connections_per_address: usize,
    /// Guards the counts alone; held for one lookup and never with another lock.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Sites with at least one connection; loopback is not in it.
    by_site: HashMap<Site, usize>,
}

/// The right to hold one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    site: Option<Site>,
}

/// What counts as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Site {
    V4(Ipv4Addr),
    /// The upper half of the address: what a provider gives to one customer.
    V6([u8; 8]),
}

impl Admission {
    pub(super) fn new(connections: usize, connections_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            connections,
            connections_per_address,
            open: Mutex::default(),
        })
    }

    /// The right to hold a connection from `remote`, or `None` over a cap.
    pub(super) fn admit(self: &Arc<Self>, remote: IpAddr) -> Option<Permit> {
        let site = Site::of(remote);
        let mut open = self.open();
        if open.total >= self.connections {
            return None;
        }
        if let Some(site) = site {
            if self.connections_per_address == 0 {
                return None;
            }
            match open.by_site.entry(site) {
                Entry::Occupied(held) if *held.get() >= self.connections_per_address => {
                    return None;
                }
                Entry::Occupied(mut held) => *held.get_mut() += 1,
                Entry::Vacant(first) => {
                    first.insert(1);
                }
            }
        }
        open.total += 1;
        drop(open);

        Some(Permit {
            admission: Arc::clone(self),
            site,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing panics while the lock is held, and counts are whole between statements.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        if let Some(Entry::Occupied(mut held)) = self.site.map(|site| open.by_site.entry(site)) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

impl Site {
    /// What a peer is counted under; `None` for loopback, which only the total bounds.
    fn of(remote: IpAddr) -> Option<Self> {
        let remote = remote.to_canonical();
        if remote.is_loopback() {
            return None;
        }
        Some(match remote {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [site @ .., _, _, _, _, _, _, _, _] = address.octets();
                Self::V6(site)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_the_place_of_others() {
        let admission = Admission::new(10, 2);
        let greedy = address("192.0.2.1");
        let held = [admission.admit(greedy), admission.admit(greedy)];

        assert!(held.iter().all(Option::is_some));
        assert!(admission.admit(greedy).is_none());
        assert!(admission.admit(address("::ffff:192.0.2.1")).is_none());
        assert!(admission.admit(address("192.0.2.2")).is_some());
    }

    #[test]
    fn a_closed_connection_makes_room_and_leaves_no_trace() {
        let admission = Admission::new(1, 1);
        let peer = address("192.0.2.1");

        drop(admission.admit(peer).unwrap());

        assert!(admission.open().by_site.is_empty());
        assert!(admission.admit(peer).is_some());
    }

    #[test]
    fn an_ipv6_site_counts_as_one_address() {
        let admission = Admission::new(10, 1);
        let _held = admission.admit(address("2001:db8::1")).unwrap();

        assert!(admission.admit(address("2001:db8::2")).is_none());
        assert!(admission.admit(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn loopback_is_bound_by_the_total_alone() {
        let admission = Admission::new(2, 1);
        let held = [
            admission.admit(address("127.0.0.1")),
            admission.admit(address("127.0.0.1")),
        ];

        assert!(held.iter().all(Option::is_some));
        assert!(admission.admit(address("::1")).is_none());
    }
}
