//! A subscription as the body of a response.

mod encode;
mod head;
mod keep_alive;
mod tap;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::Frame;
use tidings::Subscriber;
use tidings_sse::{EventId, Preamble, encode_retry};

use self::encode::encode;
use self::keep_alive::KeepAlive;

pub(crate) use self::encode::raw;
pub(crate) use self::head::{come_back_after, stream_head};
pub(crate) use self::tap::Tap;

pub use self::encode::encode_control;
pub use self::keep_alive::keep_alive_line;

/// How a stream behaves beside its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// After so much silence a comment line keeps the connection open and shows that it is. `None` is off.
    /// Default: 15 seconds, the interval that the HTML standard recommends (§9.2.7).
    pub keep_alive: Option<Duration>,
    /// How long a reader is told to wait before it reconnects, spread by ±20 % so that readers do not come back
    /// all at once. Default: 3 seconds.
    pub retry: Duration,
    /// Whether the first block tells the id that the stream starts at. Default: yes.
    pub ids: bool,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            keep_alive: Some(Duration::from_secs(15)),
            retry: Duration::from_secs(3),
            ids: true,
        }
    }
}

impl StreamOptions {
    /// The delay to tell one reader.
    pub fn spread_retry(&self) -> Duration {
        spread(self.retry)
    }

    /// The delay to tell one who is sent away: one to three times the usual one, at random, so that those who are sent away
    /// together come back apart.
    pub fn later(&self) -> Duration {
        later(self.retry)
    }
}

/// A subscription as the body of an HTTP response: server-sent events, one frame for everything that waits.
///
/// The subscription must be [`encoded`](tidings::Subscription::encoded). Nothing is read from the broker before the
/// transport asks for it, so a slow reader holds no events here. The body ends cleanly when the subscription does.
pub struct EventStream {
    subscriber: Subscriber,
    /// Not there while the stream waits for events.
    rest: Option<Box<Rest>>,
    keep_alive: KeepAlive,
    tap: Tap,
}

/// What a stream has beside what the broker will give it.
#[derive(Default)]
struct Rest {
    /// What of the last batch, or of the first block, has yet to be asked for.
    data: Bytes,
    /// What comes after it.
    shared: Bytes,
    /// Where the stream starts, if that is to be told together with the gap it begins with.
    id_of_gap: Option<EventId>,
}

/// The most bytes of one frame: asking for the next one shows that the reader takes something.
const PIECE_BYTES: usize = 32 << 10;

impl EventStream {
    /// Makes a body of a subscription.
    pub fn new(subscriber: Subscriber, options: StreamOptions) -> Self {
        let id = options.ids.then(|| subscriber.start().to_string());
        let id = id.and_then(|id| EventId::new(id).ok());
        let retry = options.spread_retry();
        let mut first = Vec::new();
        let mut rest = Rest::default();
        if subscriber.begins_elsewhere() {
            // Left open: the block goes on with what comes first, and its id with the gap.
            encode_retry(retry, &mut first);
            rest.id_of_gap = id;
        } else {
            let preamble = Preamble {
                retry: Some(retry),
                id: id.as_ref(),
            };
            preamble.encode(&mut first);
        }
        rest.data = first.into();
        Self::after(rest, subscriber, options)
    }

    /// Makes a body that begins with these blocks, and has no first block of its own. Whoever makes them tells the reader
    /// in them when to come back, and where the stream starts.
    pub fn beginning_with(
        blocks: impl Into<Bytes>,
        subscriber: Subscriber,
        options: StreamOptions,
    ) -> Self {
        let rest = Rest {
            data: blocks.into(),
            ..Rest::default()
        };
        Self::after(rest, subscriber, options)
    }

    /// The same stream with one more block before all that the subscription gives. It may be shared with other streams.
    #[must_use]
    pub fn then(mut self, block: Bytes) -> Self {
        let rest = self.rest.get_or_insert_default();
        let place = if rest.data.is_empty() {
            &mut rest.data
        } else {
            &mut rest.shared
        };
        *place = block;
        self
    }

    /// Whether a response opens a stream. A head without a body does not, nor what only tells the reader when to come back.
    pub fn is_body_of(response: &Response) -> bool {
        response.extensions().get::<Tap>().is_some()
    }

