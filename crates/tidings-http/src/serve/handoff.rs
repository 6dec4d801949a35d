//! How an event stream leaves hyper once its head is on the wire.
//!
//! hyper reads the request and writes the head with the first block. When it asks for what follows, the body is put
//! on offer and claims to have nothing; the flush that comes next empties hyper's write buffer, so from then on the
//! socket owes the peer nothing and can be taken from hyper. If hyper asks again before that, the body goes on as if
//! nothing had been offered.

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::exchange::{Answers, Exchange};
use crate::stream::Tap;

/// The offer of a connection's stream. What drives the connection, its socket and its body know of each other by it.
#[derive(Debug, Default)]
pub(super) struct Handoff {
    stage: AtomicU8,
    /// Guards the stream alone; held to put it in and to take it out.
    stream: Mutex<Option<Stream>>,
}

/// A stream on its way out of hyper.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) body: Body,
    pub(super) tap: Tap,
}

/// hyper has the stream.
const KEPT: u8 = 0;
/// The stream can be had, but hyper may still hold bytes that come before it.
const OFFERED: u8 = 1;
/// hyper holds nothing for the peer any more.
const FLUSHED: u8 = 2;

impl Handoff {
    /// Takes note that everything hyper had for the peer has been written.
    pub(super) fn flushed(&self) {
        let _only_if_offered =
            self.stage
                .compare_exchange(OFFERED, FLUSHED, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the socket may be taken from hyper.
    pub(super) fn is_complete(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == FLUSHED
    }

    /// The stream on offer, for whoever takes the connection apart or for the body that goes on.
    pub(super) fn take(&self) -> Option<Stream> {
        self.stage.store(KEPT, Ordering::Relaxed);
        self.stream().take()
    }

    fn offer(&self, stream: Stream) {
        *self.stream() = Some(stream);
        self.stage.store(OFFERED, Ordering::Relaxed);
    }

    fn stream(&self) -> MutexGuard<'_, Option<Stream>> {
        // A stream is put in or taken out in one step.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request so that an event stream is put on offer. Streams whose bytes something behind the route has
/// encoded or counted, and those that do not come in chunks, are none of these.
pub(super) fn answer(
    answers: &Answers,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<OfferedBody>, Infallible>> + use<> {
    let exchange = Arc::clone(&answers.exchange);
    let is_plain = request.version() == Version::HTTP_11
        && matches!(*request.method(), Method::GET | Method::POST);
    let response = answers.answer(request);
    async move {
        let mut response = response.await?;
        let tap = response.extensions_mut().remove::<Tap>();
        let tap = tap.filter(|_| is_plain && is_untouched(&response));
        if tap.is_none() || exchange.peer_may_be_sending() {
            return Ok(response.map(OfferedBody::kept));
        }
        // Nobody reads a further request from this connection.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        Ok(response.map(|body| OfferedBody {
            body,
            offer: tap.map(|tap| Offer::Later(exchange, tap)),
        }))
    }
}

fn is_untouched<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::OK
        && [
            header::CONTENT_ENCODING,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ]
        .iter()
        .all(|name| !response.headers().contains_key(name))
}

/// A response body that may be put on offer after its first frame.
pub(super) struct OfferedBody {
    body: Body,
    offer: Option<Offer>,
}

enum Offer {
    /// Once the first frame has been given.
    Later(Arc<Exchange>, Tap),
    /// When the next frame is asked for.
    Next(Arc<Exchange>, Tap),
    /// Since the last frame was asked for.
    Made(Arc<Exchange>),
}

impl OfferedBody {
    fn kept(body: Body) -> Self {
        Self { body, offer: None }
    }
}

impl http_body::Body for OfferedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        match this.offer.take() {
            None => {}
            Some(Offer::Later(exchange, tap)) => {
                let frame = Pin::new(&mut this.body).poll_frame(context);
                if let Poll::Ready(Some(Ok(frame))) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    tap.received(data);
                }
                this.offer = Some(match frame {
                    Poll::Pending => Offer::Later(exchange, tap),
                    Poll::Ready(_) => Offer::Next(exchange, tap),
                });
                return frame;
            }
            Some(Offer::Next(exchange, tap)) => {
                let body = mem::take(&mut this.body);
                exchange.handoff.offer(Stream { body, tap });
                this.offer = Some(Offer::Made(exchange));
                // Has the connection look again, and the stream go on here, if no flush follows.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Offer::Made(exchange)) => {
                if exchange.handoff.is_complete() {
                    // It is about to be taken.
                    this.offer = Some(Offer::Made(exchange));
                    return Poll::Pending;
                }
                if let Some(stream) = exchange.handoff.take() {
                    this.body = stream.body;
                }
            }
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http_body::Body as _;
    use http_body_util::BodyExt;
    use tidings::{Broker, Event, Subscription, Topic};

    use super::*;
    use crate::{EventStream, StreamOptions, stream::raw};

    fn offered(broker: &Broker, topic: &Topic) -> (OfferedBody, Arc<Exchange>) {
        let subscription = Subscription::to(topic.clone()).encoded(raw(true));
        let subscriber = broker.subscribe(subscription).unwrap();
        let stream = EventStream::new(subscriber, StreamOptions::default());
        let response = stream.into_response();
        let tap = response.extensions().get::<Tap>().unwrap().clone();
        let exchange = Arc::new(Exchange::default());
        let body = OfferedBody {
            body: response.into_body(),
            offer: Some(Offer::Later(Arc::clone(&exchange), tap)),
        };
        (body, exchange)
    }

    #[tokio::test]
    async fn a_stream_that_nobody_flushes_goes_on_where_it_is() {
        let (broker, topic) = (Broker::new(), Topic::new("t").unwrap());
        let (mut body, exchange) = offered(&broker, &topic);
        let event = Event::new("1").ending_topic();
        broker.publish(topic, event).await.unwrap();

        let text = (&mut body).collect().await.unwrap().to_bytes();

        assert!(text.ends_with(b"data: 1\n\n"), "{text:?}");
        assert!(!exchange.handoff.is_complete());
    }

    #[tokio::test]
    async fn a_stream_is_on_offer_after_its_first_block_until_it_is_taken() {
        let (broker, topic) = (Broker::new(), Topic::new("t").unwrap());
        let (mut body, exchange) = offered(&broker, &topic);
        exchange.handoff.flushed();
        assert!(!exchange.handoff.is_complete());

        let mut context = Context::from_waker(std::task::Waker::noop());
        let first = Pin::new(&mut body).poll_frame(&mut context);
        assert!(matches!(first, Poll::Ready(Some(Ok(_)))));
        assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
        exchange.handoff.flushed();
        assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());

        assert!(exchange.handoff.is_complete());
        let stream = exchange.handoff.take().unwrap();
        assert_eq!(broker.stats().subscriptions, 1);
        drop(stream);
        assert_eq!(broker.stats().subscriptions, 0);
    }
}
