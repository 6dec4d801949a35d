//! What a proxy says in header fields of the client that it speaks for.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What the fields of a request from a trusted proxy say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct Claim {
    /// Who has sent the request, if it was told, and told well.
    pub(in crate::serve) client: Option<SocketAddr>,
    /// Whether the proxy was reached by HTTPS, if it was told.
    pub(in crate::serve) is_https: Option<bool>,
    /// By which name the proxy was reached, if it was told.
    pub(in crate::serve) host: Option<String>,
    /// Somebody is named, but not so that one could tell whom.
    pub(in crate::serve) is_unclear: bool,
}

/// Reads the fields. The client is the last address before those that are trusted: whatever stands further ahead was
/// written by the client.
pub(in crate::serve) fn claim(headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> Claim {
    let standard = chain(headers, &FORWARDED, parse_forwarded);
    let usual = chain(headers, &X_FORWARDED_FOR, parse_list);
    let standard = standard.map(|hops| nearest(&hops?, &trusts));
    let usual = usual.map(|hops| nearest(&hops?, &trusts));
    let unclear = Claim {
        is_unclear: true,
        ..Claim::default()
    };
    let hop = match (standard, usual) {
        (None, None) => None,
        (Some(Some(hop)), None) | (None, Some(Some(hop))) => Some(hop),
        // A proxy adds to one of them and passes on the other, so one of two stories is the client's own.
        (Some(Some(one)), Some(Some(other))) if one.address.ip() == other.address.ip() => Some(one),
        _ => return unclear,
    };
    let (client, proto, host) = match hop {
        Some(hop) => (Some(hop.address), hop.proto, hop.host),
        None => (None, None, None),
    };
    let proto = proto.or_else(|| last(headers, &X_FORWARDED_PROTO));
    Claim {
        client,
        is_https: proto.as_deref().and_then(|proto| match proto {
            _ if proto.eq_ignore_ascii_case("https") => Some(true),
            _ if proto.eq_ignore_ascii_case("http") => Some(false),
            _ => None,
        }),
        host: host.or_else(|| last(headers, &X_FORWARDED_HOST)),
        is_unclear: false,
    }
}

/// One step of a request's way: who it came from.
#[derive(Clone, Debug, Default)]
struct Hop {
    from: Option<String>,
    proto: Option<String>,
    host: Option<String>,
}

/// The step that counts.
struct Nearest {
    address: SocketAddr,
    proto: Option<String>,
    host: Option<String>,
}

/// The steps that the lines of a field tell, in the order in which they were made. `None` if there is no such field,
/// `Some(None)` if it is malformed.
fn chain(
    headers: &HeaderMap,
    name: &HeaderName,
    parse: fn(&str, &mut Vec<Hop>) -> Option<()>,
) -> Option<Option<Vec<Hop>>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut hops = Vec::new();
    let parsed = lines.try_for_each(|line| parse(line.to_str().ok()?, &mut hops));
    Some(parsed.map(|()| hops))
}

fn nearest(hops: &[Hop], trusts: &impl Fn(IpAddr) -> bool) -> Option<Nearest> {
    let mut nearest = None;
    for hop in hops.iter().rev() {
        let address = address(hop.from.as_deref()?)?;
        nearest = Some(Nearest {
            address,
            proto: hop.proto.clone(),
            host: hop.host.clone(),
        });
        if !trusts(address.ip()) {
            break;
        }
    }
    nearest
}

/// An address with or without a port, which is 0 then; one of IPv6 with or without brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) => SocketAddr::new(bare.unwrap_or(text).parse().ok()?, 0),
    };
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// `X-Forwarded-For`: addresses with commas.
fn parse_list(line: &str, hops: &mut Vec<Hop>) -> Option<()> {
    hops.extend(line.split(',').map(|from| Hop {
        from: Some(from.trim().to_owned()),
        ..Hop::default()
    }));
    Some(())
}

/// `Forwarded`: lists of pairs, with commas (RFC 7239, section 4).
fn parse_forwarded(line: &str, hops: &mut Vec<Hop>) -> Option<()> {
    let mut rest = line;
    let mut hop = Hop::default();
    loop {
        let (name, after) = rest.trim_start().split_once('=')?;
        let (value, after) = value(after)?;
        let is_new = match name.to_ascii_lowercase().as_str() {
            "for" => hop.from.replace(value.to_owned()).is_none(),
            "proto" => hop.proto.replace(value.to_owned()).is_none(),
            "host" => hop.host.replace(value.to_owned()).is_none(),
            // `by`, and what later versions may add.
            _ => !name.is_empty() && name.bytes().all(is_of_token),
        };
        // Each parameter occurs once in an element at most.
        if !is_new {
            return None;
        }
        let after = after.trim_start();
        if let Some(next) = after.strip_prefix(';') {
            rest = next;
        } else {
            hops.push(std::mem::take(&mut hop));
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => return after.is_empty().then_some(()),
            }
        }
    }
}

