//! How long events are kept, and what differs for some topics.

use std::time::Duration;

use tidings::{Durability, LagPolicy, Retention, Selector, TopicSettings};

use crate::settings::given::Given;
use crate::settings::value;

/// The longest that an event may be made to wait for others.
const MAX_LINGER: Duration = Duration::from_secs(1);

/// One `[[topic]]` table.
pub(super) fn read(
    given: &mut Given,
    default: Retention,
    most: Durability,
) -> Option<TopicSettings> {
    let keeps = ["events", "bytes", "age"].iter().any(|key| given.has(key));
    let retention = read_retention(given, "", default);
    let lag: Option<LagPolicy> = given.read("lag", value::lag, None);
    let durability = given.read("durability", value::some(value::durability(most)), None);
    let linger = value::some(value::duration(Duration::ZERO..=MAX_LINGER));
    let linger = given.read("linger", linger, None);
    let selector: Selector = given.require("pattern", value::selector)?;
    Some(TopicSettings {
        retention: keeps.then_some(retention),
        lag,
        durability,
        linger,
        ..TopicSettings::of(selector)
    })
}

/// What is said of retention, under keys that begin so.
pub(super) fn read_retention(given: &mut Given, prefix: &str, default: Retention) -> Retention {
    let key = |name| format!("{prefix}{name}");
    Retention {
        events: given.read(
            &key("events"),
            value::number(1..=1_000_000_000_000),
            default.events,
        ),
        bytes: given.read(&key("bytes"), value::size(1..=1 << 40), default.bytes),
        age: given.read(
            &key("age"),
            value::duration(Duration::from_secs(1)..=Duration::from_secs(3650 * 86_400)),
            default.age,
        ),
    }
}
