use std::iter;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tidings_sse::{Block, Decoder, EventId, EventName, Limits, encode_comment};

use crate::model;
use crate::stream::{Outcome, Seen, cut, read};

/// What an encoder is asked to write.
#[derive(Debug, Clone)]
enum Written {
    Event(Option<EventId>, Option<EventName>, String),
    Comment(String),
}

impl Written {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Comment(text) => encode_comment(text, out),
            Self::Event(id, event, data) => {
                let block = Block {
                    id: id.as_ref(),
                    event: event.as_ref(),
                    data,
                };
                let before = out.len();
                block.encode(out);
                assert_eq!(out.len() - before, block.encoded_len());
            }
        }
    }

    /// The frames a reader gets; `id` is the last event id.
    fn expected(&self, id: &mut String) -> Vec<Seen> {
        match self {
            Self::Comment(text) => with_lf(text)
                .split('\n')
                .map(|line| Seen::Comment {
                    comment: line.to_owned(),
                })
                .collect(),
            Self::Event(new_id, event, data) => {
                if let Some(new_id) = new_id {
                    new_id.as_str().clone_into(id);
                }
                vec![Seen::Event {
                    event: event
                        .as_ref()
                        .map_or("message", EventName::as_str)
                        .to_owned(),
                    data: with_lf(data),
                    id: id.clone(),
                }]
            }
        }
    }
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Text in which line ends and the characters with a meaning in the format are frequent.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "\n", "\r", "\r\n", ":", " ", "data: x", "id: 1", "\0", "\u{feff}", "\u{2028}", "é"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn written() -> impl Strategy<Value = Written> {
    let id = "[!-~]{1,64}".prop_map(|id| EventId::new(id).unwrap());
    let name = any::<String>().prop_filter_map("a legal name", |name| EventName::new(name).ok());
    prop_oneof![
        4 => (proptest::option::of(id), proptest::option::of(name), text())
            .prop_map(|(id, event, data)| Written::Event(id, event, data)),
        1 => text().prop_map(Written::Comment),
    ]
}

/// Bytes with all kinds of lines, cut and broken in all kinds of places.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b":",
        b": ",
        b" ",
        b"data",
        b"data: ",
        b"data: x\n",
        b"event: ",
        b"event",
        b"id",
        b"id: 7",
        b"id: 8\n",
        b"retry: ",
        b"retry: 12",
        b"3000",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xe2\x82",
        b"\xac",
        b"\xf0\x9f",
        b"\xff",
        b"\xc3\xa9",
        b"x",
    ];
    let piece = prop_oneof![
        9 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..8),
    ];
    vec(piece, 0..48).prop_map(|pieces| pieces.concat())
}

fn chunk_lengths() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..12, 1..8)
}

fn limits() -> impl Strategy<Value = Limits> {
    (0_usize..24, 0_usize..12, 0_usize..4, 0_usize..4).prop_map(|(line, event, id, name)| Limits {
        line,
        event,
        id,
        name,
        ..Limits::default()
    })
}

fn read_cut(limits: Limits, bytes: &[u8], lengths: &[usize]) -> Outcome {
    read(&mut Decoder::with_limits(limits), cut(bytes, lengths))
}

#[test]
fn every_short_arrangement_is_read_as_the_standard_says_cut_anywhere() {
    let pieces: [&[u8]; 5] = [b"\r", b"\n", b"\xff", b"\xef\xbb\xbf", b"data:x"];
    for arrangement in 0..5_usize.pow(5) {
        let digits = iter::successors(Some(arrangement), |rest| Some(rest / 5)).take(5);
        let bytes = digits
            .map(|rest| pieces[rest % 5])
            .collect::<Vec<_>>()
            .concat();
        let expected = model::read(&bytes, "");
        for position in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(position);
            let outcome = read(&mut Decoder::new(), [head, tail]);
            assert_eq!(outcome, expected, "{head:?} and {tail:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_encoded_is_decoded(
        written in vec(written(), 0..6),
        lengths in chunk_lengths(),
    ) {
        let mut bytes = Vec::new();
        let mut id = String::new();
        let mut expected = Vec::new();
        for one in &written {
            one.encode(&mut bytes);
            expected.extend(one.expected(&mut id));
        }

        let whole = read(&mut Decoder::new(), [bytes.as_slice()]);
        prop_assert_eq!(&whole.frames, &expected);
        prop_assert_eq!(&whole.last_event_id, &id);
        prop_assert_eq!(read_cut(Limits::default(), &bytes, &lengths), whole);
    }

    #[test]
    fn any_bytes_in_any_chunks_are_read_as_the_standard_says(
        bytes in prop_oneof![soup(), vec(any::<u8>(), 0..256)],
        lengths in chunk_lengths(),
        id in "[a-z]{0,2}",
    ) {
        let expected = model::read(&bytes, &id);
        for chunks in [vec![bytes.as_slice()], bytes.chunks(1).collect(), cut(&bytes, &lengths)] {
            let mut decoder = Decoder::new();
            decoder.set_last_event_id(&id);
            prop_assert_eq!(&read(&mut decoder, chunks), &expected);
        }
    }

    #[test]
    fn a_limit_ends_the_stream_at_the_same_place_in_any_chunks(
        bytes in soup(),
        lengths in chunk_lengths(),
        limits in limits(),
    ) {
        let unlimited = model::read(&bytes, "");
        let whole = read(&mut Decoder::with_limits(limits.clone()), [bytes.as_slice()]);

        prop_assert!(iter::zip(&whole.frames, &unlimited.frames).all(|(a, b)| a == b));
        match whole.error {
            None => prop_assert_eq!(&whole, &unlimited),
            Some(_) => prop_assert!(whole.frames.len() <= unlimited.frames.len()),
        }
        prop_assert_eq!(&read_cut(limits.clone(), &bytes, &[1]), &whole);
        prop_assert_eq!(&read_cut(limits, &bytes, &lengths), &whole);
    }
}
