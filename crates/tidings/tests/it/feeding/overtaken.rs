//! A feed that the tail does not wait for reads the log, once for all its streams.

use std::time::Duration;

use tidings::{Broker, Event, Fed, Receipt, Retention};
use tokio::runtime::Runtime;

use crate::fixture::{Now, keeper, name, publish, publish_all, publish_final, to, topic};

use super::{
    engine::{ENOUGH, large},
    fall_behind,
    three::Three,
};

#[test]
fn everything_comes_from_the_log_and_then_what_follows() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    three.check_fed(&["1", "2", "3", "4", "5", "6"]);
    publish(&broker, "a", "7");
    publish_final(&broker, "a", "8");
    three.check(&["7", "8"], &["<end>"]);
    assert_eq!(broker.stats().lag, Default::default());
}

#[test]
fn the_end_is_for_each_stream_to_take() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    publish_final(&broker, "a", "7");
    three.check(&["1", "2", "3", "4", "5", "6", "7"], &["<end>"]);
}

#[test]
fn so_do_many_small_events() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    let all: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    publish_all(&broker, "a", &all);
    three.check_fed(&all);
}

#[test]
fn what_comes_meanwhile_follows() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    for (data, limit) in [("7", 1), ("8", 1), ("9", ENOUGH)] {
        publish(&broker, "a", &large(data));
        assert!(matches!(three.engine.take(limit), Fed::Events { .. }));
        for stream in &mut three.fed {
            three.engine.hand(stream);
        }
    }
    three.check_fed(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn at_least_one_event_is_read_at_a_time() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    for number in 0..6 {
        assert_eq!(three.engine.take(0), Fed::Events { first: number });
        for stream in &mut three.fed {
            three.engine.hand(stream);
        }
    }
    three.check_fed(&["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn what_came_before_it_fell_behind_is_not_given_again() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    publish(&broker, "a", "fed");
    assert_eq!(three.engine.run(&mut three.fed), Fed::Nothing);
    publish(&broker, "a", "fed without a rest");
    three.engine.take(ENOUGH);
    for stream in &mut three.fed {
        three.engine.hand(stream);
    }
    fall_behind(&broker);
    let before = ["fed", "fed without a rest"];
    three.check_fed(&[&before[..], &["1", "2", "3", "4", "5", "6"]].concat());
}

#[test]
fn a_stream_leaves_anywhere_and_goes_on_from_there() {
    for limit in [1, ENOUGH] {
        for given in 0..6 {
            let broker = Broker::new();
            let mut three = Three::open(&broker, &["a"]);
            fall_behind(&broker);
            let [stays, leaves] = &mut three.fed;
            while stays.got.len() < 6 {
                assert!(matches!(three.engine.take(limit), Fed::Events { .. }));
                while leaves.got.len() < given && three.engine.hand_one(leaves) {}
                if leaves.got.len() == given && leaves.next.is_some() {
                    three.engine.leave(leaves);
                }
                three.engine.hand(stays);
            }
            publish(&broker, "a", "7");
            assert_eq!(three.engine.take(ENOUGH), Fed::Events { first: 6 });
            three.engine.hand(stays);
            leaves.go_on();
            for stream in [stays, leaves] {
                assert_eq!(stream.got(), ["1", "2", "3", "4", "5", "6", "7"]);
            }
        }
    }
}

#[test]
fn a_stream_that_joins_meanwhile_is_given_what_follows() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    three.own.go_on();
    assert!(three.engine.join(&mut three.own));
    let Three {
        fed: [one, other],
        own,
        engine,
    } = &mut three;
    publish(&broker, "a", "7");
    while engine.take(1) != Fed::Nothing {
        for stream in [&mut *one, other, own] {
            engine.hand(stream);
        }
    }
    for stream in [one, other, own] {
        assert_eq!(stream.got(), ["1", "2", "3", "4", "5", "6", "7"]);
    }
}

#[test]
fn events_of_another_type_between_them_are_passed_over() {
    let broker = keeper(4).build();
    let mut three = Three::of(&broker, &to(&["a"]).only([name("x")]));
    publish_all(&broker, "a", &["no"; 6]);
    for data in ["1", "2", "3", "4"] {
        let event = Event::new(large(data)).named(name("x"));
        broker.publish(topic("a"), event).now().unwrap();
    }
    three.check_fed(&["1", "2", "3", "4"]);
}

#[test]
fn so_many_of_another_type_are_passed_over_a_few_pages_at_a_time() {
    let broker = Broker::new();
    let mut three = Three::of(&broker, &to(&["a"]).only([name("x")]));
    let publish_x = |data: &str| -> Receipt {
        let event = Event::new(large(data)).named(name("x"));
        broker.publish(topic("a"), event).now().unwrap()
    };
    publish_x("1");
    publish_all(&broker, "a", &["no"; 20_000]);
    publish_x("2");
    publish_x("3");
    let mut turns = 0;
    while three.fed[0].got.len() < 3 {
        let rung = three.engine.bell.rung();
        match three.engine.take(1) {
            Fed::Nothing => assert!(three.engine.bell.rung() > rung, "it goes on by itself"),
            Fed::Events { .. } => {}
            Fed::Dissolved => panic!("nothing has gone"),
        }
        turns += 1;
        three
            .fed
            .iter_mut()
            .for_each(|stream| three.engine.hand(stream));
    }
    assert!(turns > 10, "{turns}");
    three.check_fed(&["1", "2", "3"]);
}

#[test]
fn who_has_joined_since_a_topic_was_deleted_misses_nothing() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["*"]);
    publish(&broker, "b", "0");
    assert_eq!(three.engine.run(&mut three.fed), Fed::Nothing);
    broker.delete(&topic("b")).now().unwrap();
    three.own.go_on();
    assert!(three.engine.join(&mut three.own));
    fall_behind(&broker);

    let Three {
        fed: [one, other],
        own,
        mut engine,
    } = three;
    let mut streams = [one, other, own];
    engine.run(&mut streams);
    engine.dissolve(&mut streams);
    for stream in &mut streams {
        assert!(
            stream
                .got()
                .ends_with(&["1", "2", "3", "4", "5", "6"].map(str::to_owned))
        );
    }
}

