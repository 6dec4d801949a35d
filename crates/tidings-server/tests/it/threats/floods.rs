use std::io::{Read, Write};
use std::net::TcpStream;

use tidings_testkit::{Connection, eventually};

use super::{Witness, room_for};
use crate::hub;

/// Connections of one kind of ill will.
const FLOOD: usize = 2_000;

#[test]
fn t14_connections_that_ask_for_nothing_stop_nobody() {
    room_for(8_192);
    let hub = hub();
    let mut witness = Witness::of(&hub);
    witness.speak();
    let before = hub.process().open_files();
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        flood.push(TcpStream::connect(hub.address()).expect("a connection"));
        let mut slow = TcpStream::connect(hub.address()).expect("a connection");
        slow.write_all(b"G").expect("an open connection");
        flood.push(slow);
    }
    for byte in b"ET /api/topics HTTP/1.1\r\nHost: local" {
        for slow in flood.iter_mut().skip(1).step_by(2) {
            // The time for a head may be over.
            let _ = slow.write_all(&[*byte]);
        }
        witness.speak();
    }
    drop(flood);
    eventually("their files are closed", || {
        (hub.process().open_files() <= before).then_some(())
    });
    witness.speak();
}

#[test]
fn t14_a_flood_of_connections_stops_nobody() {
    let hub = hub();
    let mut witness = Witness::of(&hub);
    witness.speak();
    let before = hub.process().open_files();
    for _ in 0..FLOOD / 10 {
        for _ in 0..10 {
            drop(TcpStream::connect(hub.address()).expect("a connection"));
        }
        witness.speak();
    }
    eventually("their files are closed", || {
        (hub.process().open_files() <= before).then_some(())
    });
}

#[test]
fn t14_two_megabytes_of_headers_are_refused_and_stop_nobody() {
    let hub = hub();
    let mut witness = Witness::of(&hub);
    let before = hub.process().resident_memory();
    let one = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(2 << 20)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: y\r\n".repeat(350_000)
    );
    let endless = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(2 << 20));
    for flood in [one, many, endless] {
        for _ in 0..10 {
            let mut connection = Connection::open(hub.address());
            // The hub may refuse before it has read all of it.
            let _ = connection.write(flood.as_bytes());
            let status = connection.receive().status();
            assert!(matches!(status, 414 | 431), "{status}");
            witness.speak();
        }
    }
    let grown = hub.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}

#[test]
fn t14_an_upload_that_stands_still_stops_nobody() {
    let hub = hub();
    let mut witness = Witness::of(&hub);
    let head = b"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\
                 Content-Type: application/x-ndjson\r\n\r\n{";
    let mut uploads = Vec::new();
    for _ in 0..500 {
        let mut upload = TcpStream::connect(hub.address()).expect("a connection");
        upload.write_all(head).expect("an open connection");
        uploads.push(upload);
        witness.speak();
    }
    let batch = "{\"topic\":\"t\",\"data\":\"x\"}\n".repeat(1_000);
    assert_eq!(hub.post_lines(&batch).status(), 200);
    let mut byte = [0];
    let upload = &mut uploads[0];
    upload.set_nonblocking(true).expect("a socket");
    // It is still waited for: it was not cut to make room for others.
    assert!(upload.read(&mut byte).is_err());
}