/// The value at the beginning of a text, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted.split_once('"')?;
        // No address, scheme or host has a character that would have to be escaped.
        return (!value.contains('\\')).then_some((value, rest));
    }
    let end = text.bytes().position(|byte| !is_of_token(byte));
    let (value, rest) = text.split_at(end.unwrap_or(text.len()));
    (!value.is_empty()).then_some((value, rest))
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The last value of a list, which the nearest proxy has written.
fn last(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let value = line.rsplit(',').next()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Claim {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, value.parse().unwrap());
        }
        let proxies = ["10.0.0.1", "10.0.0.2", "::1"].map(|text| text.parse::<IpAddr>().unwrap());
        claim(&headers, |address| proxies.contains(&address))
    }

    fn client(fields: &[(&'static str, &str)]) -> Option<String> {
        let claim = read(fields);
        assert!(claim.client.is_none() || !claim.is_unclear);
        claim.client.map(|client| client.to_string())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy() {
        for (list, expected) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:4711", "192.0.2.1:4711"),
            ("203.0.113.9, 192.0.2.1", "192.0.2.1:0"),
            ("203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1:0"),
            ("nonsense, 192.0.2.1,10.0.0.2 , 10.0.0.1", "192.0.2.1:0"),
            ("10.0.0.2, 10.0.0.1", "10.0.0.2:0"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:4711, ::1", "[2001:db8::1]:4711"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
        ] {
            assert_eq!(client(&[("x-forwarded-for", list)]).unwrap(), expected);
        }
        let lines = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "10.0.0.1"),
        ];
        assert_eq!(client(&lines).unwrap(), "192.0.2.1:0");
    }

    #[test]
    fn the_standard_field_is_read_with_its_quotes_and_parameters() {
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1:0"),
            ("For=\"192.0.2.1:4711\"", "192.0.2.1:4711"),
            ("for=\"[2001:db8::1]:4711\"", "[2001:db8::1]:4711"),
            ("for=\"[2001:db8::1]\"; by=10.0.0.2", "[2001:db8::1]:0"),
            ("for=203.0.113.9, for=192.0.2.1;proto=http", "192.0.2.1:0"),
            (
                "for=\"_a,for=_b\", for=192.0.2.1 , for=10.0.0.1",
                "192.0.2.1:0",
            ),
            ("by=10.0.0.1;for=192.0.2.1;secret=\"a;b,c\"", "192.0.2.1:0"),
        ] {
            assert_eq!(client(&[("forwarded", value)]).unwrap(), expected);
        }
    }

    #[test]
    fn what_does_not_name_one_client_names_none() {
        for fields in [
            &[("x-forwarded-for", "unknown")][..],
            &[("x-forwarded-for", "")],
            &[("x-forwarded-for", "192.0.2.1,")],
            &[("x-forwarded-for", "192.0.2.1 203.0.113.9")],
            &[("x-forwarded-for", "192.0.2.1:70000")],
            &[("forwarded", "for=unknown")],
            &[("forwarded", "for=_hidden")],
            &[("forwarded", "")],
            &[("forwarded", "192.0.2.1")],
            &[("forwarded", "proto=https")],
            &[("forwarded", "for=192.0.2.1;for=203.0.113.9")],
            &[("forwarded", "for=\"192.0.2.1")],
            &[("forwarded", "for=\"192.0.2.\\1\"")],
            &[("forwarded", "for=192.0.2.1;")],
            &[("forwarded", "for=192.0.2.1 for=203.0.113.9")],
            &[("forwarded", "for=")],
            &[
                ("forwarded", "for=203.0.113.9"),
                ("x-forwarded-for", "192.0.2.1"),
            ],
            &[("forwarded", "nonsense"), ("x-forwarded-for", "192.0.2.1")],
        ] {
            let claim = read(fields);
            assert_eq!((claim.client, claim.is_unclear), (None, true), "{fields:?}");
        }
        assert_eq!(read(&[]), Claim::default());
        let both = [
            ("forwarded", "for=192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(client(&both).unwrap(), "192.0.2.1:0");
    }

    #[test]
    fn how_the_proxy_was_reached_is_told_beside() {
        let told = |fields| {
            let claim = read(fields);
            (claim.is_https, claim.host)
        };
        let host = Some("hub.example".to_owned());
        assert_eq!(
            told(&[("forwarded", "for=192.0.2.1;proto=https;host=hub.example")]),
            (Some(true), host.clone())
        );
        assert_eq!(
            told(&[
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-proto", "HTTPS"),
                ("x-forwarded-host", "evil.example, hub.example"),
            ]),
            (Some(true), host)
        );
        assert_eq!(
            told(&[("x-forwarded-proto", "https, http")]),
            (Some(false), None)
        );
        assert_eq!(told(&[("x-forwarded-proto", "gopher")]), (None, None));
        assert_eq!(
            told(&[("x-forwarded-for", "who?"), ("x-forwarded-proto", "https")]),
            (None, None)
        );
    }
}
