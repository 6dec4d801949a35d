//! HTTP/1.1 connections.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tracing::{Span, debug};

use super::connection::{Conversation, Course, End, Ending};
use super::engine::{Adopted, EngineDoor};
use super::exchange::{Answers, Exchange};
use super::handoff;
use super::socket::Socket;

/// Bytes of a request's line and fields. hyper's own bound on their number is 100.
const HEAD_BYTES: usize = 16 * 1024;

/// Bytes read ahead of the request, and written behind the response, that hyper holds. One
/// body frame may exceed it, since frames are not split.
const BUFFER_BYTES: usize = 32 * 1024;

/// Serves one connection. Upgrades are left to the handlers that ask for them, and event streams
/// to the engines if there are any.
pub(super) async fn serve(
    socket: Socket,
    answers: Answers,
    course: Course,
    engines: Option<EngineDoor>,
) -> Ending {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(course.idle_timeout())
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .keep_alive(!course.is_leaving());
    let is_plain = socket.is_plain();
    let io = TokioIo::new(socket);
    // They write to the socket itself.
    let Some(engines) = engines.filter(|_| is_plain && !course.is_leaving()) else {
        let service = service_fn(move |request| answers.answer(request));
        let mut connection = builder.serve_connection(io, service).with_upgrades();
        return course.follow(&mut connection, None).await;
    };

    let exchange = Arc::clone(&answers.exchange);
    let service = service_fn(move |request| handoff::answer(&answers, request));
    let connection = builder.serve_connection(io, service).with_upgrades();
    let mut conversation = Parting {
        connection,
        exchange: Arc::clone(&exchange),
    };
    let ending = course.follow(&mut conversation, None).await;
    if ending != Ending::Parted {
        return ending;
    }
    let stream = exchange.handoff.take();
    // What the peer has sent ahead goes with hyper: its head said that the connection closes.
    let parts = conversation.connection.into_parts();
    let parts = parts.and_then(|parts| parts.io.into_inner().into_parts());
    let (Some(stream), Some((socket, permit))) = (stream, parts) else {
        return Ending::Closed;
    };
    match socket.into_std() {
        Ok(socket) => engines.adopt(Adopted {
            socket,
            body: stream.body,
            tap: stream.tap,
            permit,
            span: Span::current(),
        }),
        Err(error) => debug!(%error, "closed: not to be had from the runtime"),
    }
    Ending::Parted
}

impl<S, B> Conversation for UpgradeableConnection<TokioIo<Socket>, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        Pin::new(self).poll(context).map(End::Closed)
    }

    fn wind_up(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// A connection whose socket is to be taken from hyper as soon as an event stream is on offer.
struct Parting<S: HttpService<Incoming>> {
    connection: UpgradeableConnection<TokioIo<Socket>, S>,
    exchange: Arc<Exchange>,
}

impl<S, B> Conversation for Parting<S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        match self.connection.poll_end(context) {
            Poll::Pending if self.exchange.handoff.is_complete() => Poll::Ready(End::Parted),
            end => end,
        }
    }

    fn wind_up(&mut self) {
        self.connection.wind_up();
    }
}
