use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tidings_testkit::{Hub, PATIENCE};

use super::Witness;
use crate::hub;

/// A client of HTTP/2 that writes the frames it likes.
struct Rough {
    socket: TcpStream,
}

// Types and flags of frames (RFC 9113, section 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const PING: u8 = 6;
const NONE: u8 = 0;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Why a connection is given up on for what its peer does.
const ENHANCE_YOUR_CALM: u32 = 11;

/// `GET http://localhost/api/topics` (RFC 7541, appendix A and section 6.2).
const REQUEST: &[u8] = b"\x82\x86\x01\x09localhost\x04\x0b/api/topics";

impl Rough {
    fn connect(hub: &Hub) -> Self {
        let socket = TcpStream::connect(hub.address()).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket");
        let mut rough = Self { socket };
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        rough.socket.write_all(preface).expect("an open connection");
        rough
            .write(&frame(SETTINGS, NONE, 0, b""))
            .expect("an open connection");
        rough
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        self.socket.write_all(frames)
    }

    /// Reads until the server closes. Gives the error that it closes for, if it says so before the connection is reset.
    fn end(mut self) -> Option<u32> {
        let mut code = None;
        while let Some((kind, payload)) = self.frame() {
            if kind == GOAWAY {
                code = payload[4..8].try_into().ok().map(u32::from_be_bytes);
            }
        }
        code
    }

    /// The next frame; `None` once the connection is closed or reset.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.read(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.read(&mut payload)?;
        Some((head[3], payload))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.socket.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("the connection is still open after {PATIENCE:?}")
            }
            Err(_closed) => None,
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame");
    let [_, length @ ..] = length.to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The names of streams that a client opens.
fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

/// Has the flood come again and again, and somebody else publish and receive meanwhile. Each time the flood is over when the
/// hub has given up on the connection.
fn check(flood: impl Fn(&mut Rough) -> io::Result<()> + Sync) {
    let hub = hub();
    let before = hub.process().resident_memory();
    let is_over = AtomicBool::new(false);
    let codes = thread::scope(|scope| {
        let witness = scope.spawn(|| {
            let mut witness = Witness::of(&hub);
            while !is_over.load(Ordering::Relaxed) {
                witness.speak();
            }
            witness.speak();
            witness.said
        });
        let codes: Vec<_> = (0..5)
            .map(|_| {
                let mut rough = Rough::connect(&hub);
                // It fails once the hub has closed.
                let _ = flood(&mut rough);
                rough.end()
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(witness.join().expect("a witness") > 1);
        codes
    });
    let is_calmed = |code: &Option<u32>| code.is_none_or(|code| code == ENHANCE_YOUR_CALM);
    assert!(codes.iter().all(is_calmed), "{codes:?}");
    let grown = hub.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    let stderr = hub.process().stderr();
    for said in ["panicked", "h2::"] {
        assert!(!stderr.contains(said), "{stderr}");
    }
}

#[test]
fn t14_rapid_reset_ends_the_connection() {
    check(|rough| {
        let mut frames = Vec::new();
        for stream in streams().take(50_000) {
            frames.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST));
            frames.extend(frame(RST_STREAM, NONE, stream, &8_u32.to_be_bytes()));
        }
        rough.write(&frames)
    });
}

#[test]
fn t14_streams_that_make_the_server_reset_them_end_the_connection() {
    check(|rough| {
        let mut frames = Vec::new();
        for stream in streams().take(50_000) {
            frames.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST));
            // A window beyond the largest is an error of the stream.
            let increment = 0x7fff_ffff_u32.to_be_bytes();
            frames.extend(frame(WINDOW_UPDATE, NONE, stream, &increment));
        }
        rough.write(&frames)
    });
}

#[test]
fn t14_a_flood_of_continuations_ends_the_connection() {
    check(|rough| {
        rough.write(&frame(HEADERS, END_STREAM, 1, REQUEST))?;
        // A field that is never to be remembered, over and over.
        let field = b"\x10\x01x\x7f\x81\x7c".iter().copied();
        let field: Vec<u8> = field.chain([b'y'; 16_000]).collect();
        (0..1_000).try_for_each(|_| rough.write(&frame(CONTINUATION, NONE, 1, &field)))
    });
}

#[test]
fn t14_continuations_of_nothing_end_the_connection() {
    check(|rough| {
        rough.write(&frame(HEADERS, END_STREAM, 1, REQUEST))?;
        let nothing = frame(CONTINUATION, NONE, 1, b"").repeat(1_000);
        (0..1_000).try_for_each(|_| rough.write(&nothing))
    });
}

#[test]
fn t14_two_megabytes_of_fields_are_refused_and_the_connection_goes_on() {
    let hub = hub();
    let mut witness = Witness::of(&hub);
    let mut rough = Rough::connect(&hub);
    // 20 KiB in one request, a hundred times: more than the list may have, less than what ends the connection.
    let mut fields = REQUEST.to_vec();
    for _ in 0..20 {
        fields.extend(b"\x10\x01x\x7f\xf1\x06");
        fields.extend([b'y'; 1024 - 16]);
    }
    for stream in streams().take(100) {
        let (first, rest) = fields.split_at(16_000);
        let sent = rough
            .write(&frame(HEADERS, END_STREAM, stream, first))
            .and_then(|()| rough.write(&frame(CONTINUATION, END_HEADERS, stream, rest)));
        if sent.is_err() {
            break;
        }
        witness.speak();
    }
    drop(rough);
    witness.speak();
    assert!(!hub.process().stderr().contains("panicked"));
}

#[test]
fn t14_pings_and_settings_without_end_stop_nobody() {
    let hub = hub();
    let mut witness = Witness::of(&hub);
    let before = hub.process().resident_memory();
    let mut rough = Rough::connect(&hub);
    let frames = [
        frame(PING, NONE, 0, &[0; 8]),
        frame(SETTINGS, NONE, 0, b"\0\x03\0\0\0\x64"),
    ];
    let frames = frames.concat().repeat(1_000);
    rough
        .socket
        .set_write_timeout(Some(std::time::Duration::from_millis(100)))
        .expect("a socket");
    for _ in 0..100 {
        // Nobody reads the answers, so at some time no more is taken, or the connection is over.
        if rough.write(&frames).is_err() {
            break;
        }
        witness.speak();
    }
    witness.speak();
    let grown = hub.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}