#[test]
fn what_is_deleted_meanwhile_is_for_each_stream_to_be_told_of() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["*"]);
    publish(&broker, "b", "0");
    fall_behind(&broker);
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "b", "7");
    three.check(&[], &["<gap lagged>", "0", "6", "<gap deleted>", "7"]);
}

/// A store in a file, and more than what of it is held in memory for a feed that has taken none of it.
struct Stored {
    broker: Broker,
    three: Three,
    data: Vec<String>,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Stored {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let retention = Retention {
            events: 60,
            ..Retention::default()
        };
        let broker = Broker::builder().retention(retention);
        let broker = broker.open(folder.path()).unwrap();
        let three = Three::open(&broker, &["a"]);
        let stored = Self {
            broker,
            three,
            data: (0..60).map(|n| n.to_string()).collect(),
            runtime,
            _folder: folder,
        };
        stored.data.iter().for_each(|data| stored.publish(data));
        stored
    }

    fn publish(&self, data: &str) {
        let publish = self.broker.publish(topic("a"), Event::new(large(data)));
        self.runtime.block_on(publish).unwrap();
    }

    /// Takes and hands out until the feed parks, and tells whether it has. Otherwise it has dissolved.
    fn run(&mut self) -> bool {
        let Three { fed, engine, .. } = &mut self.three;
        engine.run(fed) == Fed::Nothing
    }

    fn wait(&self, rung: usize) {
        while self.three.engine.bell.rung() == rung {
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_is_not_in_memory_is_waited_for() {
    let mut stored = Stored::open();
    let mut waited = 0;
    while stored.three.fed[0].got.len() < stored.data.len() {
        let rung = stored.three.engine.bell.rung();
        assert!(stored.run(), "nothing has gone");
        if stored.three.fed[0].got.len() < stored.data.len() {
            waited += 1;
            stored.wait(rung);
        }
    }
    assert!(waited > 0);
    assert_eq!(stored.three.fed[0].got(), stored.data);
    assert_eq!(stored.three.fed[1].got(), stored.data);
    let Stored {
        broker, runtime, ..
    } = stored;
    runtime.block_on(broker.close(Duration::from_secs(5)));
}

#[test]
fn what_goes_while_a_page_is_read_is_for_the_lag_policy() {
    let mut stored = Stored::open();
    let rung = stored.three.engine.bell.rung();
    assert!(stored.run());
    assert!(stored.three.fed[0].got.is_empty(), "a page is being read");
    for data in 60..120 {
        stored.publish(&data.to_string());
    }
    stored.wait(rung);
    assert!(!stored.run());

    let Three {
        mut fed, engine, ..
    } = stored.three;
    engine.dissolve(&mut fed);
    for stream in &mut fed {
        let got = stream.got();
        // Perhaps the page, if it had been read before.
        let page = got.strip_suffix(&["<goodbye too-slow>", "<end>"].map(str::to_owned));
        let page = page.unwrap_or_else(|| panic!("{got:?}"));
        assert!(page.len() < 60 && stored.data.starts_with(page), "{got:?}");
    }
    let close = stored.broker.close(Duration::ZERO);
    stored.runtime.block_on(close);
}

#[test]
fn a_broker_that_closes_waits_for_what_is_being_read() {
    let mut stored = Stored::open();
    assert!(stored.run());
    assert!(stored.three.fed[0].got.len() < stored.data.len());
    let closing = stored.runtime.spawn({
        let broker = stored.broker.clone();
        async move { broker.close(Duration::from_secs(60)).await }
    });
    while !stored.broker.is_closed() {
        std::thread::yield_now();
    }
    loop {
        let rung = stored.three.engine.bell.rung();
        if !stored.run() {
            break;
        }
        stored.wait(rung);
    }
    let Three {
        mut fed,
        own,
        engine,
    } = stored.three;
    drop(own);
    engine.dissolve(&mut fed);
    for stream in &mut fed {
        let mut expected = stored.data.clone();
        expected.extend(["<goodbye drain>", "<end>"].map(str::to_owned));
        assert_eq!(stream.got(), expected);
    }
    drop(fed);
    assert_eq!(stored.runtime.block_on(closing).unwrap().cut, 0);
}
