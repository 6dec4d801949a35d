//! From decoded events to typed items.

use serde::Deserialize;

use crate::event::{Envelope, Event, Item};

/// Makes a typed item of an event as decoded.
///
/// A control event that cannot be read is given as a plain event: the names are the hub's own, so
/// it can only be one of a later version, and hiding it would help nobody.
pub(crate) fn item(decoded: tidings_sse::Event<'_>, enveloped: bool) -> serde_json::Result<Item> {
    if let Some(control) = control(decoded) {
        return Ok(control);
    }
    if !enveloped || decoded.event.starts_with("tidings.") {
        return Ok(Item::Event(Event {
            id: decoded.id.to_owned(),
            event: decoded.event.to_owned(),
            data: decoded.data.to_owned(),
            envelope: None,
        }));
    }
    let body: Body = serde_json::from_str(decoded.data)?;
    Ok(Item::Event(Event {
        id: decoded.id.to_owned(),
        event: body.event,
        data: body.data,
        envelope: Some(Envelope {
            topic: body.topic,
            time: body.time,
            is_final: body.r#final,
            raw: decoded.data.to_owned(),
        }),
    }))
}

#[derive(Deserialize)]
struct Body {
    topic: String,
    event: String,
    data: String,
    time: String,
    #[serde(default)]
    r#final: bool,
}

fn control(decoded: tidings_sse::Event<'_>) -> Option<Item> {
    let data = decoded.data;
    match decoded.event {
        "tidings.connected" => serde_json::from_str(data).map(Item::Connected).ok(),
        "tidings.resumed" => serde_json::from_str(data).map(Item::Resumed).ok(),
        "tidings.gap" => serde_json::from_str(data).map(Item::Gap).ok(),
        "tidings.error" => serde_json::from_str(data).map(Item::Error).ok(),
        "tidings.goodbye" => serde_json::from_str(data).map(Item::Goodbye).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Gap, GapReason};

    fn decoded<'a>(event: &'a str, data: &'a str) -> tidings_sse::Event<'a> {
        tidings_sse::Event {
            event,
            data,
            id: "e-1",
        }
    }

    #[test]
    fn a_gap_is_typed() {
        let data = r#"{"reason":"epoch-changed","requested":"a-1","oldest":null}"#;
        assert_eq!(
            item(decoded("tidings.gap", data), true).unwrap(),
            Item::Gap(Gap {
                reason: GapReason::EpochChanged,
                requested: Some("a-1".to_owned()),
                oldest: None,
            })
        );
    }

    #[test]
    fn a_control_event_of_a_later_version_is_a_plain_event() {
        for (event, data) in [("tidings.novel", "{}"), ("tidings.gap", "?")] {
            let Item::Event(event) = item(decoded(event, data), true).unwrap() else {
                panic!("{event} should be a plain event");
            };
            assert_eq!(event.data, data);
        }
    }

    #[test]
    fn an_envelope_is_opened_and_kept() {
        let raw = r#"{"id":"e-1","topic":"t","event":"note","data":"hi","time":"2026-01-01T00:00:00.000Z","final":true}"#;
        let Item::Event(event) = item(decoded("note", raw), true).unwrap() else {
            panic!("an event");
        };
        assert_eq!((event.event.as_str(), event.data.as_str()), ("note", "hi"));
        let envelope = event.envelope.unwrap();
        assert_eq!(envelope.topic, "t");
        assert!(envelope.is_final);
        assert_eq!(envelope.raw, raw);
    }

    #[test]
    fn a_missing_envelope_is_an_error() {
        assert!(item(decoded("note", "hi"), true).is_err());
        assert!(item(decoded("note", "hi"), false).is_ok());
    }
}
