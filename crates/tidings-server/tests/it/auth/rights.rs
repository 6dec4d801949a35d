//! T10: rights are those of the event's topic, wherever it is met.

use serde_json::json;
use tidings_testkit::Request;

use super::{admin, bearer, guarded, publish, stream, token};

#[test]
fn t10_a_topic_outside_the_rights_is_refused_and_a_pattern_filtered() {
    let hub = guarded();
    let (all, some) = (admin(), token(&["--subscribe", "a/*", "--subscribe", "c"]));
    for query in [
        "topic=b",
        "topic=a/x/y",
        "topic=a",
        "topic=a/x&topic=b",
        "topic=a%2Fx%2Fy",
        "topic=a/x/../b",
    ] {
        let answer = hub.send(&stream(query, &some));
        assert_eq!(answer.problem(403)["field"], "topic", "{query}");
        let history = Request::get(&format!("/api/events?{query}"));
        hub.send(&bearer(history, &some)).problem(403);
    }
    let mut live = hub.open(&stream("topic=**", &some));
    for topic in ["a/1", "a/1/2", "b", "c", "a", "a/3"] {
        publish(&hub, &all, topic, topic);
    }
    let got: Vec<_> = live.take(3).into_iter().map(|event| event.data).collect();
    assert_eq!(got, ["a/1", "c", "a/3"]);
    let mut again = hub.open(&stream("topic=**&from=start", &some));
    let got: Vec<_> = again.take(3).into_iter().map(|event| event.data).collect();
    assert_eq!(got, ["a/1", "c", "a/3"]);
    let history = hub
        .send(&bearer(Request::get("/api/events?topic=**"), &some))
        .json();
    let topics: Vec<_> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["topic"])
        .collect();
    assert_eq!(json!(topics), json!(["a/1", "c", "a/3"]));
}

#[test]
fn t10_topics_are_listed_to_those_who_may_read_them() {
    let hub = guarded();
    let (all, some) = (admin(), token(&["--subscribe", "a/*"]));
    for topic in ["a/1", "b"] {
        publish(&hub, &all, topic, "x");
    }
    let listed = |token: &str| {
        let list = hub.send(&bearer(Request::get("/api/topics"), token)).json();
        let topics = list["topics"].as_array().unwrap().iter();
        let names: Vec<_> = topics
            .map(|topic| topic["topic"].as_str().unwrap().to_owned())
            .collect();
        (names, list["total"].as_u64().unwrap())
    };
    assert_eq!(listed(&some), (vec!["a/1".to_owned()], 1));
    assert_eq!(listed(&all).1, 2);
}

#[test]
fn t10_a_stream_is_not_changed_beyond_its_rights_nor_by_another() {
    let hub = guarded();
    let mine = token(&["--subscribe", "a/*", "--identity", "me"]);
    let other = token(&["--subscribe", "**", "--identity", "other"]);
    let mut live = hub.open(&stream("topic=a/1&hello=1", &mine));
    let id = live.expect("tidings.connected").json()["connection_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let change = |token: &str, body: &str| {
        let request = Request::new("PATCH", &format!("/api/connections/{id}")).body(body);
        hub.send(&bearer(
            request.header("Content-Type", "application/json"),
            token,
        ))
    };
    change(&other, "{\"subscribe\":[\"a/2\"]}").problem(404);
    change(&mine, "{\"subscribe\":[\"b\"]}").assert_names(403, "subscribe");
    assert_eq!(change(&mine, "{\"subscribe\":[\"**\"]}").status(), 200);
    let all = admin();
    publish(&hub, &all, "b", "hidden");
    publish(&hub, &all, "a/2", "seen");
    assert_eq!(live.event().data, "seen");
}

#[test]
fn t10_a_stream_keeps_the_rights_it_was_opened_with_and_says_so() {
    let hub = guarded();
    let [narrow, wide] =
        ["a/*", "**"].map(|selector| token(&["--subscribe", selector, "--identity", "me"]));
    let mut live = hub.open(&stream("topic=a/1&hello=1", &narrow));
    let hello = live.expect("tidings.connected").json();
    let target = format!(
        "/api/connections/{}",
        hello["connection_id"].as_str().unwrap()
    );
    let change = |body: &str| {
        let request = Request::new("PATCH", &target).body(body);
        hub.send(&bearer(
            request.header("Content-Type", "application/json"),
            &wide,
        ))
    };
    change("{\"subscribe\":[\"a/2\",\"b\"]}").assert_names(403, "subscribe");
    assert_eq!(change("{\"subscribe\":[\"*/3\"]}").status(), 200);
    let all = admin();
    for topic in ["b", "b/3", "a/2", "a/3"] {
        publish(&hub, &all, topic, topic);
    }
    assert_eq!(live.event().data, "a/3");
}

