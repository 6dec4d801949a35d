//! Decodes events of 240 bytes in chunks of 16 KiB, beside two other incremental decoders, and prints how
//! many times as fast as the faster of them ours is.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use futures_util::{FutureExt, StreamExt, stream};
use sse_core::{SseDecoder, SseEvent};
use sse_stream::SseStream;
use tidings_sse::{Block, Decoder, EventId, EventName, Frame};

const EVENTS: usize = 10_000;
const EVENT_LEN: usize = 240;
const CHUNK_LEN: usize = 16 * 1024;

/// Decodes a stream in chunks and gives the length of all data.
type Decode = fn(&[Bytes]) -> usize;

const DECODERS: [(&str, Decode); 3] = [
    ("tidings-sse", tidings),
    ("sse-core", core),
    ("sse-stream", stream),
];

fn main() {
    let chunks = chunks();
    let expected = tidings(&chunks);
    for (name, decode) in DECODERS {
        assert_eq!(decode(&chunks), expected, "{name} reads the same data");
    }

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes((EVENTS * EVENT_LEN) as u64));
    for (name, decode) in DECODERS {
        group.bench_function(name, |bencher| bencher.iter(|| decode(black_box(&chunks))));
    }
    group.finish();
    criterion.final_summary();
    print_ratio(&chunks);
}

fn tidings(chunks: &[Bytes]) -> usize {
    let mut decoder = Decoder::new();
    let mut len = 0;
    for chunk in chunks {
        let mut frames = decoder.decode(chunk);
        while let Some(frame) = frames.next() {
            if let Ok(Frame::Event(event)) = frame {
                len += black_box(event).data.len();
            }
        }
    }
    len
}

fn core(chunks: &[Bytes]) -> usize {
    let mut decoder = SseDecoder::new();
    let mut len = 0;
    for chunk in chunks {
        let mut chunk = chunk.clone();
        while let Some(event) = decoder.next(&mut chunk) {
            if let Ok(SseEvent::Message(event)) = black_box(event) {
                len += event.data.len();
            }
        }
    }
    len
}

fn stream(chunks: &[Bytes]) -> usize {
    let chunks = chunks.iter().cloned().map(Ok::<_, io::Error>);
    let mut events = SseStream::from_bytes_stream(stream::iter(chunks));
    let mut len = 0;
    while let Some(Some(event)) = events.next().now_or_never() {
        if let Ok(event) = black_box(event) {
            len += event.data.map_or(0, |data| data.len());
        }
    }
    len
}

/// The stream, as an encoder writes it.
fn chunks() -> Vec<Bytes> {
    let name = EventName::new("task-progress").expect("a legal name");
    let mut bytes = Vec::new();
    for event in 0..EVENTS {
        let id = EventId::new(format!("7f3a-{event:06}")).expect("a legal id");
        let mut block = Block {
            id: Some(&id),
            event: Some(&name),
            data: "",
        };
        let text = r#"{"task":"Validate Environment","progress":0.5},"#.repeat(6);
        block.data = &text[..EVENT_LEN - block.encoded_len()];
        block.encode(&mut bytes);
    }
    assert_eq!(bytes.len(), EVENTS * EVENT_LEN);
    bytes
        .chunks(CHUNK_LEN)
        .map(Bytes::copy_from_slice)
        .collect()
}

/// Takes the best of interleaved rounds, so that a slow moment of the machine falls on all.
#[expect(clippy::print_stdout, reason = "the ratio is what the bench is for")]
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn print_ratio(chunks: &[Bytes]) {
    let mut best = [Duration::MAX; DECODERS.len()];
    for _ in 0..50 {
        for ((_, decode), best) in DECODERS.iter().zip(&mut best) {
            let start = Instant::now();
            black_box(decode(black_box(chunks)));
            *best = start.elapsed().min(*best);
        }
    }
    let [ours, others @ ..] = best;
    let fastest = others.into_iter().min().unwrap_or(Duration::MAX);
    let ratio = fastest.as_secs_f64() / ours.as_secs_f64();
    println!("tidings-sse is {ratio:.2} times as fast as the faster of the others");
}
