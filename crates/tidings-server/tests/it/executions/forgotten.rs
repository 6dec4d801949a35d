use serde_json::json;
use tidings_testkit::{Hub, Request};

use crate::executions::listing::{ids, list};
use crate::executions::{COMPLETE, create, say, state, task};
use crate::{TIDINGS, hubs};

/// A hub of few topics, with an execution that runs or has ended.
fn forgetting(id: &str, ended: bool) -> Hub {
    let hub = Hub::configured(TIDINGS, "[limits]\ntopics = 4\n");
    create(&hub, id, &["planned"]);
    task(&hub, id, "task-start", "before");
    if ended {
        say(&hub, id, "execution-complete", COMPLETE);
    }
    hub
}

/// Has the hub forget what it knew before.
fn crowd_out(hub: &Hub) {
    for n in 0..4 {
        hub.finish(&format!("t/{n}"), "message", "");
    }
}

#[test]
fn twins_hear_of_an_execution_that_is_forgotten() {
    type Forget = fn(&Hub);
    let delete: Forget = |hub| {
        let deleted = hub.delete("/api/topics?topic=executions/e");
        assert_eq!(deleted.status(), 204);
    };
    for forget in [delete, crowd_out] {
        let hub = forgetting("e", false);
        let mut one = hub.open(&Request::get("/api/executions/e/stream"));
        one.expect("execution");
        let mut all = hub.open(&Request::get("/api/executions/stream"));
        assert_eq!(ids(&all.expect("executions").json()), ["e"]);
        forget(&hub);
        let error = one.until(|event| event.event == "tidings.error");
        assert_eq!(error.last().expect("an error").json()["code"], "not-found");
        assert_eq!(one.rest(), []);
        all.until(|event| event.json()["total"] == 0);
    }
}

#[test]
fn an_execution_that_was_forgotten_can_be_created_anew_at_once() {
    for ended in [false, true] {
        let hub = forgetting("e", ended);
        crowd_out(&hub);
        create(&hub, "e", &["anew"]);
        let known = state(&hub, "e");
        assert_eq!(known["status"], "pending", "{known}");
        assert_eq!(known["tasks"][0]["id"], "anew", "{known}");
        say(&hub, "e", "execution-start", "{}");
        let known = state(&hub, "e");
        assert_eq!(known["status"], "running", "{known}");
        assert_eq!(known["tasks"].as_array().map(Vec::len), Some(1), "{known}");
    }
}

#[test]
fn a_topic_that_begins_anew_is_another_execution() {
    for ended in [false, true] {
        let hub = forgetting("e", ended);
        crowd_out(&hub);
        hub.publish("executions/e", "task-start", r#"{"taskId":"after"}"#);
        let known = state(&hub, "e");
        assert_eq!(known["status"], "running", "{known}");
        assert_eq!(known["tasks"][0]["id"], "after", "{known}");
        assert_eq!(known["tasks"].as_array().map(Vec::len), Some(1), "{known}");
    }
}

#[test]
fn what_is_kept_of_an_execution_is_not_deleted_but_with_it() {
    for hub in hubs() {
        create(&hub, "e", &["a"]);
        let known = state(&hub, "e");
        for topic in ["tidings/executions/e", "tidings/anything", "tidings"] {
            let refused = hub.delete(&format!("/api/topics?topic={topic}"));
            refused.assert_names(403, "topic");
        }
        assert_eq!(state(&hub, "e"), known);
        let deleted = hub.delete("/api/topics?topic=executions/e");
        assert_eq!(deleted.status(), 204);
        assert_eq!(hub.get("/api/executions/e").status(), 404);
        let own = hub.get("/api/topics?selector=tidings/**").json();
        assert_eq!(own["total"], 0, "{own}");
    }
}

#[test]
fn an_execution_whose_topic_was_forgotten_is_not_listed() {
    let hub = forgetting("e", false);
    crowd_out(&hub);
    assert_eq!(hub.get("/api/executions/e").status(), 404);
    assert_eq!(list(&hub, ""), json!({ "executions": [], "total": 0 }));
}
