use std::hash::{Hash, Hasher};

use axum::body::Body;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use tidings::{Broker, Event, Selector, Topic};
use tidings_http::ByHash;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt;

use super::*;

fn publish(site: &Site, broker: &Broker, topic: &str) {
    let topic = Topic::new(topic).unwrap();
    let published = broker.publish(topic, Event::new(""));
    site.runtime.block_on(published).unwrap();
}

#[test]
fn a_publication_on_a_topic_that_it_follows_refreshes_it() {
    let rooms = Rooms::default();
    let broker = Broker::new();
    let (site, _) = serve(rooms.live().on(Selector::new("doors/*").unwrap(), &broker));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    let stats = broker.stats();
    assert_eq!((stats.groups, stats.subscriptions), (1, 0), "unseen");

    for person in ["ann", "bob"] {
        rooms.enter(person);
        publish(&site, &broker, "elsewhere");
        publish(&site, &broker, "doors/front");
        let event = viewer.expect("rooms").json();
        assert!(people(&event).ends_with(&[person]));
    }
    drop(viewer);
    tidings_testkit::eventually("it follows no more", || {
        (broker.stats().groups == 0).then_some(())
    });
}

#[test]
fn a_topic_that_is_deleted_is_followed_on() {
    let rooms = Rooms::default();
    let broker = Broker::new();
    let (site, _) = serve(rooms.live().on(Selector::new("door").unwrap(), &broker));
    let door = Topic::new("door").unwrap();
    publish(&site, &broker, "door");
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    let calls = rooms.calls();
    site.runtime.block_on(broker.delete(&door)).unwrap();
    tidings_testkit::eventually("it has subscribed again and looked", || {
        (rooms.calls() > calls).then_some(())
    });

    rooms.enter("ann");
    publish(&site, &broker, "door");
    assert_eq!(people(&viewer.expect("rooms").json()), ["ann"]);
}

#[test]
fn a_value_that_changes_refreshes_it_and_so_does_time() {
    let rooms = Rooms::default();
    let (door, doors) = watch::channel(0);
    let (site, _) = serve(rooms.live().watching(doors));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    rooms.enter("ann");
    door.send_replace(1);
    assert_eq!(people(&viewer.expect("rooms").json()), ["ann"]);
    assert_eq!(rooms.calls(), 2);

    let (site, _) = serve(rooms.live().every(Duration::from_millis(5)));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    rooms.enter("bob");
    assert_eq!(people(&viewer.expect("rooms").json()), ["ann", "bob"]);
}

#[derive(Serialize)]
struct Counted {
    people: usize,
    calls: usize,
}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.people.hash(state);
    }
}

#[test]
fn a_counter_that_moves_is_no_change_but_a_viewer_who_comes_sees_it() {
    let rooms = Rooms::default();
    let counted = rooms.clone();
    let provider = async move || {
        let calls = counted.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let people = counted.0.people.lock().unwrap().len();
        Ok::<_, Problem>(ByHash(Counted { people, calls }))
    };
    let live = live("/count", provider).pace(Duration::ZERO);
    let handle = live.handle();
    let site = Site::start(live.router());
    let mut viewer = site.open("/count/stream");
    assert_eq!(viewer.expect("count").data, r#"{"people":0,"calls":1}"#);

    handle.invalidate();
    tidings_testkit::eventually("it is looked", || (rooms.calls() == 2).then_some(()));
    let late = site.open("/count/stream").expect("count").json();
    assert!(late["calls"].as_u64() > Some(2), "{late}");
    rooms.enter("ann");
    handle.invalidate();
    let next = viewer.expect("count").json();
    assert_eq!(next["people"], 1, "{next}");
}

/// Asks a router, and gives the body of a stream.
pub(super) async fn body(router: &Router, target: &str) -> Body {
    let request = http::Request::get(target).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

pub(super) async fn text(body: &mut Body) -> String {
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

/// Reads frames up to one with this text, and gives all of them.
pub(super) async fn until(body: &mut Body, wanted: &str) -> String {
    let mut read = String::new();
    while !read.contains(wanted) {
        read.push_str(&text(body).await);
    }
    read
}

#[tokio::test(start_paused = true)]
async fn changes_in_quick_succession_are_sent_once_in_a_pace() {
    let rooms = Rooms::default();
    let pace = Duration::from_secs(1);
    let live = rooms.live().pace(pace);
    let handle = live.handle();
    let router: Router = live.router();
    let mut stream = body(&router, STREAM).await;
    until(&mut stream, "event: rooms\n").await;
    let start = Instant::now();

    for person in ["ann", "bob", "eve"] {
        rooms.enter(person);
        handle.invalidate();
        tokio::task::yield_now().await;
    }
    until(&mut stream, r#"["ann","bob","eve"]"#).await;
    assert_eq!((start.elapsed(), rooms.calls()), (pace, 2));

    tokio::time::sleep(pace * 5).await;
    let start = Instant::now();
    rooms.enter("joe");
    handle.invalidate();
    until(&mut stream, "joe").await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_head_waits_two_seconds_for_the_first_evaluation() {
    let rooms = Rooms::default();
    let gate = rooms.close();
    let router: Router = rooms.live().router();
    let start = Instant::now();
    let mut stream = body(&router, STREAM).await;
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    let preamble = text(&mut stream).await;
    assert!(
        preamble.starts_with("retry: ") && !preamble.contains("event:"),
        "{preamble}"
    );

    gate.add_permits(1);
    until(&mut stream, "event: rooms\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_told_and_tried_again() {
    let rooms = Rooms::default();
    let live = rooms.live().timeout(Duration::from_secs(3));
    let handle = live.handle();
    let router: Router = live.router();
    let mut stream = body(&router, STREAM).await;
    until(&mut stream, "event: rooms\n").await;

    rooms.has(Trouble::Hangs);
    handle.invalidate();
    let error = text(&mut stream).await;
    assert!(error.contains("event: tidings.error\n"), "{error}");
    assert!(error.contains(r#"{"code":"timeout","#), "{error}");
    assert!(error.contains(r#""retryable":true}"#), "{error}");
    rooms.has(None);
    until(&mut stream, "event: rooms\n").await;

    rooms.has(Trouble::Hangs);
    let request = http::Request::get(HERE).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    let rest = stream.into_data_stream().take(1).collect::<Vec<_>>().await;
    assert_eq!(rest[0].as_ref().unwrap(), ": keepalive\n");
}
