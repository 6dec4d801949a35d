//! One connection from its first byte to its end.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::select;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Span, debug, field};

use super::admission::Permit;
use super::engine::EngineDoor;
use super::exchange::{Answers, Exchange};
use super::house::House;
use super::line::Line;
use super::phase::{Phase, Phases};
use super::socket::{Protocol, Socket};
use super::streams::StreamTasks;
use super::transport::Transport;
use super::{http1, http2, proxies};

/// What a connection is served with.
pub(super) struct Connection {
    pub(super) house: Arc<House>,
    pub(super) stay: Stay,
    pub(super) phases: Phases,
    pub(super) permit: Permit,
    pub(super) engines: Option<EngineDoor>,
}

/// How long a connection is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// For as many requests as it sends.
    Open,
    /// For one request, which is refused.
    Refused,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, or for breaking a rule.
    Closed,
    /// Because the server's time to drain was over.
    Cut,
    /// As far as hyper is concerned: an engine has the socket.
    Parted,
}

/// Time to complete a first request once the server drains: enough for one that is on its way,
/// too little for an idle connection to hold up the exit.
const HEAD_TIME_WHEN_DRAINING: Duration = Duration::from_secs(1);

/// Time for what a proxy says before the bytes of its client.
const PREAMBLE_TIME: Duration = Duration::from_secs(5);

/// Time for the handshake of TLS.
#[cfg(feature = "tls")]
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) async fn run(self, stream: TcpStream, peer: SocketAddr) -> Ending {
        debug!("accepted");
        let Self {
            house,
            stay,
            phases,
            mut permit,
            engines,
        } = self;
        let exchange = Arc::new(Exchange::default());
        let mut course = Course {
            head_deadline: Instant::now() + house.limits.head_timeout,
            idle_timeout: house.limits.idle_timeout,
            stay,
            phases,
            exchange: Arc::clone(&exchange),
        };
        let mut line = Line::new(stream, house.limits.write_timeout);

        let mut remote = peer;
        let mut is_proxy = house.proxies.trusts(peer.ip());
        if house.proxies.have_preamble() && is_proxy {
            let preamble = proxies::read_preamble(&mut line);
            match course.within(PREAMBLE_TIME, preamble).await {
                // Whoever it passes on bytes for wrote the header fields.
                Ok(None) => is_proxy = false,
                Ok(Some(client)) => {
                    Span::current().record("client", field::display(client));
                    remote = client;
                    is_proxy = house.proxies.trusts(client.ip());
                    if !permit.count_under(client.ip()) {
                        debug!("refused: too many connections");
                        course.stay = Stay::Refused;
                    }
                }
                Err(ending) => return ending,
            }
        }
        let transport = match course.secure(&house, line).await {
            Ok(transport) => transport,
            Err(ending) => return ending,
        };
        let mut socket = Socket::new(transport, Arc::clone(&exchange), permit);
        let protocol = match course.until_asked(socket.protocol()).await {
            Ok(Ok(protocol)) => protocol,
            Ok(Err(error)) => {
                debug!(%error, "closed before a request");
                return Ending::Closed;
            }
            Err(ending) => return ending,
        };

        let answers = Answers {
            router: match course.stay {
                Stay::Open => house.router.clone(),
                Stay::Refused => house.refusals.clone(),
            },
            remote,
            is_https: !socket.is_plain(),
            is_proxy,
            house: Arc::clone(&house),
            exchange,
        };
        match protocol {
            Protocol::Http1 => http1::serve(socket, answers, course, engines).await,
            // Boxed, since a connection's task is as large as the larger of the two.
            Protocol::Http2 => Box::pin(http2::serve(socket, answers, course, &house.limits)).await,
        }
    }
}

/// How hyper's part in a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// With the connection.
    Closed(hyper::Result<()>),
    /// With an event stream that goes on without it.
    Parted,
}

/// A connection that hyper drives.
pub(super) trait Conversation {
    /// Runs until hyper has nothing more to do with the connection.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End>;

    /// Lets the requests in flight be the last ones.
    fn wind_up(&mut self);
}

