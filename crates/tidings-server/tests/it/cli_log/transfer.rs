use std::fs;
use std::process;

use serde_json::{Value, json};
use tidings_testkit::{Hub, Position, Process, Signal, eventually};

use super::{content, directory, export, import, info, kill, log, refused, varied};
use crate::{TIDINGS, data, hub_on, numbers, stop};

#[test]
fn an_export_that_is_imported_exports_the_same() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let ids = varied(&old);
    let before = content(&old);
    let exported = export(&old);
    assert_eq!(content(&old), before, "a look changes nothing");
    import(&new, &exported).success();
    assert_eq!(export(&new), exported);
    assert_eq!(content(&new).len(), 1);

    let lines: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 13);
    let names: Vec<_> = lines[0].as_object().expect("an object").keys().collect();
    let expected = ["id", "topic", "event", "data", "key", "final", "time"];
    assert_eq!(names, expected);
    assert_eq!(lines[0]["id"], json!(ids[0]));
    assert_eq!(lines[5]["key"], json!("k"));
    assert_eq!(lines[7]["final"], json!(true));
}

#[test]
fn a_hub_on_an_imported_log_knows_its_ids_times_and_ends() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let ids = varied(&old);
    import(&new, &export(&old)).success();
    let old = hub_on(&old, &[]);
    let hub = hub_on(&new, &[]);
    for question in [
        "/api/events?topic=t",
        "/api/events?topic=ended",
        "/api/topics",
    ] {
        let events = |hub: &Hub| {
            let mut answer = hub.get(question).json();
            answer["last_event_id"] = Value::Null;
            answer
        };
        assert_eq!(events(&hub), events(&old), "{question}");
    }
    hub.post("/api/events?topic=ended", "x").problem(409);
    for (at, id) in ids.iter().enumerate() {
        for query in ["topic=t", "topic=t&topic=ended"] {
            let mut stream = hub.resume(query, id);
            let replayed = stream.take(9 - at + usize::from(query.contains("ended") && at < 5) * 2);
            let of_t = replayed.iter().filter(|event| event.event == "n");
            let of_t: Vec<_> = of_t.map(|event| event.data.clone()).collect();
            assert_eq!(of_t, numbers(at + 2..=10), "{query}");
            stream.expect("tidings.resumed");
        }
    }

    let last = Position::of(&ids[9]);
    let published = Position::of(&hub.publish("t", "n", "new"));
    assert_eq!(published.sequence, last.sequence + 1);
    assert_ne!(published.epoch, last.epoch);
    let mut stream = hub.resume("topic=t", &last.to_string());
    assert_eq!(stream.event().data, "new");
    for lost in [last.later(1), last.later(1000)] {
        let mut stream = hub.resume("topic=t", &lost.to_string());
        let gap = stream.expect("tidings.gap").json();
        assert_eq!(gap["reason"], json!("epoch-changed"), "{lost}");
        assert_eq!(data(&stream.take(11))[10], "new");
    }
}

#[test]
fn what_an_export_left_out_is_told_by_an_imported_log() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let hub = hub_on(&old, &[]);
    let ids = ["a", "b", "a", "gone"].map(|topic| hub.publish(topic, "n", topic));
    assert_eq!(hub.delete("/api/topics?topic=gone").status(), 204);
    stop(hub);
    let exported = log(&old, &["export", "--topic", "a"]).success();
    import(&new, &exported).success();
    let again = directory.path().join("again");
    import(&again, &export(&new)).success();
    for folder in [&new, &again] {
        let hub = hub_on(folder, &[]);
        let mut known = hub.resume("topic=a", &ids[0]);
        assert_eq!(known.event().id(), ids[2]);
        known.expect("tidings.resumed");
        for query in ["topic=*", "topic=b", "topic=a&topic=gone"] {
            let gap = hub.resume(query, &ids[2]).expect("tidings.gap").json();
            assert_eq!(gap["reason"], json!("evicted"), "{query}");
        }
        hub.resume("topic=**", &ids[3]).expect("tidings.resumed");
    }
}

#[test]
fn what_a_crash_took_is_told_by_an_imported_log_too() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let hub = hub_on(&old, &[]);
    let kept = hub.publish("kept", "n", "1");
    let mut volatile = String::new();
    for _ in 0..5 {
        let receipt = hub.post("/api/events?topic=volatile&durability=memory", "x");
        receipt.json()["id"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut volatile);
    }
    let last = hub.publish("kept", "n", "2");
    kill(hub);
    let exported = export(&old);
    import(&new, &exported).success();
    assert_eq!(export(&new), exported);
    let hub = hub_on(&new, &[]);
    assert_eq!(data(&hub.resume("topic=kept", &kept).take(1)), ["2"]);
    hub.resume("topic=kept", &last).expect("tidings.resumed");
    for id in [&volatile, &last] {
        let gap = hub
            .resume("topic=volatile", id)
            .expect("tidings.gap")
            .json();
        assert_eq!(gap["reason"], json!("evicted"));
    }
}

