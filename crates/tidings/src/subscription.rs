use tidings_sse::EventName;

use crate::{Peer, Selector, Selectors, Wire, filter::Filter, selectors::TooFragmented};

/// What to subscribe to, and where to begin.
///
/// ```
/// use tidings::{Selector, StartAt, Subscription};
///
/// let all_jobs = Subscription::to(Selector::new("jobs/**")?).start_at(StartAt::Newest(10));
/// # Ok::<_, tidings::SelectorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Subscription {
    pub(crate) selectors: Vec<Selector>,
    pub(crate) events: Vec<EventName>,
    pub(crate) start_at: StartAt,
    pub(crate) resume_after: Option<String>,
    pub(crate) hello: bool,
    /// What to begin with, and how many events of each topic.
    pub(crate) recalls: Vec<(Selector, usize)>,
    pub(crate) wire: Option<Wire>,
    pub(crate) peer: Peer,
    pub(crate) rights: Option<Selectors>,
    pub(crate) presence: Presence,
}

/// Whether a subscription shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Presence {
    /// It is counted and listed.
    #[default]
    Shown,
    /// It is not.
    Hidden,
}

/// Where a subscription without an id begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// With what is published after it is registered.
    #[default]
    Now,
    /// With the oldest retained event.
    Start,
    /// With so many retained events that it would have seen, counted over all selectors.
    Newest(usize),
    /// With what follows the event of this sequence, or with a gap if retention has taken some of that. Nothing tells
    /// the end of the replay: it is a beginning and not a return.
    After(u64),
}

impl Subscription {
    /// A subscription to one selector, beginning now.
    pub fn to(selector: impl Into<Selector>) -> Self {
        Self {
            selectors: vec![selector.into()],
            events: Vec::new(),
            start_at: StartAt::Now,
            resume_after: None,
            hello: false,
            recalls: Vec::new(),
            wire: None,
            peer: Peer::default(),
            rights: None,
            presence: Presence::default(),
        }
    }

    /// Also to this one. Nothing is delivered twice where selectors overlap.
    #[must_use]
    pub fn and(mut self, selector: impl Into<Selector>) -> Self {
        self.selectors.push(selector.into());
        self
    }

    /// Only events of these types; none named means all.
    #[must_use]
    pub fn only(mut self, events: impl IntoIterator<Item = EventName>) -> Self {
        self.events.extend(events);
        self
    }

    /// Where to begin if there is no id to resume after.
    #[must_use]
    pub fn start_at(mut self, start_at: StartAt) -> Self {
        self.start_at = start_at;
        self
    }

    /// Resume after the event with this id. Any text is accepted; one that is not an id gives a gap.
    #[must_use]
    pub fn resume_after(mut self, id: impl Into<String>) -> Self {
        self.resume_after = Some(id.into());
        self
    }

    /// Begin with [`Control::Connected`](crate::Control::Connected).
    #[must_use]
    pub fn hello(mut self) -> Self {
        self.hello = true;
        self
    }

    /// If it begins [now](StartAt::Now) and without an id, begin with what is retained of these topics, the newest so many
    /// events of each; may be said of several. Only topics that it follows are recalled, the first 10,000 by name.
    ///
    /// What is recalled comes in the order of all events and before those that are published from now on: none of them is
    /// missing between the two, or there twice. Behind it an [encoded](Self::encoded) stream has the id of the place where it
    /// was registered, in a block of its own, so that a reader resumes from there.
    ///
    /// ```
    /// use tidings::{Selector, Subscription};
    ///
    /// let badges = Selector::new("badges/*")?;
    /// let current_and_live = Subscription::to(badges.clone()).recalling(badges, 1);
    /// # Ok::<_, tidings::SelectorError>(())
    /// ```
    #[must_use]
    pub fn recalling(mut self, selector: impl Into<Selector>, newest: usize) -> Self {
        self.recalls.push((selector.into(), newest));
        self
    }

    /// Have every event encoded for an event stream, once for all subscriptions that share filter and encoding.
    #[must_use]
    pub fn encoded(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// Who reads it, for [`Broker::connections`](crate::Broker::connections).
    #[must_use]
    pub fn peer(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }

    /// Give it only what is on topics that these allow, now and after each [change](crate::Broker::change) of its topics.
    ///
    /// Everything else is as if there were nothing on other topics. What it follows by name may be among them: nothing is
    /// given of that. If nothing is left of what it asks for it is open and silent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings::{Broker, Event, Selector, Selectors, StartAt, Subscription, Topic};
    ///
    /// let broker = Broker::new();
    /// for name in ["users/7/inbox", "users/8/inbox"] {
    ///     broker.publish(Topic::new(name)?, Event::new("hello")).await?;
    /// }
    /// let inboxes = Subscription::to(Selector::new("users/*/inbox")?);
    /// let own = inboxes.within(Selectors::new([Selector::new("users/7/**")?]));
    /// assert_eq!(broker.history(&own, 10)?.events.len(), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn within(mut self, rights: Selectors) -> Self {
        self.rights = Some(rights);
        self
    }

    /// Leave it out of everything that counts, limits or lists who subscribes, and do not wait for it when the broker
    /// closes. Nobody disconnects it, and it does not expire: for what the owner of the broker follows itself.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.presence = Presence::Hidden;
        self
    }

    /// Whether registering it may take long, because what it begins with depends on what events it has missed contain.
    pub fn looks_back(&self) -> bool {
        !self.events.is_empty() && (self.start_at != StartAt::Now || self.resume_after.is_some())
    }

    /// Whether it begins with what is published after it is registered.
    pub(crate) fn begins_now(&self) -> bool {
        self.start_at == StartAt::Now && self.resume_after.is_none()
    }

    pub(crate) fn filter(&self) -> Result<Filter, TooFragmented> {
        let (selectors, events) = (self.selectors.clone(), self.events.clone());
        Filter::new(selectors, events, self.rights.as_ref())
    }
}
