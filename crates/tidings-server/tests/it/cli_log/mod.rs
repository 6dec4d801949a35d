mod transfer;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_testkit::{Command, Finished, Hub, Position, Signal};

use crate::{SERVE, TIDINGS, data, hub_on, numbers, stop};

const COMMANDS: [&[&str]; 3] = [&["info"], &["verify"], &["export"]];

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn log(folder: &Path, arguments: &[&str]) -> Finished {
    let folder = folder.to_string_lossy();
    let (command, rest) = arguments.split_first().expect("a command");
    let all = [&["log", command, "--data-dir", &folder], rest].concat();
    Command::new(TIDINGS, &all).run()
}

/// What is refused, with exit code 1 and a reason.
#[track_caller]
fn refused(finished: Finished) -> String {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
    assert!(finished.stderr.starts_with("tidings: "), "{finished:?}");
    finished.stderr
}

fn export(folder: &Path) -> String {
    log(folder, &["export"]).success()
}

fn import(folder: &Path, lines: &str) -> Finished {
    let name = folder.to_string_lossy();
    Command::new(TIDINGS, &["log", "import", "--data-dir", &name])
        .stdin(lines)
        .run()
}

fn info(folder: &Path) -> Value {
    let printed = log(folder, &["info", "--json"]).success();
    serde_json::from_str(&printed).expect("JSON")
}

fn kill(hub: Hub) {
    hub.signal(Signal::SIGKILL);
    assert_eq!(hub.wait().code, None);
}

/// What a folder contains, by name.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut content: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    content.sort();
    content
}

/// A log with a bit of everything, and the ids of the ten events of its topic `t`.
fn varied(folder: &Path) -> Vec<String> {
    let hub = hub_on(folder, &[]);
    hub.publish("gone", "n", "first");
    let mut ids: Vec<_> = numbers(1..=5)
        .iter()
        .map(|number| hub.publish("t", "n", number))
        .collect();
    hub.post_lines(concat!(
        r#"{"topic":"odd/é \"","event":"ä b","data":"zwei\nZeilen \\ \u0001","key":"k"}"#,
        "\n",
        r#"{"topic":"ended","data":{"b":[1, 2]}}"#,
        "\n",
        r#"{"topic":"ended","event":"done","data":"","final":true}"#,
    ))
    .json();
    ids.extend(
        numbers(6..=10)
            .iter()
            .map(|number| hub.publish("t", "n", number)),
    );
    assert_eq!(hub.delete("/api/topics?topic=gone").status(), 204);
    stop(hub);
    ids
}

#[test]
fn info_tells_what_is_there() {
    let directory = directory();
    let folder = directory.path();
    let ids = varied(folder);
    let told = info(folder);
    let file = folder.join("log.redb");
    assert_eq!(told["file"], json!(file.to_string_lossy()));
    assert_eq!(
        told["file_bytes"],
        json!(fs::metadata(file).expect("the log").len())
    );
    assert_eq!(told["format_version"], json!(1));
    assert_eq!(told["closed_cleanly"], json!(true));
    let epoch = Position::of(&ids[0]).epoch;
    assert_eq!(told["epochs"], json!([{"epoch": epoch, "first": 1}]));
    assert_eq!(told["events"], json!(13));
    assert_eq!(told["damaged"], json!(0));
    assert_eq!(told["first_id"], json!(ids[0]));
    assert_eq!(told["last_id"], json!(ids[9]));
    assert!(told["oldest"].as_str() <= told["newest"].as_str());
    assert_eq!(told["topic_count"], json!(3));
    let largest = &told["topics"][0];
    assert_eq!(largest["topic"], json!("t"));
    assert_eq!(largest["events"], json!(10));
    assert_eq!(largest["ended"], json!(false));
    assert_eq!(told["topics"][1]["ended"], json!(true));

    let printed = log(folder, &["info", "--topics", "1"]).success();
    for part in ["closed cleanly    yes", "events            13", &ids[9]] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains("ended\n"), "{printed}");

    let hub = hub_on(folder, &[]);
    let topics = hub.get("/api/topics?selector=t").json();
    assert_eq!(topics["topics"][0]["bytes"], largest["bytes"]);
    kill(hub);
    assert_eq!(info(folder)["closed_cleanly"], json!(false));
    assert_eq!(info(folder)["events"], json!(13));
}

#[test]
fn a_look_at_a_crashed_log_leaves_it_as_it_was() {
    let directory = directory();
    let folder = directory.path();
    varied(folder);
    let hub = hub_on(folder, &[]);
    let id = hub.publish("t", "n", "11");
    kill(hub);
    let before = content(folder);
    for command in COMMANDS {
        log(folder, command).success();
    }
    let verified = log(folder, &["verify"]).success();
    assert_eq!(verified, "sound events: 14\n");
    assert!(content(folder) == before);
    let hub = hub_on(folder, &[]);
    hub.resume("topic=t", &id).expect("tidings.resumed");
}

