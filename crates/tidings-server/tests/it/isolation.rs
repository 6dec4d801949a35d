use std::thread;

use serde_json::json;
use tidings_testkit::{Connection, Hub, Request, StreamReader, eventually};

use crate::{data, hub, hubs, numbers};

#[test]
fn s6_readers_that_fail_do_not_disturb_the_others() {
    let hub = hub();
    let (reset, closed) = (hub.stream("topic=t"), hub.stream("topic=t"));
    let mut stays = hub.stream("topic=t");
    reset.reset();
    drop(closed);
    let mut publisher = hub.publisher();
    for n in 1..=10 {
        publisher.publish("t", "n", &n.to_string());
    }
    assert_eq!(data(&stays.take(10)), numbers(1..=10));
    eventually("one subscriber is left", || {
        (hub.subscribers("t") == 1).then_some(())
    });
    let said = hub.process().stderr();
    assert!(
        !said.contains("ERROR") && !said.contains("panicked"),
        "{said}"
    );
}

/// A small generator of pseudo-random numbers, the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Opens a connection, gets somewhere with it and leaves.
fn disturb(hub: &Hub, random: &mut Random) {
    let stream = Request::get("/api/events/stream?topic=t");
    let replay = Request::get("/api/events/stream?topic=t&from=start");
    let publish = Request::post("/api/events?topic=torn", "0123456789").to_bytes("127.0.0.1");
    let mut connection = match random.below(7) {
        0 => return leave_reader(StreamReader::open(hub.address(), &stream), random),
        1 => {
            let mut reader = StreamReader::open(hub.address(), &replay);
            reader.take(random.below(5) as usize);
            return leave_reader(reader, random);
        }
        _ => Connection::open(hub.address()),
    };
    let length = random.below(publish.len() as u64) as usize;
    let written = match random.below(4) {
        0 => connection.write(b"GET /api/events/stream?topic=t HTTP/1.1\r\nHo"),
        1 => connection.begin(&stream),
        2 => connection.begin(&Request::get("/api/topics/stream")),
        _ => connection.write(&publish[..length]),
    };
    written.expect("an open connection");
    if random.below(2) == 0 {
        connection.reset();
    }
}

fn leave_reader(reader: StreamReader, random: &mut Random) {
    if random.below(2) == 0 {
        reader.reset();
    }
}

#[test]
fn s20_a_thousand_disconnects_at_random_leave_nothing_behind() {
    for hub in hubs() {
        let mut follower = hub.stream("topic=t");
        let mut publisher = hub.publisher();
        for n in 1..=1000 {
            publisher.publish("t", "n", &n.to_string());
        }
        let (files, memory) = (hub.process().open_files(), hub.process().resident_memory());

        thread::scope(|scope| {
            for seed in 1..=4 {
                let hub = &hub;
                scope.spawn(move || {
                    let mut random = Random(seed << 32);
                    for _ in 0..250 {
                        disturb(hub, &mut random);
                    }
                });
            }
            for n in 1001..=2000 {
                publisher.publish("t", "n", &n.to_string());
            }
        });

        assert_eq!(data(&follower.take(2000)), numbers(1..=2000));
        eventually("only the follower is left", || {
            let connections = hub.get("/api/connections").json();
            let gone = hub.subscribers("t") == 1 && connections["total"] == json!(1);
            gone.then_some(())
        });
        eventually("every socket is closed", || {
            (hub.process().open_files() <= files + 1).then_some(())
        });
        assert_eq!(hub.history("torn").len(), 0);
        let grown = hub.process().resident_memory().saturating_sub(memory);
        assert!(grown < 32 << 20, "{grown} bytes more");
        drop(follower);
        eventually("nobody is left", || {
            (hub.subscribers("t") == 0).then_some(())
        });
    }
}