#[test]
fn an_export_never_overwrites_unless_told_to() {
    let directory = directory();
    let folder = directory.path().join("data");
    varied(&folder);
    let target = directory.path().join("x.ndjson");
    fs::write(&target, "mine").expect("a file");
    let name = target.to_string_lossy();
    let said = refused(log(&folder, &["export", &name]));
    assert!(said.contains("--force"), "{said}");
    assert_eq!(fs::read(&target).expect("the file"), b"mine");
    log(&folder, &["export", "--force", &name]).success();
    let written = fs::read_to_string(&target).expect("the file");
    assert_eq!(written, export(&folder));
    assert_eq!(written, log(&folder, &["export", "-"]).success());
    assert_eq!(fs::read_dir(&directory).expect("it").count(), 2);
}

#[test]
fn topics_are_chosen_by_selectors() {
    let directory = directory();
    let folder = directory.path();
    varied(folder);
    let chosen = ["export", "--topic", "odd/*", "--topic", "ended"];
    let exported = log(folder, &chosen).success();
    let events = exported
        .lines()
        .filter(|line| !line.contains("\"gap\":true"));
    assert_eq!(events.count(), 3);
    let nonsense = log(folder, &["export", "--topic", "a*"]);
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
}

#[test]
fn an_import_is_into_a_folder_without_a_log_only() {
    let directory = directory();
    let folder = directory.path();
    varied(folder);
    let before = content(folder);
    let said = refused(import(folder, &export(folder)));
    assert!(said.contains("--data-dir"), "{said}");
    assert!(content(folder) == before);
}

/// A line of an export.
fn line(id: &str, topic: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"{id}","topic":"{topic}","event":"n","data":"x","time":"2026-01-31T12:00:00.000Z"{rest}}}"#
    )
}

#[test]
fn a_bad_line_is_named_and_nothing_is_left_behind() {
    let directory = directory();
    let missing = directory.path().join("a/b");
    let there = directory.path().join("there");
    fs::create_dir(&there).expect("a folder");
    fs::write(there.join("notes"), "mine").expect("a file");
    let first = line("e-5", "t", "");
    for (second, said) in [
        ("no JSON".to_owned(), "line 2: is not a JSON object"),
        (String::new(), "line 2: is not a JSON object"),
        (line("e-5", "t", ""), "line 2: id: does not follow"),
        (line("e-4", "t", ""), "line 2: id: does not follow"),
        (line("f-5", "t", ""), "line 2: id: does not follow"),
        (line("e-x", "t", ""), "line 2: id: an event id is"),
        (line("e-6", "t/", ""), "line 2: topic: "),
        (line("e-6", "t", r#","final":7"#), "line 2: final: "),
        (line("e-6", "t", r#","more":7"#), "line 2: \"more\": "),
        (
            line("e-18446744073709551615", "t", ""),
            "line 2: id: has a sequence above",
        ),
        (
            line("e-6", "t", r#","final":true"#) + "\n" + &line("e-7", "t", ""),
            "line 3: topic: had ended",
        ),
        (
            line("f-6", "t", "") + "\n" + &line("e-7", "t", ""),
            "line 3: id: does not follow",
        ),
        (
            r#"{"topic":"t","data":"x"}"#.to_owned(),
            "line 2: id: is missing. Only an exported log can be imported; new events are published, with `tidings publish --lines`",
        ),
    ] {
        for folder in [&missing, &there] {
            let told = refused(import(folder, &format!("{first}\n{second}\n{first}")));
            assert!(told.contains(said), "{said}: {told}");
        }
    }
    for folder in [&missing, &there] {
        let told = refused(import(folder, ""));
        assert!(told.contains("no event"), "{told}");
    }
    assert!(!directory.path().join("a").exists());
    assert_eq!(content(&there), [("notes".to_owned(), b"mine".to_vec())]);
    import(&there, &first).success();
    assert_eq!(content(&there).len(), 2);
}

#[test]
fn an_import_over_several_epochs_keeps_each_id() {
    let directory = directory();
    let (first, second) = (directory.path().join("1"), directory.path().join("2"));
    let lines: Vec<_> = ["a-3", "b-10", "b-11"].map(|id| line(id, "t", "")).into();
    import(&first, &lines.join("\n")).success();
    let exported = export(&first);
    let ids = |text: &str| -> Vec<Value> {
        let lines = text.lines().map(serde_json::from_str::<Value>);
        lines
            .map(|line| line.expect("JSON")["id"].clone())
            .collect()
    };
    assert_eq!(ids(&exported), ["a-3", "b-10", "b-11"]);
    import(&second, &exported).success();
    assert_eq!(export(&second), exported);
    let epochs = info(&second)["epochs"].clone();
    assert_eq!(epochs[1], json!({"epoch": "b", "first": 4}));
    assert_eq!(epochs[2]["first"], json!(12));
    log(&second, &["verify"]).success();
}

#[test]
fn an_import_that_is_called_off_leaves_nothing_behind() {
    let directory = directory();
    let folder = directory.path().join("a/b");
    let mut command = process::Command::new(TIDINGS);
    command.args(["log", "import", "--data-dir"]).arg(&folder);
    let mut importing = Process::start(&mut command);
    importing.write_stdin(format!("{}\n", line("e-1", "t", "")).as_bytes());
    eventually("the import has begun", || {
        let mut begun = fs::read_dir(&folder).ok()?;
        begun.next().map(drop)
    });
    importing.signal(Signal::SIGTERM);
    eventually("all is gone", || {
        let mut left = fs::read_dir(&directory).expect("a folder");
        left.next().is_none().then_some(())
    });
    assert_eq!(importing.wait().code(), Some(143));
}
