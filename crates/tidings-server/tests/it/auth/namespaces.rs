//! T11: namespaces, of which none knows of another.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tidings::Timestamp;
use tidings_auth::{Algorithm, Minter, NewToken};
use tidings_testkit::{Command, Hub, Request, StreamReader, eventually};

use super::{SECRET, bearer, stream, token};
use crate::{SERVE, TIDINGS};

/// A hub that leaves it to its tokens where they count.
fn command(limit: usize, more: &[&str]) -> Command {
    let settings = format!(
        "[limits]\nnamespaces = {limit}\n\n[[issuer]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\nnamespace_by_token = true\n"
    );
    let arguments = [&SERVE[..], &["--config", "tidings.toml"], more].concat();
    Command::new(TIDINGS, &arguments).file("tidings.toml", &settings)
}

fn of(namespace: &str) -> String {
    let rights = [
        "--admin",
        "--publish",
        "**",
        "--subscribe",
        "**",
        "--subscribe",
        "tidings/**",
    ];
    token(&[&rights[..], &["--namespace", namespace]].concat())
}

#[track_caller]
fn publish(hub: &Hub, token: &str, data: &str) -> String {
    let answer = hub.send(&bearer(Request::post("/api/events?topic=t", data), token));
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn t11_nothing_of_one_namespace_is_seen_in_another() {
    let hub = Hub::spawn(command(10, &[]));
    let [one, other] = ["one", "other"].map(of);
    let mut streams = [&one, &other].map(|token| hub.open(&stream("topic=**", token)));
    let first = publish(&hub, &one, "of one");
    let of_other = publish(&hub, &other, "of other");
    // Each has a sequence and an epoch of its own.
    assert_eq!(first.rsplit('-').next(), of_other.rsplit('-').next());
    assert_ne!(first, of_other);
    assert_eq!(streams[0].event().data, "of one");
    assert_eq!(streams[1].event().data, "of other");
    let get = |token: &str, target: &str| hub.send(&bearer(Request::get(target), token)).json();
    for (token, data) in [(&one, "of one"), (&other, "of other")] {
        let history = get(token, "/api/events?topic=**");
        assert_eq!(history["events"].as_array().unwrap().len(), 1);
        assert_eq!(history["events"][0]["data"], data);
        assert_eq!(get(token, "/api/topics")["total"], 1);
        assert_eq!(get(token, "/api/connections")["total"], 1);
    }
    let create = |token: &str| {
        let request = Request::post("/api/executions", "{\"id\":\"run\"}");
        hub.send(&bearer(
            request.header("Content-Type", "application/json"),
            token,
        ))
    };
    assert_eq!(create(&one).status(), 201);
    assert_eq!(get(&other, "/api/executions")["total"], 0);
    assert_eq!(create(&other).status(), 201);
    // An id of another namespace is as strange as one of another hub.
    let mut resumed = hub.open(&stream(&format!("topic=t&last_event_id={first}"), &other));
    assert_eq!(
        resumed.expect("tidings.gap").json()["reason"],
        "epoch-changed"
    );
    let delete = Request::delete("/api/topics?topic=t");
    assert_eq!(hub.send(&bearer(delete, &other)).status(), 204);
    assert_eq!(get(&one, "/api/topics")["total"], 1);
}

#[test]
fn t11_one_namespace_leaves_connections_to_others() {
    let hub = Hub::spawn(command(10, &["--memory"]).env("TIDINGS_LIMITS_CONNECTIONS", "5"));
    let [greedy, other] = ["greedy", "other"].map(of);
    let events = |token: &str| stream("topic=t", token);
    let viewer = |token: &str| bearer(Request::get("/api/topics/stream"), token);
    let mut held = vec![
        hub.open(&events(&greedy)),
        hub.open(&viewer(&greedy)),
        hub.open(&events(&greedy)),
    ];
    for request in [events(&greedy), viewer(&greedy)] {
        let opened = StreamReader::open(hub.address(), &request);
        assert_eq!(opened.status(), 429);
        let refused = hub.send(&request);
        assert!(refused.header("Retry-After").is_some());
        let problem = refused.problem(429);
        assert_eq!(problem["type"], "urn:tidings:problem:too-many-connections");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(
            detail.contains("3 subscriptions of this namespace"),
            "{detail}"
        );
    }
    let _others = [hub.open(&events(&other)), hub.open(&viewer(&other))];
    held.pop();
    let _again = eventually("there is room again", || {
        let stream = StreamReader::open(hub.address(), &events(&greedy));
        (stream.status() == 200).then_some(stream)
    });
}

/// A hub with namespaces and these limits, and a key of those who look after it.
fn looked_after(limits: &str) -> (Hub, String) {
    let arguments = ["keys", "--admin", "--publish", "**", "--subscribe", "**"];
    let made = Command::new(TIDINGS, &arguments).run();
    let (_, table) = made.stderr.split_once("\n\n").expect("a table");
    let settings = format!(
        "[limits]\n{limits}\n[[issuer]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\nnamespace_by_token = true\n\n{table}"
    );
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let command = Command::new(TIDINGS, &arguments).file("tidings.toml", &settings);
    let key = made.success();
    (Hub::spawn(command), key.trim_end().to_owned())
}

#[test]
fn t11_what_the_process_does_is_told_in_no_namespace() {
    let (hub, key) = looked_after("connections = 3\nconnections_per_namespace = 3\n");
    let [one, other] = ["one", "other"].map(of);
    let dashboard = || Request::get("/api/dashboard");
    let of_all = || hub.send(&dashboard().header("X-API-Key", &key)).json();
    let of_namespace = |token: &str| hub.send(&bearer(dashboard(), token)).json();
    let readiness = |told: &Value| told["health"]["services"]["readiness"]["status"].clone();
    let gauges = of_all()["metrics"]["gauges"].clone();
    assert!(gauges["memory_bytes"].is_u64(), "{gauges}");
    assert!(gauges["cpu_percent"].is_f64(), "{gauges}");

    let _streams = [1, 2, 3].map(|_| hub.open(&stream("topic=t", &one)));
    assert_eq!(readiness(&of_all()), "degraded");
    hub.send(&stream("topic=t", &other)).problem(429);
    for (token, connections) in [(&one, 3), (&other, 0)] {
        let told = eventually("the connections are counted", || {
            let told = of_namespace(token);
            (told["metrics"]["gauges"]["connections"] == connections).then_some(told)
        });
        assert_eq!(readiness(&told), "healthy", "{told}");
        for figure in ["memory_bytes", "cpu_percent"] {
            assert_eq!(told["metrics"]["gauges"][figure], Value::Null, "{told}");
            let column = told["history"][figure].as_array().into_iter().flatten();
            assert!(column.clone().all(Value::is_null), "{told}");
        }
    }
}

#[test]
fn t11_names_of_views_do_not_count_those_of_others() {
    let hub = Hub::spawn(command(10, &[]));
    let token = of("one");
    let name = |limit: usize| {
        let target = format!("/api/topics/stream?hello=1&limit={limit}");
        let mut twin = hub.open(&bearer(Request::get(&target), &token));
        let topic = twin.expect("tidings.connected").json()["topics"][0].clone();
        let (_, name) = topic.as_str().unwrap().rsplit_once('/').unwrap();
        u64::from_str_radix(name, 16).unwrap()
    };
    let [first, second] = [1, 2].map(name);
    assert!(first.abs_diff(second) > 1 << 20, "{first} {second}");
}

#[test]
fn a_browser_waits_for_room_for_its_namespace() {
    let hub = Hub::spawn(command(1, &["--memory"]));
    publish(&hub, &of("one"), "x");
    let other = of("other");
    let request = stream("topic=t", &other);
    hub.send(&request).problem(429);
    let browser = request.header("Sec-Fetch-Mode", "cors");
    let mut told = hub.open(&browser.header("Accept", "text/event-stream"));
    assert!(told.rest().is_empty());
    assert!(told.retry().is_some(), "{:?}", told.body());
}

#[test]
fn what_has_a_name_is_found_in_a_namespace() {
    let hub = Hub::spawn(command(10, &[]));
    let all = of("one");
    let post = |target: &str, body: &str| {
        let request = Request::post(target, body).header("Content-Type", "application/json");
        hub.send(&bearer(request, &all)).status()
    };
    let get = |target: &str| hub.send(&bearer(Request::get(target), &all)).status();
    assert_eq!(post("/api/executions", "{\"id\":\"run\"}"), 201);
    let start = "{\"event\":\"execution-start\",\"data\":{}}";
    assert_eq!(post("/api/executions/run/events", start), 200);
    for target in ["/api/executions/run", "/api/execution-state/run"] {
        assert_eq!(get(target), 200, "{target}");
    }
    let mut live = hub.open(&stream("topic=t&hello=1", &all));
    let connected = live.expect("tidings.connected").json();
    let connection = format!(
        "/api/connections/{}",
        connected["connection_id"].as_str().unwrap()
    );
    let change = Request::new("PATCH", &connection).body("{\"subscribe\":[\"u\"]}");
    let change = change.header("Content-Type", "application/json");
    assert_eq!(hub.send(&bearer(change, &all)).status(), 200);
    assert_eq!(
        hub.send(&bearer(Request::delete(&connection), &all))
            .status(),
        204
    );
    assert_eq!(post("/api/executions/run/cancel", ""), 200);
    assert_eq!(get("/api/nothing"), 404);
}

#[test]
fn t11_what_is_revoked_in_a_namespace_does_nothing_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let start = || Hub::spawn(command(10, &["--data-dir", folder]));
    let revoked = token(&[
        "--publish",
        "**",
        "--identity",
        "gone",
        "--namespace",
        "one",
    ]);
    let hub = start();
    let request = Request::post("/api/revocations", "{\"identity\":\"gone\"}");
    let request = bearer(
        request.header("Content-Type", "application/json"),
        &of("one"),
    );
    assert_eq!(hub.send(&request).status(), 200);
    drop(hub);
    let hub = start();
    hub.send(&bearer(Request::post("/api/events?topic=t", "x"), &revoked))
        .problem(401);
    let history = hub
        .send(&bearer(Request::get("/api/events?topic=t"), &of("one")))
        .json();
    assert_eq!(history["events"], json!([]));
}

