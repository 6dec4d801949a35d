//! What an application answers about somebody gives the rights that another reader finds in it, in the place of those that it
//! names, and nothing beside.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidings::{Selector, Topic};
use tidings_auth::{Answer, Credential, Grant, Rights};

/// Whom it may be about: somebody, nobody, who goes by what is none or several segments, and who goes by the hub's name.
const IDENTITIES: [Option<&str>; 6] = [
    Some("7"),
    None,
    Some(""),
    Some("*"),
    Some("a/b"),
    Some("tidings"),
];

const TOPICS: [&str; 12] = [
    "a",
    "a/b",
    "a/b/c",
    "b",
    "7",
    "7/a",
    "a/7",
    "a/7/b",
    "own",
    "tidings",
    "tidings/a",
    "tidings/7",
];

fuzz_target!(|input: &[u8]| {
    let Ok(answer) = Answer::read(input) else {
        return;
    };
    let said: Value = serde_json::from_slice(input).expect("JSON to another reader");
    let said = said.as_object().expect("an object");
    assert_eq!(answer.allows(), said["allow"] == true);
    let again = Value::from(said.clone()).to_string();
    assert_eq!(Answer::read(again.as_bytes()).as_ref(), Ok(&answer));
    for identity in IDENTITIES {
        check(&answer, said, identity);
    }
});

fn check(answer: &Answer, said: &serde_json::Map<String, Value>, identity: Option<&str>) {
    let own = [Selector::new("own").expect("a selector")];
    for rights in [
        Rights::new(own.clone(), own.clone()),
        Rights::new(own.clone(), own.clone()).with_admin(),
    ] {
        let was_admin = rights.is_admin();
        let before = Grant {
            identity: identity.map(Arc::from),
            namespace: Some("shop".into()),
            credential: Credential::Key { id: "key".into() },
            ..Grant::anonymous(rights)
        };
        let Some(after) = answer.apply(&before) else {
            assert_eq!(said["allow"], false);
            return;
        };
        assert_eq!(said["allow"], true);
        let takes_admin = said.get("admin") == Some(&Value::Bool(false));
        assert_eq!(after.is_admin(), was_admin && !takes_admin);
        let [publish, subscribe] = ["publish", "subscribe"].map(|list| match said.get(list) {
            Some(list) => selectors(list, identity),
            None => own.to_vec(),
        });
        for text in TOPICS {
            let topic = Topic::new(text).expect("a topic");
            let may = |right: &[Selector]| right.iter().any(|selector| selector.matches(&topic));
            assert_eq!(after.may_publish(&topic), may(&publish), "{text}");
            assert_eq!(after.may_subscribe(&topic), may(&subscribe), "{text}");
        }
        let rights = before.rights.clone();
        assert_eq!(Grant { rights, ..after }, before);
    }
}

/// The selectors of a list, as far as somebody can have them.
fn selectors(list: &Value, identity: Option<&str>) -> Vec<Selector> {
    let texts = list.as_array().expect("a list").iter();
    let texts = texts.map(|text| text.as_str().expect("a text"));
    let segment = identity.filter(|identity| {
        let is_one = !identity.contains('/') && !identity.contains('*');
        is_one && Topic::new(*identity).is_ok()
    });
    let resolved = texts.filter_map(|text| {
        let is_personal = text.split('/').any(|segment| segment == "{identity}");
        let identity = match (is_personal, segment) {
            (false, _) => "",
            (true, None) => return None,
            // The hub's own topics are not had by a name.
            (true, Some("tidings")) if text.starts_with("{identity}") => return None,
            (true, Some(identity)) => identity,
        };
        let segments = text.split('/').map(|segment| match segment {
            "{identity}" => identity,
            other => other,
        });
        // With a name in it, it may be too long for a selector.
        Selector::new(segments.collect::<Vec<_>>().join("/")).ok()
    });
    resolved.collect()
}
