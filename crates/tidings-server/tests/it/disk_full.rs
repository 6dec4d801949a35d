use std::fs;

use serde_json::{Value, json};
use tidings_testkit::{Hub, Position, Request, Response, eventually};

use crate::mount::Mount;
use crate::{hub_on, stop};

/// The file system, and what is taken away of it at first.
const SIZE: &str = "size=24m";
const FILLER: usize = 12 << 20;

fn publish(hub: &Hub, number: usize) -> Response {
    let data = format!("{number}:{}", "x".repeat(32 << 10));
    let request = Request::post("/api/events?topic=t&event=n", data);
    hub.send(&request.header("Idempotency-Key", &format!("key-{number}")))
}

fn id(of: &Value) -> String {
    of["id"].as_str().expect("an id").to_owned()
}

/// Asserts that something was refused because of the store, and returns what was said.
#[track_caller]
fn assert_store_failed(refused: &Response) -> String {
    let problem = refused.problem(503);
    assert_eq!(problem["type"], json!("urn:tidings:problem:store-failed"));
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("the store does not work: "), "{detail}");
    let seconds = refused.header("retry-after").map(str::parse::<u64>);
    assert!(matches!(seconds, Some(Ok(1..))), "{refused:?}");
    detail.to_owned()
}

#[track_caller]
fn assert_takes_nothing(hub: &Hub) {
    let said = assert_store_failed(&hub.post("/api/events?topic=t", "x"));
    assert!(said.contains("Idempotency-Key"), "{said}");
    assert_store_failed(&hub.post("/api/events?topic=u&durability=memory", "x"));
    let said = assert_store_failed(&hub.post_lines("{\"topic\":\"t\",\"data\":1}"));
    assert!(!said.contains("line"), "{said}");
    assert_store_failed(&hub.delete("/api/topics?topic=t"));
    assert_store_failed(&hub.get("/readyz"));
    assert_eq!(hub.get("/healthz").status(), 200);
}

/// The ids of what follows `after` on the topic; `None` as long as it cannot be read.
fn kept(hub: &Hub, after: &str) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    let mut after = after.to_owned();
    loop {
        let answer = hub.get(&format!("/api/events?topic=t&last_event_id={after}"));
        if answer.status() != 200 {
            assert_store_failed(&answer);
            return None;
        }
        let page = answer.json();
        assert_eq!(page["gap"], Value::Null);
        let events = page["events"].as_array().expect("a list of events");
        if events.is_empty() {
            return Some(ids);
        }
        ids.extend(events.iter().map(id));
        after = ids.last().expect("an id").clone();
    }
}

#[test]
fn a_full_disk_refuses_events_until_there_is_room_and_nothing_else() {
    let Some(mount) = Mount::new(SIZE) else {
        return;
    };
    let filler = mount.path().join("filler");
    fs::write(&filler, vec![1; FILLER]).expect("room for a filler");
    let folder = mount.path().join("data");
    let hub = hub_on(&folder, &[]);
    let mut live = hub.stream("topic=t");
    let mut ids = Vec::new();
    loop {
        let answer = publish(&hub, ids.len());
        if answer.status() != 200 {
            assert_store_failed(&answer);
            break;
        }
        ids.push(id(&answer.json()));
        assert_eq!(live.event().id(), ids[ids.len() - 1]);
    }

    assert_takes_nothing(&hub);
    let listed = eventually("history can be read", || kept(&hub, &ids[0]));
    assert_eq!(listed, ids[1..]);
    let mut replay = hub.resume("topic=t", &ids[0]);
    let replayed = replay.take(ids.len() - 1);
    assert!(replayed.iter().map(|event| event.id()).eq(&ids[1..]));
    replay.expect("tidings.resumed");
    assert_takes_nothing(&hub);

    fs::remove_file(&filler).expect("a file");
    eventually("the hub is ready again", || {
        (hub.get("/readyz").status() == 200).then_some(())
    });
    let refused = ids.len();
    let again = id(&publish(&hub, refused).json());
    assert_eq!(id(&publish(&hub, refused).json()), again);
    ids.push(again);
    ids.push(id(&publish(&hub, refused + 1).json()));
    for stream in [&mut live, &mut replay] {
        for id in &ids[refused..] {
            assert_eq!(stream.event().id(), id);
        }
    }
    let positions: Vec<_> = ids.iter().map(|id| Position::of(id)).collect();
    assert!(positions.iter().all(|own| own.epoch == positions[0].epoch));
    assert!(positions.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert_eq!(kept(&hub, &ids[0]).as_deref(), Some(&ids[1..]));

    stop(hub);
    let hub = hub_on(&folder, &[]);
    assert_eq!(kept(&hub, &ids[0]).as_deref(), Some(&ids[1..]));
    assert_eq!(id(&publish(&hub, refused).json()), ids[refused]);
}
