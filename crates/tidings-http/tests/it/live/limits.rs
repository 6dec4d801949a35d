use std::sync::Arc;

use axum::extract::Request as Incoming;
use axum::middleware::map_request;
use tidings::{Owner, Peer};
use tidings_http::live_broker;
use tidings_testkit::{End, eventually};

use super::*;

fn assert_full(site: &Site, target: &str) {
    let refused = site.get(target);
    refused.problem(429);
    assert!(refused.header("retry-after").is_some());
    let browser = Request::get(target).header("Sec-Fetch-Mode", "cors");
    let page = browser.clone().header("Accept", "text/event-stream, */*");
    site.send(&page).problem(429);
    let event_source = browser.header("Accept", "text/event-stream");
    let mut sent_away = site.open_with(&event_source);
    assert_eq!(sent_away.read_to_end(), (Vec::new(), End::Clean));
    assert!(sent_away.retry().is_some());
}

#[test]
fn there_are_no_more_views_than_allowed() {
    let rooms = Rooms::default();
    let (site, handle) = serve(rooms.live().max_views(1));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    site.open(STREAM).expect("rooms");
    assert_full(&site, "/rooms/stream?room=there");
    assert_eq!(site.get("/rooms?room=there").status(), 200);

    drop(viewer);
    eventually("the view ends", || (handle.views() == 0).then_some(()));
    site.open("/rooms/stream?room=there").expect("rooms");
}

/// Has the header `X-Name` be the identity of who asks.
async fn name(mut request: Incoming) -> Incoming {
    let name = request.headers().get("X-Name").cloned();
    let owner = name.map(|name| Owner {
        identity: Some(name.to_str().unwrap().into()),
        ..Owner::default()
    });
    request.extensions_mut().insert(Peer {
        owner: owner.map(Arc::new),
        remote: Some(([192, 0, 2, 1], 1).into()),
        user_agent: None,
    });
    request
}

#[test]
fn one_caller_leaves_room_for_others() {
    let rooms = Rooms::default();
    let live = rooms.live().max_views(5).max_views_per_caller(2);
    let handle = live.handle();
    let router: Router = live.router();
    let site = Site::start(router.layer(map_request(name)));
    let look = |who: &str, room: &str| {
        let request = Request::get(&format!("/rooms/stream?room={room}"));
        let request = match who {
            "" => request,
            who => request.header("X-Name", who),
        };
        StreamReader::open(site.address, &request)
    };
    let mut held = Vec::new();
    let mut open = |who: &str, room: &str| {
        let mut stream = look(who, room);
        assert_eq!(stream.status(), 200, "{who} {room}");
        stream.expect("rooms");
        held.push(stream);
    };
    // Whoever has no name goes by the address.
    for who in ["ann", "bob", ""] {
        open(who, "shared");
        open(who, who);
        open(who, who);
        assert_eq!(look(who, "another").status(), 429, "{who}");
    }
    assert_eq!(handle.views(), 4);
    open("eve", "shared");
    open("eve", "eve");
    // There are as many as there may be, and each can be joined.
    assert_eq!(look("kim", "kim").status(), 429);
    open("kim", "shared");
    open("kim", "bob");

    held.remove(0);
    eventually("ann may look at another room", || {
        let status = look("ann", "bob").status();
        (status == 200).then_some(())
    });
}

#[test]
fn there_are_no_more_viewers_than_allowed_and_they_are_listed() {
    let rooms = Rooms::default();
    let broker = live_broker().max_subscriptions(1).build();
    let (site, _) = serve(rooms.live().broker(&broker));
    let request = Request::get(STREAM).header("User-Agent", "test/1");
    let mut viewer = site.open_with(&request);
    viewer.expect("rooms");
    assert_full(&site, STREAM);
    assert_full(&site, "/rooms/stream?room=there");

    let connections = broker.connections();
    let [connection] = &connections[..] else {
        panic!("{connections:?}");
    };
    assert_eq!(connection.peer.user_agent.as_deref(), Some("test/1"));
    assert!(connection.peer.remote.is_some());
    assert!(
        connection.topics[0].starts_with("tidings/live/rooms/"),
        "{connection:?}"
    );
}

#[test]
fn s19_a_broker_that_closes_sends_all_viewers_away() {
    let rooms = Rooms::default();
    let broker = live_broker().build();
    let (site, handle) = serve(rooms.live().broker(&broker));
    let mut viewers: Vec<_> = (0..20).map(|_| site.open(STREAM)).collect();
    for viewer in &mut viewers {
        viewer.expect("rooms");
    }
    let closed = site
        .runtime
        .block_on(broker.close(tidings_testkit::PATIENCE));
    assert_eq!(closed.cut, 0);
    for mut viewer in viewers {
        let events = viewer.rest();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, "tidings.goodbye");
    }
    let refused = site.get(STREAM);
    refused.problem(503);
    assert!(refused.header("retry-after").is_some());
    eventually("the views end", || (handle.views() == 0).then_some(()));
}

#[test]
fn a_body_that_is_too_large_for_a_stream_is_still_a_snapshot() {
    let rooms = Rooms::default();
    let broker = live_broker().max_event_bytes(1_000).build();
    let (site, handle) = serve(rooms.live().broker(&broker));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    rooms.enter(&"x".repeat(2_000));
    handle.invalidate();
    let (events, end) = viewer.read_to_end();
    assert_eq!(events.last().unwrap().event, "tidings.error");
    assert_eq!(end, End::Clean);
    assert_eq!(site.get(HERE).status(), 200);
    site.get(STREAM).problem(500);
}
