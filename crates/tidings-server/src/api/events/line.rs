use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tidings::{Event, EventName, Topic};

use crate::api::events::publish::{check_idempotency_key, conflation_key};

/// One line of a batch as JSON. The values stay as they are written until they are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    topic: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow, rename = "final")]
    is_final: Option<&'a RawValue>,
    #[serde(borrow)]
    idempotency_key: Option<&'a RawValue>,
}

/// What is wrong with a line, and with which of its fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: Option<&'static str>,
    pub(super) detail: String,
}

/// `null` is data, where elsewhere it is nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Fault> {
        let fault = |detail: String| Fault {
            field: None,
            detail,
        };
        let line = std::str::from_utf8(line).map_err(|error| fault(error.to_string()))?;
        serde_json::from_str(line).map_err(|error| fault(error.to_string()))
    }

    pub(super) fn topic(&self) -> Result<Option<Topic>, Fault> {
        let topic = text("topic", self.topic)?;
        topic
            .map(Topic::new)
            .transpose()
            .map_err(|error| at("topic", &error))
    }

    pub(super) fn idempotency_key(&self) -> Result<Option<String>, Fault> {
        const FIELD: &str = "idempotency_key";
        let key = text(FIELD, self.idempotency_key)?;
        if let Some(key) = &key {
            check_idempotency_key(key).map_err(|error| at(FIELD, &error))?;
        }
        Ok(key)
    }

    pub(super) fn event(&self) -> Result<Event, Fault> {
        let data = self.data.ok_or_else(|| at("data", &"is missing"))?;
        let mut event = Event::new(data_text(data.get())?);
        if let Some(name) = text("event", self.event)? {
            event = event.named(EventName::new(&name).map_err(|error| at("event", &error))?);
        }
        if let Some(key) = text("key", self.key)? {
            event = event.keyed(conflation_key(&key).map_err(|error| at("key", &error))?);
        }
        match self.is_final.map(RawValue::get) {
            None | Some("false") => Ok(event),
            Some("true") => Ok(event.ending_topic()),
            Some(_) => Err(at("final", &"must be true or false")),
        }
    }
}

fn at(field: &'static str, detail: &impl ToString) -> Fault {
    Fault {
        field: Some(field),
        detail: detail.to_string(),
    }
}

fn text(field: &'static str, value: Option<&RawValue>) -> Result<Option<String>, Fault> {
    let text = value
        .map(|value| serde_json::from_str(value.get()))
        .transpose();
    text.map_err(|_| at(field, &"must be a string"))
}

/// The text of data: of a string what it says, of anything else its JSON without white space.
///
/// Numbers stay as they are written: no reader is given another number than the publisher meant.
fn data_text(json: &str) -> Result<String, Fault> {
    if json.starts_with('"') {
        return serde_json::from_str(json).map_err(|_| at("data", &"is not a text in Unicode"));
    }
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        match character {
            ' ' | '\t' | '\n' | '\r' if !in_string => continue,
            '"' if !is_escaped => in_string = !in_string,
            _ => {}
        }
        is_escaped = in_string && character == '\\' && !is_escaped;
        text.push(character);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> String {
        data_text(json).unwrap()
    }

    #[test]
    fn data_is_compact_and_otherwise_as_written() {
        assert_eq!(
            data(r#"{ "b" : 1, "a" : [ 1, 2 ] }"#),
            r#"{"b":1,"a":[1,2]}"#
        );
        assert_eq!(
            data("[1.0, 1e400, 123456789012345678901234567890]"),
            "[1.0,1e400,123456789012345678901234567890]"
        );
        assert_eq!(
            data(r#"{"a b": "c \" d \\", "e": " "}"#),
            r#"{"a b":"c \" d \\","e":" "}"#
        );
        assert_eq!(data(r#"["\\", " x "]"#), r#"["\\"," x "]"#);
        assert_eq!(data(r#""a \n b""#), "a \n b");
        assert_eq!(data("null"), "null");
    }

    #[test]
    fn a_fault_names_its_field() {
        let fault = |line: &str| {
            let line = Line::read(line.as_bytes())?;
            line.topic()?;
            line.idempotency_key()?;
            line.event().map(drop)
        };
        for (line, field) in [
            (r#"{"topic":7,"data":""}"#, "topic"),
            (r#"{"topic":"a/*","data":""}"#, "topic"),
            (r#"{"topic":"a","event":7,"data":""}"#, "event"),
            (r#"{"topic":"a","event":"open","data":""}"#, "event"),
            (r#"{"topic":"a"}"#, "data"),
            (r#"{"topic":"a","data":"\ud800"}"#, "data"),
            (r#"{"topic":"a","data":"","key":""}"#, "key"),
            (r#"{"topic":"a","data":"","final":1}"#, "final"),
            (
                r#"{"topic":"a","data":"","idempotency_key":" "}"#,
                "idempotency_key",
            ),
        ] {
            assert_eq!(fault(line).unwrap_err().field, Some(field), "{line}");
        }
        for line in [
            "{",
            "7",
            "[]",
            "{\"tpoic\":\"a\",\"data\":1}",
            "{\"data\":1,\"data\":2}",
            "{} {}",
        ] {
            assert_eq!(fault(line).unwrap_err().field, None, "{line}");
        }
        assert_eq!(
            fault(r#"{"topic":"a","data":null,"event":null,"key":null,"final":null}"#),
            Ok(())
        );
    }
}
