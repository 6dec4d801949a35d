use tidings_testkit::{Hub, Request, Response};

use crate::hub;

/// The addresses of the page's parts, below its own.
fn parts(hub: &Hub) -> Vec<String> {
    let page = hub.get("/").text();
    let parts: Vec<String> = page
        .split("\"./")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|part| format!("/{part}"))
        .collect();
    assert!(parts.len() >= 2, "{page}");
    parts
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

#[test]
fn the_console_is_served_at_the_root() {
    let hub = hub();
    let page = hub.get("/");
    assert_eq!(page.status(), 200);
    assert_eq!(page.head.media_type(), "text/html");
    assert_eq!(header(&page, "cache-control"), "no-cache");
    let types: Vec<String> = parts(&hub)
        .iter()
        .map(|part| {
            let answer = hub.get(part);
            assert_eq!(answer.status(), 200, "{part}");
            assert!(header(&answer, "cache-control").contains("immutable"));
            answer.head.media_type().to_owned()
        })
        .collect();
    assert_eq!(types, ["text/javascript", "text/css"]);
}

#[test]
fn the_console_runs_no_code_and_takes_no_style_but_its_own() {
    let hub = hub();
    for target in std::iter::once("/".to_owned()).chain(parts(&hub)) {
        let answer = hub.get(&target);
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{target}");
        assert!(!policy.contains("unsafe"), "{target}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
}

#[test]
fn a_browser_that_has_the_console_is_not_given_it_again() {
    let hub = hub();
    for target in std::iter::once("/".to_owned()).chain(parts(&hub)) {
        let first = hub.get(&target);
        let tag = header(&first, "etag");
        let again = hub.send(&Request::get(&target).header("If-None-Match", tag));
        assert_eq!(again.status(), 304, "{target}");
        assert_eq!(header(&again, "etag"), tag);
        let other = hub.send(&Request::get(&target).header("If-None-Match", "\"other\""));
        assert_eq!(other.status(), 200, "{target}");
    }
}

#[test]
fn parts_are_compressed_for_who_takes_gzip() {
    let hub = hub();
    for part in parts(&hub) {
        let plain = hub.get(&part);
        assert_eq!(header(&plain, "content-encoding"), "");
        let varies = |value: &&(String, String)| value.1.eq_ignore_ascii_case("accept-encoding");
        assert!(plain.head.headers.iter().any(|one| varies(&one)), "{part}");
        let compressed = hub.send(&Request::get(&part).header("Accept-Encoding", "gzip"));
        assert_eq!(header(&compressed, "content-encoding"), "gzip");
        assert!(compressed.body.len() < plain.body.len() / 2, "{part}");
        assert_ne!(header(&compressed, "etag"), header(&plain, "etag"));
    }
}

#[test]
fn a_head_request_is_answered_without_the_page() {
    let hub = hub();
    let page = hub.get("/");
    let head = hub.send(&Request::new("HEAD", "/"));
    assert_eq!(head.status(), 200);
    assert!(head.body.is_empty());
    assert_eq!(header(&head, "etag"), header(&page, "etag"));
}

#[test]
fn what_the_console_does_not_have_is_not_found() {
    let hub = hub();
    for target in [
        "/assets/",
        "/assets/other.js",
        "/assets/%2e%2e%2findex.html",
        "/assets/..%2Findex.html",
        "/index.html",
        "/page.js",
    ] {
        assert_eq!(hub.get(target).status(), 404, "{target}");
    }
}
