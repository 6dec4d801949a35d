//! Who asks for a twin, and what they are let in with.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{header::USER_AGENT, request::Parts};
use tidings::{
    Control, EventName, Gap, Peer, Position, Selector, SubscribeError, Subscriber, Subscription,
    Topic, Wire,
};
use tidings_sse::{Block, EventId, Preamble};
use tokio::sync::oneshot;

use super::desk::{Desk, told};
use super::shares::Caller;
use super::tale::{Format, Opening, Told};
use crate::{
    EventStream, Problem, StreamOptions, StreamRequest, encode_control,
    stream::{later, raw},
    subscribe_problem,
};

/// The longest user agent that is remembered, in characters.
const USER_AGENT_LENGTH: usize = 256;

/// What a request for a twin asks.
#[derive(Debug)]
pub(super) struct Viewer {
    format: Format,
    ids: bool,
    hello: bool,
    resume_after: Option<String>,
    /// What it has to be told first.
    gap: Option<Gap>,
    peer: Peer,
}

/// A viewer who waits to be let in.
pub(super) struct Join {
    pub(super) viewer: Viewer,
    pub(super) reply: oneshot::Sender<Result<Admitted, Problem>>,
}

/// A viewer who has been let in.
pub(super) struct Admitted {
    subscriber: Subscriber,
    /// The place that the first block tells, unless ids are off.
    start: Option<Position>,
    /// What follows it, of this viewer's own.
    own: Vec<u8>,
    /// What follows that, and other viewers may be given too.
    shared: Bytes,
}

impl Viewer {
    /// Reads `format`, `ids` and `hello`, and who it is: a [`Peer`] among the extensions, or what the connection says.
    pub(super) fn read(parts: &Parts, request: &StreamRequest) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let parameter = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let refused = |name: &'static str, values: &str| {
            Problem::bad_parameter(name, format!("{name}: must be {values}"))
        };
        let format = match parameter("format").as_deref() {
            None | Some("raw") => Format::Whole,
            Some("patch") => Format::Patch,
            Some(_) => return Err(refused("format", "raw or patch")),
        };
        let ids = match parameter("ids").as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => return Err(refused("ids", "on or off")),
        };
        let hello = match parameter("hello").as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(_) => return Err(refused("hello", "1, true, 0 or false")),
        };
        Ok(Self {
            format,
            ids,
            hello,
            resume_after: request.resume_after.clone(),
            gap: None,
            peer: peer(parts),
        })
    }

    /// Whose share of the views it takes of.
    pub(super) fn caller(&self) -> Option<Caller> {
        Caller::of(&self.peer)
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The id that it wants to resume after, once.
    pub(super) fn take_resumption(&mut self) -> Option<String> {
        self.resume_after.take()
    }

    /// Has it told of a gap first.
    pub(super) fn miss(&mut self, gap: Gap) {
        self.gap = Some(gap);
    }

    /// Subscribes it after an event.
    pub(super) fn resume(&self, desk: &Desk, id: &str) -> Result<Subscriber, SubscribeError> {
        let subscription = self.subscription(desk).resume_after(id);
        desk.broker.subscribe(if self.hello {
            subscription.hello()
        } else {
            subscription
        })
    }

    /// What it is let in with when it has resumed.
    pub(super) fn resumed(&self, subscriber: Subscriber) -> Admitted {
        Admitted {
            start: Some(subscriber.start()).filter(|_| self.ids),
            subscriber,
            own: Vec::new(),
            shared: Bytes::new(),
        }
    }

    /// Lets it in: subscribes it, and puts together what it is given first.
    pub(super) fn admit(
        &self,
        desk: &Desk,
        opening: Opening,
        trouble: Option<&Problem>,
    ) -> Result<Admitted, Problem> {
        let subscriber = desk.broker.subscribe(self.subscription(desk));
        let subscriber = subscriber.map_err(|error| refused(desk, &error))?;
        let mut own = Vec::new();
        if self.hello {
            let connected = Control::Connected {
                connection_id: subscriber.id().clone(),
                topics: vec![self.topic(desk).to_string()],
            };
            encode_control(&connected, &mut own);
        }
        if let Some(gap) = &self.gap {
            encode_control(&Control::Gap(gap.clone()), &mut own);
        }
        let mut blocks: Vec<Bytes> = if self.ids {
            opening.blocks.iter().map(Told::block).collect()
        } else {
            let blocks = opening.blocks.iter();
            blocks.map(Told::block_without_id).collect()
        };
        blocks.extend(trouble.map(error_block));
        let shared = match &blocks[..] {
            [block] => block.clone(),
            _ => blocks.concat().into(),
        };
        let start = opening.start.unwrap_or_else(|| subscriber.start());
        Ok(Admitted {
            start: Some(start).filter(|_| self.ids),
            subscriber,
            own,
            shared,
        })
    }

    fn subscription(&self, desk: &Desk) -> Subscription {
        let topic = Selector::from(self.topic(desk).clone());
        let wire: Wire = raw(self.ids);
        Subscription::to(topic)
            .encoded(wire)
            .peer(self.peer.clone())
    }

    fn topic<'a>(&self, desk: &'a Desk) -> &'a Topic {
        let patches = desk.patches.as_ref();
        let patches = patches.filter(|_| self.format == Format::Patch);
        patches.unwrap_or(&desk.main)
    }
}

impl Admitted {
    /// The body of the answer.
    pub(super) fn stream(self, options: StreamOptions) -> EventStream {
        let start = self.start.map(|start| start.to_string());
        let start = start.and_then(|start| EventId::new(start).ok());
        let mut first = Vec::new();
        let preamble = Preamble {
            retry: Some(options.spread_retry()),
            id: start.as_ref(),
        };
        preamble.encode(&mut first);
        first.extend(self.own);
        EventStream::beginning_with(first, self.subscriber, options).then(self.shared)
    }
}

/// The block of an error that has not passed.
fn error_block(problem: &Problem) -> Bytes {
    let error = told(problem);
    let name = EventName::new(error.name()).ok();
    let block = Block {
        id: None,
        event: name.as_ref(),
        data: error.data(),
    };
    let mut bytes = Vec::new();
    block.encode(&mut bytes);
    bytes.into()
}

/// Why the broker does not take a viewer.
pub(super) fn refused(desk: &Desk, error: &SubscribeError) -> Problem {
    subscribe_problem(error, later(desk.broker.reconnect_delay()))
}

fn peer(parts: &Parts) -> Peer {
    if let Some(peer) = parts.extensions.get::<Peer>() {
        return peer.clone();
    }
    let remote = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let user_agent = parts.headers.get(USER_AGENT);
    Peer {
        owner: None,
        remote: remote.map(|ConnectInfo(remote)| *remote),
        user_agent: user_agent.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.chars().take(USER_AGENT_LENGTH).collect()
        }),
    }
}