#[test]
fn what_operators_do_needs_the_admin_right() {
    let hub = guarded();
    let reader = token(&["--subscribe", "**", "--publish", "**"]);
    let body = |method: &str, target: &str, body: &str| {
        let request = Request::new(method, target).body(body);
        request.header("Content-Type", "application/json")
    };
    for request in [
        Request::get("/api/connections"),
        Request::get("/api/connections/stream"),
        Request::delete("/api/topics?topic=t"),
        Request::delete("/api/connections/x"),
        Request::get("/api/revocations"),
        body("POST", "/api/revocations", "{\"identity\":\"x\"}"),
        body(
            "POST",
            "/api/dashboard/events",
            "{\"event\":\"e\",\"data\":1}",
        ),
    ] {
        hub.send(&bearer(request, &reader)).problem(403);
    }
    let dashboard = || Request::get("/api/dashboard");
    assert_eq!(hub.send(&bearer(dashboard(), &reader)).status(), 200);
    let narrow = token(&["--subscribe", "a/**"]);
    hub.send(&bearer(dashboard(), &narrow)).problem(403);
    hub.send(&bearer(Request::get("/dashboard/sse"), &narrow))
        .problem(403);
}

#[test]
fn executions_are_for_those_who_may_use_their_topics() {
    let hub = guarded();
    let producer = token(&["--publish", "executions/mine"]);
    let reader = token(&["--subscribe", "executions/mine"]);
    let post = |token: &str, target: &str, body: &str| {
        let request = Request::post(target, body).header("Content-Type", "application/json");
        hub.send(&bearer(request, token))
    };
    let get = |token: &str, target: &str| hub.send(&bearer(Request::get(target), token));
    post(&producer, "/api/executions", "{\"id\":\"theirs\"}").assert_names(403, "id");
    post(&reader, "/api/executions", "{\"id\":\"mine\"}").problem(403);
    for id in ["mine", "theirs"] {
        let body = format!("{{\"id\":\"{id}\"}}");
        assert_eq!(post(&admin(), "/api/executions", &body).status(), 201);
    }
    let start = "{\"event\":\"execution-start\",\"data\":{}}";
    post(&producer, "/api/executions/theirs/events", start).problem(403);
    post(&reader, "/api/executions/mine/events", start).problem(403);
    assert_eq!(
        post(&producer, "/api/executions/mine/events", start).status(),
        200
    );
    let list = get(&reader, "/api/executions").json();
    assert_eq!(
        (&list["total"], &list["executions"][0]["id"]),
        (&json!(1), &json!("mine"))
    );
    for target in [
        "/api/executions/theirs",
        "/api/executions/theirs/stream",
        "/api/executions/theirs/events",
        "/api/execution-stream/theirs",
        "/api/execution-state/theirs",
        "/api/executions/unknown",
    ] {
        get(&reader, target).problem(403);
    }
    assert_eq!(get(&reader, "/api/executions/mine").status(), 200);
    post(&reader, "/api/executions/mine/cancel", "").problem(403);
    post(&producer, "/api/cancel-execution/theirs", "").problem(403);
    assert_eq!(
        post(&producer, "/api/executions/mine/cancel", "").status(),
        200
    );
    let mut stream = hub.open(&bearer(
        Request::get("/api/executions/mine/events"),
        &reader,
    ));
    assert_eq!(stream.expect("init").json()["status"], "cancelled");
}

#[test]
fn t10_a_dashboard_is_no_way_to_what_may_not_be_read() {
    let hub = guarded();
    let watcher = token(&["--subscribe", "tidings/dashboard/**", "--identity", "me"]);
    let mut dashboard = hub.open(&bearer(Request::get("/api/dashboard/stream"), &watcher));
    let id = dashboard.expect("connected").json()["client_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let change = |body: &str| {
        let request = Request::new("PATCH", &format!("/api/connections/{id}")).body(body);
        hub.send(&bearer(
            request.header("Content-Type", "application/json"),
            &watcher,
        ))
    };
    change("{\"subscribe\":[\"secret/1\"]}").problem(403);
    assert_eq!(
        change("{\"subscribe\":[\"**\",\"tidings/**\"]}").status(),
        200
    );
    let all = admin();
    publish(&hub, &all, "secret/1", "hidden");
    let event = "{\"event\":\"deployment\",\"data\":1}";
    let request = Request::post("/api/dashboard/events", event);
    hub.send(&bearer(
        request.header("Content-Type", "application/json"),
        &all,
    ));
    let told = dashboard.until(|event| event.event == "deployment");
    assert!(told.iter().all(|event| event.data != "hidden"), "{told:?}");
}
