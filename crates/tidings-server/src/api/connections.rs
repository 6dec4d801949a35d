use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings::{ChangeError, Connection, ConnectionId, Selector, Timestamp, Topic, rfc3339};
use tidings_http::{ByHash, Live, Problem};

use crate::api::access::{Admin, Caller};
use crate::api::body::expect_media_type;
use crate::api::hub::Hub;
use crate::api::object::{self, Fault};
use crate::api::parameters::{Parameters, bad};
use crate::api::{Kind, outbox, problems};

const DEFAULT_LIMIT: usize = 1_000;

/// Bytes of a change: room for all the selectors that a stream may have by default.
const CHANGE_BYTES: usize = 1 << 20;

/// Which connections are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    topic: Option<Selector>,
    identity: Option<String>,
    active_within: Option<Duration>,
    limit: usize,
}

#[derive(Debug, Hash, Serialize)]
struct Answer {
    connections: Vec<Entry>,
    total: usize,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    topics: Vec<String>,
    identity: Option<String>,
    remote: Option<SocketAddr>,
    user_agent: Option<Box<str>>,
    connected_at: String,
    last_active_at: String,
    sent_events: u64,
    sent_bytes: u64,
    lag: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Changed {
    position: String,
}

/// `GET /api/connections` and its twin
pub(super) fn resource(hub: &Hub) -> Live<(Admin, Question)> {
    let asked = hub.clone();
    let list = async move |_: Admin, question: Question| {
        outbox::make(move || question.answer(&asked)).await
    };
    hub.live("/api/connections", list)
        .watching(hub.broker.changes())
        .watching(hub.viewers.changes())
}

/// `PATCH /api/connections/{id}`
pub(super) async fn change(
    State(hub): State<Hub>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Changed>, Problem> {
    let id = connection(id)?;
    let found = hub
        .broker
        .connection(&id)
        .or_else(|| hub.viewers.connection(&id));
    // Foreign ones are as unknown as those that are not there.
    let owned = found.filter(|connection| caller.is_same(&connection.peer));
    let connection = owned.ok_or_else(problems::no_such_connection)?;
    expect_media_type(&headers, "application/json")?;
    let body = caller.receive(&hub, body, CHANGE_BYTES).await?;
    let change = object::fields(&body.bytes, ["subscribe", "unsubscribe"]);
    let [subscribe, unsubscribe] = change.map_err(Fault::of_body)?;
    let limit = hub.settings.limits.selectors;
    let subscribe = selectors("subscribe", subscribe, limit)?;
    let unsubscribe = selectors("unsubscribe", unsubscribe, limit)?;
    if !subscribe.is_empty() {
        caller.may_subscribe_at_all()?;
    }
    caller.may_subscribe("subscribe", &subscribe)?;
    may_follow(&connection, &subscribe)?;
    let position = match hub.broker.change(&id, &subscribe, &unsubscribe).await {
        Err(ChangeError::NotFound) if hub.viewers.has_connection(&id) => {
            return Err(not_changeable());
        }
        position => position.map_err(|error| problems::of_change(&error))?,
    };
    let position = position.to_string();
    Ok(Json(Changed { position }))
}

/// `DELETE /api/connections/{id}`
pub(super) async fn end(
    State(hub): State<Hub>,
    _: Admin,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let id = connection(id)?;
    if hub.broker.disconnect(&id) || hub.viewers.disconnect(&id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(problems::no_such_connection())
}

/// Refuses topics outside the rights that a stream was opened with, which better credentials do not change.
fn may_follow(connection: &Connection, selectors: &[Selector]) -> Result<(), Problem> {
    let Some(rights) = &connection.rights else {
        return Ok(());
    };
    let outside = selectors.iter().find_map(|selector| match selector {
        Selector::Topic(topic) if !rights.matches(topic) => Some(topic),
        _ => None,
    });
    let Some(topic) = outside else {
        return Ok(());
    };
    let detail = format!(
        "the stream was opened without the right to subscribe to {topic}; open another one"
    );
    Err(Kind::Forbidden.at("subscribe", detail))
}

fn connection(id: Result<Path<String>, PathRejection>) -> Result<ConnectionId, Problem> {
    let id = id.ok().and_then(|Path(id)| ConnectionId::parse(&id));
    id.ok_or_else(problems::no_such_connection)
}

/// The stream is the twin of a resource, and of nothing else.
fn not_changeable() -> Problem {
    let detail = "this stream follows one resource of the hub; open another one to follow topics";
    Kind::NotChangeable.because(detail)
}

fn selectors(
    field: &'static str,
    list: Option<&RawValue>,
    limit: usize,
) -> Result<Vec<Selector>, Problem> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let texts: Vec<String> =
        serde_json::from_str(list.get()).map_err(|_| bad(field, "must be a list of strings"))?;
    if texts.len() > limit {
        return Err(bad(
            field,
            format_args!("must not have more than {limit} entries"),
        ));
    }
    let parse = |text: &String| Selector::new(text).map_err(|error| bad(field, error));
    texts.iter().map(parse).collect()
}

impl<S: Sync> FromRequestParts<S> for Question {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parameters = Parameters::of(parts);
        let minutes = parameters.number("active_within_minutes", 1..=525_600)?;
        Ok(Self {
            topic: parameters.one("topic", |text| Selector::new(text))?,
            identity: parameters.one("identity", |text| Ok::<_, String>(text.to_owned()))?,
            active_within: minutes.map(|minutes| Duration::from_secs(minutes * 60)),
            limit: parameters.limit(DEFAULT_LIMIT)?,
        })
    }
}

impl Question {
    fn answer(&self, hub: &Hub) -> ByHash<Answer> {
        let now = hub.broker.now();
        let mut found = hub.broker.connections();
        found.extend(hub.viewers.connections());
        found.sort_by_key(|connection| connection.connected_at);
        found.retain(|connection| self.is_about(connection, now));
        let total = found.len();
        let connections = found.into_iter().take(self.limit).map(Entry::of).collect();
        ByHash(Answer { connections, total })
    }

