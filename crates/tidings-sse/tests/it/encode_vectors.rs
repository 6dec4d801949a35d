use std::time::Duration;

use serde::Deserialize;
use tidings_sse::{
    Block, Decoder, EventId, EventIdError, EventName, EventNameError, Preamble, encode_comment,
};

use crate::stream::{Seen, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    blocks: Vec<BlockVector>,
    comments: Vec<CommentVector>,
    preambles: Vec<PreambleVector>,
    refused_events: Vec<Refused>,
    refused_ids: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockVector {
    name: String,
    #[serde(default, rename = "scenarios")]
    _scenarios: Vec<String>,
    id: Option<String>,
    event: Option<String>,
    data: String,
    bytes: String,
    decoded: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommentVector {
    text: String,
    bytes: String,
    decoded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PreambleVector {
    retry_ms: Option<u64>,
    id: Option<String>,
    bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    value: String,
    reason: Reason,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reason {
    Empty,
    TooLong,
    Reserved,
    Forbidden,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../conformance/encode.json")).unwrap()
}

fn id(text: &Option<String>) -> Option<EventId> {
    text.as_ref().map(|id| EventId::new(id).unwrap())
}

fn check_decoded(bytes: &[u8], expected: &[Seen]) {
    assert_eq!(read(&mut Decoder::new(), [bytes]).frames, expected);
}

#[test]
fn blocks_have_exactly_these_bytes() {
    for vector in vectors().blocks {
        let id = id(&vector.id);
        let event = vector.event.map(|name| EventName::new(name).unwrap());
        let block = Block {
            id: id.as_ref(),
            event: event.as_ref(),
            data: &vector.data,
        };

        let mut out = Vec::new();
        block.encode(&mut out);

        assert_eq!(
            str::from_utf8(&out).unwrap(),
            vector.bytes,
            "{}",
            vector.name
        );
        assert_eq!(block.encoded_len(), out.len(), "{}", vector.name);
        check_decoded(
            &out,
            &[Seen::Event {
                event: event
                    .as_ref()
                    .map_or("message", EventName::as_str)
                    .to_owned(),
                data: vector.decoded,
                id: vector.id.unwrap_or_default(),
            }],
        );
    }
}

#[test]
fn comments_have_exactly_these_bytes() {
    for vector in vectors().comments {
        let mut out = Vec::new();
        encode_comment(&vector.text, &mut out);

        assert_eq!(str::from_utf8(&out).unwrap(), vector.bytes);
        let comments = vector.decoded.into_iter();
        let seen: Vec<_> = comments.map(|comment| Seen::Comment { comment }).collect();
        check_decoded(&out, &seen);
    }
}

#[test]
fn preambles_have_exactly_these_bytes_and_set_the_id() {
    for vector in vectors().preambles {
        let id = id(&vector.id);
        let preamble = Preamble {
            retry: vector.retry_ms.map(Duration::from_millis),
            id: id.as_ref(),
        };

        let mut out = Vec::new();
        preamble.encode(&mut out);

        assert_eq!(str::from_utf8(&out).unwrap(), vector.bytes);
        let outcome = read(&mut Decoder::new(), [out.as_slice()]);
        assert_eq!(outcome.last_event_id, vector.id.unwrap_or_default());
    }
}

#[test]
fn bad_event_names_are_refused() {
    for Refused { value, reason } in vectors().refused_events {
        let given = match EventName::new(&value).unwrap_err() {
            EventNameError::Empty => Reason::Empty,
            EventNameError::TooLong { .. } => Reason::TooLong,
            EventNameError::Reserved { .. } => Reason::Reserved,
            EventNameError::ForbiddenByte { .. } => Reason::Forbidden,
            other => panic!("{other}"),
        };
        assert_eq!(given, reason, "{value:?}");
    }
}

#[test]
fn bad_event_ids_are_refused() {
    for Refused { value, reason } in vectors().refused_ids {
        let given = match EventId::new(&value).unwrap_err() {
            EventIdError::Empty => Reason::Empty,
            EventIdError::TooLong { .. } => Reason::TooLong,
            EventIdError::ForbiddenByte { .. } => Reason::Forbidden,
            other => panic!("{other}"),
        };
        assert_eq!(given, reason, "{value:?}");
    }
}
