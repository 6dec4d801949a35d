use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use tidings::Position;
use tidings_http::{Path, live};

use super::*;

#[test]
fn s10_the_twin_begins_with_exactly_the_body_of_the_snapshot() {
    let rooms = Rooms::default();
    rooms.enter("ann");
    rooms.enter("bob");
    let (site, _) = rooms.site();
    for query in ["room=here", "limit=1&room=%22a%22&unknown=7"] {
        let snapshot = site.get(&format!("/rooms?{query}"));
        assert_eq!(snapshot.status(), 200);
        assert_eq!(snapshot.head.media_type(), "application/json");

        let mut twin = site.open(&format!("/rooms/stream?{query}"));
        assert_eq!(twin.head().media_type(), "text/event-stream");
        let start: Position = twin.preamble().id.unwrap().parse().unwrap();
        let first = twin.expect("rooms");
        assert_eq!(first.data, snapshot.text());
        assert_eq!(
            first.id().parse::<Position>().unwrap().sequence,
            start.sequence + 1
        );
    }
}

#[test]
fn s10_both_routes_refuse_the_same_and_name_the_parameter() {
    let (site, handle) = Rooms::default().site();
    for (query, field) in [
        ("", "room"),
        ("room=a&limit=many", "limit"),
        ("room=a&limit=256", "limit"),
        ("room=a&room=b", "room"),
    ] {
        let snapshot = site.get(&format!("/rooms?{query}"));
        let twin = site.get(&format!("/rooms/stream?{query}"));
        snapshot.assert_names(400, field);
        twin.assert_names(400, field);
        assert_eq!(snapshot.text(), twin.text());
    }
    for (query, field) in [
        ("format=xml", "format"),
        ("ids=no", "ids"),
        ("hello=2", "hello"),
    ] {
        let refused = site.get(&format!("{STREAM}&{query}"));
        refused.assert_names(400, field);
    }
    assert_eq!(handle.views(), 0);
}

#[test]
fn s10_head_has_the_status_of_get_and_opens_no_stream() {
    let rooms = Rooms::default();
    let (site, handle) = rooms.site();
    let head = |target: &str| site.send(&Request::new("HEAD", target));
    for target in [HERE, STREAM] {
        let answer = head(target);
        assert_eq!((answer.status(), answer.body.len()), (200, 0), "{target}");
        assert_eq!(site.send(&Request::new("POST", target)).status(), 405);
    }
    rooms.has(Trouble::Fails(missing()));
    assert_eq!(head(HERE).status(), 404);
    assert_eq!(head(STREAM).status(), 404);
    tidings_testkit::eventually("no view is left", || (handle.views() == 0).then_some(()));
}

#[test]
fn s13_whatever_covers_an_event_stream_is_answered_with_one() {
    let (site, _) = Rooms::default().site();
    for accept in [
        "*/*",
        "text/*",
        "text/event-stream",
        "a/b, text/event-stream",
    ] {
        let request = Request::get(STREAM).header("Accept", accept);
        site.open_with(&request).expect("rooms");
    }
    site.open(STREAM).expect("rooms");
    for accept in ["application/json", "text/event-stream;q=0"] {
        let request = Request::get(STREAM).header("Accept", accept);
        site.send(&request).assert_names(406, "Accept");
    }
}

#[test]
fn a_stream_says_hello_and_leaves_ids_out_if_asked() {
    let (site, _) = Rooms::default().site();
    let mut twin = site.open(&format!("{STREAM}&hello=1&ids=off"));
    let hello = twin.expect("tidings.connected").json();
    assert_eq!(hello["topics"].as_array().unwrap().len(), 1, "{hello}");
    assert_eq!(twin.expect("rooms").id, None);
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such room")
}

/// Who asks, by a header; refused as an extractor of axum would, not by a problem.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct User(String);

impl FromRequestParts<Secret> for User {
    type Rejection = axum::response::Response;

    async fn from_request_parts(
        parts: &mut Parts,
        secret: &Secret,
    ) -> Result<Self, Self::Rejection> {
        let user = parts
            .headers
            .get("x-user")
            .and_then(|user| user.to_str().ok());
        let refused = |status: StatusCode| {
            let challenge = [(HeaderName::from_static("www-authenticate"), "Bearer")];
            (status, challenge, "who are you?").into_response()
        };
        match user {
            None => Err(refused(StatusCode::UNAUTHORIZED)),
            Some(user) if user == secret.0 => Err(refused(StatusCode::FORBIDDEN)),
            Some(user) => Ok(Self(user.to_owned())),
        }
    }
}

#[derive(Clone)]
struct Secret(&'static str);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Place {
    house: u32,
}

#[test]
fn who_asks_is_settled_before_what_is_asked_and_decides_what_is_seen() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let provider = async move |user: User, Path(place): Path<Place>, Query(asked): Query<Asked>| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Problem>((user.0, place.house, asked.room))
    };
    let router = live("/houses/{house}/rooms", provider).router();
    let site = Site::start(router.with_state(Secret("mallory")));
    let ask = |target: &str, user: &str| site.send(&Request::get(target).header("X-User", user));

    for twin in ["", "/stream"] {
        let bad = format!("/houses/7/rooms{twin}?limit=x");
        let refused = site.get(&bad);
        let problem = refused.problem(401);
        assert_eq!(problem["detail"], "who are you?", "{problem}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        ask(&bad, "mallory").problem(403);
        ask(&bad, "ann").assert_names(400, "limit");
        ask(&format!("/houses/x/rooms{twin}?room=a"), "ann").assert_names(400, "house");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);

    let open = |user| {
        let request = Request::get("/houses/7/rooms/stream?room=a").header("X-User", user);
        let mut twin = site.open_with(&request);
        let event = twin.expect("rooms").data;
        (twin, event)
    };
    let (_ann, of_ann) = open("ann");
    let (_bob, of_bob) = open("bob");
    let (_too, again) = open("ann");
    assert_eq!(of_ann, r#"["ann",7,"a"]"#);
    assert_eq!(of_bob, r#"["bob",7,"a"]"#);
    assert_eq!(again, of_ann);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_handler_of_the_application_can_share_the_state() {
    let rooms = live("/rooms", async || Ok::<_, Problem>("empty"));
    let other = axum::routing::get(async |State(secret): State<Secret>| secret.0);
    let router = Router::new().route("/other", other).merge(rooms.router());
    let site = Site::start(router.with_state(Secret("shared")));
    assert_eq!(site.get("/other").text(), "shared");
    assert_eq!(
        site.open("/rooms/stream").expect("rooms").data,
        r#""empty""#
    );
}
