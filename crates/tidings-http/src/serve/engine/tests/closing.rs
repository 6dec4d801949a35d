use std::io::Write;

use super::*;

/// Sends as much as there is room for, which nobody wants.
fn send(peer: &Peer) {
    let mut socket = &peer.socket;
    while let Ok(sent) = socket.write(&[b'x'; 8 << 10]) {
        assert_ne!(sent, 0);
    }
}

#[test]
fn a_peer_that_is_still_sending_gets_every_byte_and_a_clean_end() {
    let mut stepped = Stepped::new();
    let mut peer = stepped.crowd("a", 1).remove(0);
    let last = format!("last: {}", "x".repeat(200 << 10));
    stepped.publish("a", Event::new(&*last).ending_topic());

    stepped.turns_until(|_| {
        send(&peer);
        peer.read();
        peer.end.is_some()
    });

    assert!(matches!(peer.end, Some(Ok(()))), "{:?}", peer.end);
    assert!(peer.body().ends_with(&format!("data: {last}\n\n")));
    assert!(peer.got.ends_with("\r\n0\r\n\r\n"));
}

#[test]
fn a_peer_that_never_closes_is_closed_after_the_end() {
    let mut stepped = Stepped::new();
    let _waiting = stepped.crowd("other", 1);
    let mut peer = stepped.crowd("a", 1).remove(0);
    stepped.publish("a", Event::new("last").ending_topic());

    stepped.turns_until(|stepped| {
        send(&peer);
        stepped.tally.open() == 1
    });

    peer.read();
    assert!(peer.got.ends_with("\r\n0\r\n\r\n"));
}
