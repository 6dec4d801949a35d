use bytes::Bytes;
use tidings::{Control, EventName, Gap};
use tidings_http::{StreamOptions, encode_control};
use tidings_sse::{Block, EventId, Preamble, encode_retry};

/// What the stream of an execution begins with.
#[derive(Debug)]
pub(super) struct Opening {
    /// What is missing after the id that was asked for.
    pub(super) gap: Option<Gap>,
    /// The place before everything that the reader is to learn.
    ///
    /// A reader that is cut before it has got the state resumes from there, and is given all
    /// events instead.
    pub(super) origin: String,
    /// The place of the state.
    pub(super) position: String,
    /// The state.
    pub(super) state: String,
}

impl Opening {
    pub(super) fn encode(self, options: &StreamOptions) -> Bytes {
        let retry = options.spread_retry();
        let id = |text: String| EventId::new(text).ok().filter(|_| options.ids);
        let mut blocks = Vec::new();
        match self.gap {
            // No id until the state is told: whoever is cut before asks for the same again.
            Some(gap) => {
                encode_retry(retry, &mut blocks);
                encode_control(&Control::Gap(gap), &mut blocks);
            }
            None => Preamble {
                retry: Some(retry),
                id: id(self.origin).as_ref(),
            }
            .encode(&mut blocks),
        }
        Block {
            id: id(self.position).as_ref(),
            event: Some(&EventName::new("init").expect("it is an event name")),
            data: &self.state,
        }
        .encode(&mut blocks);
        blocks.into()
    }
}