/// Changes a byte of a log wherever this text is.
fn damage(folder: &Path, text: &str) {
    let file = folder.join("log.redb");
    let mut bytes = fs::read(&file).expect("the log");
    let is_text = |bytes: &[u8]| bytes == text.as_bytes();
    let places: Vec<_> = (0..bytes.len() - text.len())
        .filter(|at| is_text(&bytes[*at..*at + text.len()]))
        .collect();
    assert!(!places.is_empty(), "{text} is not there");
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    fs::write(file, bytes).expect("the log");
}

#[test]
fn no_event_is_exported_under_a_damaged_topic() {
    let directory = directory();
    let folder = directory.path();
    let hub = hub_on(folder, &[]);
    let id = hub.publish("marked-topic", "n", "MARKED DATA");
    hub.publish("other", "n", "x");
    stop(hub);
    damage(folder, "marked-topic");
    for command in [&["verify"][..], &["export"], &["export", "--skip-damaged"]] {
        let said = refused(log(folder, command));
        assert!(said.contains("is damaged"), "{said}");
    }
    damage(folder, "MARKED DATA");
    let verified = log(folder, &["verify"]);
    assert_eq!(verified.stdout, format!("damaged: {id}\nsound events: 1\n"));
    assert!(!refused(verified).contains("--skip-damaged"));
    refused(log(folder, &["export", "--skip-damaged"]));
}

#[test]
fn a_damaged_event_is_named_and_the_others_are_saved() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let hub = hub_on(&old, &[]);
    let ids = ["one", "MARKER OF THE SECOND", "three"].map(|data| hub.publish("t", "n", data));
    let other = hub.publish("u", "n", "four");
    stop(hub);
    damage(&old, "MARKER OF THE SECOND");

    let verified = log(&old, &["verify"]);
    let printed = format!("damaged: {}\nsound events: 3\n", ids[1]);
    assert_eq!(verified.stdout, printed);
    assert!(refused(verified).contains("--skip-damaged"));
    assert_eq!(info(&old)["damaged"], json!(1));
    let said = refused(log(&old, &["export"]));
    assert!(said.contains(&ids[1]) && said.contains("--skip-damaged"));
    let target = directory.path().join("saved.ndjson");
    let target = target.to_string_lossy();
    refused(log(&old, &["export", &target]));
    assert!(!Path::new(&*target).exists());
    let folder = old.to_string_lossy();
    let serve = [&SERVE[..], &["--data-dir", &folder]].concat();
    refused(Command::new(TIDINGS, &serve).run());

    let saved = log(&old, &["export", "--skip-damaged", &target]);
    assert!(saved.stderr.contains("left out: 1"), "{saved:?}");
    saved.success();
    let name = new.to_string_lossy();
    Command::new(TIDINGS, &["log", "import", &target])
        .env("TIDINGS_DATA_DIR", &name)
        .run()
        .success();
    let hub = hub_on(&new, &[]);
    let mut stream = hub.resume("topic=t", &ids[0]);
    let gap = stream.expect("tidings.gap").json();
    assert_eq!(gap["reason"], json!("evicted"));
    assert_eq!(data(&stream.take(1)), ["three"]);
    for (topic, id) in [
        ("t", &ids[2]),
        ("u", &ids[2]),
        ("*", &ids[2]),
        ("u", &other),
    ] {
        let mut stream = hub.resume(&format!("topic={topic}"), id);
        let first = stream.next_event().expect("an event");
        assert_ne!(first.event, "tidings.gap", "{topic} from {id}");
    }
}

#[test]
fn where_there_is_no_log_none_is_made() {
    let directory = directory();
    let missing = directory.path().join("missing");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    for folder in [&missing, &empty] {
        for command in COMMANDS {
            let said = refused(log(folder, command));
            let named = format!("no log in '{}'", folder.display());
            assert!(said.contains(&named), "{said}");
        }
        let target = directory.path().join("exported");
        refused(log(folder, &["export", &target.to_string_lossy()]));
    }
    assert!(!missing.exists());
    assert!(content(&empty).is_empty());
    assert_eq!(fs::read_dir(&directory).expect("it").count(), 1);
}

#[test]
fn a_file_that_is_no_log_is_refused_by_every_command() {
    let directory = directory();
    let folder = directory.path();
    let file = folder.join("log.redb");
    for foreign in [b"a diary".to_vec(), vec![0xa5; 100_000]] {
        fs::write(&file, &foreign).expect("a file");
        for command in COMMANDS {
            let said = refused(log(folder, command));
            assert!(said.contains("not a tidings log"), "{said}");
        }
        refused(import(folder, ""));
        assert!(content(folder) == [("log.redb".to_owned(), foreign)]);
    }
}

#[test]
fn a_hub_that_has_the_log_open_is_the_reason_told() {
    let directory = directory();
    let folder = directory.path();
    let hub = hub_on(folder, &[]);
    for command in [COMMANDS[0], COMMANDS[1], COMMANDS[2], &["import"]] {
        let said = refused(log(folder, command));
        assert!(said.contains("a running hub has the log"), "{said}");
    }
    hub.publish("t", "n", "still writing");
    stop(hub);
    assert_eq!(info(folder)["events"], json!(1));
}
