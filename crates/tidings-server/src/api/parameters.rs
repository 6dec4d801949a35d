use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode;
use tidings::{EventName, Selector, Topic};
use tidings_http::Problem;

use crate::api::Kind;

/// The parameters of a query or a form, in order. Names that nobody asks for are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(Vec<u8>, Vec<u8>)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text. Every text is some parameters.
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = text
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
            (decode(name), decode(value.get(1..).unwrap_or_default()))
        });
        Self(pairs.collect())
    }

    /// The parameters of a query.
    pub(super) fn of(parts: &Parts) -> Self {
        Self::parse(parts.uri.query().unwrap_or_default().as_bytes())
    }

    /// These and then those.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let values = self.0.iter().filter(move |(own, _)| own == name.as_bytes());
        values.map(|(_, value)| value.as_slice())
    }

    /// A parameter that never makes a request bad: the last one that is not empty.
    pub(super) fn lenient(&self, name: &str) -> Option<String> {
        let value = self.values(name).filter(|value| !value.is_empty()).last()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// A parameter that may be repeated.
    pub(super) fn each<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Problem> {
        let parse = |value| {
            let value = std::str::from_utf8(value).map_err(|_| bad(name, "must be UTF-8"))?;
            parse(value).map_err(|error| bad(name, error))
        };
        self.values(name).map(parse).collect()
    }

    /// A parameter that may be there once.
    pub(super) fn one<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        if self.values(name).nth(1).is_some() {
            return Err(bad(name, "must not be repeated"));
        }
        Ok(self.each(name, parse)?.pop())
    }

    /// The topic that something is done to.
    pub(super) fn topic(&self) -> Result<Topic, Problem> {
        self.one("topic", |text| Topic::new(text))?
            .ok_or_else(|| bad("topic", "is missing"))
    }

    /// What is to be read: at least one selector, and no more than a stream may have.
    pub(super) fn selectors(&self, limit: usize) -> Result<Vec<Selector>, Problem> {
        let count = self.values("topic").count();
        if count == 0 {
            return Err(bad(
                "topic",
                "is missing: say what to read, as often as needed",
            ));
        }
        if count > limit {
            return Err(bad(
                "topic",
                format_args!("must not be there more than {limit} times"),
            ));
        }
        self.each("topic", |text| Selector::new(text))
    }

    /// The event types that are wanted; none is all.
    pub(super) fn events(&self, limit: usize) -> Result<Vec<EventName>, Problem> {
        if self.values("event").count() > limit {
            return Err(bad(
                "event",
                format_args!("must not be there more than {limit} times"),
            ));
        }
        self.each("event", |text| EventName::new(text))
    }

    /// A number of things.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        self.one(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("must be a number, {} to {}", range.start(), range.end()))
        })
    }

    /// How many items an answer may have at most.
    pub(super) fn limit(&self, default: usize) -> Result<usize, Problem> {
        let limit = self.number("limit", 1..=10_000)?;
        Ok(limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(default))
    }

    pub(super) fn seconds(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, Problem> {
        Ok(Duration::from_secs(
            self.number(name, range)?.unwrap_or_default(),
        ))
    }

    /// Something that is so or not; not, unless said.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        let flag = self.one(name, |text| match text {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err("must be 1, true, 0 or false"),
        })?;
        Ok(flag.unwrap_or(false))
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The problem of a parameter with a bad value.
pub(super) fn bad(name: impl Into<Cow<'static, str>>, detail: impl Display) -> Problem {
    Kind::BadParameter.at(name, detail)
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Parameters {
        Parameters::parse(query.as_bytes())
    }

    fn text(value: &str) -> Result<String, Infallible> {
        Ok(value.to_owned())
    }

    #[test]
    fn values_are_decoded_and_kept_in_order() {
        let parameters = of("topic=a%2Fb&x&topic=c+d%2B&&topic==e");
        assert_eq!(
            parameters.each("topic", text).unwrap(),
            ["a/b", "c d+", "=e"]
        );
        assert_eq!(parameters.one("x", text).unwrap().as_deref(), Some(""));
        assert_eq!(parameters.one("y", text).unwrap(), None);
    }

    #[test]
    fn what_is_not_utf_8_is_refused_only_where_it_is_asked_for() {
        let parameters = of("topic=%FF%FE&last_event_id=%FF&other=%FF");
        let problem = parameters.topic().unwrap_err();
        assert_eq!(problem, bad("topic", "must be UTF-8"));
        assert_eq!(parameters.lenient("last_event_id").unwrap(), "\u{fffd}");
    }

    #[test]
    fn single_parameters_are_not_repeated_but_ids_are_forgiven() {
        let parameters = of("limit=1&limit=2&last_event_id=a-1&last_event_id=a-2&last_event_id=");
        assert_eq!(
            parameters.limit(5),
            Err(bad("limit", "must not be repeated"))
        );
        assert_eq!(parameters.lenient("last_event_id").unwrap(), "a-2");
        assert_eq!(of("last_event_id=").lenient("last_event_id"), None);
    }

    #[test]
    fn numbers_and_flags_have_bounds() {
        assert_eq!(of("").limit(100), Ok(100));
        assert_eq!(of("limit=7").limit(100), Ok(7));
        for query in [
            "limit=0",
            "limit=10001",
            "limit=-1",
            "limit=",
            "limit=many",
            "limit=1.0",
        ] {
            let refused = bad("limit", "must be a number, 1 to 10000");
            assert_eq!(of(query).limit(100), Err(refused), "{query}");
        }
        assert_eq!(of("final=true").flag("final"), Ok(true));
        assert_eq!(of("final=0").flag("final"), Ok(false));
        assert!(of("final=yes").flag("final").is_err());
        assert!(of("final").flag("final").is_err());
    }

    #[test]
    fn selectors_are_counted_before_they_are_read() {
        assert!(of("").selectors(2).is_err());
        assert_eq!(of("topic=a&topic=b/*").selectors(2).unwrap().len(), 2);
        let refused = bad("topic", "must not be there more than 2 times");
        assert_eq!(of("topic=a&topic=b&topic=*bad").selectors(2), Err(refused));
    }
}
