//! The rules that keep web pages of others away, whatever credentials they have.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode, Version};
use tidings_http::{Arrival, Problem};

use crate::api::Kind;
use crate::api::access::denials::Attempt;
use crate::api::entrance::Entrance;
use crate::settings::{Host, Origin, Settings};

/// What a request is judged by before anything else of it is looked at.
#[derive(Debug)]
pub(crate) struct Access {
    /// The hosts that are answered beside the loopback's own; `None` answers all, as on an address that is not loopback
    /// where none is listed.
    ///
    /// On a loopback address the name tells a visitor of this machine from a page whose own name
    /// was made to point here.
    hosts: Option<Vec<Host>>,
    origins: Vec<Origin>,
}

impl Access {
    pub(in crate::api) fn new(settings: &Settings, address: SocketAddr) -> Self {
        let is_checked = address.ip().is_loopback() || !settings.allowed_hosts.is_empty();
        Self {
            hosts: is_checked.then(|| settings.allowed_hosts.clone()),
            origins: settings.allowed_origins.clone(),
        }
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        let host = host(request)?;
        if !self.answers(host.as_ref()) {
            let detail = "this name is not in the hub's allowed_hosts";
            return Err(Kind::UnlistedHost.at("Host", detail));
        }
        if is_change(request.method()) && !self.knows_all(request, host.as_ref()) {
            let detail = "pages of this origin are not in the hub's allowed_origins";
            return Err(Kind::ForeignOrigin.at("Origin", detail));
        }
        Ok(())
    }

    /// Whether a cookie says that its owner wanted this: the page that sends it is the hub's own or of a listed origin. A
    /// change needs a page that says where it is from; for the rest a browser may say that it is not from elsewhere
    /// (Fetch Metadata, section 2.1).
    pub(super) fn trusts_page(&self, request: &Request) -> bool {
        let host = host(request).ok().flatten();
        if request.headers().contains_key(ORIGIN) {
            return self.knows_all(request, host.as_ref());
        }
        let site = request.headers().get("sec-fetch-site");
        let is_own = site.is_none_or(|site| site == "same-origin" || site == "none");
        is_own && !is_change(request.method())
    }

    fn answers(&self, host: Option<&Host>) -> bool {
        match (&self.hosts, host) {
            (Some(listed), Some(host)) => {
                host.is_loopback() || listed.iter().any(|listed| listed.covers(host))
            }
            // Every browser names a host.
            (None, _) | (_, None) => true,
        }
    }

    /// Whether the origin is one of the allowed ones.
    pub(in crate::api) fn lists(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|listed| listed.header() == origin)
    }

    /// Whether pages of each origin that a request names may change something.
    fn knows_all(&self, request: &Request, host: Option<&Host>) -> bool {
        let arrival = request.extensions().get::<Arrival>();
        let mut origins = request.headers().get_all(ORIGIN).iter();
        origins.all(|origin| self.knows(origin, host, arrival))
    }

    /// Whether pages of this origin may change something: those listed, and the hub's own. Behind a proxy these have the
    /// scheme and the name by which the proxy was reached.
    fn knows(&self, origin: &HeaderValue, host: Option<&Host>, arrival: Option<&Arrival>) -> bool {
        let is_https = arrival.is_some_and(|arrival| arrival.is_https);
        let scheme = if is_https { "https" } else { "http" };
        let is_own = |host: &Host| origin.as_bytes() == format!("{scheme}://{host}").as_bytes();
        let outside = arrival.and_then(|arrival| Host::parse(arrival.host.as_deref()?));
        host.is_some_and(is_own) || outside.as_ref().is_some_and(is_own) || self.lists(origin)
    }
}

