use std::num::NonZeroU32;

use crate::settings::auth::NamespaceCount;
use crate::settings::given::Given;
use crate::settings::value;

/// `[limits]`: how much of everything there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `connections`: streams and long polls open at one time; one more is answered 429.
    /// Default 10,000.
    pub(crate) connections: usize,
    /// `connections_per_address`: connections of one peer address, loopback aside.
    /// Default 1,000.
    pub(crate) connections_per_address: usize,
    /// `connections_per_identity`: streams and long polls of one identity; one more is answered 429.
    /// Default 1,000.
    pub(crate) connections_per_identity: usize,
    /// `connections_per_namespace`: streams and long polls of one namespace; one more is answered 429. Default: half of
    /// `connections`, rounded up, so that nobody takes all; all of them where there is one namespace alone.
    pub(crate) connections_per_namespace: usize,
    /// `publish_rate`: events that one identity may publish in a second, on average; more are answered 429, and so is what
    /// follows a larger batch until its time is over. Default 10,000.
    pub(crate) publish_rate: NonZeroU32,
    /// `namespaces`: namespaces that are open, each with a log of its own; who comes for one more is answered 429.
    /// Default 100.
    pub(crate) namespaces: usize,
    /// `views`: distinct live streams of one of the hub's resources, each with an answer that is kept. On a hub with keys one
    /// identity, or address, has a tenth at most; one more is answered 429. At least 10, default 1,000.
    pub(crate) views: usize,
    /// `topics`: topics that are remembered. Default 100,000.
    pub(crate) topics: usize,
    /// `selectors`: selectors of one stream. Default 100.
    pub(crate) selectors: usize,
    /// `event_size`: bytes of one event's data and key. Default 1 MiB.
    pub(crate) event_size: usize,
    /// `batch_size`: bytes of a batch as it is sent. Default 8 MiB.
    pub(crate) batch_size: usize,
}

impl Limits {
    /// How many of the views one caller has at most.
    pub(crate) fn views_per_caller(&self) -> usize {
        self.views / 10
    }

    /// Those of a hub that has so many namespaces.
    pub(super) fn read(given: &mut Given, led_to: NamespaceCount) -> Self {
        let mut count = |key, most, default| given.read(key, value::count(1..=most), default);
        let connections = count("limits.connections", 1_000_000, 10_000);
        let connections_per_address = count("limits.connections_per_address", 1_000_000, 1_000);
        let connections_per_identity = count("limits.connections_per_identity", 1_000_000, 1_000);
        let share = match led_to {
            NamespaceCount::One => connections,
            NamespaceCount::Several => connections.div_ceil(2),
        };
        let connections_per_namespace = count("limits.connections_per_namespace", 1_000_000, share);
        let namespaces = count("limits.namespaces", 10_000, 100);
        let topics = count("limits.topics", 10_000_000, 100_000);
        let selectors = count("limits.selectors", 10_000, 100);
        let views = given.read("limits.views", value::count(10..=100_000), 1_000);
        let publish_rate = value::number(1..=1_000_000_000);
        let publish_rate = given.read("limits.publish_rate", publish_rate, 10_000);
        let publish_rate = u32::try_from(publish_rate).ok().and_then(NonZeroU32::new);
        let mut size = |key, range, default| {
            let bytes: u64 = given.read(key, value::size(range), default);
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        Self {
            connections,
            connections_per_address,
            connections_per_identity,
            connections_per_namespace,
            namespaces,
            views,
            publish_rate: publish_rate.unwrap_or(NonZeroU32::MAX),
            topics,
            selectors,
            event_size: size("limits.event_size", 1..=64 << 20, 1 << 20),
            batch_size: size("limits.batch_size", 1 << 10..=256 << 20, 8 << 20),
        }
    }
}
