use tidings_testkit::{Command, Connection, Hub, Request, eventually};

use crate::{SERVE, TIDINGS};

/// How many files the hub may have open.
const FILES: usize = 64;

#[test]
fn t14_a_hub_on_disk_that_is_out_of_descriptors_goes_on() {
    let limit = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    let limited = [&["-c", &limit, TIDINGS][..], &SERVE].concat();
    let hub = Hub::spawn(Command::new("/bin/sh", &limited));
    let mut publisher = hub.publisher();
    let mut stream = hub.stream("topic=t");
    let mut ids = vec![publisher.publish("t", "n", "before")];

    let request = Request::get("/api/events/stream?topic=other");
    let idle: Vec<_> = (0..2 * FILES)
        .map(|_| {
            let mut connection = Connection::open(hub.address());
            connection.begin(&request).expect("an open connection");
            connection
        })
        .collect();
    eventually("the hub is out of descriptors", || {
        (hub.process().open_files() >= FILES).then_some(())
    });
    for n in 0..50 {
        ids.push(publisher.publish("t", "n", &n.to_string()));
    }
    for id in &ids {
        assert_eq!(stream.event().id(), id);
    }

    drop(idle);
    eventually("there are descriptors again", || {
        (hub.process().open_files() < FILES / 2).then_some(())
    });
    assert_eq!(hub.get("/readyz").status(), 200);
    assert_eq!(hub.history("t").len(), ids.len());
    let said = hub.process().stderr();
    assert!(!said.contains("panicked"), "{said}");
}
