use serde_json::{Value, json};
use tidings_testkit::{Hub, Request};

use crate::executions::{create, say, state, task};
use crate::hub;

pub(super) fn ids(list: &Value) -> Vec<&str> {
    let executions = list["executions"].as_array().expect("a list");
    executions
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect()
}

pub(super) fn list(hub: &Hub, query: &str) -> Value {
    hub.get(&format!("/api/executions{query}")).json()
}

#[test]
fn executions_are_listed_newest_first_by_status_and_page() {
    let hub = hub();
    assert_eq!(list(&hub, ""), json!({ "executions": [], "total": 0 }));
    for id in ["a", "b", "c", "d"] {
        create(&hub, id, &["t"]);
    }
    hub.publish("executions/e", "execution-start", "{}");
    task(&hub, "b", "task-start", "t");
    say(&hub, "c", "execution-failed", "{}");
    let all = list(&hub, "");
    assert_eq!(ids(&all), ["e", "d", "c", "b", "a"]);
    assert_eq!(all["executions"][2], state(&hub, "c"));
    assert_eq!(ids(&list(&hub, "?status=running")), ["e", "b"]);
    assert_eq!(ids(&list(&hub, "?status=pending&limit=1")), ["d"]);
    let page = list(&hub, "?limit=2&offset=1");
    assert_eq!((ids(&page), &page["total"]), (vec!["d", "c"], &json!(5)));
    assert_eq!(ids(&list(&hub, "?offset=9")), Vec::<&str>::new());
}

#[test]
fn the_twin_of_the_list_follows_it_with_the_same_filters() {
    let hub = hub();
    create(&hub, "a", &[]);
    let mut twin = hub.open(&Request::get("/api/executions/stream?status=running"));
    assert_eq!(ids(&twin.expect("executions").json()), Vec::<&str>::new());
    create(&hub, "b", &[]);
    say(&hub, "a", "execution-start", "{}");
    let next = twin.expect("executions");
    assert_eq!(next.json(), list(&hub, "?status=running"));
    assert_eq!(ids(&next.json()), ["a"]);
}

#[test]
fn the_states_of_hundreds_of_executions_are_followed_at_a_time() {
    let hub = hub();
    let twins: Vec<_> = (0..150)
        .map(|number| {
            let id = format!("e{number}");
            create(&hub, &id, &[]);
            let mut twin = hub.open(&Request::get(&format!("/api/executions/{id}/stream")));
            twin.expect("execution");
            (id, twin)
        })
        .collect();
    for (id, _) in &twins {
        say(&hub, id, "execution-complete", "{}");
    }
    for (_, mut twin) in twins {
        twin.until(|event| event.json()["status"] == "completed");
    }
}
