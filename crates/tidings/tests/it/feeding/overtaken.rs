//! A feed that the tail does not wait for reads the log, once for all its streams.

use tidings::{Broker, Event, Fed, Receipt};
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
fn what_is_deleted_meanwhile_is_for_each_stream_to_be_told_of() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["*"]);
    publish(&broker, "b", "0");
    fall_behind(&broker);
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "b", "7");
    three.check(&[], &["<gap lagged>", "0", "6", "<gap deleted>", "7"]);
}

#[test]
fn what_is_not_in_memory_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let broker = Broker::builder().open(folder.path()).unwrap();
    let mut three = Three::open(&broker, &["a"]);
    let all: Vec<_> = (0..60).map(|n| n.to_string()).collect();
    for data in &all {
        let publish = broker.publish(topic("a"), Event::new(large(data)));
        runtime.block_on(publish).unwrap();
    }
    let mut waited = 0;
    while three.fed[0].got.len() < all.len() {
        let rung = three.engine.bell.rung();
        match three.engine.take(ENOUGH) {
            Fed::Nothing => {
                waited += 1;
                while three.engine.bell.rung() == rung {
                    std::thread::yield_now();
                }
            }
            Fed::Events { .. } => {}
            Fed::Dissolved => panic!("nothing has gone"),
        }
        three
            .fed
            .iter_mut()
            .for_each(|stream| three.engine.hand(stream));
    }
    assert!(waited > 0);
    assert_eq!(three.fed[0].got(), all);
    assert_eq!(three.fed[1].got(), all);
    runtime.block_on(broker.close(std::time::Duration::from_secs(5)));
}
