//! Any bytes in any chunks are read as the plain model reads them whole. The first byte of the input says
//! how long the chunks are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_sse::Decoder;

#[path = "../../crates/tidings-sse/tests/it/model.rs"]
mod model;
#[path = "../../crates/tidings-sse/tests/it/stream.rs"]
mod stream;

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let lengths = [usize::from(first >> 4), usize::from(first & 15)];
    let expected = model::read(bytes, "");
    assert_eq!(stream::read(&mut Decoder::new(), [bytes]), expected);
    assert_eq!(
        stream::read(&mut Decoder::new(), stream::cut(bytes, &lengths)),
        expected
    );
});
