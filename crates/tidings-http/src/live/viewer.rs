//! Who asks for a twin, and what they are let in with.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{header::USER_AGENT, request::Parts};
use tidings::{
    Control, EventName, Gap, Peer, Selector, SubscribeError, Subscriber, Subscription, Topic, Wire,
};
use tidings_sse::{Block, EventId};
use tokio::sync::{mpsc, oneshot};

use super::desk::{Desk, told};
use super::tale::{Format, Opening, Told};
use crate::{
    EventStream, Problem, StreamOptions, StreamRequest, encode_control, sse::refusal, stream::raw,
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
    opening: Opening,
    /// The blocks of the opening.
    bytes: Vec<u8>,
    ids: bool,
}

/// What keeps a view going: it ends with the last of them.
pub(super) type Lease = mpsc::Sender<Join>;

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
            subscriber,
            opening: Opening::default(),
            bytes: Vec::new(),
            ids: self.ids,
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
        let mut bytes = Vec::new();
        if self.hello {
            let connected = Control::Connected {
                connection_id: subscriber.id().clone(),
                topics: vec![self.topic(desk).to_string()],
            };
            encode_control(&connected, &mut bytes);
        }
        if let Some(gap) = &self.gap {
            encode_control(&Control::Gap(gap.clone()), &mut bytes);
        }
        for Told {
            position,
            name,
            data,
        } in &opening.blocks
        {
            let id = position.clone().unwrap_or_else(|| subscriber.start());
            let id = EventId::new(id.to_string()).ok().filter(|_| self.ids);
            let block = Block {
                id: id.as_ref(),
                event: Some(name),
                data,
            };
            block.encode(&mut bytes);
        }
        if let Some(problem) = trouble {
            let error = told(problem);
            let name = EventName::new(error.name()).ok();
            let block = Block {
                id: None,
                event: name.as_ref(),
                data: error.data(),
            };
            block.encode(&mut bytes);
        }
        Ok(Admitted {
            subscriber,
            opening,
            bytes,
            ids: self.ids,
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
        let options = StreamOptions {
            ids: self.ids && options.ids,
            ..options
        };
        let start = self.opening.start;
        let start = start.unwrap_or_else(|| self.subscriber.start());
        EventStream::beginning(self.subscriber, options, &start, &self.bytes)
    }
}

/// Why the broker does not take a viewer.
pub(super) fn refused(desk: &Desk, error: &SubscribeError) -> Problem {
    refusal(error, desk.broker.reconnect_delay())
}

fn peer(parts: &Parts) -> Peer {
    if let Some(peer) = parts.extensions.get::<Peer>() {
        return peer.clone();
    }
    let remote = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let user_agent = parts.headers.get(USER_AGENT);
    Peer {
        identity: None,
        remote: remote.map(|ConnectInfo(remote)| *remote),
        user_agent: user_agent.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.chars().take(USER_AGENT_LENGTH).collect()
        }),
    }
}
