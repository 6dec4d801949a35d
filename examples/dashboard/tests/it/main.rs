//! The example as its users meet it: the real program over real sockets.

use std::net::SocketAddr;
use std::process::Command;

use tidings_testkit::{Connection, Process, Request, StreamReader};

fn start() -> (Process, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings-example-dashboard"));
    let process = Process::start(command.arg("127.0.0.1:0"));
    let address = process.find_in_stdout(|said| {
        let (_, address) = said.split_once("open http://")?;
        address.strip_suffix('\n')?.parse().ok()
    });
    (process, address.expect("an address"))
}

fn deploy(address: SocketAddr, service: &str) {
    let request = Request::post(&format!("/deployments/{service}"), "");
    assert_eq!(Connection::open(address).send(&request).status(), 200);
}

#[test]
fn the_example_broadcasts_to_pages_that_are_open_and_to_those_that_open_late() {
    let (_process, address) = start();
    let page = Connection::open(address).send(&Request::get("/"));
    assert!(
        page.text().contains("new EventSource('/dashboard/stream')"),
        "{page:?}"
    );

    let request = Request::get("/dashboard/stream");
    let mut early = StreamReader::open(address, &request);
    early.expect("tidings.connected");
    early.until(|event| event.event == "metrics-update");
    for n in 1..=60 {
        deploy(address, &format!("shop-{n}"));
    }
    early.until(|event| event.data == r#"{"latest":"shop-60"}"#);

    let mut late = StreamReader::open(address, &request);
    late.expect("tidings.connected");
    let events = late.until(|event| event.event == "nav-badge-update");
    let messages: Vec<_> = events
        .iter()
        .filter(|event| event.event == "notification")
        .collect();
    assert_eq!(messages.len(), 50, "{events:?}");
    assert_eq!(messages[0].data, r#"{"message":"shop-11 was deployed"}"#);
    assert_eq!(messages[49].data, r#"{"message":"shop-60 was deployed"}"#);
    let badge = events.last().expect("a badge");
    assert_eq!(badge.data, r#"{"latest":"shop-60"}"#);
}
