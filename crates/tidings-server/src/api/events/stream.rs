use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use tidings::{Format, StartAt, Subscriber, Subscription, Wire};
use tidings_http::{EventStream, Problem, StreamRequest};

use crate::api::access::Caller;
use crate::api::body::expect_media_type;
use crate::api::events::subscription::{subscribe, subscription};
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;

/// Bytes of the form that asks for a stream: room for the longest topics.
const FORM_BYTES: usize = 1 << 20;

/// The most events that `from=last:N` may ask for.
const MAX_NEWEST: usize = 100_000;

/// `GET /api/events/stream`
pub(crate) async fn stream(
    State(hub): State<Hub>,
    caller: Caller,
    request: StreamRequest,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    respond(&hub, &caller, &request, &headers, &parameters).await
}

/// `POST /api/events/stream`: the same with a form, for lists that are too long for a URL.
pub(crate) async fn stream_of_form(
    State(hub): State<Hub>,
    caller: Caller,
    request: StreamRequest,
    headers: HeaderMap,
    parameters: Parameters,
    body: Body,
) -> Result<Response, Problem> {
    expect_media_type(&headers, "application/x-www-form-urlencoded")?;
    let form = {
        let body = hub.inbox.receive(body, FORM_BYTES).await?;
        Parameters::parse(&body.bytes)
    };
    respond(&hub, &caller, &request, &headers, &parameters.and(form)).await
}

async fn respond(
    hub: &Hub,
    caller: &Caller,
    request: &StreamRequest,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Problem> {
    let mut subscription = subscription(hub, caller, headers, parameters)?;
    let wire = wire(parameters)?;
    subscription = subscription.start_at(start(parameters)?).encoded(wire);
    if parameters.flag("hello")? {
        subscription = subscription.hello();
    }
    let mut options = hub.stream_options();
    options.ids = wire.ids;
    let begin = |subscriber| EventStream::new(subscriber, options);
    Ok(answer_stream(hub, caller, request, subscription, begin).await)
}

/// Subscribes for the caller, and answers with what is begun with the subscriber, or why there is no stream.
pub(in crate::api) async fn answer_stream(
    hub: &Hub,
    caller: &Caller,
    request: &StreamRequest,
    subscription: Subscription,
    begin: impl FnOnce(Subscriber) -> EventStream,
) -> Response {
    match subscribe(hub, caller, subscription).await {
        Ok(subscriber) => request.answer(subscriber, begin),
        Err(problem) => request.refuse(problem),
    }
}

fn wire(parameters: &Parameters) -> Result<Wire, Problem> {
    let format = parameters.one("format", |text| match text {
        "raw" => Ok(Format::Raw),
        "envelope" => Ok(Format::Envelope),
        _ => Err("must be raw or envelope"),
    })?;
    Ok(Wire {
        format: format.unwrap_or_default(),
        ids: ids(parameters)?,
    })
}

/// Whether events are to have ids: they are, unless told otherwise.
pub(in crate::api) fn ids(parameters: &Parameters) -> Result<bool, Problem> {
    let ids = parameters.one("ids", |text| match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off"),
    })?;
    Ok(ids.unwrap_or(true))
}

fn start(parameters: &Parameters) -> Result<StartAt, Problem> {
    let refused = || format!("must be now, start or last:N with N up to {MAX_NEWEST}");
    let start = parameters.one("from", |text| match text {
        "now" => Ok(StartAt::Now),
        "start" => Ok(StartAt::Start),
        _ => {
            let number = text
                .strip_prefix("last:")
                .and_then(|digits| digits.parse().ok());
            let number = number.filter(|number| *number <= MAX_NEWEST);
            number.map(StartAt::Newest).ok_or_else(refused)
        }
    })?;
    Ok(start.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parameters::bad;

    fn of(query: &str) -> Parameters {
        Parameters::parse(query.as_bytes())
    }

    #[test]
    fn a_stream_starts_now_unless_told_otherwise() {
        assert_eq!(start(&of("")), Ok(StartAt::Now));
        assert_eq!(start(&of("from=now")), Ok(StartAt::Now));
        assert_eq!(start(&of("from=start")), Ok(StartAt::Start));
        assert_eq!(start(&of("from=last:0")), Ok(StartAt::Newest(0)));
        let refused = bad("from", "must be now, start or last:N with N up to 100000");
        for query in [
            "from=",
            "from=last:",
            "from=last:-1",
            "from=last:many",
            "from=last:100001",
            "from=Now",
        ] {
            assert_eq!(start(&of(query)), Err(refused.clone()), "{query}");
        }
    }

    #[test]
    fn a_stream_is_raw_and_has_ids_unless_told_otherwise() {
        assert_eq!(wire(&of("")), Ok(Wire::default()));
        let wanted = Wire {
            format: Format::Envelope,
            ids: false,
        };
        assert_eq!(wire(&of("format=envelope&ids=off")), Ok(wanted));
        assert!(wire(&of("format=xml")).is_err());
        assert!(wire(&of("ids=no")).is_err());
    }
}