#[test]
fn t11_a_revocation_counts_where_it_was_made() {
    let hub = Hub::spawn(command(10, &[]));
    let [one, other] = ["one", "other"].map(|namespace| {
        token(&[
            "--subscribe",
            "**",
            "--identity",
            "me",
            "--namespace",
            namespace,
        ])
    });
    let request = Request::post("/api/revocations", "{\"identity\":\"me\"}");
    let request = bearer(
        request.header("Content-Type", "application/json"),
        &of("one"),
    );
    assert_eq!(hub.send(&request).status(), 200);
    hub.send(&bearer(Request::get("/api/topics"), &one))
        .problem(401);
    assert_eq!(
        hub.send(&bearer(Request::get("/api/topics"), &other))
            .status(),
        200
    );
    let list = Request::get("/api/revocations");
    let listed = hub.send(&bearer(list, &of("other"))).json();
    assert_eq!(listed, json!({ "revocations": [] }));
}

#[test]
fn a_namespace_keeps_its_history_and_there_are_only_so_many() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let start = || Hub::spawn(command(1, &["--data-dir", folder]));
    let id = {
        let hub = start();
        let id = publish(&hub, &of("one"), "kept");
        let refused = hub.send(&bearer(Request::get("/api/topics"), &of("two")));
        let detail = refused.problem(429)["detail"].clone();
        assert_eq!(detail, "limits.namespaces: there are as many as allowed");
        id
    };
    let hub = start();
    let history = hub
        .send(&bearer(Request::get("/api/events?topic=t"), &of("one")))
        .json();
    assert_eq!(history["events"][0]["id"], id);
}

#[test]
fn a_namespace_is_no_way_into_the_file_system() {
    let hub = Hub::spawn(command(10, &[]));
    let minter = Minter::secret(Algorithm::Hs256, SECRET.as_bytes()).unwrap();
    // Not by `tidings token`, which makes none of these.
    let of = |name: &str| {
        let token = NewToken {
            subscribe: vec!["**".to_owned()],
            namespace: Some(name.to_owned()),
            ..NewToken::default()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::from_millis(now.as_millis().try_into().unwrap());
        bearer(
            Request::get("/api/topics"),
            &minter.mint(&token, now).unwrap(),
        )
    };
    assert_eq!(hub.send(&of("a")).status(), 200);
    for name in ["..", "a/b", "", "A", "x y", &"x".repeat(65)] {
        hub.send(&of(name)).problem(401);
    }
}
