//! HTTP/1.1 connections.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connection::{Conversation, Course, Ending};
use super::exchange::Answers;
use super::socket::Socket;

/// Bytes of a request's line and fields. hyper's own bound on their number is 100.
const HEAD_BYTES: usize = 16 * 1024;

/// Bytes read ahead of the request, and written behind the response, that hyper holds. One
/// body frame may exceed it, since frames are not split.
const BUFFER_BYTES: usize = 32 * 1024;

/// Serves one connection. Upgrades are left to the handlers that ask for them.
///
/// The socket is hyper's until the connection ends, but [`UpgradeableConnection::into_parts`]
/// gives it back at any time: whatever takes a socket over after a response head does it here.
pub(super) async fn serve(socket: Socket, answers: Answers, course: Course) -> Ending {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(course.idle_timeout())
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .keep_alive(!course.is_leaving());
    let service = service_fn(move |request| answers.answer(request));
    let mut connection = builder
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    course.follow(&mut connection, None).await
}

impl<S, B> Conversation for UpgradeableConnection<TokioIo<Socket>, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Pin::new(self).poll(context)
    }

    fn wind_up(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}
