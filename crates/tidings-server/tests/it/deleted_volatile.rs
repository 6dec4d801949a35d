use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::{Hub, Signal};

use crate::{hub_on, stop};

/// Publishes an event of durability `memory` that is released before it is written, and deletes its topic.
fn delete_what_is_not_written_yet(hub: &Hub) {
    for data in ["marks the topic", "released at once"] {
        hub.post("/api/events?topic=t&durability=memory", data)
            .json();
    }
    assert_eq!(hub.delete("/api/topics?topic=t").status(), 204);
}

fn kept(hub: &Hub, topic: &str) -> Vec<String> {
    let history = hub.history(topic);
    let data = history.iter().map(|event| event["data"].as_str());
    data.map(|data| data.expect("data").to_owned()).collect()
}

#[test]
fn what_is_published_on_disk_after_a_deletion_survives_a_restart() {
    let folder = tempdir().expect("a temporary directory");
    let hub = hub_on(folder.path(), &[]);
    delete_what_is_not_written_yet(&hub);
    for data in ["first", "second"] {
        let receipt = hub.post("/api/events?topic=t", data).json();
        assert_eq!(receipt["durability"], json!("disk"));
    }
    assert_eq!(kept(&hub, "t"), ["first", "second"]);
    stop(hub);
    let hub = hub_on(folder.path(), &[]);
    assert_eq!(kept(&hub, "t"), ["first", "second"]);
}

#[test]
fn a_deleted_topic_stays_deleted_whatever_had_not_been_written_of_it() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let folder = tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &[]);
        delete_what_is_not_written_yet(&hub);
        hub.publish("other", "n", "committed after it");
        hub.signal(signal);
        let _ = hub.wait();
        let hub = hub_on(folder.path(), &[]);
        assert_eq!(kept(&hub, "t"), [""; 0], "{signal}");
        let topics = hub.get("/api/topics").json();
        assert_eq!(topics["total"], json!(1), "{signal}: {topics}");
    }
}
