use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use serde::Deserialize;
use tidings_sse::{Decoder, Limits};

use crate::model;
use crate::stream::{Outcome, read};

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    rules: Vec<u8>,
    #[serde(default)]
    wpt: Vec<String>,
    #[serde(default, rename = "scenarios")]
    _scenarios: Vec<String>,
    #[serde(default)]
    line_ends: Option<LineEnds>,
    #[serde(default)]
    limits: Option<Overrides>,
    #[serde(default)]
    resume_from: String,
    connections: Vec<Connection>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineEnds {
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    line: Option<usize>,
    event: Option<usize>,
    id: Option<usize>,
    name: Option<usize>,
    retry_floor_ms: Option<u64>,
    retry_cap_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Connection {
    input: Option<String>,
    input_hex: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Vector {
    fn decoder(&self) -> Decoder {
        let mut limits = Limits::default();
        if let Some(given) = &self.limits {
            limits.line = given.line.unwrap_or(limits.line);
            limits.event = given.event.unwrap_or(limits.event);
            limits.id = given.id.unwrap_or(limits.id);
            limits.name = given.name.unwrap_or(limits.name);
            let millis = |ms: Option<u64>, unset| ms.map_or(unset, Duration::from_millis);
            limits.retry_floor = millis(given.retry_floor_ms, limits.retry_floor);
            limits.retry_cap = millis(given.retry_cap_ms, limits.retry_cap);
        }
        let mut decoder = Decoder::with_limits(limits);
        decoder.set_last_event_id(&self.resume_from);
        decoder
    }

    /// The bytes of every connection, once for each kind of line end asked for.
    fn inputs(&self) -> Vec<Vec<Vec<u8>>> {
        let ends: &[&str] = match self.line_ends {
            None => &["\n"],
            Some(LineEnds::Any) => &["\n", "\r\n", "\r"],
        };
        let with = |end: &&str| {
            let inputs = self.connections.iter();
            inputs.map(|connection| connection.bytes(end)).collect()
        };
        ends.iter().map(with).collect()
    }

    /// Reads all connections, each cut by `cut`.
    fn check<'c>(&self, inputs: &'c [Vec<u8>], cut: impl Fn(usize, &'c [u8]) -> Vec<&'c [u8]>) {
        let mut decoder = self.decoder();
        for (at, (input, connection)) in iter::zip(inputs, &self.connections).enumerate() {
            decoder.restart();
            let chunks = cut(at, input);
            assert_eq!(
                read(&mut decoder, chunks.iter().copied()),
                connection.outcome,
                "`{}`, connection {at}, in chunks {chunks:?}",
                self.name,
            );
        }
    }
}

impl Connection {
    fn bytes(&self, line_end: &str) -> Vec<u8> {
        match (&self.input, &self.input_hex) {
            (Some(text), None) => text.replace('\n', line_end).into_bytes(),
            (None, Some(hex)) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            _ => panic!("a connection has `input` or `input_hex`"),
        }
    }
}

fn vectors() -> Vec<Vector> {
    let file = include_str!("../../../../conformance/decode.json");
    serde_json::from_str::<Vectors>(file).unwrap().vectors
}

#[test]
fn vectors_hold_whole() {
    for vector in vectors() {
        for inputs in vector.inputs() {
            vector.check(&inputs, |_, input| vec![input]);
        }
    }
}

#[test]
fn vectors_hold_byte_by_byte_with_nothing_in_between() {
    for vector in vectors() {
        for inputs in vector.inputs() {
            vector.check(&inputs, |_, input| {
                let bytes = input.chunks(1);
                bytes.flat_map(|byte| [byte, &[]]).collect()
            });
        }
    }
}

#[test]
fn vectors_hold_cut_in_two_at_every_position() {
    for vector in vectors() {
        for inputs in vector.inputs() {
            for (cut_one, input) in inputs.iter().enumerate() {
                for position in 0..=input.len() {
                    vector.check(&inputs, |at, input| {
                        match input.split_at_checked(position) {
                            Some((head, tail)) if at == cut_one => vec![head, tail],
                            _ => vec![input],
                        }
                    });
                }
            }
        }
    }
}

#[test]
fn the_model_agrees_with_the_vectors_without_limits() {
    for vector in vectors().iter().filter(|vector| vector.limits.is_none()) {
        for inputs in vector.inputs() {
            let mut id = vector.resume_from.clone();
            for (input, connection) in iter::zip(&inputs, &vector.connections) {
                let outcome = model::read(input, &id);
                assert_eq!(outcome, connection.outcome, "`{}`", vector.name);
                id = outcome.last_event_id;
            }
        }
    }
}

#[test]
fn vectors_cover_every_rule_and_every_format_test() {
    let vectors = vectors();
    let rules: BTreeSet<u8> = vectors.iter().flat_map(|v| v.rules.clone()).collect();
    let formats: BTreeSet<&str> = vectors.iter().flat_map(|v| &v.wpt).map(|s| &**s).collect();

    assert_eq!(rules, (1..=21).collect());
    assert_eq!(formats, WPT.into());
    assert!(vectors.len() >= 60);
}

/// The tests of web-platform-tests about the format itself; those about the MIME type are the client's.
const WPT: [&str; 22] = [
    "event-data",
    "format-bom",
    "format-bom-2",
    "format-bom-split",
    "format-comments",
    "format-data-before-final-empty-line",
    "format-field-data",
    "format-field-event",
    "format-field-event-empty",
    "format-field-id",
    "format-field-id-2",
    "format-field-id-3",
    "format-field-id-null",
    "format-field-parsing",
    "format-field-retry",
    "format-field-retry-bogus",
    "format-field-retry-empty",
    "format-field-unknown",
    "format-leading-space",
    "format-newlines",
    "format-null-character",
    "format-utf-8",
];
