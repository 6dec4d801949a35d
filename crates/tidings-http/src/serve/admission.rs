//! How many connections are held, in all and for one address, and how many requests for an address behind a proxy.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::site::Site;

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
    /// Sites with at least one connection, or one request through a proxy; connections from loopback are not in it.
    by_site: HashMap<Site, usize>,
}

/// The right to hold one connection, or to have one request of somebody behind a proxy answered. It is given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    is_connection: bool,
    site: Option<Site>,
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
        self.take(true, Site::of_peer(remote))
    }

    /// The right to hold a connection from a proxy, which brings those of many: the total alone bounds it.
    pub(super) fn admit_proxy(self: &Arc<Self>) -> Option<Permit> {
        self.take(true, None)
    }

    /// The right of somebody behind a proxy to one more request, or `None` over the cap for one address.
    pub(super) fn admit_request(self: &Arc<Self>, client: IpAddr) -> Option<Permit> {
        self.take(false, Some(Site::of(client)))
    }

    fn take(self: &Arc<Self>, is_connection: bool, site: Option<Site>) -> Option<Permit> {
        let mut open = self.open();
        if is_connection && open.total >= self.connections {
            return None;
        }
        if let Some(site) = site {
            open.enter(site, self.connections_per_address)?;
        }
        open.total += usize::from(is_connection);
        drop(open);

        Some(Permit {
            admission: Arc::clone(self),
            is_connection,
            site,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing panics while the lock is held, and counts are whole between statements.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Counts one more of a site, or none if it has as many as it may.
    fn enter(&mut self, site: Site, most: usize) -> Option<()> {
        if most == 0 {
            return None;
        }
        match self.by_site.entry(site) {
            Entry::Occupied(held) if *held.get() >= most => return None,
            Entry::Occupied(mut held) => *held.get_mut() += 1,
            Entry::Vacant(first) => {
                first.insert(1);
            }
        }
        Some(())
    }
}

impl Permit {
    /// Has the connection of a proxy count as one of the client that it was made for. False, and nothing done, over the cap
    /// for one address.
    pub(super) fn count_under(&mut self, client: IpAddr) -> bool {
        let site = Site::of(client);
        let admission = Arc::clone(&self.admission);
        let has_entered = admission
            .open()
            .enter(site, admission.connections_per_address);
        if has_entered.is_some() {
            self.site = Some(site);
        }
        has_entered.is_some()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= usize::from(self.is_connection);
        if let Some(Entry::Occupied(mut held)) = self.site.map(|site| open.by_site.entry(site)) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
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

    #[test]
    fn a_proxy_is_bound_by_the_total_and_those_behind_it_by_their_addresses() {
        let admission = Admission::new(3, 1);
        let mut first = admission.admit_proxy().unwrap();
        let mut second = admission.admit_proxy().unwrap();
        let client = address("192.0.2.1");

        assert!(first.count_under(client));
        assert!(!second.count_under(client));
        assert!(admission.admit_request(client).is_none());
        assert!(admission.admit_request(address("192.0.2.2")).is_some());
        drop(first);
        assert!(second.count_under(client));
        drop(second);

        let request = admission.admit_request(client).unwrap();
        assert!(admission.admit_request(client).is_none());
        assert!(admission.admit_request(address("127.0.0.1")).is_some());
        let held = [1, 2, 3].map(|_| admission.admit_proxy());
        assert!(held.iter().all(Option::is_some));
        assert!(admission.admit_proxy().is_none());
        drop((request, held));
        assert!(admission.open().by_site.is_empty());
        assert_eq!(admission.open().total, 0);
    }
}
