use std::net::IpAddr;
use std::time::Duration;

use ::reqwest::redirect::Policy;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Request, Response};
use url::Url;

use crate::transport::{Body, Exchange, Transport, TransportError};

/// A connection of HTTP/2 is asked for a sign of life after so long, and given up after as long
/// again. Every attempt would go over the same one otherwise, however dead: it is shared by all
/// requests, and one that gets no answer does not end it.
const PING_AFTER: Duration = Duration::from_secs(15);

/// The stack that a client brings: reqwest, with TLS by rustls.
#[derive(Clone, Debug)]
pub(crate) struct ReqwestTransport {
    http: ::reqwest::Client,
}

impl ReqwestTransport {
    /// A stack for the server at `base`.
    pub(crate) fn new(base: &Url, connect_timeout: Duration) -> Result<Self, TransportError> {
        let builder = || {
            ::reqwest::Client::builder()
                .user_agent(concat!("tidings-client/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .connect_timeout(connect_timeout)
                .http2_keep_alive_interval(PING_AFTER)
                .http2_keep_alive_timeout(PING_AFTER)
        };
        // Reading the system's root certificates takes longer than a publish, and no proxy leads
        // to this machine.
        let built = if base.scheme() == "http" && is_loopback(base) {
            builder().no_proxy().tls_certs_only([]).build()
        } else {
            match builder().build() {
                // A container without root certificates can still speak plain HTTP.
                Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build(),
                built => built,
            }
        };
        match built {
            Ok(http) => Ok(Self { http }),
            Err(error) => Err(transport_error(error)),
        }
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Bytes>) -> Exchange<'_> {
        let (head, body) = request.into_parts();
        let request = self
            .http
            .request(head.method, head.uri.to_string())
            .headers(head.headers);
        let request = if body.is_empty() {
            request
        } else {
            request.body(body)
        };
        Box::pin(async {
            let answer = request.send().await.map_err(transport_error)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes_stream().map_err(transport_error);
            let mut answer = Response::new(Body::new(body));
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}

fn transport_error(error: ::reqwest::Error) -> TransportError {
    let (connect, timeout, builder) = (error.is_connect(), error.is_timeout(), error.is_builder());
    // The address carries topics and belongs to whoever made the request.
    let error = error.without_url();
    if connect {
        TransportError::connect(error)
    } else if timeout {
        TransportError::timeout()
    } else if builder {
        TransportError::settings(error)
    } else {
        TransportError::broken(error)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}
