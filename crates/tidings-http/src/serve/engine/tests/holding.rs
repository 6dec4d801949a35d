use super::*;

/// Several times what a fan-out and the buffers on the way to a peer hold.
const EVENTS: u32 = 150;

/// Has so many readers of which so many never read, and checks that the others get everything.
fn check(readers: usize, lazy: usize) {
    let mut stepped = Stepped::new();
    let mut reading = stepped.crowd("a", readers);
    let _lazy = reading.split_off(readers - lazy);
    let filler = "x".repeat(60 << 10);
    for n in 0..EVENTS {
        stepped.publish("a", Event::new(format!("{n}:{filler}")));
    }

    stepped.publish("a", Event::new("last"));
    stepped.turns_until(|_| all_have(&mut reading, "data: last\n\n"));

    for peer in &reading {
        let body = peer.body();
        let numbers = body.split("data: ").skip(1);
        let numbers = numbers.filter_map(|event| event.split_once(':')?.0.parse::<u32>().ok());
        assert!(numbers.eq(0..EVENTS));
    }
    assert_eq!(stepped.subscribers("a"), readers);
}

#[test]
fn readers_that_never_read_do_not_stop_the_others_for_good() {
    check(8, 1);
    check(10, 2);
    check(2, 1);
    check(3, 2);
}
