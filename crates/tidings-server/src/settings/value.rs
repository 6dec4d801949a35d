//! One value of a setting: from the file with a type, from elsewhere as text.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use humantime::format_duration;
use tidings::{Durability, LagPolicy, Selector};
use tidings_http::Network;
use toml::Value;

use crate::settings::render;
use crate::{durability, names};

pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    let text = text(value)?;
    let literal = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let address: SocketAddr = literal.parse().map_err(|_| {
        format!("must be an IP address and a port, like 127.0.0.1:8434 or [::1]:8434, not {text:?}")
    })?;
    // One of IPv4 that is written as IPv6 has the rules of IPv4.
    Ok(match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    })
}

pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        Value::String(text) if ["true", "1"].contains(&&**text) => Ok(true),
        Value::String(text) if ["false", "0"].contains(&&**text) => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn folder(value: &Value) -> Result<PathBuf, String> {
    match text(value)? {
        "" => Err("must name a folder".to_owned()),
        path => Ok(path.into()),
    }
}

pub(super) fn file(value: &Value) -> Result<PathBuf, String> {
    match text(value)? {
        "" => Err("must name a file".to_owned()),
        path => Ok(path.into()),
    }
}

/// An item of the setting `trusted_proxies`.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let refused =
        |_| format!("must be addresses or networks like 127.0.0.1 or 10.0.0.0/8, not {text:?}");
    text.parse().map_err(refused)
}

/// A durability that is not more than what there can be.
pub(super) fn durability(most: Durability) -> impl FnOnce(&Value) -> Result<Durability, String> {
    move |value| {
        let name = text(value)?;
        let durability = durability::parse(name)
            .ok_or_else(|| format!("must be \"memory\" or \"disk\", not {name:?}"))?;
        if durability > most {
            return Err("cannot be \"disk\" together with memory = true".to_owned());
        }
        Ok(durability)
    }
}

/// The time between two of something; nothing of it for 0.
pub(super) fn interval(
    range: RangeInclusive<Duration>,
) -> impl FnOnce(&Value) -> Result<Option<Duration>, String> {
    |value| {
        let interval = any_duration(value)
            .ok_or_else(|| "must be a duration like \"15s\", or \"0\" for off".to_owned())?;
        if interval.is_zero() {
            return Ok(None);
        }
        within(interval, range, |duration| {
            format_duration(duration).to_string()
        })
        .map(Some)
    }
}

pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl FnOnce(&Value) -> Result<Duration, String> {
    |value| {
        let duration = any_duration(value)
            .ok_or_else(|| "must be a duration like \"10s\" or \"5m\"".to_owned())?;
        within(duration, range, |duration| {
            format_duration(duration).to_string()
        })
    }
}

pub(super) fn number(range: RangeInclusive<u64>) -> impl FnOnce(&Value) -> Result<u64, String> {
    |value| {
        let number = match value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        within(
            number.ok_or_else(|| expected_number(&range))?,
            range,
            |number| number.to_string(),
        )
    }
}

pub(super) fn count(range: RangeInclusive<usize>) -> impl FnOnce(&Value) -> Result<usize, String> {
    |value| {
        let number = number(0..=u64::MAX)(value).map_err(|_| expected_number(&range))?;
        let count = usize::try_from(number).map_err(|_| expected_number(&range))?;
        within(count, range, |count| count.to_string())
    }
}

pub(super) fn size(range: RangeInclusive<u64>) -> impl FnOnce(&Value) -> Result<u64, String> {
    |value| {
        let bytes = match value {
            Value::Integer(bytes) => u64::try_from(*bytes).ok(),
            Value::String(text) => text.parse().ok().map(|ByteSize(bytes)| bytes),
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| "must be a size like \"1MiB\"".to_owned())?;
        within(bytes, range, render::size)
    }
}

pub(super) fn lag(value: &Value) -> Result<Option<LagPolicy>, String> {
    match text(value)? {
        "disconnect" => Ok(Some(LagPolicy::Disconnect)),
        "skip" => Ok(Some(LagPolicy::Skip)),
        "conflate" => Ok(Some(LagPolicy::Conflate)),
        other => Err(format!(
            "must be \"disconnect\", \"skip\" or \"conflate\", not {other:?}"
        )),
    }
}

pub(super) fn selector(value: &Value) -> Result<Selector, String> {
    Selector::new(text(value)?).map_err(|error| error.to_string())
}

