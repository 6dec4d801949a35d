use std::thread;

use tidings_testkit::{Connection, Request, StreamReader, eventually};

use crate::hub;

/// The most that a hub may grow by while answers wait to be read: those on their way, those being
/// built, and what the allocator keeps of either.
const GROWTH: u64 = 512 << 20;

#[test]
fn readers_that_stall_over_large_answers_do_not_multiply_them() {
    let hub = hub();
    // Its JSON is six times as long.
    let large = "\0".repeat(1_000_000);
    for _ in 0..12 {
        hub.publish("large", "n", &large);
    }
    hub.publish("small", "n", "");
    let memory = hub.process().resident_memory();

    let request = Request::get("/api/events?topic=large");
    let stalled: Vec<_> = thread::scope(|scope| {
        let open = || StreamReader::open(hub.address(), &request);
        let readers: Vec<_> = (0..32).map(|_| scope.spawn(open)).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().expect("the head of an answer"))
            .collect()
    });
    for reader in &stalled {
        assert!(matches!(reader.status(), 200 | 503), "{:?}", reader.head());
    }
    assert!(stalled.iter().any(|reader| reader.status() == 200));
    let small = hub.get("/api/events?topic=small");
    assert!(matches!(small.status(), 200 | 503), "{small:?}");

    let grown = hub.process().resident_memory().saturating_sub(memory);
    assert!(grown < GROWTH, "{grown} bytes more");
    drop(stalled);
    eventually("there is room again", || {
        let answer = hub.get("/api/events?topic=large&limit=1");
        (answer.status() == 200).then_some(())
    });
}

#[test]
fn long_polls_that_wait_keep_nobody_from_an_answer() {
    let hub = hub();
    hub.publish("small", "n", "");
    let request = Request::get("/api/events?topic=quiet&wait=60");
    let mut polls: Vec<_> = (0..20).map(|_| Connection::open(hub.address())).collect();
    for poll in &mut polls {
        poll.begin(&request).expect("an open connection");
    }
    eventually("all of them wait", || {
        let connections = hub.get("/api/connections?topic=quiet").json();
        (connections["total"] == 20).then_some(())
    });
    assert_eq!(hub.history("small").len(), 1);
    hub.publish("quiet", "n", "news");
    for mut poll in polls {
        let page = poll.receive().json();
        assert_eq!(page["events"][0]["data"], "news");
    }
}
