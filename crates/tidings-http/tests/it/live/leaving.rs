use tidings_http::live_broker;
use tidings_testkit::eventually;

use super::*;

#[test]
fn s20_a_client_that_leaves_during_an_evaluation_harms_nobody() {
    let rooms = Rooms::default();
    let gate = rooms.close();
    let (site, _) = rooms.site();
    let mut leaves = Connection::open(site.address);
    leaves.begin(&Request::get(STREAM)).unwrap();
    eventually("it is looked", || (rooms.calls() == 1).then_some(()));
    let mut stays = Connection::open(site.address);
    stays
        .begin(&Request::get("/rooms/stream?room=there"))
        .unwrap();
    eventually("the other is looked for", || {
        (rooms.calls() == 2).then_some(())
    });
    leaves.reset();
    gate.add_permits(10);
    let mut again = site.open(STREAM);
    again.expect("rooms");
    drop(stays);
}

#[test]
fn s20_a_thousand_disconnects_at_the_worst_moments_leave_nothing() {
    let rooms = Rooms::default();
    let broker = live_broker().build();
    let (site, handle) = serve(rooms.live().broker(&broker));
    site.open(STREAM).expect("rooms");
    let is_empty = || handle.views() == 0 && broker.stats().subscriptions == 0;
    eventually("nobody looks", || is_empty().then_some(()));
    let tasks = eventually("the connection is gone", || {
        let tasks = site.tasks();
        (tasks <= 1).then_some(tasks)
    });

    let mut open = std::collections::VecDeque::new();
    for n in 0..1_000 {
        let query = ["", "&format=patch", "&hello=1"][n % 3];
        let request = Request::get(&format!("/rooms/stream?room={}{query}", n % 4));
        let mut connection = Connection::open(site.address);
        match fastrand::u8(..4) {
            // Before the request is whole.
            0 => connection
                .write(b"GET /rooms/stream?room=0 HTTP/1.1\r\nHo")
                .unwrap(),
            // Somewhere between the request and the first event.
            1 | 2 => connection.begin(&request).unwrap(),
            _ => {
                connection.begin(&request).unwrap();
                rooms.enter("somebody");
                handle.invalidate();
            }
        }
        open.push_back(connection);
        if open.len() > 20 {
            let at = fastrand::usize(..open.len());
            if let Some(connection) = open.remove(at) {
                match n % 2 {
                    0 => connection.reset(),
                    _ => drop(connection),
                }
            }
        }
    }
    open.clear();

    eventually("nobody looks", || is_empty().then_some(()));
    eventually("no task is left", || (site.tasks() <= tasks).then_some(()));
    eventually("nothing is kept", || {
        (broker.stats().topics == 0).then_some(())
    });
    assert_eq!(broker.stats().bytes, 0);
    site.open(STREAM).expect("rooms");
}