    fn after(rest: Rest, subscriber: Subscriber, options: StreamOptions) -> Self {
        Self {
            tap: Tap::new(subscriber.member(), options.keep_alive),
            subscriber,
            rest: Some(Box::new(rest)),
            keep_alive: KeepAlive::default(),
        }
    }
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if let Some(rest) = this.rest.take_if(|rest| !rest.data.is_empty()) {
            this.subscriber.note_progress();
            return Poll::Ready(Some(Ok(Frame::data(this.give(*rest)))));
        }
        let data = match this.subscriber.poll_batch(cx) {
            Poll::Ready(Some(batch)) => {
                let id_of_gap = this.rest.take().and_then(|rest| rest.id_of_gap);
                encode(batch, id_of_gap)
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                this.tap.waits();
                ready!(this.keep_alive.poll(&this.tap, cx));
                keep_alive_line()
            }
        };
        this.keep_alive.heard();
        let rest = Rest {
            data,
            ..Rest::default()
        };
        Poll::Ready(Some(Ok(Frame::data(this.give(rest)))))
    }
}

impl EventStream {
    /// The next piece. What comes after it is kept.
    fn give(&mut self, mut rest: Rest) -> Bytes {
        let piece = rest.data.split_to(rest.data.len().min(PIECE_BYTES));
        self.tap.gave(&piece);
        if rest.data.is_empty() {
            rest.data = std::mem::take(&mut rest.shared);
        }
        if !rest.data.is_empty() || rest.id_of_gap.is_some() {
            self.rest = Some(Box::new(rest));
        }
        piece
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let mut response = stream_head();
        response.extensions_mut().insert(self.tap.clone());
        *response.body_mut() = Body::new(self);
        response
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("subscriber", &self.subscriber)
            .finish_non_exhaustive()
    }
}

/// One to three times the delay, at random.
pub(crate) fn later(delay: Duration) -> Duration {
    delay.mul_f64(1.0 + 2.0 * fastrand::f64())
}

/// The delay, ±20 % at random.
fn spread(delay: Duration) -> Duration {
    delay.mul_f64(0.8 + 0.4 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tidings::{Broker, Event, Selector, Subscription, Topic};
    use tokio::time::advance;

    use super::*;

    #[test]
    fn a_stream_that_waits_costs_little_memory() {
        assert!(
            size_of::<EventStream>() <= 40,
            "{}",
            size_of::<EventStream>()
        );
    }

    #[tokio::test]
    async fn a_block_in_front_comes_before_everything_that_the_subscription_gives() {
        let broker = Broker::new();
        let topic = Topic::new("t").unwrap();
        let id = broker
            .publish(topic.clone(), Event::new("1").ending_topic())
            .await;
        let id = id.unwrap().id;
        let greeted = async |subscription: Subscription| {
            let subscriber = broker.subscribe(subscription.encoded(raw(true))).unwrap();
            let hi = Bytes::from_static(b"event: hi\ndata: you\n\n");
            let stream = EventStream::new(subscriber, StreamOptions::default()).then(hi);
            let bytes = stream.collect().await.unwrap().to_bytes();
            let body = String::from_utf8(bytes.to_vec()).unwrap();
            body.split_once('\n').unwrap().1.to_owned()
        };
        let all = Subscription::to(topic);
        let started = greeted(all.clone().start_at(tidings::StartAt::Start)).await;
        let start = "id: ".len() + id.to_string().len();
        assert_eq!(
            started[start..],
            format!("\n\nevent: hi\ndata: you\n\nid: {id}\ndata: 1\n\n")
        );
        let lost = greeted(all.resume_after("x")).await;
        let gap = format!("event: hi\ndata: you\n\nid: {id}\nevent: tidings.gap\n");
        assert!(lost.starts_with(&gap), "{lost}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_large_event_slowly_is_not_too_slow() {
        let broker = Broker::new();
        let topic = Topic::new("t").unwrap();
        let subscription = Subscription::to(Selector::from(topic.clone())).encoded(raw(true));
        let subscriber = broker.subscribe(subscription).unwrap();
        let mut stream = EventStream::new(subscriber, StreamOptions::default());
        stream.frame().await.unwrap().unwrap();
        let large = "x".repeat(1 << 20);
        broker
            .publish(topic.clone(), Event::new(&*large))
            .await
            .unwrap();
        broker
            .publish(topic, Event::new("next").ending_topic())
            .await
            .unwrap();

        let mut got = Vec::new();
        while let Some(frame) = stream.frame().await {
            got.extend_from_slice(&frame.unwrap().into_data().unwrap());
            advance(Duration::from_secs(20)).await;
        }

        let got = String::from_utf8(got).unwrap();
        assert!(got.contains(&large));
        assert!(
            got.ends_with("data: next\n\n"),
            "{}",
            &got[got.len() - 200..]
        );
    }
}