    fn is_about(&self, connection: &Connection, now: Timestamp) -> bool {
        let identity = connection.peer.identity();
        self.identity
            .as_deref()
            .is_none_or(|wanted| identity == Some(wanted))
            && self
                .active_within
                .is_none_or(|time| now.since(connection.last_active_at) <= time)
            && self.topic.as_ref().is_none_or(|wanted| {
                connection
                    .topics
                    .iter()
                    .any(|selector| follows(selector, wanted))
            })
    }
}

/// Whether a stream with this selector gets what is asked about: the same selector, or a topic
/// that it matches.
fn follows(selector: &str, wanted: &Selector) -> bool {
    let matches = |topic: &Topic| Selector::new(selector).is_ok_and(|own| own.matches(topic));
    selector == wanted.as_str() || matches!(wanted, Selector::Topic(topic) if matches(topic))
}

impl Entry {
    fn of(connection: Connection) -> Self {
        Self {
            id: connection.id.to_string(),
            topics: connection.topics,
            identity: connection.peer.identity().map(str::to_owned),
            remote: connection.peer.remote,
            user_agent: connection.peer.user_agent,
            connected_at: rfc3339(connection.connected_at),
            last_active_at: rfc3339(connection.last_active_at),
            sent_events: connection.sent_events,
            sent_bytes: connection.sent_bytes,
            lag: connection.lag,
        }
    }
}

/// What a twin sends again for: streams that come and go and change their topics.
impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.id, &self.topics).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_follows_a_topic_by_name_or_by_pattern() {
        let follows = |selector, wanted| follows(selector, &Selector::new(wanted).unwrap());
        assert!(follows("a/b", "a/b"));
        assert!(follows("a/*", "a/b"));
        assert!(follows("a/*", "a/*"));
        assert!(!follows("a/b", "a/*"));
        assert!(!follows("a/*", "b"));
    }
}
