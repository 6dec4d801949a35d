//! One run of the hub after another on the same folder, with publishers and readers that outlive
//! them all.

use std::thread;
use std::time::Duration;

use serde_json::json;
use tidings_testkit::{
    Durability, Follower, Habit, History, Home, Load, Mix, Position, Publication, Reader, Seed,
    Start,
};

use crate::{TIDINGS, data};

const TOPICS: [&str; 5] = ["load/0", "load/1", "load/2", "load/3", "load/4"];
const LAST_TOPIC: &str = "load/end";
const LAST: &str = "the end";

/// How often the hub is killed: `TIDINGS_CRASHES`, or 30 times.
fn crashes() -> usize {
    let crashes = std::env::var("TIDINGS_CRASHES").ok();
    crashes.map_or(30, |crashes| {
        crashes.parse().expect("TIDINGS_CRASHES is a number")
    })
}

fn followers(home: &Home) -> Vec<Follower> {
    let readers = [
        ("one topic", &["load/0", LAST_TOPIC][..], Habit::Prompt),
        (
            "two topics",
            &["load/1", "load/2", LAST_TOPIC],
            Habit::Prompt,
        ),
        ("one wildcard", &["load/*"], Habit::Prompt),
        ("everything", &["**"], Habit::Prompt),
        ("slow", &["load/**"], Habit::Slow),
        ("from afar", &["**"], Habit::FromAfar),
    ];
    let followers = readers.map(|(name, selectors, habit)| {
        let reader = Reader::new(name, selectors);
        Follower::start(home.whereabouts(), reader, Start::Now, habit, LAST)
    });
    followers.into()
}

/// Lets four publishers and six readers go on while the hub is interrupted again and again, and
/// writes down everything. The reader `afresh` reads it all in the end.
fn outlive(rounds: usize, durabilities: &[Durability], interrupt: impl Fn(&mut Home)) -> History {
    let seed = Seed::new();
    let mut random = seed.random();
    let mut home = Home::new(TIDINGS);
    let mut followers = followers(&home);
    let mix = Mix {
        publishers: 4,
        topics: TOPICS.map(str::to_owned).into(),
        durabilities: durabilities.to_vec(),
        seed: random.u64(..),
    };
    let load = Load::start(home.whereabouts(), &mix);
    for _ in 0..rounds {
        load.await_acknowledgement(home.run());
        // The moment of the fault; nothing is waited for.
        thread::sleep(Duration::from_millis(random.u64(50..=600)));
        interrupt(&mut home);
        home.start();
    }
    load.await_acknowledgement(home.run());

    let mut history = History::default();
    for publications in load.finish() {
        history.publisher(publications);
    }
    let id = home.hub().publish(LAST_TOPIC, "message", LAST);
    let mut last = Publication::acknowledged(LAST_TOPIC, LAST, &id, Durability::Disk);
    last.attempts[0].run = home.run();
    history.publisher(vec![last]);
    let afresh = Reader::new("afresh", &["**"]);
    followers.push(Follower::start(
        home.whereabouts(),
        afresh,
        Start::Oldest,
        Habit::Prompt,
        LAST,
    ));
    for reader in followers.into_iter().flat_map(Follower::finish) {
        history.reader(reader);
    }
    for ending in home.endings() {
        history.run_ended(*ending);
    }
    history.assert_holds();
    history
}

fn assert_no_gap(history: &History) {
    for reader in history.readers() {
        let mut events = reader.visits.iter().flat_map(|visit| &visit.events);
        let gap = events.find(|event| event.event == "tidings.gap");
        assert_eq!(gap, None, "told to {}", reader.name);
    }
}

#[test]
fn the_hub_loses_nothing_when_it_is_killed() {
    let history = outlive(crashes(), &[Durability::Disk], Home::kill);
    assert_no_gap(&history);
}

#[test]
fn what_a_killed_hub_had_in_memory_alone_is_never_lost_in_silence() {
    let durabilities = [Durability::Disk, Durability::Memory];
    outlive(crashes().div_ceil(2), &durabilities, Home::kill);
}

#[test]
fn a_hub_that_was_stopped_goes_on_as_if_nothing_had_been() {
    let durabilities = [Durability::Disk, Durability::Memory];
    let history = outlive(6, &durabilities, Home::stop);
    assert_no_gap(&history);
    let mut readers = history.readers().iter();
    let afresh = readers.find(|reader| reader.name == "afresh");
    let visits = &afresh.expect("the last reader").visits;
    let events = visits.iter().flat_map(|visit| &visit.events);
    let ids: Vec<_> = events
        .filter(|event| !event.is_control())
        .map(|event| Position::of(event.id()))
        .collect();
    for pair in ids.windows(2) {
        assert_eq!(pair[0].later(1), pair[1]);
    }
}

#[test]
fn a_hub_whose_folder_was_deleted_tells_everybody_who_comes_with_an_earlier_id() {
    let mut home = Home::new(TIDINGS);
    let old = ["a", "b"].map(|data| home.hub().publish("t", "n", data));
    home.stop();
    home.wipe();
    home.start();
    let new = home.hub().publish("t", "n", "c");
    assert_ne!(Position::of(&old[0]).epoch, Position::of(&new).epoch);

    let mut streams = Vec::new();
    for id in &old {
        for selector in ["t", "*"] {
            let mut stream = home.hub().resume(&format!("topic={selector}"), id);
            let gap = stream.expect("tidings.gap").json();
            assert_eq!(gap["reason"], json!("epoch-changed"), "{gap}");
            assert_eq!(gap["requested"], json!(id));
            assert_eq!(data(&stream.take(1)), ["c"]);
            assert_eq!(stream.expect("tidings.resumed").json()["count"], json!(1));
            streams.push(stream);
        }
    }
    home.hub().publish("t", "n", "live");
    for mut stream in streams {
        assert_eq!(stream.event().data, "live");
    }
}
