//! The PROXY protocol: what a proxy that passes on bytes says before them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How version 2 begins. No version of HTTP and no TLS does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The fixed part of version 2: the signature, version and command, family and transport, and the length of what follows.
const FIXED_BYTES: usize = 16;

/// What may follow it: addresses, and fields that are of no use here.
const MOST_BYTES: usize = 4096;

/// The longest line of version 1, with its end.
const LINE_BYTES: usize = 107;

/// Reads the preamble to its last byte, and no further. It names who has connected to the proxy, or nobody if the proxy
/// speaks for itself, as for a health check.
///
/// # Errors
/// If the connection fails, or begins with anything else.
pub(in crate::serve) async fn read(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<SocketAddr>> {
    let first = from.read_u8().await?;
    let read = if first == SIGNATURE[0] {
        read_binary(first, from).await?
    } else {
        read_line(first, from).await?
    };
    read.map_err(|Malformed| {
        let detail = "no PROXY protocol at the beginning";
        io::Error::new(io::ErrorKind::InvalidData, detail)
    })
}

/// Who has connected to the proxy.
type Source = Result<Option<SocketAddr>, Malformed>;

struct Malformed;

async fn read_binary(first: u8, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Source> {
    let mut fixed = [first; FIXED_BYTES];
    from.read_exact(&mut fixed[1..]).await?;
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if fixed[..SIGNATURE.len()] != SIGNATURE || length > MOST_BYTES {
        return Ok(Err(Malformed));
    }
    let mut rest = vec![0; length];
    from.read_exact(&mut rest).await?;
    Ok(parse_binary(fixed[12], fixed[13], &rest))
}

fn parse_binary(version_and_command: u8, family_and_transport: u8, rest: &[u8]) -> Source {
    match version_and_command {
        // LOCAL: whatever addresses there are mean nothing.
        0x20 => return Ok(None),
        // PROXY
        0x21 => {}
        _ => return Err(Malformed),
    }
    match family_and_transport {
        // Unspecified, and the two kinds of Unix sockets: there is no address to tell.
        0x00 | 0x31 | 0x32 => Ok(None),
        // TCP over IPv4
        0x11 => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = fixed(rest)?;
            Ok(Some(at(Ipv4Addr::from([a, b, c, d]), [high, low])))
        }
        // TCP over IPv6
        0x21 => {
            let addresses: [u8; 36] = fixed(rest)?;
            let source: [u8; 16] = fixed(&addresses)?;
            Ok(Some(at(Ipv6Addr::from(source), fixed(&addresses[32..])?)))
        }
        _ => Err(Malformed),
    }
}

fn fixed<const LENGTH: usize>(bytes: &[u8]) -> Result<[u8; LENGTH], Malformed> {
    bytes.first_chunk().copied().ok_or(Malformed)
}

fn at(address: impl Into<IpAddr>, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(address.into().to_canonical(), u16::from_be_bytes(port))
}

/// Byte by byte, because what follows the line is not ours to read.
async fn read_line(first: u8, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Source> {
    let mut line = vec![first];
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_BYTES || !b"PROXY ".starts_with(&line[..line.len().min(6)]) {
            return Ok(Err(Malformed));
        }
        line.push(from.read_u8().await?);
    }
    line.truncate(line.len() - 2);
    Ok(parse_line(&line))
}

fn parse_line(line: &[u8]) -> Source {
    let line = str::from_utf8(line).map_err(|_| Malformed)?;
    let parts: Vec<_> = line.split(' ').collect();
    match parts[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", "TCP4", source, destination, port, to_port] => {
            destination.parse::<Ipv4Addr>().map_err(|_| Malformed)?;
            let source: Ipv4Addr = source.parse().map_err(|_| Malformed)?;
            self::port(to_port)?;
            Ok(Some(SocketAddr::new(source.into(), self::port(port)?)))
        }
        ["PROXY", "TCP6", source, destination, port, to_port] => {
            destination.parse::<Ipv6Addr>().map_err(|_| Malformed)?;
            let source: Ipv6Addr = source.parse().map_err(|_| Malformed)?;
            self::port(to_port)?;
            let source = IpAddr::from(source).to_canonical();
            Ok(Some(SocketAddr::new(source, self::port(port)?)))
        }
        _ => Err(Malformed),
    }
}

