use serde_json::{Value, json};

use crate::harness::{Client, Service, Stream, StreamServer};

fn message(data: &str) -> Value {
    json!({ "type": "message", "data": data, "id": "" })
}

/// Opens a stream, sends it the pieces and expects the events, in which `message` and no id go
/// without saying.
fn check(service: &Service, pieces: &[&[u8]], expected: &[Value]) {
    let server = StreamServer::start();
    let (mut client, mut stream) = open(service, &server);
    let names = expected.iter().filter_map(|event| event["type"].as_str());
    for name in names.filter(|name| *name != "message") {
        client.listen(name);
    }
    for piece in pieces {
        stream.send(piece);
    }
    for expected in expected {
        assert_eq!(client.event(), *expected, "{pieces:?}");
    }
    client.close();
}

fn open<'s>(service: &'s Service, server: &StreamServer) -> (Client<'s>, Stream) {
    let client = service.open(server, &json!({}));
    (client, server.accept())
}

#[test]
fn fields_make_events() {
    let service = Service::start();
    let greeting = || json!({ "type": "greeting", "data": "Hello", "id": "" });
    let with_id = |id: &str, data: &str| json!({ "type": "message", "data": data, "id": id });
    let cases: &[(&[&str], &[Value])] = &[
        (&["data: Hello\n\n"], &[message("Hello")]),
        (&["data: Hel", "lo\n\n"], &[message("Hello")]),
        (&["data: a\n\ndata: b\n\n"], &[message("a"), message("b")]),
        (
            &["data: ab", "ab\n\ndata:", "ab\n\n"],
            &[message("abab"), message("ab")],
        ),
        (&["data: Hello\ndata:World\n\n"], &[message("Hello\nWorld")]),
        (&["data:\n\n"], &[message("")]),
        (&["data\n\ndata\ndata\n\n"], &[message(""), message("\n")]),
        (&["event: greeting\ndata: Hello\n\n"], &[greeting()]),
        (&["event:greeting\ndata:Hello\n\n"], &[greeting()]),
        (
            &["event: greeting\ncolor: blue\ndata: Hello\n\n"],
            &[greeting()],
        ),
        (
            &["event:  greeting\ndata:  Hello\n\n"],
            &[json!({ "type": " greeting", "data": " Hello", "id": "" })],
        ),
        (
            &["data: Hello\nid: abc\nevent: greeting\n\n"],
            &[json!({ "type": "greeting", "data": "Hello", "id": "abc" })],
        ),
        (
            &["event: greeting\nid: abc\ndata: Hello\n\n"],
            &[json!({ "type": "greeting", "data": "Hello", "id": "abc" })],
        ),
        (
            &["\u{feff}event: greeting\nid: abc\ndata: Hello\n\n"],
            &[json!({ "type": "greeting", "data": "Hello", "id": "abc" })],
        ),
        (&["id: abc\ndata: Hello\n\n"], &[with_id("abc", "Hello")]),
        (&["id: a\0bc\ndata: Hello\n\n"], &[message("Hello")]),
        (
            &["id: abc\ndata: a\n\n", "data: b\n\n", "id: \ndata: c\n\n"],
            &[with_id("abc", "a"), with_id("abc", "b"), message("c")],
        ),
        (&["data: €豆腐\n\n"], &[message("€豆腐")]),
    ];
    for (pieces, expected) in cases {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        check(&service, &pieces, expected);
    }
    let text = "data: €豆腐\n\n".as_bytes();
    let bytes: Vec<_> = text.chunks(1).collect();
    check(&service, &bytes, &[message("€豆腐")]);
}

#[test]
fn lines_end_in_three_ways_wherever_they_are_cut() {
    let service = Service::start();
    let cases: &[(&str, &[&str])] = &[
        ("data: 1\n\n", &["1"]),
        ("data: 1\n\ndata: 2a\ndata: 2b\n\n", &["1", "2a\n2b"]),
        ("data:\ndata: 2\ndata: 3\n\n", &["\n2\n3"]),
        ("data: 1\ndata:\ndata: 3\n\n", &["1\n\n3"]),
        ("data: 1\n\n\ndata: 2\n\n", &["1", "2"]),
        ("data: 1\n\n\n\ndata: 2\n\n", &["1", "2"]),
    ];
    for (text, data) in cases {
        let expected: Vec<_> = data.iter().map(|data| message(data)).collect();
        for end in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', end);
            for size in [text.len(), 1, 2] {
                let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
                check(&service, &pieces, &expected);
            }
        }
    }
    let split = [
        "data: Hello\r",
        "\ndata: World\r",
        "\n\r\ndata: OK\r",
        "\n",
        "\r",
        "\n",
    ];
    let pieces: Vec<_> = split.iter().map(|piece| piece.as_bytes()).collect();
    check(&service, &pieces, &[message("Hello\nWorld"), message("OK")]);
}

#[test]
fn one_byte_order_mark_is_no_part_of_the_stream() {
    let service = Service::start();
    const BOM: &str = "\u{feff}";
    let cases: &[(&str, &[&str])] = &[
        ("\u{feff}data: Hello\n\n", &["Hello"]),
        ("\u{feff}data: a\n\ndata: b\n\n", &["a", "b"]),
        ("data: a\n\ndata: \u{feff}b\n\n", &["a", "\u{feff}b"]),
        ("\u{feff}data: \u{feff}a\n\n", &["\u{feff}a"]),
        ("\u{feff}data: a\ndata: b\n\n", &["a\nb"]),
        ("\u{feff}data:\n\n", &[""]),
    ];
    for (text, data) in cases {
        let expected: Vec<_> = data.iter().map(|data| message(data)).collect();
        check(&service, &[text.as_bytes()], &expected);
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        check(&service, &bytes, &expected);
    }
    let (start, end) = BOM.as_bytes().split_at(2);
    check(&service, &[start, end, b"data: a\n\n"], &[message("a")]);
}

#[test]
fn comments_are_reported_in_their_place() {
    let service = Service::start();
    let server = StreamServer::start();
    let (mut client, mut stream) = open(&service, &server);
    stream.send(":Hello\n");
    assert_eq!(client.comment(), "Hello");
    stream.send(":World\n");
    assert_eq!(client.comment(), "World");
    stream.send(": before\ndata: a\n\n:after\n");
    assert_eq!(client.comment(), "before");
    assert_eq!(client.data(), "a");
    assert_eq!(client.comment(), "after");

    let (mut client, mut stream) = open(&service, &server);
    stream.send("\u{feff}:comment\ndata: Hello\n\n");
    assert_eq!(client.comment(), "comment");
    assert_eq!(client.data(), "Hello");
}

#[test]
fn large_and_many_events_come_whole_and_in_order() {
    let service = Service::start();
    let server = StreamServer::start();
    let (mut client, mut stream) = open(&service, &server);
    let large = "0123456789abcdef".repeat(7 * 65536);
    stream.send(format!("data: {large}\n\n"));
    assert!(client.data() == large, "7 MiB in one piece");
    stream.send(format!("data: {large}"));
    stream.send(format!("{large}\n\n"));
    assert!(client.data() == large.repeat(2), "14 MiB in two pieces");
    let many: String = (0..100).map(|n| format!("data: message {n}\n\n")).collect();
    stream.send(many);
    for n in 0..100 {
        assert_eq!(client.data(), format!("message {n}"));
    }
}
