use std::thread;

use fastrand::Rng;
use serde_json::json;
use tidings_testkit::{Connection, Hub, Request, Seed, StreamReader, eventually};

use super::{SNAPSHOT, STREAM, broadcast, connected_clients, dashboard};
use crate::{data, hub, numbers};

/// Opens a dashboard, gets somewhere with it and leaves.
fn disturb(hub: &Hub, random: &mut Rng) {
    let request = Request::get([STREAM, "/dashboard/sse", SNAPSHOT][random.usize(..3)]);
    let mut connection = match random.usize(..4) {
        0 => {
            let stream = Request::get(STREAM);
            let mut stream = StreamReader::open(hub.address(), &stream);
            stream.take(random.usize(..30));
            if random.bool() {
                stream.reset();
            }
            return;
        }
        _ => Connection::open(hub.address()),
    };
    let bytes = request.to_bytes("127.0.0.1");
    let length = if random.bool() {
        bytes.len()
    } else {
        random.usize(..bytes.len())
    };
    connection
        .write(&bytes[..length])
        .expect("an open connection");
    if random.bool() {
        connection.reset();
    }
}

#[test]
fn s20_a_thousand_dashboards_that_leave_at_random_leave_nothing_behind() {
    let seed = Seed::new();
    let mut random = seed.random();
    let hub = hub();
    for n in 1..=60 {
        broadcast(&hub, "notification", &json!(n));
    }
    let target = format!("{STREAM}?event=deployment");
    let mut follower = hub.open(&Request::get(&target));
    follower.expect("connected");
    for _ in 0..20 {
        disturb(&hub, &mut random);
    }
    eventually("only the follower is left", || {
        (connected_clients(&hub) == 1).then_some(())
    });
    let (files, memory) = (hub.process().open_files(), hub.process().resident_memory());

    thread::scope(|scope| {
        for _ in 0..4 {
            let (hub, mut random) = (&hub, random.fork());
            scope.spawn(move || {
                for _ in 0..250 {
                    disturb(hub, &mut random);
                }
            });
        }
        for n in 1..=500 {
            broadcast(&hub, "deployment", &json!(n));
        }
    });

    assert_eq!(data(&follower.take(500)), numbers(1..=500));
    eventually("only the follower is left", || {
        let connections = hub.get("/api/connections").json();
        (connected_clients(&hub) == 1 && connections["total"] == json!(1)).then_some(())
    });
    eventually("every socket is closed", || {
        (hub.process().open_files() <= files + 1).then_some(())
    });
    let grown = hub.process().resident_memory().saturating_sub(memory);
    assert!(grown < 32 << 20, "{grown} bytes more");
    drop(follower);
    eventually("nobody is left", || {
        (connected_clients(&hub) == 0).then_some(())
    });
    dashboard(&hub);
}
