//! T8: a cookie says who somebody is, and the page says whether they wanted it.

use tidings_testkit::{Hub, Request};

use super::{admin, guarded_with};

fn hub() -> Hub {
    guarded_with("allowed_origins = [\"https://app.example\"]\n")
}

fn with_cookie(request: Request, token: &str) -> Request {
    request.header("Cookie", &format!("theme=dark; tidings_token={token}"))
}

#[test]
fn t8_a_cookie_counts_for_pages_of_the_hub_and_of_listed_origins() {
    let hub = hub();
    let token = admin();
    let own = format!("http://{}", hub.address());
    let get = |headers: &[(&str, &str)]| {
        let request = with_cookie(Request::get("/api/topics"), &token);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        hub.send(&request).status()
    };
    for headers in [
        &[][..],
        &[("Origin", "https://app.example")],
        &[("Origin", &own)],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
    ] {
        assert_eq!(get(headers), 200, "{headers:?}");
    }
    for headers in [
        &[("Origin", "https://app.example.evil.tld")][..],
        &[("Origin", "https://evilapp.example")],
        &[("Origin", "null")],
        &[("Origin", "https://app.example:444")],
        &[("Origin", "http://app.example")],
        &[
            ("Origin", "https://app.example"),
            ("Origin", "https://evil.example"),
        ],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
    ] {
        assert_eq!(get(headers), 403, "{headers:?}");
    }
}

#[test]
fn t8_a_change_with_a_cookie_needs_an_origin_that_is_known() {
    let hub = hub();
    let token = admin();
    let post = |origin: Option<&str>| {
        let request = with_cookie(Request::post("/api/events?topic=t", "x"), &token);
        let request = origin
            .into_iter()
            .fold(request, |request, origin| request.header("Origin", origin));
        hub.send(&request).status()
    };
    assert_eq!(post(None), 403);
    assert_eq!(post(Some("https://evil.example")), 403);
    assert_eq!(post(Some("https://app.example")), 200);
    let topics = hub
        .send(&with_cookie(Request::get("/api/topics"), &token))
        .json();
    assert_eq!(topics["topics"][0]["events"], 1);
}

#[test]
fn t8_what_is_allowed_to_pages_is_allowed_to_those_listed() {
    let hub = hub();
    let token = admin();
    let get = |origin: &str| {
        hub.send(&with_cookie(Request::get("/api/topics"), &token).header("Origin", origin))
    };
    let listed = get("https://app.example");
    assert_eq!(
        listed.header("Access-Control-Allow-Origin"),
        Some("https://app.example")
    );
    assert_eq!(
        listed.header("Access-Control-Allow-Credentials"),
        Some("true")
    );
    assert!(
        listed
            .header("Vary")
            .is_some_and(|vary| vary.to_lowercase().contains("origin"))
    );
    let foreign = get("https://evil.example");
    assert_eq!(foreign.header("Access-Control-Allow-Origin"), None);
}
