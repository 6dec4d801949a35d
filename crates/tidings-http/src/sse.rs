use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderMap, HeaderName, Method, StatusCode, request::Parts};
use tidings::{Broker, SubscribeError, Subscriber, Subscription, Topic};
use tokio::task::spawn_blocking;

use crate::{
    EventStream, Problem, StreamOptions,
    accept::{accepts_event_stream, is_event_source},
    come_back_after, stream, stream_head,
};

/// What a request for a stream says about itself, whatever its path and topics.
///
/// As an extractor it refuses a request that does not accept `text/event-stream` with 406.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// The id to resume after: the header `Last-Event-ID`, else the query's `last_event_id`, else its `lastEventId`.
    /// Empty ones count as absent.
    pub resume_after: Option<String>,
    /// Only the head is wanted.
    pub head_only: bool,
    /// It comes from a browser's `EventSource`, which gives up for good on any status but 200.
    pub from_browser: bool,
}

impl StreamRequest {
    /// Reads the request.
    ///
    /// # Errors
    /// 406 if it does not accept an event stream.
    pub fn read(parts: &Parts) -> Result<Self, Problem> {
        if !accepts_event_stream(&parts.headers) {
            let detail = "the answer is text/event-stream, which the Accept header does not allow";
            return Err(
                Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail).field("Accept"),
            );
        }
        Ok(Self {
            resume_after: resume_after(parts),
            head_only: parts.method == Method::HEAD,
            from_browser: is_event_source(&parts.headers),
        })
    }

    /// Subscribes and answers: the stream, 204 if it is over, or why there is none. If only the head is wanted, the
    /// subscription ends at once.
    pub async fn respond(
        self,
        broker: &Broker,
        mut subscription: Subscription,
        options: StreamOptions,
    ) -> Response {
        if let Some(id) = self.resume_after {
            subscription = subscription.resume_after(id);
        }
        match subscribe(broker, subscription).await {
            Ok(subscriber) if subscriber.is_over() => StatusCode::NO_CONTENT.into_response(),
            Ok(_) if self.head_only => stream_head(),
            Ok(subscriber) => EventStream::new(subscriber, options).into_response(),
            Err(
                SubscribeError::Closed
                | SubscribeError::StoreFailed(_)
                | SubscribeError::TooManySubscriptions
                | SubscribeError::TooManyOfIdentity { .. },
            ) if self.from_browser => come_back_after(options.retry),
            Err(error) => refusal(&error, options.retry).into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StreamRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts)
    }
}

/// A route that streams one topic, with the usual keep-alive and resumption.
///
/// ```
/// use axum::Router;
/// use tidings::{Broker, Topic};
///
/// let broker = Broker::new();
/// let news = Topic::new("news")?;
/// let app: Router = Router::new().route("/news/stream", tidings_http::sse(&broker, news));
/// # Ok::<_, tidings::TopicError>(())
/// ```
pub fn sse<S: Clone + Send + Sync + 'static>(broker: &Broker, topic: Topic) -> MethodRouter<S> {
    sse_with(
        broker,
        Subscription::to(topic),
        StreamOptions {
            retry: broker.reconnect_delay(),
            ..Default::default()
        },
    )
}

/// A route that streams any subscription, for example one that says [`hello`](Subscription::hello), with other options.
///
/// Readers resume by their own ids; the subscription says where one without an id begins.
pub fn sse_with<S: Clone + Send + Sync + 'static>(
    broker: &Broker,
    subscription: Subscription,
    options: StreamOptions,
) -> MethodRouter<S> {
    let broker = broker.clone();
    let subscription = subscription.encoded(stream::raw(options.ids));
    get(async move |request: StreamRequest| {
        let response = request.respond(&broker, subscription.clone(), options);
        response.await
    })
}

/// Subscribes; on a thread of its own where it may take long.
async fn subscribe(
    broker: &Broker,
    subscription: Subscription,
) -> Result<Subscriber, SubscribeError> {
    if !subscription.looks_back() {
        return broker.subscribe(subscription);
    }
    let broker = broker.clone();
    let subscribed = spawn_blocking(move || broker.subscribe(subscription)).await;
    // It does not panic, and is not awaited any more when the runtime goes.
    subscribed.unwrap_or(Err(SubscribeError::Closed))
}

/// The id in the header `Last-Event-ID`, whatever its bytes; an empty one counts as absent.
pub fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(HeaderName::from_static("last-event-id"))?;
    let id = String::from_utf8_lossy(header.as_bytes()).into_owned();
    (!id.is_empty()).then_some(id)
}

fn resume_after(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let named = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    };
    last_event_id(&parts.headers)
        .or_else(|| named("last_event_id"))
        .or_else(|| named("lastEventId"))
}

pub(crate) fn refusal(error: &SubscribeError, retry: Duration) -> Problem {
    let later = |status, kind| Problem::new(status, kind, error.to_string()).retry_after(retry);
    match error {
        SubscribeError::TooManySelectors { .. } | SubscribeError::TooFragmented { .. } => {
            Problem::bad_parameter("topic", error.to_string())
        }
        SubscribeError::TooManyEventTypes { .. } => {
            Problem::bad_parameter("event", error.to_string())
        }
        SubscribeError::TooManySubscriptions | SubscribeError::TooManyOfIdentity { .. } => {
            later(StatusCode::TOO_MANY_REQUESTS, "too-many-connections")
        }
        SubscribeError::StoreFailed(_) => later(StatusCode::SERVICE_UNAVAILABLE, "store-failed"),
        SubscribeError::Closed => later(StatusCode::SERVICE_UNAVAILABLE, "draining"),
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use tidings::Event;

    use super::*;

    async fn status(broker: &Broker, topic: &str, head_only: bool) -> u16 {
        let request = StreamRequest {
            head_only,
            ..Default::default()
        };
        let subscription = Subscription::to(Topic::new(topic).unwrap()).encoded(stream::raw(true));
        let response = request.respond(broker, subscription, StreamOptions::default());
        response.await.status().as_u16()
    }

    #[tokio::test]
    async fn a_request_for_the_head_has_the_status_of_the_stream() {
        let broker = Broker::builder().max_subscriptions(1).build();
        let ended = Topic::new("ended").unwrap();
        broker
            .publish(ended, Event::new("").ending_topic())
            .await
            .unwrap();
        for head_only in [false, true] {
            assert_eq!(status(&broker, "ended", head_only).await, 204);
            assert_eq!(status(&broker, "open", head_only).await, 200);
        }
        assert_eq!(broker.stats().subscriptions, 0);

        let _reader = broker
            .subscribe(Subscription::to(Topic::new("open").unwrap()))
            .unwrap();
        for head_only in [false, true] {
            assert_eq!(status(&broker, "open", head_only).await, 429);
        }
    }
}
