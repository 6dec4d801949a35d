use std::net::SocketAddr;

use tidings_testkit::{Connection, Hub, Request, Response};

use crate::{TIDINGS, hub};

/// Every route, with a method of it, and whether that changes something.
const ROUTES: [(&str, &str, bool); 31] = [
    ("GET", "/api/events?topic=t", false),
    ("POST", "/api/events?topic=t", true),
    ("GET", "/api/events/stream?topic=t", false),
    ("POST", "/api/events/stream", true),
    ("GET", "/api/topics", false),
    ("DELETE", "/api/topics?topic=t", true),
    ("GET", "/api/topics/stream", false),
    ("GET", "/api/connections", false),
    ("GET", "/api/connections/stream", false),
    ("PATCH", "/api/connections/x", true),
    ("DELETE", "/api/connections/x", true),
    ("GET", "/api/dashboard", false),
    ("GET", "/api/dashboard/stream", false),
    ("POST", "/api/dashboard/events", true),
    ("GET", "/dashboard/sse", false),
    ("GET", "/dashboard/api/sse/status", false),
    ("GET", "/api/executions", false),
    ("POST", "/api/executions", true),
    ("GET", "/api/executions/stream", false),
    ("GET", "/api/executions/e", false),
    ("GET", "/api/executions/e/stream", false),
    ("GET", "/api/executions/e/events", false),
    ("POST", "/api/executions/e/events", true),
    ("POST", "/api/executions/e/cancel", true),
    ("GET", "/api/execution-stream/e", false),
    ("GET", "/api/execution-state/e", false),
    ("POST", "/api/cancel-execution/e", true),
    ("GET", "/healthz", false),
    ("GET", "/readyz", false),
    ("GET", "/metrics", false),
    ("GET", "/", false),
];

fn send(address: SocketAddr, request: &Request) -> Response {
    Connection::open(address).send(request)
}

/// A hub with a listener for administrators, and the addresses of both.
fn with_both() -> (Hub, [SocketAddr; 2]) {
    let hub = Hub::configured(TIDINGS, "admin_listen = \"127.0.0.1:0\"\n");
    let admin = hub.process().find_in_stderr(|stderr| {
        let (_, after) = stderr.split_once("administered on http://")?;
        after.split_once('\n')?.0.parse().ok()
    });
    let addresses = [hub.address(), admin.expect("an address")];
    (hub, addresses)
}

#[test]
fn t5_no_route_of_any_listener_answers_to_a_name_that_is_not_listed() {
    let (hub, addresses) = with_both();
    hub.publish("t", "n", "secret");
    for address in addresses {
        for (method, target, _) in ROUTES {
            for host in ["evil.example", &format!("evil.example:{}", address.port())] {
                let request = Request::new(method, target).header("Host", host);
                send(address, &request).problem(421);
            }
        }
        let nowhere = Request::get("/nothing").header("Host", "evil.example");
        send(address, &nowhere).problem(421);
    }
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn t5_a_page_of_another_origin_changes_nothing_and_may_read_nothing() {
    let (hub, addresses) = with_both();
    hub.publish("t", "n", "secret");
    for address in addresses {
        for (method, target, changes) in ROUTES {
            let request = Request::new(method, target).header("Origin", "https://evil.example");
            let mut connection = Connection::open(address);
            connection.begin(&request).expect("an open connection");
            let head = if changes {
                let answer = connection.receive();
                answer.problem(403);
                answer.head
            } else {
                let stream = tidings_testkit::StreamReader::open(address, &request);
                stream.head().clone()
            };
            let allowed = head.header("access-control-allow-origin");
            assert_eq!(allowed, None, "{method} {target}: {head:?}");
        }
    }
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn t5_what_is_for_administrators_is_not_on_the_public_listener() {
    let (hub, [public, admin]) = with_both();
    let for_administrators = [
        ("GET", "/"),
        ("GET", "/assets/index.js"),
        ("GET", "/api/connections"),
        ("GET", "/api/connections/stream"),
        ("GET", "/api/dashboard"),
        ("GET", "/api/dashboard/stream"),
        ("POST", "/api/dashboard/events"),
        ("GET", "/dashboard/sse"),
        ("GET", "/dashboard/api/sse/status"),
    ];
    for (method, target) in for_administrators {
        send(public, &Request::new(method, target)).problem(404);
    }
    for target in ["/api/topics?topic=t", "/api/connections/x"] {
        send(public, &Request::delete(target)).problem(405);
    }
    hub.publish("t", "n", "1");
    for target in ["/healthz", "/readyz", "/api/topics", "/api/events?topic=t"] {
        for address in [public, admin] {
            assert_eq!(
                send(address, &Request::get(target)).status(),
                200,
                "{target}"
            );
        }
    }
    for target in ["/", "/api/connections", "/api/dashboard"] {
        assert_eq!(send(admin, &Request::get(target)).status(), 200, "{target}");
    }
    let mut stream = hub.stream("topic=t&hello=1");
    let id = stream.expect("tidings.connected").json()["connection_id"].clone();
    let path = format!("/api/connections/{}", id.as_str().expect("an id"));
    let change = Request::new("PATCH", &path).body("{\"subscribe\":[\"u\"]}");
    assert_eq!(send(public, &change).status(), 200);
    assert_eq!(send(admin, &Request::delete(&path)).status(), 204);
    stream.expect("tidings.goodbye");
    let topic = Request::delete("/api/topics?topic=t");
    assert_eq!(send(admin, &topic).status(), 204);
}

#[test]
fn t5_without_a_listener_of_their_own_administrators_come_to_the_public_one() {
    let hub = hub();
    for target in ["/", "/api/connections", "/api/dashboard"] {
        assert_eq!(hub.get(target).status(), 200, "{target}");
    }
}

#[test]
fn t5_what_dashboards_are_told_is_not_told_to_everybody() {
    let (_hub, [public, admin]) = with_both();
    let told = Request::post(
        "/api/dashboard/events",
        "{\"event\":\"notification\",\"data\":\"secret\"}",
    );
    let told = told.header("Content-Type", "application/json");
    assert_eq!(send(admin, &told).status(), 200);
    let history = Request::get("/api/events?topic=tidings/**");
    assert!(send(admin, &history).text().contains("secret"));
    let seen = send(public, &history);
    assert_eq!(seen.status(), 200);
    assert!(!seen.text().contains("secret"), "{}", seen.text());
    let topics = Request::get("/api/topics?selector=tidings/**");
    assert_eq!(send(public, &topics).json()["total"], 0);
    for target in ["/api/events", "/api/events/stream"] {
        let named = format!("{target}?topic=tidings/dashboard/notifications");
        send(public, &Request::get(&named)).problem(403);
    }
    let run = Request::post("/api/executions", "{\"id\":\"e\"}");
    let run = run.header("Content-Type", "application/json");
    assert_eq!(send(public, &run).status(), 201);
    assert_eq!(
        send(public, &Request::get("/api/executions/e")).status(),
        200
    );
}
