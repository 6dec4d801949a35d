use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use tidings::{Broker, SubscribeError, Subscriber, Subscription, Topic};
use tokio::task::spawn_blocking;

use crate::{
    EventStream, Problem, StreamOptions,
    accept::{accepts_event_stream, is_event_source},
    stream::{self, come_back_after, stream_head},
};

/// How much of an id is looked at, in characters; no id of ours is as long.
const ID_LENGTH: usize = 256;

/// What a request for a stream says about itself, whatever its path and topics.
///
/// As an extractor it refuses a request that does not accept `text/event-stream` with 406.
///
/// ```
/// use axum::{extract::State, response::Response};
/// use tidings::{Broker, Subscription, Topic, Wire};
/// use tidings_http::{EventStream, StreamOptions, StreamRequest, subscribe_problem};
///
/// async fn news(State(broker): State<Broker>, request: StreamRequest) -> Response {
///     let topic = Topic::new("news").expect("it is a topic");
///     let options = StreamOptions::default();
///     match broker.subscribe(Subscription::to(topic).encoded(Wire::default())) {
///         Ok(subscriber) => request.answer(subscriber, |reader| EventStream::new(reader, options)),
///         Err(error) => request.refuse(subscribe_problem(&error, options.later())),
///     }
/// }
/// # let _: axum::Router<Broker> = axum::Router::new().route("/news", axum::routing::get(news));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// The id to resume after, as [`resume_after`] finds it in the header and the query.
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
            let detail = "Accept: must allow text/event-stream, which the answer is";
            return Err(
                Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail).field("Accept"),
            );
        }
        Ok(Self {
            resume_after: resume_after(&parts.headers, |name| last_of_query(parts, name)),
            head_only: parts.method == Method::HEAD,
            from_browser: is_event_source(&parts.headers),
        })
    }

    /// Subscribes and answers: the stream, 204 if it is over, or why there is none.
    pub async fn respond(
        self,
        broker: &Broker,
        mut subscription: Subscription,
        options: StreamOptions,
    ) -> Response {
        if let Some(id) = &self.resume_after {
            subscription = subscription.resume_after(id);
        }
        let begin = |subscriber| EventStream::new(subscriber, options);
        match subscribe(broker, subscription).await {
            Ok(subscriber) => self.answer(subscriber, begin),
            Err(error) => self.refuse(subscribe_problem(&error, options.later())),
        }
    }

    /// Answers with the stream that is made of a subscriber, or 204 if it is over. If only the head is wanted, the
    /// subscription ends at once.
    pub fn answer(
        &self,
        subscriber: Subscriber,
        begin: impl FnOnce(Subscriber) -> EventStream,
    ) -> Response {
        if subscriber.is_over() {
            StatusCode::NO_CONTENT.into_response()
        } else if self.head_only {
            stream_head()
        } else {
            begin(subscriber).into_response()
        }
    }

    /// Answers that there is no stream. What is [temporary](Problem::is_temporary) is told to a browser's `EventSource`
    /// as a stream that says when to come back, and ends: any other status than 200 would keep it from that.
    pub fn refuse(&self, problem: Problem) -> Response {
        if !self.from_browser || !problem.is_temporary() {
            return problem.into_response();
        }
        let usual = || StreamOptions::default().retry;
        come_back_after(problem.delay().unwrap_or_else(usual))
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

/// The id to resume after: the header `Last-Event-ID`, whatever its bytes, else the parameter `last_event_id`, else
/// `lastEventId`, which older clients send.
///
/// Empty ones count as absent. Of one that is longer than any id the first 256 characters are told.
pub fn resume_after(
    headers: &HeaderMap,
    parameter: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let header = headers.get("last-event-id");
    let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let parameters = ["last_event_id", "lastEventId"].into_iter();
    let mut ids = header.into_iter().chain(parameters.filter_map(parameter));
    let id = ids.find(|id| !id.is_empty())?;
    Some(id.chars().take(ID_LENGTH).collect())
}

/// Whoever reconnects by a URL that has an id already puts the newer one behind it.
fn last_of_query(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    let values = pairs.filter(|(key, value)| key == name && !value.is_empty());
    values.last().map(|(_, value)| value.into_owned())
}

/// Why there is no subscription, as a problem. What may pass is to be tried again after the delay.
pub fn subscribe_problem(error: &SubscribeError, delay: Duration) -> Problem {
    let later = |status, kind| Problem::new(status, kind, error.to_string()).retry_after(delay);
    match error {
        SubscribeError::TooManySelectors { .. } | SubscribeError::TooFragmented { .. } => {
            Problem::bad_parameter("topic", format!("topic: {error}"))
        }
        SubscribeError::TooManyEventTypes { .. } => {
            Problem::bad_parameter("event", format!("event: {error}"))
        }
        SubscribeError::TooManySubscriptions
        | SubscribeError::TooManyOfNamespace { .. }
        | SubscribeError::TooManyOfIdentity { .. } => {
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

    #[test]
    fn the_header_beats_the_parameters_unless_it_is_empty() {
        let query = "/?lastEventId=old&last_event_id=own&last_event_id=newer&last_event_id=";
        let read = |uri: &str, header: Option<&str>| {
            let mut request = http::Request::get(uri);
            if let Some(header) = header {
                request = request.header("Last-Event-ID", header);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            StreamRequest::read(&parts).unwrap().resume_after
        };
        for (uri, header, id) in [
            (query, Some("header"), Some("header")),
            (query, Some(""), Some("newer")),
            (query, None, Some("newer")),
            ("/?lastEventId=old", None, Some("old")),
            ("/?last_event_id=", None, None),
            ("/", None, None),
        ] {
            assert_eq!(read(uri, header).as_deref(), id, "{uri} {header:?}");
        }
        let long = "x".repeat(ID_LENGTH + 1);
        assert_eq!(read("/", Some(&long)).unwrap().len(), ID_LENGTH);
    }

    #[test]
    fn an_event_source_comes_back_when_a_problem_says() {
        let problem = |status| Problem::new(status, "test", "");
        let later = problem(StatusCode::TOO_MANY_REQUESTS).retry_after(Duration::from_secs(10));
        for (from_browser, problem, status) in [
            (true, later.clone(), 200),
            (true, problem(StatusCode::SERVICE_UNAVAILABLE), 200),
            (true, problem(StatusCode::FORBIDDEN), 403),
            (false, later, 429),
        ] {
            let request = StreamRequest {
                from_browser,
                ..Default::default()
            };
            assert_eq!(request.refuse(problem).status().as_u16(), status);
        }
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
