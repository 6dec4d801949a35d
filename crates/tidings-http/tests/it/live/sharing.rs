use tidings_testkit::eventually;

use super::*;

#[test]
fn s11_fifty_viewers_of_one_query_cause_one_evaluation_for_each_change() {
    let rooms = Rooms::default();
    let (site, handle) = rooms.site();
    let mut viewers: Vec<_> = (0..50).map(|_| site.open(STREAM)).collect();
    for viewer in &mut viewers {
        viewer.expect("rooms");
    }
    assert_eq!((rooms.calls(), handle.views()), (1, 1));

    for (n, person) in ["ann", "bob"].into_iter().enumerate() {
        rooms.enter(person);
        handle.invalidate();
        for viewer in &mut viewers {
            assert!(people(&viewer.expect("rooms").json()).ends_with(&[person]));
        }
        assert_eq!(rooms.calls(), n + 2);
    }

    // Nothing has changed: it is looked, and nothing is sent.
    handle.invalidate();
    eventually("it is looked", || (rooms.calls() == 4).then_some(()));
    rooms.enter("eve");
    handle.invalidate();
    for viewer in &mut viewers {
        assert_eq!(
            people(&viewer.expect("rooms").json()),
            ["ann", "bob", "eve"]
        );
    }
    // The look before may have found her already.
    eventually("it is looked", || (rooms.calls() == 5).then_some(()));
}

#[test]
fn viewers_who_come_during_an_evaluation_share_it() {
    let rooms = Rooms::default();
    let gate = rooms.close();
    let (site, _) = rooms.site();
    let mut connections: Vec<_> = (0..10)
        .map(|_| {
            let mut connection = Connection::open(site.address);
            connection.begin(&Request::get(STREAM)).unwrap();
            connection
        })
        .collect();
    eventually("it is looked", || (rooms.calls() == 1).then_some(()));
    gate.add_permits(1);
    let mut late = site.open(STREAM);
    late.expect("rooms");
    assert_eq!(rooms.calls(), 1);
    connections.clear();
}

#[test]
fn views_are_told_apart_and_invalidated_by_what_they_ask() {
    let rooms = Rooms::default();
    let (site, handle) = rooms.site();
    let mut here = site.open(STREAM);
    let mut there = site.open("/rooms/stream?room=there");
    here.expect("rooms");
    there.expect("rooms");
    assert_eq!((rooms.calls(), handle.views()), (2, 2));

    rooms.enter("ann");
    handle.invalidate_if(|(Query(asked),)| asked.room == "there");
    assert_eq!(people(&there.expect("rooms").json()), ["ann"]);
    assert_eq!(rooms.calls(), 3);

    rooms.enter("bob");
    handle.invalidate();
    assert_eq!(people(&there.expect("rooms").json()), ["ann", "bob"]);
    assert_eq!(people(&here.expect("rooms").json()), ["ann", "bob"]);
}

#[test]
fn nothing_is_evaluated_while_nobody_looks() {
    let rooms = Rooms::default();
    let (site, handle) = serve(rooms.live().every(Duration::from_millis(1)));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    eventually("it is looked again", || (rooms.calls() > 3).then_some(()));
    drop(viewer);
    eventually("the view ends", || (handle.views() == 0).then_some(()));
    handle.invalidate();
    let calls = rooms.calls();

    rooms.enter("ann");
    assert_eq!(people(&site.open(STREAM).expect("rooms").json()), ["ann"]);
    assert!(rooms.calls() > calls);
}

#[test]
fn who_returns_with_an_id_is_given_the_state() {
    let rooms = Rooms::default();
    let (site, handle) = rooms.site();
    let mut first = site.open(STREAM);
    let id = first.expect("rooms").id.unwrap();
    drop(first);
    eventually("nobody looks", || (handle.views() == 0).then_some(()));
    rooms.enter("ann");
    for id in [id.as_str(), "nonsense"] {
        let request = Request::get(STREAM).header("Last-Event-ID", id);
        let mut viewer = site.open_with(&request);
        assert_eq!(people(&viewer.expect("rooms").json()), ["ann"]);
    }
}
