//! Runs a decoder over chunks and collects what it says.

use std::time::Duration;

use serde::Deserialize;
use tidings_sse::{DecodeError, Decoder, Event, Frame};

/// A frame that borrows nothing, as the vectors write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Seen {
    Event {
        event: String,
        data: String,
        id: String,
    },
    Comment {
        comment: String,
    },
    Retry {
        retry_ms: u64,
    },
}

/// What one connection gave.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<Seen>,
    pub(crate) last_event_id: String,
    #[serde(default)]
    pub(crate) error: Option<Passed>,
}

/// The limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Passed {
    Line,
    Event,
    Id,
    Name,
}

/// Reads one connection to its end or to its error.
pub(crate) fn read<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Outcome {
    let mut seen = Vec::new();
    let mut error = None;
    'connection: for chunk in chunks {
        let mut frames = decoder.decode(chunk);
        while let Some(frame) = frames.next() {
            match frame {
                Ok(frame) => seen.push(keep(frame)),
                Err(passed) => {
                    error = Some(limit(passed));
                    break 'connection;
                }
            }
        }
    }
    Outcome {
        frames: seen,
        last_event_id: decoder.last_event_id().to_owned(),
        error,
    }
}

/// `bytes` in chunks of the lengths `lengths`, repeated; a length of 0 gives an empty chunk.
pub(crate) fn cut<'c>(bytes: &'c [u8], lengths: &[usize]) -> Vec<&'c [u8]> {
    let mut rest = bytes;
    let mut chunks = Vec::new();
    for length in lengths.iter().cycle().take(bytes.len() * lengths.len()) {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at((*length).min(rest.len()));
        chunks.push(chunk);
        rest = tail;
    }
    chunks.push(rest);
    chunks
}

fn keep(frame: Frame<'_>) -> Seen {
    match frame {
        Frame::Event(Event { event, data, id }) => Seen::Event {
            event: event.to_owned(),
            data: data.to_owned(),
            id: id.to_owned(),
        },
        Frame::Comment(text) => Seen::Comment {
            comment: text.to_owned(),
        },
        Frame::Retry(delay) => Seen::Retry {
            retry_ms: millis(delay),
        },
    }
}

fn millis(delay: Duration) -> u64 {
    delay.as_millis().try_into().unwrap()
}

fn limit(error: DecodeError) -> Passed {
    match error {
        DecodeError::LineTooLong { .. } => Passed::Line,
        DecodeError::EventTooLong { .. } => Passed::Event,
        DecodeError::IdTooLong { .. } => Passed::Id,
        DecodeError::NameTooLong { .. } => Passed::Name,
        other => panic!("not a limit: {other}"),
    }
}
