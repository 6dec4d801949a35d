use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::{NamedTempFile, tempdir};
use tidings_testkit::{Command, Hub, Position, Request, StreamReader, eventually};

use crate::{SERVE, TIDINGS, data, numbers, publish_numbers, stop};

/// What Debian's `faketime` runs a program with: a C library that tells it another time of day.
struct FakeClock {
    library: String,
    /// How far it is off. Read whenever the program asks for the time.
    offset: NamedTempFile,
}

impl FakeClock {
    /// Where the library is not installed the test has to be skipped, and that is printed.
    fn new() -> Option<Self> {
        let installed = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = installed
            .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
            .chain([PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")])
            .find(|library| library.exists());
        let Some(library) = library else {
            // Past the harness, which shows nothing of a test that passes.
            let _ = writeln!(io::stderr(), "SKIPPED: faketime is not installed");
            return None;
        };
        let clock = Self {
            library: library.to_string_lossy().into_owned(),
            offset: NamedTempFile::new().expect("a temporary file"),
        };
        clock.set("+0");
        Some(clock)
    }

    /// Sets the clock, of programs that are running too.
    fn set(&self, offset: &str) {
        // In one step: a file that is empty for a moment would be a third time of day.
        let directory = self.offset.path().parent().expect("a directory");
        let mut next = NamedTempFile::new_in(directory).expect("a temporary file");
        writeln!(next, "{offset}").expect("an offset can be written");
        next.persist(self.offset.path()).expect("a rename");
    }

    fn hub(&self, folder: &Path, settings: &str) -> Hub {
        let command = Command::new(TIDINGS, &SERVE)
            .file("tidings.toml", settings)
            .env("TIDINGS_DATA_DIR", &folder.to_string_lossy())
            .env("TIDINGS_LOG", "info,tidings_http=debug")
            .env("LD_PRELOAD", &self.library)
            .env(
                "FAKETIME_TIMESTAMP_FILE",
                &self.offset.path().to_string_lossy(),
            )
            .env("FAKETIME_NO_CACHE", "1")
            // Nobody sets the clock that counts from the start of the system.
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Hub::spawn(command)
    }
}

fn publish_with_key(hub: &Hub, key: &str) -> Value {
    let request = Request::post("/api/events?topic=keyed", key);
    hub.send(&request.header("Idempotency-Key", key)).json()
}

fn times(hub: &Hub) -> Vec<String> {
    let listed = hub.get("/api/events?topic=**&limit=10000").json();
    let events = listed["events"].as_array().expect("a list of events");
    let times = events.iter().map(|event| event["time"].as_str());
    times.map(|time| time.expect("a time").to_owned()).collect()
}

/// Asserts that topic `t` has the events 1 to `newest`, whose ids and times rise, and that a reader gets those behind
/// `id`, the first one's, without a gap.
#[track_caller]
fn assert_has_all(hub: &Hub, id: &str, newest: usize) {
    let history = hub.history("t");
    let kept: Vec<_> = history.iter().map(|event| &event["data"]).collect();
    assert_eq!(kept, numbers(1..=newest).iter().collect::<Vec<_>>());
    let ids = history.iter().map(|event| event["id"].as_str());
    let ids: Vec<_> = ids.map(|id| Position::of(id.expect("an id"))).collect();
    assert!(ids.iter().all(|own| own.epoch == ids[0].epoch));
    assert!(ids.is_sorted_by(|one, next| one.sequence < next.sequence));
    let times = times(hub);
    assert!(times.is_sorted(), "{times:?}");
    let mut stream = hub.resume("topic=t", id);
    assert_eq!(data(&stream.take(newest - 1)), numbers(2..=newest));
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed, json!({"from": id, "count": newest - 1}));
}

/// The days on which the hub said something, by its own clock.
fn days(hub: &Hub) -> Vec<String> {
    let said = hub.process().stderr();
    let lines = said.lines().filter(|line| line.starts_with("20"));
    let mut days: Vec<_> = lines.map(|line| line[..10].to_owned()).collect();
    days.dedup();
    days
}

/// Sets the clock of a hub and waits until the hub goes by it.
fn step(clock: &FakeClock, hub: &Hub, offset: &str) {
    let before = days(hub);
    clock.set(offset);
    eventually("the clock of the hub has been set", || {
        hub.get("/healthz");
        (days(hub).len() > before.len()).then_some(())
    });
}

/// Waits until a silent stream has been kept alive twice more.
fn expect_keep_alives(stream: &mut StreamReader) {
    let seen = stream.comments().len();
    let comment = b": keepalive\n";
    stream.read_until(|body| {
        let comments = body
            .windows(comment.len())
            .filter(|window| window == comment);
        (comments.count() >= seen + 2).then_some(0)
    });
}

#[test]
fn a_clock_that_is_a_day_ahead_for_one_run_takes_nothing_away() {
    let Some(clock) = FakeClock::new() else {
        return;
    };
    let folder = tempdir().expect("a temporary directory");
    let hub = clock.hub(folder.path(), "");
    let mut ids = publish_numbers(&hub, "t", 1..=5);
    stop(hub);

    clock.set("+1d");
    let hub = clock.hub(folder.path(), "");
    ids.extend(publish_numbers(&hub, "t", 6..=10));
    assert_has_all(&hub, &ids[0], 10);
    let ahead = publish_with_key(&hub, "ahead");
    let times = times(&hub);
    assert_ne!(times[0][..10], times[5][..10], "the clock was not set");
    stop(hub);

    clock.set("+0");
    let hub = clock.hub(folder.path(), "");
    assert_eq!(publish_with_key(&hub, "ahead"), ahead);
    ids.extend(publish_numbers(&hub, "t", 11..=15));
    assert_has_all(&hub, &ids[0], 15);
    let (before, after) = (Position::of(&ids[9]), Position::of(&ids[10]));
    assert_eq!(after, before.later(2), "one event has been between them");
    stop(hub);

    let hub = clock.hub(folder.path(), "");
    assert_eq!(publish_with_key(&hub, "ahead"), ahead);
    assert_has_all(&hub, &ids[0], 15);
}

#[test]
fn a_clock_that_is_set_back_between_runs_forgets_no_key() {
    let Some(clock) = FakeClock::new() else {
        return;
    };
    let folder = tempdir().expect("a temporary directory");
    let hub = clock.hub(folder.path(), "");
    let ids = publish_numbers(&hub, "t", 1..=5);
    let first = publish_with_key(&hub, "first");
    stop(hub);
    clock.set("-1d");
    let hub = clock.hub(folder.path(), "");
    assert_eq!(publish_with_key(&hub, "first"), first);
    let second = publish_with_key(&hub, "second");
    publish_numbers(&hub, "t", 6..=10);
    assert_has_all(&hub, &ids[0], 10);
    stop(hub);
    clock.set("+0");
    let hub = clock.hub(folder.path(), "");
    for (key, receipt) in [("first", first), ("second", second)] {
        assert_eq!(publish_with_key(&hub, key), receipt);
    }
    assert_has_all(&hub, &ids[0], 10);
}

#[test]
fn a_running_hub_goes_on_when_its_clock_is_set() {
    let Some(clock) = FakeClock::new() else {
        return;
    };
    let folder = tempdir().expect("a temporary directory");
    let hub = clock.hub(folder.path(), "keep_alive = \"20ms\"\n");
    let mut live = hub.stream("topic=t");
    let mut replaying = hub.stream("topic=**&from=start");
    let mut ids = publish_numbers(&hub, "t", 1..=5);
    let kept = publish_with_key(&hub, "kept");
    for (offset, from) in [("+1d", 6), ("+0", 11), ("-1d", 16), ("+0", 21)] {
        step(&clock, &hub, offset);
        ids.extend(publish_numbers(&hub, "t", from..=from + 4));
        assert_eq!(data(&live.take(5)), numbers(from - 5..=from - 1));
        expect_keep_alives(&mut live);
        assert_eq!(publish_with_key(&hub, "kept"), kept);
        assert_has_all(&hub, &ids[0], from + 4);
        assert_eq!(hub.get("/readyz").status(), 200);
    }
    let replayed = replaying.take(26);
    assert_eq!(replayed.last().map(|event| event.id()), Some(&*ids[24]));
    stop(hub);
}

#[test]
fn events_become_too_old_in_the_time_that_passes() {
    let Some(clock) = FakeClock::new() else {
        return;
    };
    let settings = "[[topic]]\npattern = \"short\"\nage = \"1s\"\n\
                    [[topic]]\npattern = \"long\"\nage = \"1h\"\n";
    let folder = tempdir().expect("a temporary directory");
    let gone = |hub: &Hub| hub.history("short").is_empty().then_some(());
    let hub = clock.hub(folder.path(), settings);
    for offset in ["+1d", "+0", "-1d", "+0"] {
        hub.publish("short", "n", offset);
        let id = hub.publish("long", "n", offset);
        step(&clock, &hub, offset);
        eventually("it has become too old", || gone(&hub));
        let long = hub.history("long");
        assert_eq!(long.last().map(|event| &event["id"]), Some(&json!(id)));
    }
    assert_eq!(hub.history("long").len(), 4);
    stop(hub);

    for offset in ["-1d", "+0"] {
        clock.set(offset);
        let hub = clock.hub(folder.path(), settings);
        assert_eq!(hub.history("long").len(), 4);
        hub.publish("short", "n", offset);
        eventually("it has become too old", || gone(&hub));
        stop(hub);
    }
}
