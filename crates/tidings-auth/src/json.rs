use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why bytes are not an object that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not JSON, or not an object.
    NotAnObject,
    /// An object in it has a key twice, and two readers may each take another one.
    RepeatedKey,
}

/// Reads a JSON object in which no object repeats a key, at any depth.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    let repeated = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(&repeated)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(object)) => Ok(object),
        _ if repeated.get() => Err(Fault::RepeatedKey),
        _ => Err(Fault::NotAnObject),
    }
}

/// Reads any value, and leaves word if a key is repeated.
#[derive(Clone, Copy)]
struct Strict<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if object.insert(key, value).is_some() {
                self.0.set(true);
                return Err(A::Error::custom("a key is repeated"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,1.5,true,null,"x"],"b":{"c":{}}}"#;
        let object = object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(object).to_string(), text);
    }

    #[test]
    fn a_key_twice_is_refused_at_any_depth_and_however_it_is_written() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[{"a":1,"a":3}]}"#,
        ] {
            assert_eq!(object(text.as_bytes()), Err(Fault::RepeatedKey), "{text}");
        }
        assert!(object(br#"{"a":{"a":1},"A":1}"#).is_ok());
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        let deep = "[".repeat(4000);
        for text in [
            "",
            "1",
            "[]",
            "null",
            "{",
            "{} {}",
            "{}x",
            "{\"a\":NaN}",
            &deep,
        ] {
            assert_eq!(object(text.as_bytes()), Err(Fault::NotAnObject), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(Fault::NotAnObject));
    }
}
