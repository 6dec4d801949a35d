use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::{Hub, Position, StreamReader};

use crate::{hub_on, stop};

/// The history: so many events, which go around so many topics.
const EVENTS: usize = 50_000;
const TOPICS: usize = 100;
/// Who comes back at once: many to a topic of theirs, some to all of them.
const READERS: usize = 300;
const READERS_OF_ALL: usize = 4;
/// What the hub may need beyond what it needs without them. Each has a page of 4 to 64 KiB and what its connection holds.
const MEMORY: u64 = 128 << 20;

/// Fills a folder and returns the position just before its first event.
fn fill(folder: &Path) -> Position {
    let hub = hub_on(folder, &[]);
    let padding = "x".repeat(200);
    let mut first = None;
    for batch in (0..EVENTS).collect::<Vec<_>>().chunks(10_000) {
        let lines = batch.iter().map(|n| {
            let (topic, data) = (format!("t/{}", n % TOPICS), format!("{n} {padding}"));
            json!({"topic": topic, "event": "n", "data": data}).to_string() + "\n"
        });
        let receipt = hub.post_lines(&lines.collect::<String>()).json();
        let id = receipt["first"].as_str().expect("an id");
        first.get_or_insert_with(|| Position::of(id));
    }
    stop(hub);
    let mut start = first.expect("a first event");
    start.sequence -= 1;
    start
}

/// Asserts that these are the next events of a stream.
#[track_caller]
fn expect_numbers(stream: &mut StreamReader, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let event = stream.event();
        let said = event.data.split(' ').next();
        assert_eq!(said, Some(&*number.to_string()));
    }
}

/// Comes back from the beginning of the history to `topic` and stays; what is published when it has come is next.
fn come_back(hub: &Hub, topic: Option<usize>, start: &str) -> StreamReader {
    let (query, first, step) = match topic {
        Some(topic) => (format!("topic=t/{topic}"), topic, TOPICS),
        None => ("topic=t/*".to_owned(), 0, 1),
    };
    let mut stream = hub.resume(&query, start);
    expect_numbers(&mut stream, (first..EVENTS).step_by(step));
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed, json!({"from": start, "count": EVENTS / step}));
    stream
}

/// Publishes one event after another until `enough`, and gives how long each took to the reader.
fn publish_live(
    hub: &Hub,
    reader: &mut StreamReader,
    enough: impl Fn(usize) -> bool,
) -> Vec<Duration> {
    let mut publisher = hub.publisher();
    let mut took = Vec::new();
    while !enough(took.len()) {
        let start = Instant::now();
        let id = publisher.publish("live", "n", &took.len().to_string());
        let event = reader.event();
        took.push(start.elapsed());
        assert_eq!(event.id(), id);
    }
    took
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

#[test]
fn a_crowd_that_comes_back_has_everything_once_and_does_not_stop_the_others() {
    let folder = tempdir().expect("a temporary directory");
    let start = fill(folder.path()).to_string();
    let hub = &hub_on(folder.path(), &[]);
    let mut live = hub.stream("topic=live");
    let before = hub.process().resident_memory();
    let crowd_is_back = &AtomicBool::new(false);

    let (mut crowd, during, peak) = thread::scope(|scope| {
        let start = &start;
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                let topic = (n >= READERS_OF_ALL).then_some(n % TOPICS);
                scope.spawn(move || (topic, come_back(hub, topic, start)))
            })
            .collect();
        let live = &mut live;
        let publisher =
            scope.spawn(move || publish_live(hub, live, |_| crowd_is_back.load(Ordering::Relaxed)));
        let watch = scope.spawn(move || {
            let mut peak = 0;
            while !crowd_is_back.load(Ordering::Relaxed) {
                peak = peak.max(hub.process().resident_memory());
                thread::yield_now();
            }
            peak
        });
        let crowd: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        crowd_is_back.store(true, Ordering::Relaxed);
        let during = publisher.join().expect("a publisher");
        let peak = watch.join().expect("a watch");
        let crowd: Vec<_> = crowd
            .into_iter()
            .map(|reader| reader.expect("a reader"))
            .collect();
        (crowd, during, peak)
    });
    assert!(!during.is_empty(), "nothing was published meanwhile");
    assert!(peak < before + MEMORY, "from {before} to {peak} bytes");

    let mut publisher = hub.publisher();
    for topic in 0..TOPICS {
        publisher.publish(&format!("t/{topic}"), "n", &(EVENTS + topic).to_string());
    }
    for (topic, stream) in &mut crowd {
        let topics = topic.map_or(0..TOPICS, |topic| topic..topic + 1);
        expect_numbers(stream, topics.map(|topic| EVENTS + topic));
    }
    let count = during.len();
    let after = publish_live(hub, &mut live, |published| published == count);
    // Past the harness, which shows nothing of a test that passes.
    let _ = writeln!(
        io::stderr(),
        "{count} live events: median {:?} while the crowd came back, {:?} with it there; {} MiB more",
        median(during),
        median(after),
        peak.saturating_sub(before) >> 20,
    );
}

#[test]
fn a_reader_that_asks_for_everything_again_and_again_does_not_stop_the_others() {
    const LIVE: usize = 200;
    let folder = tempdir().expect("a temporary directory");
    let start = fill(folder.path()).to_string();
    let hub = &hub_on(folder.path(), &[]);
    let mut live = hub.stream("topic=live");
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let mut stream = hub.stream("topic=**&from=start");
                    // Some do not even wait for it.
                    expect_numbers(&mut stream, 0..EVENTS / 10);
                    stream.reset();
                }
            });
        }
        let others = scope.spawn(|| {
            publish_live(hub, &mut live, |published| published == LIVE);
            come_back(hub, Some(7), &start);
            let page = hub.get("/api/events?topic=t/7&limit=1").json();
            let newest = (EVENTS - TOPICS + 7).to_string();
            let said = page["events"][0]["data"].as_str().expect("data");
            assert_eq!(said.split(' ').next(), Some(&*newest));
        });
        let others = others.join();
        is_over.store(true, Ordering::Relaxed);
        others.expect("the others");
    });
}
