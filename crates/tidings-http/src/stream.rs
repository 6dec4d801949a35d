use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use tidings::{Control, Delivery, Subscriber, Wire};
use tidings_sse::{Block, EventId, EventName, Preamble, encode_comment, encode_retry};
use tokio::time::{Instant, Sleep, sleep};

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
}

/// A subscription as the body of an HTTP response: server-sent events, one frame for everything that waits.
///
/// The subscription must be [`encoded`](tidings::Subscription::encoded). Nothing is read from the broker before the
/// transport asks for it, so a slow reader holds no events here. The body ends cleanly when the subscription does.
pub struct EventStream {
    subscriber: Subscriber,
    preamble: Option<Bytes>,
    /// What of the last batch has yet to be asked for.
    rest: Bytes,
    /// Where the stream starts, if that is to be told together with the gap it begins with.
    id_of_gap: Option<EventId>,
    keep_alive: Option<KeepAlive>,
}

/// The most bytes of one frame: asking for the next one shows that the reader takes something.
const PIECE_BYTES: usize = 64 << 10;

struct KeepAlive {
    interval: Duration,
    last_frame: Instant,
    /// Fires at or after the moment a comment may be due; moved only when it does.
    timer: Pin<Box<Sleep>>,
}

impl EventStream {
    /// Makes a body of a subscription.
    pub fn new(subscriber: Subscriber, options: StreamOptions) -> Self {
        let id = options.ids.then(|| subscriber.start().to_string());
        let id = id.and_then(|id| EventId::new(id).ok());
        let retry = options.spread_retry();
        let (mut first, mut id_of_gap) = (Vec::new(), None);
        if subscriber.begins_elsewhere() {
            // Left open: the block goes on with what comes first, and its id with the gap.
            encode_retry(retry, &mut first);
            id_of_gap = id;
        } else {
            let preamble = Preamble {
                retry: Some(retry),
                id: id.as_ref(),
            };
            preamble.encode(&mut first);
        }
        let keep_alive = options
            .keep_alive
            .filter(|interval| !interval.is_zero())
            .map(KeepAlive::every);
        Self {
            subscriber,
            preamble: Some(first.into()),
            rest: Bytes::new(),
            id_of_gap,
            keep_alive,
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
        if !this.rest.is_empty() {
            this.subscriber.note_progress();
            return Poll::Ready(Some(Ok(Frame::data(this.next_piece()))));
        }
        this.rest = match this.preamble.take() {
            Some(preamble) => preamble,
            None => match this.subscriber.poll_batch(cx) {
                Poll::Ready(Some(batch)) => encode(batch, &mut this.id_of_gap),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let due = this
                        .keep_alive
                        .as_mut()
                        .is_some_and(|keep_alive| keep_alive.poll(cx).is_ready());
                    if !due {
                        return Poll::Pending;
                    }
                    keep_alive_line()
                }
            },
        };
        if let Some(keep_alive) = &mut this.keep_alive {
            keep_alive.last_frame = Instant::now();
        }
        Poll::Ready(Some(Ok(Frame::data(this.next_piece()))))
    }
}

impl EventStream {
    fn next_piece(&mut self) -> Bytes {
        self.rest.split_to(self.rest.len().min(PIECE_BYTES))
    }
}

impl KeepAlive {
    fn every(interval: Duration) -> Self {
        Self {
            interval,
            last_frame: Instant::now(),
            timer: Box::pin(sleep(interval)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let due = self.last_frame + self.interval;
            if due <= Instant::now() {
                self.timer.as_mut().reset(Instant::now() + self.interval);
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let mut response = stream_head();
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

/// The head of every stream, with an empty body of unannounced length: the answer to HEAD.
pub fn stream_head() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // nginx and those that follow it buffer a response unless told not to.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut response = Response::new(unannounced(Bytes::new()));
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A stream that tells the reader when to come back, and ends. A browser's `EventSource` gives up for good on any
/// status but 200, so this is its answer where others get 503 or 429.
pub fn come_back_after(delay: Duration) -> Response {
    let mut first = Vec::new();
    Preamble {
        retry: Some(spread(delay)),
        id: None,
    }
    .encode(&mut first);
    let mut response = stream_head();
    *response.body_mut() = unannounced(first.into());
    response
}

/// A body whose length is not told beforehand, as that of any stream.
fn unannounced(bytes: Bytes) -> Body {
    Body::from_stream(stream::once(std::future::ready(Ok::<_, Infallible>(bytes))))
}

/// The block of a control event. A goodbye begins with the `retry:` that it announces.
pub fn encode_control(control: &Control, out: &mut Vec<u8>) {
    encode_control_at(control, None, out);
}

fn encode_control_at(control: &Control, id: Option<&EventId>, out: &mut Vec<u8>) {
    if let Control::Goodbye { retry_after, .. } = control {
        encode_retry(*retry_after, out);
    }
    let event = EventName::new(control.name()).expect("names of control events are event names");
    let data = control.json().to_string();
    Block {
        id,
        event: Some(&event),
        data: &data,
    }
    .encode(out);
}

/// The comment line that keeps a silent connection open, without a blank line after it: some readers take that for
/// an empty event.
pub fn keep_alive_line() -> Bytes {
    let mut line = Vec::new();
    encode_comment("keepalive", &mut line);
    line.into()
}

/// The encoding of a stream with or without ids, as published.
pub(crate) fn raw(ids: bool) -> Wire {
    Wire {
        ids,
        ..Wire::default()
    }
}

fn encode(mut batch: Vec<Delivery>, id_of_gap: &mut Option<EventId>) -> Bytes {
    if let [Delivery::Event { block, .. }] = &mut *batch {
        return std::mem::take(block);
    }
    let mut out = Vec::with_capacity(batch.iter().map(size).sum());
    for delivery in &batch {
        match delivery {
            Delivery::Event { block, .. } => out.extend_from_slice(block),
            Delivery::Control(control @ Control::Gap(_)) => {
                encode_control_at(control, id_of_gap.take().as_ref(), &mut out);
            }
            Delivery::Control(control) => encode_control(control, &mut out),
        }
    }
    out.into()
}

fn size(delivery: &Delivery) -> usize {
    match delivery {
        Delivery::Event { block, .. } => block.len(),
        // Enough for all but a goodbye to many topics; the buffer grows if not.
        Delivery::Control(_) => 256,
    }
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
