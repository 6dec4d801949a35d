//! Which requests are for streams.

use axum::extract::Request;
use http::Method;

/// Whether what is asked for is a stream of events, which has to be known before it is routed.
pub(super) fn asks_for_stream(request: &Request) -> bool {
    let path = request.uri().path().strip_prefix('/').unwrap_or_default();
    let segments: Vec<_> = path.split('/').collect();
    let is_form = request.method() == Method::POST && segments == ["api", "events", "stream"];
    let is_named = match segments[..] {
        ["api", list, "stream"] => {
            ["events", "topics", "connections", "executions", "dashboard"].contains(&list)
        }
        ["api", "executions", _, "stream" | "events"]
        | ["api", "execution-stream", _]
        | ["dashboard", "sse"] => true,
        _ => false,
    };
    is_form || is_named && [Method::GET, Method::HEAD].contains(request.method())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_stream(method: &str, target: &str) -> bool {
        let request = Request::builder().method(method).uri(target);
        asks_for_stream(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn every_route_of_a_stream_is_one() {
        for path in [
            "/api/events/stream?topic=a",
            "/api/topics/stream",
            "/api/connections/stream",
            "/api/dashboard/stream",
            "/dashboard/sse",
            "/api/executions/stream",
            "/api/executions/7/stream",
            "/api/executions/7/events",
            "/api/execution-stream/7",
        ] {
            assert!(is_stream("GET", path), "{path}");
        }
        assert!(is_stream("POST", "/api/events/stream"));
    }

    #[test]
    fn a_name_makes_no_stream_of_anything_else() {
        for (method, path) in [
            ("GET", "/api/events"),
            ("GET", "/api/execution-state/stream"),
            ("POST", "/api/cancel-execution/stream"),
            ("PATCH", "/api/connections/stream"),
            ("DELETE", "/api/connections/stream"),
            ("POST", "/api/executions/stream/events"),
            ("POST", "/api/executions/stream/cancel"),
            ("POST", "/api/dashboard/stream"),
            ("GET", "/stream"),
        ] {
            assert!(!is_stream(method, path), "{method} {path}");
        }
    }
}
