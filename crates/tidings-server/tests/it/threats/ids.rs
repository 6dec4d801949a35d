use std::thread;

use fastrand::Rng;
use tidings_testkit::{Connection, Hub, Seed, encode};

use crate::{hub, publish_numbers};

/// How many ids are tried, by so many at a time.
const IDS: usize = 20_000;
const CONNECTIONS: usize = 4;

/// Bytes that somebody might send as an id. `known` is one that the hub has given out.
fn id(random: &mut Rng, known: &str) -> Vec<u8> {
    let (epoch, _) = known.split_once('-').expect("an epoch and a sequence");
    let number = |random: &mut Rng| match random.u8(..6) {
        0 => u64::MAX.to_string(),
        1 => "18446744073709551616".to_owned(),
        2 => "9".repeat(random.usize(1..200)),
        3 => format!("0{}", random.u64(..100)),
        4 => format!("-{}", random.u64(..100)),
        _ => random.u64(..).to_string(),
    };
    match random.u8(..8) {
        0 => format!("{epoch}-{}", number(random)).into_bytes(),
        1 => format!("{}-{}", number(random), number(random)).into_bytes(),
        2 => format!("{known}{}", random.char('\0'..'\u{3000}')).into_bytes(),
        3 => known.bytes().rev().collect(),
        4 => vec![b'x'; random.usize(..4_000)],
        5 => vec![b'-'; random.usize(..40)],
        6 => number(random).into_bytes(),
        _ => (0..random.usize(..80)).map(|_| random.u8(..)).collect(),
    }
}

/// Percent-encodes all of it.
fn in_query(id: &[u8]) -> String {
    id.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// What may stand in a header field, which is not any byte.
fn in_header(mut id: Vec<u8>) -> Vec<u8> {
    id.retain(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t');
    id
}

fn ask(connection: &mut Connection, id: &[u8], is_header: bool) {
    let request = if is_header {
        let head =
            b"GET /api/events?topic=t&limit=1 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ";
        [&head[..], &in_header(id.to_vec()), b"\r\n\r\n"].concat()
    } else {
        let target = format!("/api/events?topic=t&limit=1&last_event_id={}", in_query(id));
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
    };
    connection.write(&request).expect("an open connection");
    let answer = connection.receive();
    let shown = String::from_utf8_lossy(id);
    assert_eq!(answer.status(), 200, "{shown:?}: {answer:?}");
    let body = answer.json();
    let events = body["events"].as_array().expect("a list");
    assert!(events.len() <= 1, "{shown:?}: {answer:?}");
    let reason = body["gap"]["reason"].as_str();
    let is_told = matches!(
        reason,
        None | Some("unknown-id" | "epoch-changed" | "evicted")
    );
    assert!(is_told, "{shown:?}: {answer:?}");
}

#[test]
fn t17_no_id_does_anything_but_open_a_gap() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=20);
    let seed = Seed::new();
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let mut random = seed.random();
            let (hub, known) = (&hub, &ids[10]);
            scope.spawn(move || {
                for _ in 0..connection {
                    random = random.fork();
                }
                let mut connection = Connection::open(hub.address());
                for number in 0..IDS / CONNECTIONS {
                    ask(&mut connection, &id(&mut random, known), number % 2 == 0);
                }
            });
        }
    });
    assert_eq!(hub.history("t").len(), 20);
}

#[test]
fn t17_a_stream_from_an_id_that_is_none_is_told_a_gap_and_goes_on_live() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=3);
    let seed = Seed::new();
    let mut random = seed.random();
    for number in 0..100 {
        let id = in_header(id(&mut random, &ids[1]));
        let Ok(text) = String::from_utf8(id) else {
            continue;
        };
        if text.trim().is_empty() || ids.iter().any(|known| known == text.trim()) {
            continue;
        }
        check_stream(&hub, &text, number);
    }
}

fn check_stream(hub: &Hub, id: &str, number: usize) {
    let query = format!("topic=t&last_event_id={}", encode(id));
    let mut stream = hub.stream(&query);
    let published = hub.publish("t", "n", &number.to_string());
    let events = stream.until(|event| event.id.as_deref() == Some(&published));
    let first = events.first().expect("an event");
    assert_eq!(first.event, "tidings.gap", "{id:?}: {events:?}");
}
