use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tidings::{Event, EventName, Publication, Topic};
use tidings_http::Problem;

use crate::api::Kind;
use crate::api::access::{Admin, Caller};
use crate::api::body::expect_media_type;
use crate::api::events::{Receipt, conflation_key, data_text, idempotency_key, scoped, text};
use crate::api::hub::Hub;
use crate::api::object::{self, Fault};
use crate::api::problems;

use super::stream::CONNECTED;
use super::topics;

/// How many badges there may be: a page that opens is given all of them.
const MAX_BADGES: usize = 1_000;

/// Bytes of a badge's data, and of a notification's: those that are current are in memory together for an answer.
const BADGE_BYTES: usize = 4 << 10;
const NOTIFICATION_BYTES: usize = 64 << 10;

/// An event for all dashboards, where it is kept, and how many bytes of data it may have there.
struct Broadcast {
    topic: Topic,
    event: Event,
    most: usize,
}

/// `POST /api/dashboard/events`
pub(crate) async fn broadcast(
    State(hub): State<Hub>,
    _: Admin,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Problem> {
    expect_media_type(&headers, "application/json")?;
    let key = idempotency_key(&headers)?;
    let limit = hub.settings.limits.batch_size;
    let body = caller.receive(&hub, body, limit).await?;
    let Broadcast { topic, event, most } = read(&body.bytes).map_err(Fault::of_body)?;
    if event.data().len() > most {
        let detail = format!("a {} has at most {most} bytes", event.name());
        return Err(Kind::TooLarge.at("data", detail));
    }
    if is_one_too_many(&hub, &topic) {
        let detail = format!("there are {MAX_BADGES} badges, which is as many as allowed");
        let problem = Kind::TooManyBadges.at("key", detail);
        return Err(problem.retry_after(hub.later()));
    }
    caller.may_publish_so_many(&hub, 1)?;
    let publication = Publication {
        topic,
        event,
        idempotency_key: key.map(|key| scoped(caller.identity(), &key)),
        durability: None,
    };
    let receipt = hub.publish_reserved(publication).await;
    let receipt = receipt.map_err(|error| problems::of_publish(&hub, &error, ""))?;
    Ok(Json(Receipt::of(&receipt)))
}

fn read(body: &[u8]) -> Result<Broadcast, Fault> {
    let [name, data, key] = object::fields(body, ["event", "data", "key"])?;
    let name = text("event", present(name))?.ok_or_else(|| Fault::at("event", "is missing"))?;
    if name == CONNECTED {
        return Err(Fault::at(
            "event",
            "connected is what the hub begins a stream with",
        ));
    }
    let name = EventName::new(name).map_err(|error| Fault::at("event", error.to_string()))?;
    let data = data.ok_or_else(|| Fault::at("data", "is missing"))?;
    let data = data_text(data.get())?;
    let key = text("key", present(key))?;
    let key = key.map(|key| conflation_key(&key)).transpose();
    let key = key.map_err(|error| Fault::at("key", error))?;
    let mut event = Event::new(&*data).named(name.clone());
    let (topic, most) = match name.as_str() {
        "notification" => (topics::notifications(), NOTIFICATION_BYTES),
        "nav-badge-update" => {
            let name = key.clone().or_else(|| badge_name(&data));
            if name
                .as_ref()
                .is_some_and(|name| name.len() > topics::BADGE_NAME_BYTES)
            {
                let detail = format!("must have at most {} bytes", topics::BADGE_NAME_BYTES);
                return Err(Fault::at("key", detail));
            }
            (topics::badge(name.as_deref()), BADGE_BYTES)
        }
        _ => (topics::events(), usize::MAX),
    };
    if let Some(key) = key {
        event = event.keyed(key);
    }
    Ok(Broadcast { topic, event, most })
}

/// A field that is null is not there.
fn present(field: Option<&RawValue>) -> Option<&RawValue> {
    field.filter(|value| value.get() != "null")
}

/// Which badge its data says it is: by its `key`, else its `id`, else the first of its members that is a text.
fn badge_name(data: &str) -> Option<String> {
    let members: Map<String, Value> = serde_json::from_str(data).ok()?;
    let named = ["key", "id"].map(|name| members.get(name));
    let candidates = named.into_iter().flatten().chain(members.values());
    let mut names = candidates.filter_map(Value::as_str);
    let name = names.find(|name| (1..=topics::BADGE_NAME_BYTES).contains(&name.len()))?;
    Some(name.to_owned())
}

/// Whether this would be the first value of a badge for which there is no room.
fn is_one_too_many(hub: &Hub, topic: &Topic) -> bool {
    let badges = topics::all_badges();
    let is_new = badges.matches(topic) && hub.broker.topic(topic).is_none();
    is_new && hub.broker.topics(Some(&badges), 0).total >= MAX_BADGES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_is_named_by_its_data() {
        for (data, name) in [
            (r#"{"count":3,"key":"inbox","path":"/x"}"#, Some("inbox")),
            (r#"{"path":"/x","id":"alerts"}"#, Some("alerts")),
            (r#"{"count":3,"path":"/x"}"#, Some("/x")),
            (r#"{"key":7,"item":"y"}"#, Some("y")),
            (r#"{"key":"","item":"y"}"#, Some("y")),
            (r#"{"count":3}"#, None),
            ("7", None),
            ("text", None),
        ] {
            assert_eq!(badge_name(data).as_deref(), name, "{data}");
        }
        let long = "x".repeat(topics::BADGE_NAME_BYTES + 1);
        assert_eq!(
            badge_name(&format!(r#"{{"a":"{long}","b":"z"}}"#)).as_deref(),
            Some("z")
        );
    }

    #[test]
    fn kinds_have_their_places() {
        let topic = |body: &str| read(body.as_bytes()).ok().map(|broadcast| broadcast.topic);
        assert_eq!(
            topic(r#"{"event":"notification","data":{}}"#),
            Some(topics::notifications())
        );
        assert_eq!(
            topic(r#"{"event":"nav-badge-update","data":{"key":"a"},"key":"b"}"#),
            Some(topics::badge(Some("b")))
        );
        assert_eq!(
            topic(r#"{"event":"nav-badge-update","data":3}"#),
            Some(topics::badge(None))
        );
        assert_eq!(
            topic(r#"{"event":"deployment","data":null}"#),
            Some(topics::events())
        );
        assert_eq!(
            topic(r#"{"event":"health-update","data":1}"#),
            Some(topics::events())
        );
    }
}
