//! Where a connection stands between reading requests and answering them.

use std::convert::Infallible;
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
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tower::Service;

use super::handoff::Handoff;

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
    pub(super) router: Router,
    pub(super) remote: SocketAddr,
    pub(super) exchange: Arc<Exchange>,
}

impl Answers {
    /// Routes one request, which carries the peer's address as [`ConnectInfo`].
    pub(super) fn answer(&self, request: Request<Incoming>) -> RouteFuture<Infallible> {
        self.exchange.asked.store(true, Ordering::Relaxed);
        let mut request = request.map(|body| {
            if http_body::Body::is_end_stream(&body) {
                self.exchange.request_complete();
                return Body::empty();
            }
            Body::new(RequestBody {
                body,
                exchange: Arc::clone(&self.exchange),
            })
        });
        request.extensions_mut().insert(ConnectInfo(self.remote));
        self.router.clone().call(request)
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
