//! Named texts as the fields of a struct.

use std::{borrow::Cow, fmt::Display};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor,
        value::CowStrDeserializer,
    },
    forward_to_deserialize_any,
};

/// Why the texts are not the fields that are asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refused {
    /// Which one is to blame.
    pub(super) field: Option<String>,
    pub(super) detail: String,
}

/// Reads a struct.
pub(super) fn read<'a, T: DeserializeOwned>(
    pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) -> Result<T, Refused> {
    T::deserialize(Fields {
        pairs,
        current: None,
    })
}

struct Fields<'a, I> {
    pairs: I,
    /// The pair whose name has been read, and whose value has not.
    current: Option<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The value of one field.
struct Text<'a>(Cow<'a, str>);

impl Refused {
    fn of(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            detail: detail.into(),
        }
    }
}

impl Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            field: None,
            detail: message.to_string(),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, "is missing")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, "must not be repeated")
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::of(field, "is not known here")
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("must be one of {}", expected.join(", ")))
    }
}

impl<'de, 'a, I: Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>> Deserializer<'de>
    for Fields<'a, I>
{
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, 'a, I: Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>> MapAccess<'de> for Fields<'a, I> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.current = self.pairs.next();
        let Some((name, _)) = &self.current else {
            return Ok(None);
        };
        let name: CowStrDeserializer<'_, Refused> = name.clone().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let Some((name, value)) = self.current.take() else {
            return Err(Refused::custom("a value is read after its name"));
        };
        seed.deserialize(Text(value)).map_err(|refused| Refused {
            field: refused.field.or_else(|| Some(name.into_owned())),
            ..refused
        })
    }
}

macro_rules! numbers {
    ($($read:ident $visit:ident $allowed:expr),*) => {$(
        fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Refused::custom(format_args!("must be {}", $allowed))),
            }
        }
    )*};
}

macro_rules! whole_numbers {
    ($($read:ident $visit:ident $number:ident),*) => {numbers! {$(
        $read $visit format_args!("a whole number, {} to {}", $number::MIN, $number::MAX)
    ),*}};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_string(self.0.into_owned())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &*self.0 {
            "1" | "true" => visitor.visit_bool(true),
            "0" | "false" => visitor.visit_bool(false),
            _ => Err(Refused::custom("must be 1, true, 0 or false")),
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    }

    numbers! {
        deserialize_f32 visit_f32 "a number", deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let name: CowStrDeserializer<'_, Refused> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Asked {
        team_id: u64,
        #[serde(default)]
        limit: Option<Limit>,
        #[serde(default)]
        level: Option<Level>,
        #[serde(default)]
        all: bool,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(try_from = "u8")]
    struct Limit(u8);

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Info,
        Error,
    }

    impl TryFrom<u8> for Limit {
        type Error = &'static str;

        fn try_from(limit: u8) -> Result<Self, &'static str> {
            let is_limit = (1..=100).contains(&limit);
            is_limit.then_some(Self(limit)).ok_or("must be 1 to 100")
        }
    }

    fn of(query: &str) -> Result<Asked, Refused> {
        read(form_urlencoded::parse(query.as_bytes()))
    }

    #[test]
    fn fields_are_read_by_their_types_and_others_are_ignored() {
        let asked = of("x=%FF&team_id=7&limit=20&level=error&all=1&x=2").unwrap();
        let wanted = Asked {
            team_id: 7,
            limit: Some(Limit(20)),
            level: Some(Level::Error),
            all: true,
        };
        assert_eq!(asked, wanted);
        assert_eq!(of("team_id=7").unwrap().limit, None);
    }

    #[test]
    fn a_refusal_names_the_field_that_is_to_blame() {
        let whole = "must be a whole number, 0 to 18446744073709551615";
        for (query, field, detail) in [
            ("", "team_id", "is missing"),
            ("team_id=", "team_id", whole),
            ("team_id=-1", "team_id", whole),
            ("team_id=1&team_id=2", "team_id", "must not be repeated"),
            ("team_id=1&limit=101", "limit", "must be 1 to 100"),
            (
                "team_id=1&limit=1000",
                "limit",
                "must be a whole number, 0 to 255",
            ),
            (
                "team_id=1&level=loud",
                "level",
                "must be one of info, error",
            ),
            ("team_id=1&all=yes", "all", "must be 1, true, 0 or false"),
        ] {
            assert_eq!(of(query), Err(Refused::of(field, detail)), "{query}");
        }
    }
}
