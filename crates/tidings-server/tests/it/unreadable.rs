use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::Hub;

use crate::{hub_on, stop};

/// Fills topics `a` and `b`, one after the other, with more than the hub keeps in memory.
fn fill(folder: &Path) {
    let hub = hub_on(folder, &[]);
    let padding = "z".repeat(900);
    for topic in ["a", "b"] {
        for batch in 0..30 {
            let line = |n| json!({"topic": topic, "data": format!("{batch}-{n} {padding}")});
            let lines = (0..1000).map(|n| line(n).to_string() + "\n");
            hub.post_lines(&lines.collect::<String>()).json();
        }
    }
    stop(hub);
}

/// Overwrites what is in the middle of topic `a`, as a disk does that has lost it.
fn damage(folder: &Path) {
    let path = folder.join("log.redb");
    let content = fs::read(&path).expect("the log");
    let at = |text: &str| {
        let text = text.as_bytes();
        let found = content.windows(text.len()).position(|part| part == text);
        found.expect("an event in the log") as u64
    };
    let (one, other) = (at("15-0 zz"), at("15-999 zz"));
    let (first, last) = (one.min(other) / 4096 + 1, one.max(other) / 4096);
    assert!(first < last);
    let zeros = vec![0; (last - first) as usize * 4096];
    let file = OpenOptions::new().write(true).open(&path).expect("the log");
    file.write_all_at(&zeros, first * 4096).expect("a write");
}

#[test]
fn readers_of_what_cannot_be_read_are_told_and_keep_nobody_waiting() {
    let folder = tempdir().expect("a temporary directory");
    fill(folder.path());
    let hub = hub_on(folder.path(), &[]);
    damage(folder.path());
    let all_of = |hub: &Hub, topic: &str| {
        let mut stream = hub.stream(&format!("topic={topic}&from=start"));
        stream.until(|event| event.data.starts_with("29-999 "))
    };
    std::thread::scope(|scope| {
        let unlucky: Vec<_> = (0..2).map(|_| scope.spawn(|| all_of(&hub, "a"))).collect();
        assert_eq!(all_of(&hub, "b").len(), 30_000);
        for reader in unlucky {
            let events = reader.join().expect("a reader is told what is missing");
            assert!(events.iter().any(|event| event.event == "tidings.gap"));
        }
    });
}
