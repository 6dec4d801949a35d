//! Live resources, over real sockets unless time matters.

mod failures;
mod leaving;
mod limits;
mod lists;
mod patches;
mod refreshing;
mod requests;
mod sharing;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_http::{Handle, Live, Problem, Query, Server, live};
use tidings_testkit::{Connection, Request, Response, StreamReader};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// A server of a router, with engine threads as the hub has them.
struct Site {
    runtime: Runtime,
    address: SocketAddr,
}

impl Site {
    fn start(router: Router) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(router).engine_threads(1).events_past_layers();
        runtime.spawn(server.run(listener, std::future::pending()));
        Self { runtime, address }
    }

    fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    fn send(&self, request: &Request) -> Response {
        Connection::open(self.address).send(request)
    }

    fn open(&self, target: &str) -> StreamReader {
        self.open_with(&Request::get(target))
    }

    fn open_with(&self, request: &Request) -> StreamReader {
        let reader = StreamReader::open(self.address, request);
        assert_eq!(reader.status(), 200, "{:?}", reader.head());
        reader
    }

    fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }
}

/// What is asked of the rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Asked {
    room: String,
    #[serde(default)]
    limit: Option<u8>,
}

/// The provider of the tests: who is in a room, how often it was asked, and what is wrong with it.
#[derive(Clone, Default)]
struct Rooms(Arc<State>);

#[derive(Default)]
struct State {
    people: Mutex<Vec<String>>,
    calls: AtomicUsize,
    trouble: Mutex<Option<Trouble>>,
    /// Calls wait at a closed gate.
    gate: Mutex<Option<Arc<Semaphore>>>,
}

#[derive(Clone)]
enum Trouble {
    Fails(Problem),
    Panics,
    Hangs,
}

#[derive(Debug, Serialize)]
struct Room {
    room: String,
    people: Vec<String>,
}

impl Rooms {
    fn enter(&self, person: &str) {
        self.0.people.lock().unwrap().push(person.to_owned());
    }

    fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn has(&self, trouble: impl Into<Option<Trouble>>) {
        *self.0.trouble.lock().unwrap() = trouble.into();
    }

    /// Has calls wait until the gate has permits.
    fn close(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.0.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    async fn look(self, asked: Asked) -> Result<Room, Problem> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        let trouble = self.0.trouble.lock().unwrap().clone();
        match trouble {
            None => {}
            Some(Trouble::Fails(problem)) => return Err(problem),
            Some(Trouble::Panics) => panic!("expected by the test"),
            Some(Trouble::Hangs) => std::future::pending().await,
        }
        let mut people = self.0.people.lock().unwrap().clone();
        people.truncate(asked.limit.map_or(usize::MAX, usize::from));
        Ok(Room {
            room: asked.room,
            people,
        })
    }

    /// At `/rooms`, without a pace.
    fn live(&self) -> Live<(Query<Asked>,)> {
        let rooms = self.clone();
        let look = async move |Query(asked): Query<Asked>| rooms.clone().look(asked).await;
        live("/rooms", look).pace(Duration::ZERO)
    }

    /// The same, served.
    fn site(&self) -> (Site, Handle<(Query<Asked>,)>) {
        serve(self.live())
    }
}

fn serve(live: Live<(Query<Asked>,)>) -> (Site, Handle<(Query<Asked>,)>) {
    let handle = live.handle();
    (Site::start(live.router()), handle)
}

/// Who is in the room, by the body.
fn people(body: &Value) -> Vec<&str> {
    let people = body["people"].as_array().unwrap();
    people.iter().filter_map(Value::as_str).collect()
}

const HERE: &str = "/rooms?room=here";
const STREAM: &str = "/rooms/stream?room=here";
