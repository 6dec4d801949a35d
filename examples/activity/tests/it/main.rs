//! The application over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod activity;
mod logs;

use std::net::SocketAddr;

use tidings_example_activity::{Satellite, Site, Store};
use tidings_http::Server;
use tidings_testkit::{Connection, Request, Response, StreamReader};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

struct Application {
    runtime: Runtime,
    address: SocketAddr,
    satellite: Satellite,
}

impl Application {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let site = Site::new(Store::open_in_memory().unwrap());
        runtime.spawn(Server::new(site.router).run(listener, std::future::pending()));
        Self {
            runtime,
            address,
            satellite: site.satellite,
        }
    }

    fn send(&self, request: &Request) -> Response {
        Connection::open(self.address).send(request)
    }

    /// Gets something as ann.
    fn get(&self, target: &str) -> Response {
        self.send(&ann(target))
    }

    /// Opens a stream as ann.
    fn open(&self, target: &str) -> StreamReader {
        self.open_with(&ann(target))
    }

    fn open_with(&self, request: &Request) -> StreamReader {
        let reader = StreamReader::open(self.address, request);
        assert_eq!(reader.status(), 200, "{:?}", reader.head());
        reader
    }
}

fn ann(target: &str) -> Request {
    Request::get(target).header("Authorization", "Bearer ann")
}

#[test]
fn the_page_gives_a_session_that_the_resources_take() {
    let application = Application::start();
    let page = application.send(&Request::get("/"));
    assert_eq!(page.status(), 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let (session, flags) = page.header("set-cookie").unwrap().split_once(';').unwrap();
    assert!(
        flags.contains("HttpOnly") && flags.contains("SameSite=Strict"),
        "{flags}"
    );
    let resource = Request::get("/api/users/me/mcp/client-activity?team_id=123");
    let answer = application.send(&resource.header("Cookie", session));
    assert_eq!(answer.status(), 200);
    application.send(&Request::get("/none")).problem(404);
    application
        .send(&Request::get("/../Cargo.toml"))
        .problem(404);
    application.send(&Request::post("/none", "")).problem(404);
}
