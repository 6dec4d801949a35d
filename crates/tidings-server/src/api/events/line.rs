use serde_json::value::RawValue;
use tidings::{Event, EventName, Topic};

use crate::api::events::publish::{check_idempotency_key, conflation_key};
use crate::api::object::{self, Fault};

/// One line of a batch as JSON. The values stay as they are written until they are asked for.
#[derive(Debug)]
pub(super) struct Line<'a> {
    topic: Option<&'a RawValue>,
    event: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    key: Option<&'a RawValue>,
    is_final: Option<&'a RawValue>,
    idempotency_key: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Fault> {
        let names = ["data", "topic", "event", "key", "final", "idempotency_key"];
        let [data, others @ ..] = object::fields(line, names)?;
        // `null` is data, where elsewhere it is nothing.
        let others = others.map(|field| field.filter(|value| value.get() != "null"));
        let [topic, event, key, is_final, idempotency_key] = others;
        Ok(Self {
            topic,
            event,
            data,
            key,
            is_final,
            idempotency_key,
        })
    }

    pub(super) fn topic(&self) -> Result<Option<Topic>, Fault> {
        let topic = text("topic", self.topic)?;
        topic
            .map(Topic::new)
            .transpose()
            .map_err(|error| Fault::at("topic", error.to_string()))
    }

    pub(super) fn idempotency_key(&self) -> Result<Option<String>, Fault> {
        const FIELD: &str = "idempotency_key";
        let key = text(FIELD, self.idempotency_key)?;
        if let Some(key) = &key {
            check_idempotency_key(key).map_err(|error| Fault::at(FIELD, error))?;
        }
        Ok(key)
    }

    pub(super) fn event(&self) -> Result<Event, Fault> {
        let data = self.data.ok_or_else(|| Fault::at("data", "is missing"))?;
        let mut event = Event::new(data_text(data.get())?);
        if let Some(name) = text("event", self.event)? {
            let name = EventName::new(&name);
            event = event.named(name.map_err(|error| Fault::at("event", error.to_string()))?);
        }
        if let Some(key) = text("key", self.key)? {
            event = event.keyed(conflation_key(&key).map_err(|error| Fault::at("key", error))?);
        }
        match self.is_final.map(RawValue::get) {
            None | Some("false") => Ok(event),
            Some("true") => Ok(event.ending_topic()),
            Some(_) => Err(Fault::at("final", "must be true or false")),
        }
    }
}

pub(in crate::api) fn text(
    field: &'static str,
    value: Option<&RawValue>,
) -> Result<Option<String>, Fault> {
    let text = value
        .map(|value| serde_json::from_str(value.get()))
        .transpose();
    text.map_err(|_| Fault::at(field, "must be a string"))
}

/// The text of data: of a string what it says, of anything else its JSON without white space.
///
/// Numbers stay as they are written: no reader is given another number than the publisher meant.
pub(in crate::api) fn data_text(json: &str) -> Result<String, Fault> {
    if json.starts_with('"') {
        return serde_json::from_str(json)
            .map_err(|_| Fault::at("data", "is not a text in Unicode"));
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
            (r#"{"tpoic":"a","data":1}"#, "tpoic"),
            (r#"{"data":1,"data":2}"#, "data"),
            (
                r#"{"topic":"a","data":"","idempotency_key":" "}"#,
                "idempotency_key",
            ),
        ] {
            let named = fault(line).unwrap_err().field;
            assert_eq!(named.as_deref(), Some(field), "{line}");
        }
        for line in ["{", "7", "[]", r#"["a","e","d",null,true,"k"]"#, "{} {}"] {
            assert_eq!(fault(line).unwrap_err().field, None, "{line}");
        }
        assert_eq!(
            fault(r#"{"topic":"a","data":null,"event":null,"key":null,"final":null}"#),
            Ok(())
        );
    }
}
