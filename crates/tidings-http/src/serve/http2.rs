//! HTTP/2 connections: over TLS, or in cleartext from clients that know that they may.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::server::conn::http2::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::ServeLimits;
use super::connection::{Conversation, Course, End, Ending};
use super::exchange::Answers;
use super::socket::Socket;
use super::streams::{StreamBody, StreamTasks};

/// Requests at one time. A proxy brings all its readers over one connection, and each event
/// stream is a request that does not end; the usual 100 or 200 would be full with them.
const CONCURRENT_STREAMS: u32 = 1_000;

/// Bytes that wait in one stream for its reader. hyper's 400 KiB would be 400 MB a connection.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

/// Bytes of a request's fields.
const HEADER_LIST_BYTES: u32 = 16 * 1024;

/// Request body bytes that a peer may send before a handler has read any.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;

/// Streams that a peer may reset before they were served, and ones that we reset for its errors,
/// before the connection is closed (CVE-2023-44487, RUSTSEC-2024-0003).
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 256;

const PING_EVERY: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves one connection; none of its streams outlives it.
pub(super) async fn serve(
    socket: Socket,
    answers: Answers,
    course: Course,
    limits: &ServeLimits,
) -> Ending {
    let tasks = StreamTasks::new(limits.write_timeout);
    let mut builder = Builder::new(tasks.spawner());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(CONCURRENT_STREAMS)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    let service = service_fn(move |request| {
        let response = answers.answer(request);
        async move { Ok::<_, Infallible>(response.await?.map(StreamBody::new)) }
    });
    let mut connection = builder.serve_connection(TokioIo::new(socket), service);
    let ending = course.follow(&mut connection, Some(&tasks)).await;
    drop(connection);
    tasks.stop().await;
    ending
}

impl<S, B, E> Conversation for Connection<TokioIo<Socket>, S, E>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Http2ServerConnExec<S::Future, B>,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        Pin::new(self).poll(context).map(End::Closed)
    }

    fn wind_up(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}
