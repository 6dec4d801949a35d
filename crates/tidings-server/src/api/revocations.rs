//! Credentials that are taken back before their time.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings::{
    Event, Publication, Retention, Selector, StartAt, Subscription, Topic, TopicSettings, rfc3339,
};
use tidings_auth::{Revocation, Revoked};
use tidings_http::Problem;
use tokio::task::spawn_blocking;

use crate::api::access::{Admin, Caller};
use crate::api::body::expect_media_type;
use crate::api::events::text;
use crate::api::hub::Hub;
use crate::api::object::{self, Fault};
use crate::api::problems;

/// Where they are kept. Nobody but the hub publishes there.
const KEPT: &str = "tidings/revocations";

/// How many are read at a time.
const PAGE: usize = 1_000;

/// Bytes of a request.
const BYTES: usize = 16 << 10;

/// Bytes of a name that is revoked.
const NAME_BYTES: usize = 256;

#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    what: Revoked,
    /// When the last token that it is about has expired anyway; for a key never.
    until: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    revocations: Vec<Entry>,
}

#[derive(Debug, Serialize)]
pub(super) struct Done {
    #[serde(flatten)]
    entry: Entry,
    /// How many streams ended.
    streams: usize,
}

/// `GET /api/revocations`
pub(super) async fn list(State(hub): State<Hub>, _: Admin, caller: Caller) -> Json<List> {
    let all = hub.gate.revocations(caller.grant());
    let revocations = all.into_iter().map(Entry::of).collect();
    Json(List { revocations })
}

/// `POST /api/revocations`
pub(super) async fn revoke(
    State(hub): State<Hub>,
    _: Admin,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Done>, Problem> {
    expect_media_type(&headers, "application/json")?;
    let body = hub.inbox.receive(body, BYTES).await?;
    let what = read(&body.bytes).map_err(Fault::of_body)?;
    let revocation = hub.gate.revoke(what, caller.grant())?;
    hub.keep_revocation(&revocation).await?;
    let streams = hub.disconnect_revoked(&revocation.what);
    let entry = Entry::of(revocation);
    Ok(Json(Done { entry, streams }))
}

fn read(body: &[u8]) -> Result<Revoked, Fault> {
    let names = ["jti", "identity", "key"];
    let fields = object::fields(body, names)?;
    let mut given = Vec::new();
    for (name, value) in names.into_iter().zip(fields) {
        given.extend(name_of(name, value)?.map(|text| (name, text)));
    }
    match given.len() {
        1 => {}
        0 => return Err(Fault::at("jti", "is missing, or one of identity and key")),
        _ => return Err(Fault::at(given[1].0, "cannot stand beside another")),
    }
    let (name, text) = given.remove(0);
    Ok(match name {
        "jti" => Revoked::Jti(text),
        "identity" => Revoked::Identity(text),
        _ => Revoked::Key(text),
    })
}

fn name_of(field: &'static str, value: Option<&RawValue>) -> Result<Option<String>, Fault> {
    let name = text(field, value.filter(|value| value.get() != "null"))?;
    match name {
        Some(name) if !(1..=NAME_BYTES).contains(&name.len()) => {
            let detail = format!("must have 1 to {NAME_BYTES} bytes");
            Err(Fault::at(field, detail))
        }
        name => Ok(name),
    }
}

impl Hub {
    /// Keeps a revocation in the log, so that it holds after a restart.
    async fn keep_revocation(&self, revocation: &Revocation) -> Result<(), Problem> {
        let event = Event::json("revocation", revocation);
        let publication = Publication {
            topic: Topic::new(KEPT).expect("it is a topic"),
            event: event.expect("texts and a time always have a JSON form"),
            idempotency_key: None,
            durability: None,
        };
        let kept = self.broker.publish_own(&[publication]).await;
        kept.map(drop)
            .map_err(|error| problems::of_publish(self, &error.source, ""))
    }

    /// Has what was revoked before the hub was started hold in this namespace.
    ///
    /// # Errors
    ///
    /// A log that cannot be read, or has something else there.
    pub(crate) async fn recall_revocations(&self, namespace: Option<&str>) -> anyhow::Result<()> {
        let topic = Topic::new(KEPT)?;
        let mut subscription = Subscription::to(topic).start_at(StartAt::Start);
        loop {
            let broker = self.broker.clone();
            let asked = subscription.clone();
            let page = spawn_blocking(move || broker.history(&asked, PAGE)).await??;
            for event in &page.events {
                let mut revocation: Revocation = serde_json::from_str(event.data())?;
                revocation.namespace = namespace.map(str::to_owned);
                self.gate.restore(revocation)?;
            }
            if page.events.len() < PAGE {
                return Ok(());
            }
            subscription = subscription.resume_after(page.position.to_string());
        }
    }
}

/// How long what was revoked is kept: as many and as long as there can be.
pub(crate) fn settings() -> TopicSettings {
    let selector = Selector::new(KEPT).expect("it is a selector");
    TopicSettings {
        retention: Some(Retention {
            events: 100_000,
            bytes: 256 << 20,
            age: Duration::from_secs(3650 * 86_400),
        }),
        ..TopicSettings::of(selector)
    }
}

impl Entry {
    fn of(revocation: Revocation) -> Self {
        Self {
            what: revocation.what,
            until: revocation.until.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_revoked_at_a_time() {
        let key = Revoked::Key("a1".to_owned());
        assert_eq!(read(br#"{"key":"a1","jti":null}"#), Ok(key));
        for (body, field) in [
            ("{}", "jti"),
            (r#"{"jti":"a","identity":"b"}"#, "identity"),
            (r#"{"key":7}"#, "key"),
            (r#"{"identity":""}"#, "identity"),
            (r#"{"sub":"a"}"#, "sub"),
        ] {
            let fault = read(body.as_bytes()).unwrap_err();
            assert_eq!(fault.field.as_deref(), Some(field), "{body}");
        }
    }
}
