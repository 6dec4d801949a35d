use axum::http::StatusCode;
use tidings_testkit::{End, eventually};

use super::*;

fn problem(status: StatusCode) -> Trouble {
    Trouble::Fails(Problem::new(status, "test", "expected by the test"))
}

#[test]
fn a_first_failure_is_the_answer() {
    let rooms = Rooms::default();
    let (site, handle) = rooms.site();
    for status in [400, 403, 404, 500, 503] {
        rooms.has(problem(StatusCode::from_u16(status).unwrap()));
        let [snapshot, twin] = [HERE, STREAM].map(|target| site.get(target).problem(status));
        assert_eq!(snapshot, twin);
    }
    rooms.has(Trouble::Panics);
    assert_eq!(site.get(HERE).problem(500), site.get(STREAM).problem(500));
    rooms.has(None);
    eventually("no view is left", || (handle.views() == 0).then_some(()));
    site.open(STREAM).expect("rooms");
}

#[test]
fn s10_a_provider_that_fails_or_panics_is_told_and_the_last_value_stays() {
    let rooms = Rooms::default();
    rooms.enter("ann");
    let (site, handle) = serve(rooms.live().pace(Duration::from_millis(1)));
    let mut viewer = site.open(STREAM);
    viewer.expect("rooms");
    for (trouble, code) in [
        (problem(StatusCode::INTERNAL_SERVER_ERROR), "test"),
        (Trouble::Panics, "internal"),
    ] {
        rooms.has(trouble);
        handle.invalidate();
        let error = viewer.expect("tidings.error").json();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["retryable"], true, "{error}");

        let mut late = site.open(STREAM);
        assert_eq!(people(&late.expect("rooms").json()), ["ann"]);
        assert_eq!(late.expect("tidings.error").json(), error);

        // It is tried again by itself, told once, and the value is sent when it is known again.
        let calls = rooms.calls();
        eventually("it is tried again", || {
            (rooms.calls() > calls + 2).then_some(())
        });
        rooms.has(None);
        assert_eq!(people(&viewer.expect("rooms").json()), ["ann"]);
        assert_eq!(people(&late.expect("rooms").json()), ["ann"]);
    }
}

#[test]
fn a_later_refusal_ends_the_stream() {
    for status in [401, 403, 404] {
        let rooms = Rooms::default();
        let (site, handle) = rooms.site();
        let mut whole = site.open(STREAM);
        let mut patches = site.open(&format!("{STREAM}&format=patch"));
        for viewer in [&mut whole, &mut patches] {
            viewer.expect("rooms");
        }
        rooms.has(problem(StatusCode::from_u16(status).unwrap()));
        handle.invalidate();
        for mut viewer in [whole, patches] {
            let (events, end) = viewer.read_to_end();
            assert_eq!((events.len(), end), (1, End::Clean));
            assert_eq!(events[0].event, "tidings.error");
            assert_eq!(events[0].json()["retryable"], false);
        }
        site.get(STREAM).problem(status);
        rooms.has(None);
        site.open(STREAM).expect("rooms");
    }
}

#[test]
fn a_body_without_a_json_form_is_a_failure() {
    let provider = async || Ok::<_, Problem>(std::collections::BTreeMap::from([((1, 2), 3)]));
    let site = Site::start(live("/odd", provider).router());
    assert_eq!(
        site.get("/odd").problem(500),
        site.get("/odd/stream").problem(500)
    );
}
