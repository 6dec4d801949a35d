use tidings_log::{Record, Scope, Topic};
use tidings_sse::EventName;

use crate::Selector;

/// What a subscription wants to see. Equal filters share a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    /// Sorted, without repetition, not empty.
    selectors: Box<[Selector]>,
    /// The selectors as topics, if none of them is a pattern.
    topics: Option<Box<[Topic]>>,
    /// The event types wanted, sorted; empty is all.
    events: Box<[EventName]>,
}

impl Filter {
    pub(crate) fn new(mut selectors: Vec<Selector>, mut events: Vec<EventName>) -> Self {
        selectors.sort_unstable();
        selectors.dedup();
        events.sort_unstable();
        events.dedup();
        let topic = |selector: &Selector| match selector {
            Selector::Topic(topic) => Some(topic.clone()),
            Selector::Pattern(_) => None,
        };
        let topics = selectors.iter().map(topic).collect();
        Self {
            selectors: selectors.into(),
            topics,
            events: events.into(),
        }
    }

    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The selectors as text.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.selectors.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn events(&self) -> &[EventName] {
        &self.events
    }

    /// All topics wanted, if there is no pattern among them. Only such a subscription ends by itself.
    pub(crate) fn topics(&self) -> Option<&[Topic]> {
        self.topics.as_deref()
    }

    pub(crate) fn matches(&self, topic: &Topic) -> bool {
        self.selectors
            .iter()
            .any(|selector| selector.matches(topic))
    }

    pub(crate) fn names(&self, topic: &Topic) -> bool {
        self.selectors
            .iter()
            .any(|selector| matches!(selector, Selector::Topic(own) if own == topic))
    }

    /// Whether an event of its topics is of a wanted type.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let event = record.event.as_deref().unwrap_or("message");
        let by_name = |wanted: &EventName| wanted.as_str().cmp(event);
        self.events.is_empty() || self.events.binary_search_by(by_name).is_ok()
    }

    /// Asks the log something about the topics of this filter.
    pub(crate) fn scope<R>(&self, ask: impl FnOnce(&Scope<'_>) -> R) -> R {
        match &self.topics {
            Some(topics) => ask(&Scope::Topics(topics)),
            None => ask(&Scope::Matching(&|topic| self.matches(topic))),
        }
    }
}
