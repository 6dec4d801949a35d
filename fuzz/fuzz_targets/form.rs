//! Queries and forms have the pairs that another reader finds in them, and whatever is asked of them has an answer.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the hub uses all of it")]
#[path = "../../crates/tidings-server/src/api"]
mod api {
    pub(crate) mod kind;
    pub(crate) mod parameters;

    use self::kind::Kind;

    pub(crate) fn check(input: &[u8]) {
        let parameters = parameters::Parameters::parse(input);
        let expected = form_urlencoded::parse(input).filter(|(name, _)| name == "topic");
        let expected: Vec<_> = expected.map(|(_, value)| value.into_owned()).collect();
        match parameters.each("topic", |text| Ok::<_, String>(text.to_owned())) {
            Ok(topics) => assert_eq!(topics, expected),
            Err(_) => assert!(expected.iter().any(|text| text.contains('\u{fffd}'))),
        }
        let _ = parameters.topic();
        let _ = parameters.selectors(3);
        let _ = parameters.events(3);
        let _ = parameters
            .limit(7)
            .map(|limit| assert!((1..=10_000).contains(&limit)));
        let _ = parameters.flag("final");
        let _ = parameters.lenient("last_event_id");
        let _ = parameters.seconds("wait", 0..=60);
    }
}

fuzz_target!(|input: &[u8]| api::check(input));
