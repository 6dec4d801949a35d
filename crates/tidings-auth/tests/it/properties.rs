use proptest::prelude::*;
use serde_json::{Value, json};
use tidings::{Selector, Topic};
use tidings_auth::{Algorithm, Denied, Rights, RightsTemplate};

use crate::fixture::{NOW, SECOND, Signer, claims};
use crate::promises;

/// What a claim may hold: often what it should, and anything else.
fn value(good: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let text = "[a*/{}._ é-]{0,6}".prop_map(Value::from);
    prop_oneof![
        8 => good,
        1 => prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone(),
            prop::collection::vec(text, 0..3).prop_map(Value::from),
        ],
    ]
}

fn near() -> impl Strategy<Value = Value> {
    prop_oneof![
        (SECOND - 100..SECOND + 100).prop_map(Value::from),
        (SECOND..SECOND + 90_000).prop_map(Value::from),
    ]
}

fn selectors() -> impl Strategy<Value = Value> {
    let good = prop::sample::select(vec!["a", "a/*", "**", "u/{identity}/**", "{identity}"]);
    let segment = prop::sample::select(vec!["a", "*", "**", "{identity}", "", "x{identity}", "é"]);
    let any = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"));
    prop_oneof![
        6 => prop::collection::vec(good.clone(), 0..4).prop_map(Value::from),
        1 => prop::collection::vec(good, 254..259).prop_map(Value::from),
        1 => prop::collection::vec(any, 0..4).prop_map(Value::from),
    ]
}

fn access() -> impl Strategy<Value = Value> {
    let name = "[a*/{}]{0,3}".prop_map(Value::from);
    (
        value(selectors()),
        value(selectors()),
        value(any::<bool>().prop_map(Value::from)),
        value(name),
    )
        .prop_map(|(publish, subscribe, admin, identity)| {
            json!({"publish": publish, "subscribe": subscribe, "admin": admin, "identity": identity})
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_token_says_the_promises_hold(
        alg in prop::sample::select(vec!["HS256", "HS256", "HS256", "none", "RS256"]),
        exp in value(near()),
        times in (value(near()), value(near())),
        sub in value("[a-z*/]{0,4}".prop_map(Value::from)),
        tidings in value(access()),
        keep in prop::collection::vec(prop::bool::weighted(0.8), 5),
    ) {
        let all = [("exp", exp), ("nbf", times.0), ("iat", times.1), ("sub", sub), ("tidings", tidings)];
        let kept = all.into_iter().zip(keep).filter(|(_, keep)| *keep);
        let claims: Value = kept.map(|((name, value), _)| (name.to_owned(), value)).collect();
        promises::check(&json!({"alg": alg}).to_string(), &claims.to_string());
    }

    #[test]
    fn any_text_is_read_without_harm(text in "[\\PC.]{0,60}|ey[A-Za-z0-9_-]{0,30}\\.ey[A-Za-z0-9_-]{0,30}\\..{0,9}") {
        promises::read(&text);
    }

    #[test]
    fn a_token_with_any_character_changed_is_another(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.=-]") {
        let signer = Signer::new(Algorithm::Hs256);
        let good = signer.says(&claims());
        let at = at.index(good.len());
        prop_assume!(good[at..=at] != to);
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(signer.verifier().verify(&changed, NOW));
        prop_assert!(outcome.is_err());
        prop_assert_ne!(outcome, Err(Denied::KeysUnavailable));
    }
}

/// The segments that make mistakes likely: those that other systems give a meaning.
const SEGMENTS: [&str; 9] = ["a", "", "_", "%2F", ".", "..", "{}", "é", "tidings"];

/// All paths of one to three of these segments.
fn paths(segments: &[&str]) -> Vec<String> {
    let mut paths: Vec<String> = segments.iter().map(ToString::to_string).collect();
    let mut last = paths.clone();
    for _ in 0..2 {
        let longer = |path: &String| {
            segments
                .iter()
                .map(move |one| format!("{path}/{one}"))
                .collect::<Vec<_>>()
        };
        last = last.iter().flat_map(longer).collect();
        paths.extend(last.clone());
    }
    paths
}

/// The rule in the words of the documentation.
fn is_meant(selector: &[&str], topic: &[&str]) -> bool {
    match (selector, topic) {
        (["**"], _) | ([], []) => true,
        (["*", selector @ ..], [_, topic @ ..]) => is_meant(selector, topic),
        ([own, selector @ ..], [segment, topic @ ..]) => {
            own == segment && is_meant(selector, topic)
        }
        _ => false,
    }
}

#[test]
fn rights_are_what_a_reading_of_the_rule_gives_for_every_pair() {
    let topics: Vec<_> = paths(&SEGMENTS)
        .iter()
        .filter_map(|text| Topic::new(text).ok())
        .collect();
    let mut wild = SEGMENTS[..5].to_vec();
    wild.extend(["tidings", "*", "**"]);
    let mut pairs = 0;
    for selector in paths(&wild)
        .iter()
        .filter_map(|text| Selector::new(text).ok())
    {
        let rights = Rights::new([selector.clone()], [selector.clone()]);
        let own: Vec<_> = selector.as_str().split('/').collect();
        for topic in &topics {
            let segments: Vec<_> = topic.segments().collect();
            let is_hidden = own[0].starts_with('*') && segments[0] == "tidings";
            let expected = is_meant(&own, &segments) && !is_hidden;
            assert_eq!(rights.may_subscribe(topic), expected, "{selector} {topic}");
            assert_eq!(rights.may_publish(topic), expected, "{selector} {topic}");
            pairs += 1;
        }
    }
    assert!(pairs > 100_000, "{pairs}");
}

#[test]
fn nobody_reaches_the_topics_of_anybody_else() {
    let names = [
        "a",
        "b",
        "_",
        "%2F",
        ".",
        "..",
        "*",
        "**",
        "a/b",
        "{identity}",
        "é",
        "tidings",
        "a*",
    ];
    let template = RightsTemplate::new([""; 0], ["u/{identity}/**", "{identity}/x"]).unwrap();
    for name in names {
        let rights = template.resolve(Some(name));
        let others = names
            .iter()
            .filter(|other| !other.contains('/') && **other != name);
        for other in others {
            for topic in [
                format!("u/{other}/mail"),
                format!("u/{other}"),
                format!("{other}/x"),
            ] {
                let Ok(topic) = Topic::new(topic) else {
                    continue;
                };
                assert!(!rights.may_subscribe(&topic), "{name} reads {topic}");
            }
        }
    }
}
