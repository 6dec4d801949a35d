use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use tidings::{Durability, Event, EventName, Publication, Topic};
use tidings_http::Problem;

use crate::api::access::Caller;
use crate::api::body::{expect_media_type, media_type};
use crate::api::events::batch;
use crate::api::hub::Hub;
use crate::api::parameters::{Parameters, bad};
use crate::api::problems;
use crate::durability;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

#[derive(Debug, Serialize)]
pub(in crate::api) struct Receipt {
    id: String,
    receivers: usize,
    durability: &'static str,
}

#[derive(Debug, Serialize)]
struct BatchReceipt {
    /// How many events are new.
    published: usize,
    /// The id of the first line.
    first: Option<String>,
    /// The id of the last line.
    last: Option<String>,
    /// What all of them survive.
    durability: &'static str,
}

/// `POST /api/events`
pub(crate) async fn publish(
    State(hub): State<Hub>,
    caller: Caller,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may_publish_at_all()?;
    let durability = durability(&hub, &parameters)?;
    let key = idempotency_key(&headers)?;
    if media_type(&headers).as_deref() == Some("application/x-ndjson") {
        let defaults = batch::Defaults::read(&parameters, caller.identity(), key, durability)?;
        let body = caller
            .receive(&hub, body, hub.settings.limits.batch_size)
            .await?;
        let batch = batch::parse(&body.bytes, &defaults)?;
        for (publication, line) in batch.publications.iter().zip(&batch.lines) {
            caller.may_publish(format!("line {line}: topic"), &publication.topic)?;
        }
        let receipt = publish_batch(&hub, &caller, &batch).await?;
        return Ok(Json(receipt).into_response());
    }
    let topic = parameters.topic()?;
    caller.may_publish("topic", &topic)?;
    let name = parameters.one("event", |text| EventName::new(text))?;
    let conflation_key = parameters.one("key", conflation_key)?;
    let ends_topic = parameters.flag("final")?;
    let body = caller
        .receive(&hub, body, hub.settings.limits.event_size)
        .await?;
    let mut event = Event::new(text(&body.bytes)?);
    if let Some(name) = name {
        event = event.named(name);
    }
    if let Some(key) = conflation_key {
        event = event.keyed(key);
    }
    if ends_topic {
        event = event.ending_topic();
    }
    let publication = Publication {
        topic,
        event,
        idempotency_key: key.map(|key| scoped(caller.identity(), &key)),
        durability,
    };
    let receipt = publish_one(&hub, &caller, publication).await?;
    Ok(Json(receipt).into_response())
}

/// Publishes a body on a topic that nothing in it names: one event as a JSON object, or a batch of
/// them. Each goes through `prepare`.
pub(in crate::api) async fn publish_on(
    hub: &Hub,
    caller: &Caller,
    topic: &Topic,
    parameters: &Parameters,
    headers: &HeaderMap,
    body: Body,
    prepare: impl Fn(Event) -> Event,
) -> Result<Response, Problem> {
    let durability = durability(hub, parameters)?;
    let key = idempotency_key(headers)?;
    let is_batch = media_type(headers).as_deref() == Some("application/x-ndjson");
    if !is_batch {
        expect_media_type(headers, "application/json")?;
    }
    let defaults = batch::Defaults::of_topic(topic.clone(), caller.identity(), key, durability);
    let limit = hub.settings.limits.batch_size;
    let body = caller.receive(hub, body, limit).await?;
    if !is_batch {
        let mut publication = batch::parse_one(&body.bytes, &defaults)?;
        publication.event = prepare(publication.event);
        let receipt = publish_one(hub, caller, publication).await?;
        return Ok(Json(receipt).into_response());
    }
    let mut batch = batch::parse(&body.bytes, &defaults)?;
    for publication in &mut batch.publications {
        publication.event = prepare(publication.event.clone());
    }
    let receipt = publish_batch(hub, caller, &batch).await?;
    Ok(Json(receipt).into_response())
}

async fn publish_one(
    hub: &Hub,
    caller: &Caller,
    publication: Publication,
) -> Result<Receipt, Problem> {
    caller.may_publish_so_many(hub, 1)?;
    let receipts = hub.publish(&[publication]).await;
    let receipts = receipts.map_err(|error| problems::of_publish(hub, &error.source, ""))?;
    let receipt = receipts
        .into_iter()
        .next()
        .expect("one receipt for one publication");
    Ok(Receipt::of(&receipt))
}

impl Receipt {
    pub(in crate::api) fn of(receipt: &tidings::Receipt) -> Self {
        Self {
            id: receipt.id.to_string(),
            receivers: receipt.receivers,
            durability: durability::name(receipt.durability),
        }
    }
}

async fn publish_batch(
    hub: &Hub,
    caller: &Caller,
    batch: &batch::Batch,
) -> Result<BatchReceipt, Problem> {
    caller.may_publish_so_many(hub, batch.publications.len())?;
    let receipts = hub.publish(&batch.publications).await;
    let receipts = receipts.map_err(|error| {
        let place = format!("line {}: ", batch.lines[error.index]);
        problems::of_publish(hub, &error.source, &place)
    })?;
    let durabilities = receipts.iter().map(|receipt| receipt.durability);
    let durability = durabilities.min().expect("a batch has a line");
    Ok(BatchReceipt {
        published: receipts.iter().filter(|receipt| !receipt.repeated).count(),
        first: receipts.first().map(|receipt| receipt.id.to_string()),
        last: receipts.last().map(|receipt| receipt.id.to_string()),
        durability: durability::name(durability),
    })
}

/// What the publisher asks for, if this hub can promise it.
fn durability(hub: &Hub, parameters: &Parameters) -> Result<Option<Durability>, Problem> {
    parameters.one("durability", |text| match durability::parse(text) {
        Some(Durability::Disk) if !hub.broker.is_durable() => {
            Err("is not available: this hub keeps its history in memory")
        }
        Some(durability) => Ok(durability),
        None if text == "cluster" => Err("is not available: this hub is on its own"),
        None => Err("must be memory, disk or cluster"),
    })
}

pub(in crate::api) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|_| values.next().is_none());
    let key = key.and_then(|key| check_idempotency_key(key).ok());
    let refused = || bad("Idempotency-Key", BAD_IDEMPOTENCY_KEY);
    key.map(|key| Some(key.to_owned())).ok_or_else(refused)
}

const BAD_IDEMPOTENCY_KEY: &str = "must be 1 to 255 visible ASCII characters";

/// A key that a publisher has chosen.
pub(super) fn check_idempotency_key(key: &str) -> Result<&str, &'static str> {
    let is_good = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then_some(key).ok_or(BAD_IDEMPOTENCY_KEY)
}

/// What conflation goes by. An empty one is a mistake rather than a key that all events share.
pub(in crate::api) fn conflation_key(key: &str) -> Result<String, &'static str> {
    if (1..=1024).contains(&key.len()) {
        Ok(key.to_owned())
    } else {
        Err("must have 1 to 1024 bytes")
    }
}

/// A key as the broker knows it: those of different identities never meet, whatever these are made of.
pub(in crate::api) fn scoped(identity: Option<&str>, key: &str) -> Arc<str> {
    let identity = identity.unwrap_or_default();
    format!("{}\n{identity}\n{key}", identity.len()).into()
}

fn text(body: &Bytes) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|error| bad("data", format_args!("the body is {error}")))
}
