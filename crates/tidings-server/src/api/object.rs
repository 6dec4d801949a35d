use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidings_http::Problem;

use crate::api::parameters::bad;

/// How much of an unknown name is told back, in characters; none of ours is as long.
const NAME_LENGTH: usize = 64;

/// What is wrong with an object, and with which of its fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: Option<Cow<'static, str>>,
    pub(super) detail: Cow<'static, str>,
}

impl Fault {
    pub(super) fn at(
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            field: Some(field.into()),
            detail: detail.into(),
        }
    }

    fn of_all(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
        }
    }

    /// The problem of a body that has it.
    pub(super) fn of_body(self) -> Problem {
        match self.field {
            Some(field) => bad(field, self.detail),
            None => Problem::bad_parameter("body", format!("the body {}", self.detail)),
        }
    }
}

/// Reads a JSON object that has these fields and no others. The values stay as they are written.
pub(super) fn fields<'a, const N: usize>(
    json: &'a [u8],
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Fault> {
    let json = std::str::from_utf8(json).map_err(|error| Fault::of_all(format!("is {error}")))?;
    let mut fault = not_an_object();
    let reader = Fields {
        names,
        fault: &mut fault,
    };
    let mut json = serde_json::Deserializer::from_str(json);
    let fields = reader.deserialize(&mut json);
    match fields.and_then(|fields| json.end().map(|()| fields)) {
        Ok(fields) => Ok(fields),
        // It speaks of the types that read, not of what was written.
        Err(_) => Err(fault),
    }
}

fn not_an_object() -> Fault {
    Fault::of_all("is not a JSON object")
}

struct Fields<'f, const N: usize> {
    names: [&'static str; N],
    /// What is wrong if the reading fails at this point.
    fault: &'f mut Fault,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Fields<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut fields = [None; N];
        while let Some(index) = object.next_key_seed(Name(&self.names, self.fault))? {
            let name = self.names[index];
            if fields[index].is_some() {
                *self.fault = Fault::at(name, "is there twice");
                return Err(A::Error::custom("a field is there twice"));
            }
            *self.fault = Fault::at(name, "is not JSON");
            fields[index] = Some(object.next_value()?);
            *self.fault = not_an_object();
        }
        Ok(fields)
    }
}

/// The index of a name.
struct Name<'f>(&'f [&'static str], &'f mut Fault);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, given: &str) -> Result<usize, E> {
        let Self(names, fault) = self;
        names.iter().position(|name| *name == given).ok_or_else(|| {
            let given: String = given.chars().take(NAME_LENGTH).collect();
            *fault = Fault::at(given, "is not a known field");
            E::custom("an unknown field")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<[Option<&str>; 2], Fault> {
        let fields = fields(json.as_bytes(), ["a", "b"])?;
        Ok(fields.map(|field| field.map(RawValue::get)))
    }

    #[test]
    fn values_come_as_they_are_written() {
        assert_eq!(read(" { } "), Ok([None, None]));
        let json = r#"{"b": [1.0, {}] , "\u0061":null}"#;
        assert_eq!(read(json), Ok([Some("null"), Some("[1.0, {}]")]));
    }

    #[test]
    fn nothing_but_an_object_is_one() {
        for json in [
            "",
            "7",
            "null",
            "\"{}\"",
            "[]",
            r#"["x","y"]"#,
            r#"[["a",1]]"#,
            "{",
            "{\"a",
            "{} {}",
            "{a:1}",
            "{\"a\":1,}",
            "{\"a\":1]",
        ] {
            assert_eq!(read(json), Err(not_an_object()), "{json}");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        for (json, fault) in [
            (r#"{"a":1,"c":2}"#, Fault::at("c", "is not a known field")),
            (r#"{"a":1,"a":2}"#, Fault::at("a", "is there twice")),
            (r#"{"a":1,"b":tru}"#, Fault::at("b", "is not JSON")),
            (r#"{"a""#, Fault::at("a", "is not JSON")),
        ] {
            assert_eq!(read(json), Err(fault), "{json}");
        }
        let long = format!("{{\"{}\":1}}", "x".repeat(1000));
        let named = read(&long).unwrap_err().field.unwrap();
        assert_eq!(named.len(), NAME_LENGTH);
    }
}
