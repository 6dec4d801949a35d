use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::*;

/// So many that a pass takes four pieces.
const MANY: usize = 1_600;

#[test]
fn who_comes_goes_or_is_woken_during_a_long_pass_is_served_before_it_is_over() {
    // Both ends of 1,600 connections; the usual soft limit is 1,024.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4_096), most).unwrap();
    let mut stepped = Stepped::new();
    let mut crowd = stepped.crowd("crowd", MANY);
    let mut woken = stepped.crowd("woken", 1);
    let leaving = stepped.crowd("leaving", 1);
    let mut called = stepped.crowd("called", 1);
    let called_id = stepped.broker.connections();
    let called_id = called_id
        .iter()
        .find(|connection| connection.topics == ["called"])
        .unwrap();

    stepped.publish("crowd", Event::new("1"));
    stepped.turn();
    let have = |crowd: &mut [Peer]| {
        crowd.iter_mut().for_each(Peer::read);
        crowd.iter().filter(|peer| peer.has("data: 1\n")).count()
    };
    assert_eq!(have(&mut crowd), 512);
    let mut new = [stepped.open("new")];
    stepped.publish("woken", Event::new("2"));
    drop(leaving);
    assert!(stepped.broker.disconnect(&called_id.id));

    stepped.turns_until(|stepped| {
        all_have(&mut new, "\n\n")
            && all_have(&mut woken, "data: 2\n")
            && all_have(&mut called, "disconnected")
            && stepped.subscribers("leaving") == 0
    });

    assert!(have(&mut crowd) < MANY);
    stepped.turns_until(|_| have(&mut crowd) == MANY);
}