/// A list, which outside the file is written with commas.
pub(super) fn list<T>(
    item: fn(&str) -> Result<T, String>,
) -> impl FnOnce(&Value) -> Result<Vec<T>, String> {
    move |value| match value {
        Value::Array(items) => items.iter().map(|value| item(text(value)?)).collect(),
        Value::String(items) => {
            let items = items
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            items.map(item).collect()
        }
        _ => Err("must be a list of texts".to_owned()),
    }
}

/// A text that is read by its type.
pub(super) fn parsed<T>(value: &Value) -> Result<T, String>
where
    T: FromStr<Err: Display>,
{
    text(value)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

pub(super) fn owned(value: &Value) -> Result<String, String> {
    text(value).map(str::to_owned)
}

pub(super) fn selectors(value: &Value) -> Result<Vec<Selector>, String> {
    list(|text| Selector::new(text).map_err(|error| error.to_string()))(value)
}

/// The name of a namespace.
pub(super) fn namespace(value: &Value) -> Result<String, String> {
    names::namespace(text(value)?)
}

/// What somebody is called.
pub(super) fn name(value: &Value) -> Result<String, String> {
    names::name(text(value)?)
}

/// A setting that need not be there.
pub(super) fn some<T>(
    parse: impl FnOnce(&Value) -> Result<T, String>,
) -> impl FnOnce(&Value) -> Result<Option<T>, String> {
    |value| parse(value).map(Some)
}

pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}

fn any_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Integer(0) => Some(Duration::ZERO),
        Value::String(text) if text.trim() == "0" => Some(Duration::ZERO),
        Value::String(text) => humantime::parse_duration(text).ok(),
        _ => None,
    }
}

fn expected_number(range: &RangeInclusive<impl Display>) -> String {
    format!("must be a number, {} to {}", range.start(), range.end())
}

fn within<T: PartialOrd + Copy>(
    value: T,
    range: RangeInclusive<T>,
    show: impl Fn(T) -> String,
) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = range.into_inner();
    Err(format!(
        "must be {} to {}, not {}",
        show(least),
        show(most),
        show(value)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn sizes_are_bytes_or_carry_a_unit() {
        let size = |value: &Value| size(1..=1 << 30)(value);
        assert_eq!(size(&of("1KiB")), Ok(1024));
        assert_eq!(size(&of("1.5 MiB")), Ok(3 << 19));
        assert_eq!(size(&of("1kB")), Ok(1000));
        assert_eq!(size(&Value::Integer(7)), Ok(7));
        assert_eq!(
            size(&of("2GiB")).unwrap_err(),
            "must be 1B to 1GiB, not 2GiB"
        );
        for bad in [
            of("much"),
            of("-1"),
            of(""),
            Value::Integer(-1),
            Value::Boolean(true),
        ] {
            assert!(size(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interval_of_nothing_is_off() {
        let keep_alive =
            |value: &Value| interval(Duration::from_millis(10)..=Duration::from_secs(3600))(value);
        for off in [of("0"), of("0s"), Value::Integer(0)] {
            assert_eq!(keep_alive(&off), Ok(None), "{off}");
        }
        assert_eq!(keep_alive(&of("50ms")), Ok(Some(Duration::from_millis(50))));
        for bad in [
            of("-5s"),
            of("soon"),
            of("5"),
            Value::Integer(5),
            of("2h"),
            of("1ms"),
        ] {
            assert!(keep_alive(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_outside_the_file_has_commas() {
        let parse = |value: &Value| list(|text| Ok(text.to_owned()))(value);
        assert_eq!(
            parse(&of("a, b,")),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(parse(&of("")), Ok(Vec::new()));
        assert_eq!(
            parse(&Value::Array(vec![of("a")])),
            Ok(vec!["a".to_owned()])
        );
        assert!(parse(&Value::Array(vec![Value::Integer(1)])).is_err());
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        assert_eq!(count(1..=5)(&of("5")), Ok(5));
        assert_eq!(count(1..=5)(&of("6")).unwrap_err(), "must be 1 to 5, not 6");
        assert_eq!(
            count(1..=5)(&of("x")).unwrap_err(),
            "must be a number, 1 to 5"
        );
        assert_eq!(
            number(1..=5)(&Value::Integer(-1)).unwrap_err(),
            "must be a number, 1 to 5"
        );
    }

    #[test]
    fn addresses_are_literal_but_for_localhost() {
        assert_eq!(
            address(&of("localhost:1")).unwrap().to_string(),
            "127.0.0.1:1"
        );
        assert_eq!(address(&of("[::]:0")).unwrap().port(), 0);
        for bad in [
            "",
            "8434",
            ":8434",
            "127.0.0.1",
            "example.org:80",
            "127.0.0.1:70000",
        ] {
            assert!(address(&of(bad)).is_err(), "{bad}");
        }
    }
}
