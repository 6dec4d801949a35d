use std::fs::File;
use std::os::fd::OwnedFd;

use super::*;

#[test]
fn a_stream_that_cannot_be_watched_is_closed_and_the_others_go_on() {
    let mut stepped = Stepped::new();
    // As many as there are streams below.
    stepped.admission = Admission::new(2, 2);
    let mut peers = stepped.crowd("a", 1);
    let file = File::open("Cargo.toml").unwrap();

    // The kernel gives no notice of a file.
    stepped.adopt("a", OwnedFd::from(file).into());
    assert_eq!((stepped.tally.open(), stepped.subscribers("a")), (2, 2));
    stepped.turn();

    assert_eq!((stepped.tally.open(), stepped.subscribers("a")), (1, 1));
    let mut late = stepped.open("a");
    stepped.turns_until(|_| {
        late.read();
        late.has("\n\n")
    });
    peers.push(late);
    stepped.publish("a", Event::new("1"));
    stepped.turns_until(|_| all_have(&mut peers, "data: 1\n\n"));
}
