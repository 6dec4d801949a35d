//! One event and one comment made of any text come back as one event and that comment's lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_sse::{Block, Decoder, EventId, EventName, encode_comment};

use crate::stream::Seen;

#[path = "../../crates/tidings-sse/tests/it/stream.rs"]
mod stream;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (id, name, data, comment) = input;
    let id = EventId::new(id).ok();
    let event = EventName::new(name).ok();
    let block = Block {
        id: id.as_ref(),
        event: event.as_ref(),
        data,
    };
    let mut bytes = Vec::new();
    block.encode(&mut bytes);
    assert_eq!(bytes.len(), block.encoded_len());
    encode_comment(comment, &mut bytes);

    let mut expected = vec![Seen::Event {
        event: event
            .as_ref()
            .map_or("message", EventName::as_str)
            .to_owned(),
        data: with_lf(data),
        id: id.as_ref().map_or("", EventId::as_str).to_owned(),
    }];
    expected.extend(with_lf(comment).split('\n').map(|line| Seen::Comment {
        comment: line.to_owned(),
    }));

    assert_eq!(
        stream::read(&mut Decoder::new(), [bytes.as_slice()]).frames,
        expected
    );
    assert_eq!(
        stream::read(&mut Decoder::new(), stream::cut(&bytes, &[1])).frames,
        expected
    );
});

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