/// The rules that a connection's life follows, whatever it speaks.
pub(super) struct Course {
    head_deadline: Instant,
    idle_timeout: Duration,
    stay: Stay,
    phases: Phases,
    exchange: Arc<Exchange>,
}

impl Course {
    /// Time between requests.
    pub(super) fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Whether the connection is to end with the request it is about to send.
    pub(super) fn is_leaving(&self) -> bool {
        self.stay == Stay::Refused || self.phases.current() != Phase::Serving
    }

    /// Runs what comes before a first request and has a time of its own.
    async fn within<T>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Ending> {
        match self.until_asked(timeout(limit, work)).await? {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                debug!(%error, "closed before a request");
                Err(Ending::Closed)
            }
            Err(_elapsed) => {
                debug!("closed: not begun in time");
                Err(Ending::Closed)
            }
        }
    }

    /// What carries the connection from here on: TLS, if the server has a certificate.
    #[cfg(feature = "tls")]
    async fn secure(&mut self, house: &House, line: Line) -> Result<Transport, Ending> {
        let Some(tls) = &house.tls else {
            return Ok(Transport::Plain(line));
        };
        // Boxed, since it would make the tasks of all connections larger, those without it too.
        let handshake = Box::pin(tls.accept(line));
        let Some(encrypted) = self.within(HANDSHAKE_TIME, handshake).await? else {
            debug!("closed: the name was validated");
            return Err(Ending::Closed);
        };
        Ok(Transport::Encrypted(Box::new(encrypted)))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "there is a handshake with the feature")]
    async fn secure(&mut self, _: &House, line: Line) -> Result<Transport, Ending> {
        Ok(Transport::Plain(line))
    }

    /// Runs `work` for as long as the peer may go without a first request.
    async fn until_asked<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Ending> {
        let mut work = pin!(work);
        if self.phases.current() != Phase::Serving {
            self.hurry();
        }
        loop {
            select! {
                biased;
                done = &mut work => return Ok(done),
                phase = self.phases.next() => match phase {
                    Phase::Serving => {}
                    Phase::Draining => self.hurry(),
                    Phase::Over => return Err(Ending::Closed),
                },
                () = sleep_until(self.head_deadline) => {
                    debug!("closed: no request in time");
                    return Err(Ending::Closed);
                }
            }
        }
    }

    fn hurry(&mut self) {
        let soon = Instant::now() + HEAD_TIME_WHEN_DRAINING;
        self.head_deadline = self.head_deadline.min(soon);
    }

    /// Drives a connection to its end. The tasks of an HTTP/2 connection tell when it is idle;
    /// hyper itself sees to that for HTTP/1.1.
    pub(super) async fn follow(
        mut self,
        conversation: &mut impl Conversation,
        tasks: Option<&StreamTasks>,
    ) -> Ending {
        let exchange = Arc::clone(&self.exchange);
        let first = poll_fn(|context| match conversation.poll_end(context) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending if exchange.asked() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match self.until_asked(first).await {
            Ok(None) => {}
            Ok(Some(end)) => return ended(end),
            Err(ending) => return ending,
        }

        let mut winding_up = self.is_leaving();
        if winding_up {
            conversation.wind_up();
        }
        loop {
            let idle = async {
                match tasks {
                    Some(tasks) => tasks.idle(self.idle_timeout).await,
                    None => pending().await,
                }
            };
            select! {
                biased;
                end = poll_fn(|context| conversation.poll_end(context)) => return ended(end),
                phase = self.phases.next() => match phase {
                    Phase::Serving => {}
                    Phase::Draining => {
                        winding_up = true;
                        conversation.wind_up();
                    }
                    Phase::Over => return Ending::Cut,
                },
                () = idle => {
                    if winding_up {
                        debug!("closed: idle");
                        return Ending::Closed;
                    }
                    winding_up = true;
                    conversation.wind_up();
                }
            }
        }
    }
}

fn ended(end: End) -> Ending {
    match end {
        End::Parted => return Ending::Parted,
        End::Closed(Ok(())) => debug!("closed"),
        End::Closed(Err(error)) => debug!(error = &error as &dyn std::error::Error, "closed"),
    }
    Ending::Closed
}