fn port(text: &str) -> Result<u16, Malformed> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = is_number.then(|| text.parse().ok()).flatten();
    port.ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// What is read of `bytes`, and what is left of them. All of them are there.
    fn judge(bytes: &[u8]) -> (Result<Option<String>, io::ErrorKind>, usize) {
        let mut from = bytes;
        let source = read(&mut from).now_or_never().unwrap();
        let source = source.map(|source| source.map(|address| address.to_string()));
        (source.map_err(|error| error.kind()), from.len())
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xBB];

    fn v6() -> Vec<u8> {
        let source = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        [&source[..], &[0; 16], &[0x30, 0x39, 0x01, 0xBB]].concat()
    }

    #[test]
    fn both_versions_name_the_client_and_leave_what_follows() {
        let fields = [&V4[..], &[0x04, 0, 1, 0]].concat();
        let cases: [(Vec<u8>, &str); 5] = [
            (binary(0x21, 0x11, &V4), "192.0.2.1:12345"),
            (binary(0x21, 0x11, &fields), "192.0.2.1:12345"),
            (binary(0x21, 0x21, &v6()), "[2001:db8::1]:12345"),
            (
                b"PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n".to_vec(),
                "192.0.2.1:12345",
            ),
            (
                b"PROXY TCP6 2001:db8::1 ::1 12345 443\r\n".to_vec(),
                "[2001:db8::1]:12345",
            ),
        ];
        for (preamble, client) in cases {
            let bytes = [&preamble, &b"GET /"[..]].concat();
            assert_eq!(judge(&bytes), (Ok(Some(client.to_owned())), 5));
        }
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        for preamble in [
            binary(0x20, 0x00, b""),
            binary(0x20, 0x11, &V4),
            binary(0x21, 0x00, b""),
            binary(0x21, 0x31, &[0; 216]),
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff:f::f ffff:f::f 65535 65535\r\n".to_vec(),
        ] {
            assert_eq!(judge(&preamble), (Ok(None), 0), "{preamble:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        let mut too_long = binary(0x21, 0x11, &V4);
        too_long[14] = 0xFF;
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\0\0".to_vec(),
            b"\r\n\r\n\0\r\nQUIT\r\x21\x11\0\0".to_vec(),
            binary(0x31, 0x11, &V4),
            binary(0x22, 0x11, &V4),
            binary(0x21, 0x12, &V4),
            binary(0x21, 0x11, &V4[..11]),
            binary(0x21, 0x21, &v6()[..35]),
            too_long,
            long.into_bytes(),
            b"PROXY\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 12345\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 12345 443 1\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 +1 443\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 70000 443\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 1 1\r\n".to_vec(),
            b"PROXY TCP6 192.0.2.1 10.0.0.1 1 1\r\n".to_vec(),
            b"PROXY TCP4  192.0.2.1 10.0.0.1 1 1\r\n".to_vec(),
            b"PROXY TCP4 \xff 10.0.0.1 1 1\r\n".to_vec(),
        ] {
            let (source, _) = judge(&bytes);
            assert_eq!(source, Err(io::ErrorKind::InvalidData), "{bytes:?}");
        }
    }

    #[test]
    fn a_preamble_that_breaks_off_is_an_error() {
        let whole = binary(0x21, 0x11, &V4);
        for length in 0..whole.len() {
            let (source, _) = judge(&whole[..length]);
            assert_eq!(source, Err(io::ErrorKind::UnexpectedEof), "{length}");
        }
        let (source, _) = judge(b"PROXY TCP4 192");
        assert_eq!(source, Err(io::ErrorKind::UnexpectedEof));
    }
}
