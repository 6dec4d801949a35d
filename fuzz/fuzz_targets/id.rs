//! Whatever is given as the id to resume after: a position that is written as it was read, or none; and a reader either way.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tidings::{Broker, Subscription, Topic};
use tidings_log::Position;

thread_local! {
    static BROKER: RefCell<Broker> = RefCell::new(Broker::new());
}

fuzz_target!(|input: &str| {
    if let Ok(position) = input.parse::<Position>() {
        assert_eq!(position.to_string(), input);
    }
    let topic = Topic::new("t").expect("a topic");
    BROKER.with_borrow(|broker| {
        let subscription = Subscription::to(topic).resume_after(input);
        let subscriber = broker.subscribe(subscription).expect("a reader");
        assert_eq!(broker.stats().subscriptions, 1);
        drop(subscriber);
        assert_eq!(broker.stats().subscriptions, 0);
    });
});
