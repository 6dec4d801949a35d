use serde_json::json;
use tidings_testkit::{Hub, StreamReader};

use crate::{TIDINGS, data, hub_with};

const MIB: u64 = 1024 * 1024;

/// Event data that starts with a number and fills 256 kB.
fn large(number: usize) -> String {
    let mut data = format!("{number} ");
    data.extend(std::iter::repeat_n('x', 256_000 - data.len()));
    data
}

fn number(data: &str) -> usize {
    let digits = data.split(' ').next().expect("a number");
    digits.parse().expect("a number")
}

/// Publishes `count` large events and lets `fast` read each before the next is published.
fn publish_large(hub: &Hub, query: &str, count: usize, fast: &mut StreamReader) {
    let mut publisher = hub.publisher();
    for n in 0..count {
        publisher.publish_with(query, large(n));
        assert_eq!(number(&fast.expect("big").data), n);
    }
}

#[test]
fn s9_a_reader_that_stops_costs_bounded_memory_and_nobody_elses_events() {
    let hub = hub_with(&[("TIDINGS_RETENTION_BYTES", "8MiB")]);
    let (mut fast, mut stalled) = (hub.stream("topic=t"), hub.stream("topic=t"));
    hub.publish("t", "first", "");
    fast.expect("first");
    stalled.expect("first");
    let before = hub.process().resident_memory();

    publish_large(&hub, "topic=t&event=big", 200, &mut fast);

    let grown = hub.process().resident_memory().saturating_sub(before);
    assert!(grown < 28 * MIB, "{} MiB more", grown / MIB);

    let (received, _) = stalled.read_to_end();
    let id = stalled.last_event_id();
    let received = received.iter().filter(|event| event.event == "big").count();
    assert!(received < 200, "the stalled reader was never behind");
    let mut again = hub.resume("topic=t", &id);
    assert_eq!(
        again.expect("tidings.gap").json()["reason"],
        json!("evicted")
    );
    let replay = again.until(|event| event.event == "tidings.resumed");
    let last = &replay[replay.len() - 2];
    assert_eq!(number(&last.data), 199);
}

#[test]
fn a_slow_reader_within_retention_misses_nothing() {
    let hub = hub_with(&[]);
    let (mut fast, mut slow) = (hub.stream("topic=t"), hub.stream("topic=t"));
    publish_large(&hub, "topic=t&event=big", 100, &mut fast);
    for n in 0..100 {
        assert_eq!(number(&slow.expect("big").data), n);
    }
}

#[test]
fn a_topic_that_skips_tells_the_gap_and_goes_on() {
    let settings = "[[topic]]\npattern = \"skip/**\"\nlag = \"skip\"\nbytes = \"4MiB\"\n";
    let hub = Hub::configured(TIDINGS, settings);
    let (mut fast, mut stalled) = (hub.stream("topic=skip/t"), hub.stream("topic=skip/t"));
    publish_large(&hub, "topic=skip/t&event=big", 100, &mut fast);

    let mut events = stalled.until(|event| event.event == "tidings.gap");
    let gap = events.pop().expect("the gap").json();
    assert_eq!(gap["reason"], json!("lagged"));
    let before = events.len();
    hub.publish("skip/t", "live", "100 ");
    let after = stalled.until(|event| event.event == "live");

    let numbers: Vec<_> = after.iter().map(|event| number(&event.data)).collect();
    let first_kept = numbers[0];
    assert_eq!(numbers, (first_kept..=100).collect::<Vec<_>>());
    assert!(
        before < first_kept,
        "{first_kept} follows {before} events and a gap"
    );
}

#[test]
fn a_topic_that_conflates_brings_the_newest_of_each_key() {
    let settings = "[[topic]]\npattern = \"prices/*\"\nlag = \"conflate\"\nbytes = \"4MiB\"\n";
    let hub = Hub::configured(TIDINGS, settings);
    let (mut fast, mut stalled) = (hub.stream("topic=prices/t"), hub.stream("topic=prices/t"));
    let mut publisher = hub.publisher();
    for n in 0..100 {
        let query = format!("topic=prices/t&event=big&key=k{}", n % 2);
        publisher.publish_with(&query, large(n));
        fast.expect("big");
    }
    publisher.publish_with("topic=prices/t&event=keyless", "1");
    publisher.publish_with("topic=prices/t&event=keyless", "2");
    publisher.finish("prices/t", "done", "3");

    let events = stalled.rest();

    let (big, rest): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.event == "big");
    let numbers: Vec<_> = big.iter().map(|event| number(&event.data)).collect();
    assert!(
        numbers.is_sorted_by(|before, after| before < after),
        "{numbers:?}"
    );
    assert!(numbers.len() < 100, "the stalled reader was never behind");
    assert_eq!(numbers[numbers.len() - 2..], [98, 99]);
    assert_eq!(data(&rest), ["1", "2", "3"]);
}
