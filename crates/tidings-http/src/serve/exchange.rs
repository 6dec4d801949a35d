//! Where a connection stands between reading requests and answering them.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::future::RouteFuture;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tower::Service;
use tracing::debug;

use super::admission::Permit;
use super::arrival::Arrival;
use super::handoff::Handoff;
use super::house::House;
use super::proxies::{self, Claim};

/// What the parts of one connection know of each other's progress: the socket, the requests and
/// the task that drives them. The flags order nothing else and are read on their own.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The head of a first request has been read.
    asked: AtomicBool,
    /// Bytes have come that no complete request accounts for.
    sending: AtomicBool,
    /// The event stream that is on its way out of hyper, if there is one.
    pub(super) handoff: Handoff,
}

impl Exchange {
    /// Bytes have come from the peer.
    pub(super) fn received(&self) {
        self.sending.store(true, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether a close now could cut the peer off in the middle of a request.
    pub(super) fn peer_may_be_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed)
    }

    fn request_complete(&self) {
        self.sending.store(false, Ordering::Relaxed);
    }
}

/// Answers the requests of one connection.
pub(super) struct Answers {
    pub(super) house: Arc<House>,
    /// The house's own, or its refusals.
    pub(super) router: Router,
    /// Who has connected, to us or to a proxy that said so at the beginning.
    pub(super) remote: SocketAddr,
    pub(super) is_https: bool,
    /// `remote` is a trusted proxy: each request says whom it is from.
    pub(super) is_proxy: bool,
    pub(super) exchange: Arc<Exchange>,
}

impl Answers {
    /// Routes one request, which carries the client's address as [`ConnectInfo`] and, where there is more to tell, its
    /// [`Arrival`].
    pub(super) fn answer(&self, request: Request<Incoming>) -> Answer {
        self.exchange.asked.store(true, Ordering::Relaxed);
        let request = request.map(|body| {
            if http_body::Body::is_end_stream(&body) {
                self.exchange.request_complete();
                return Body::empty();
            }
            Body::new(RequestBody {
                body,
                exchange: Arc::clone(&self.exchange),
            })
        });
        let mut arrival = Arrival {
            is_https: self.is_https,
            host: None,
        };
        if !self.is_proxy {
            return self.route(request, self.remote, arrival, None);
        }
        let Claim {
            client,
            is_https,
            host,
            is_unclear,
        } = proxies::claim(request.headers(), |address| {
            self.house.proxies.trusts(address)
        });
        arrival.is_https = is_https.unwrap_or(self.is_https);
        arrival.host = host;
        if client.is_none() && !is_unclear {
            return self.route(request, self.remote, arrival, None);
        }
        // Those who cannot be told apart count as one: as the proxy.
        let client = client.unwrap_or(self.remote);
        debug!(%client, "request");
        match self.house.admission.admit_request(client.ip()) {
            Some(place) => self.route(request, client, arrival, Some(place)),
            None => {
                debug!(%client, "refused: too many requests at a time");
                let mut refusals = self.house.refusals.clone();
                Answer {
                    route: refusals.call(request),
                    place: None,
                }
            }
        }
    }

    fn route(
        &self,
        mut request: Request<Body>,
        client: SocketAddr,
        arrival: Arrival,
        place: Option<Permit>,
    ) -> Answer {
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(client));
        if arrival != Arrival::default() {
            extensions.insert(arrival);
        }
        Answer {
            route: self.router.clone().call(request),
            place,
        }
    }
}

pin_project_lite::pin_project! {
    /// An answer on its way, with the place that it takes among those for its client.
    pub(super) struct Answer {
        #[pin]
        route: RouteFuture<Infallible>,
        place: Option<Permit>,
    }
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.route.poll(context))?;
        Poll::Ready(Ok(match this.place.take() {
            None => response,
            Some(place) => response.map(|body| {
                Body::new(PlacedBody {
                    body,
                    _place: place,
                })
            }),
        }))
    }
}

pin_project_lite::pin_project! {
    /// A response body that takes a place until it is dropped.
    struct PlacedBody {
        #[pin]
        body: Body,
        _place: Permit,
    }
}

impl http_body::Body for PlacedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project_lite::pin_project! {
    /// A request body that tells when it has been read to its end.
    struct RequestBody {
        #[pin]
        body: Incoming,
        exchange: Arc<Exchange>,
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(context));
        if frame.is_none() || this.body.is_end_stream() {
            this.exchange.request_complete();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