fn is_change(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// The host that a request is for; `None` if it names none, as HTTP/1.0 allows.
fn host(request: &Request) -> Result<Option<Host>, Problem> {
    let bad = |detail| Kind::BadRequest.at("Host", detail);
    let mut values = request.headers().get_all(HOST).iter();
    let (value, another) = (values.next(), values.next());
    // It must be there beside a whole URL as well (RFC 9112, section 3.2). HTTP/2 has the URL alone.
    let is_missing = value.is_none() && request.version() == Version::HTTP_11;
    if is_missing || another.is_some() {
        return Err(bad("must be there once"));
    }
    if let Some(authority) = request.uri().authority() {
        let host = Host::parse(authority.as_str());
        return host.map(Some).ok_or_else(|| bad("the URL names no host"));
    }
    match value {
        Some(value) => {
            let host = value.to_str().ok().and_then(Host::parse);
            host.map(Some).ok_or_else(|| bad("is not a host"))
        }
        None if request.version() < Version::HTTP_11 => Ok(None),
        None => Err(bad("must be there once")),
    }
}

/// The middleware around everything else.
pub(in crate::api) async fn guard(
    State(entrance): State<Entrance>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match entrance.access().check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            // What is no proper request is not denied, but bad.
            if problem.status() != StatusCode::BAD_REQUEST {
                let denials = &entrance.hub().gate.denials;
                denials.note(&Attempt::of(&request), None, &problem.detail());
            }
            problem.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn access(hosts: Option<&[&str]>) -> Access {
        let hosts = hosts.map(|hosts| hosts.iter().filter_map(|host| Host::parse(host)).collect());
        Access {
            hosts,
            origins: Vec::new(),
        }
    }

    fn judge(access: &Access, method: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let verdict = access.check(&request.body(Body::empty()).unwrap());
        verdict
            .err()
            .map_or(200, |problem| problem.status().as_u16())
    }

    #[test]
    fn a_loopback_hub_answers_to_its_own_names_and_those_listed() {
        let loopback = access(Some(&["hub.example"]));
        for host in ["127.0.0.1:8434", "localhost", "[::1]:1", "hub.example:80"] {
            assert_eq!(judge(&loopback, "GET", &[("Host", host)]), 200, "{host}");
        }
        assert_eq!(judge(&loopback, "GET", &[("Host", "evil.example")]), 421);
        assert_eq!(judge(&access(None), "GET", &[("Host", "any.example")]), 200);
    }

    #[test]
    fn a_host_is_named_exactly_once() {
        let loopback = access(Some(&[]));
        assert_eq!(judge(&loopback, "GET", &[]), 400);
        assert_eq!(
            judge(
                &loopback,
                "GET",
                &[("Host", "localhost"), ("Host", "localhost")]
            ),
            400
        );
        assert_eq!(
            judge(&loopback, "GET", &[("Host", "http://localhost")]),
            400
        );
    }

    #[test]
    fn a_whole_url_needs_a_host_beside_it_but_over_http_2() {
        let judge = |version: Version, hosts: &[&str]| {
            let request = Request::builder().uri("http://localhost/").version(version);
            let request = hosts
                .iter()
                .fold(request, |request, host| request.header(HOST, *host));
            access(Some(&[])).check(&request.body(Body::empty()).unwrap())
        };
        let other = "other.example";
        assert_eq!(judge(Version::HTTP_11, &[other]), Ok(()));
        assert!(judge(Version::HTTP_11, &[]).is_err());
        assert!(judge(Version::HTTP_11, &[other, other]).is_err());
        assert_eq!(judge(Version::HTTP_2, &[]), Ok(()));
    }

    #[test]
    fn only_the_hubs_own_pages_and_those_listed_change_something() {
        let hub = access(Some(&[]));
        let with = |method: &str, origin: &str| {
            judge(
                &hub,
                method,
                &[("Host", "localhost:8434"), ("Origin", origin)],
            )
        };
        assert_eq!(with("POST", "http://localhost:8434"), 200);
        for origin in [
            "null",
            "https://localhost:8434",
            "http://localhost",
            "https://evil.example",
        ] {
            assert_eq!(with("POST", origin), 403, "{origin}");
            assert_eq!(with("GET", origin), 200, "{origin}");
        }
    }
}
