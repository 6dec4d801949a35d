use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use tidings_log::{Record, Scope, Topic};
use tidings_sse::EventName;

use crate::{Selector, Selectors, matcher::Matcher, selectors::TooFragmented};

/// What a subscription wants to see and may. Equal filters share a group, and clones all that they are made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// What it lets through: sorted, without repetition. Empty if rights leave nothing of what was asked for.
    selectors: Box<[Selector]>,
    /// What was asked for, sorted and without repetition, if rights have narrowed that.
    asked: Option<Box<[Selector]>>,
    /// The selectors as topics, if none of them is a pattern.
    topics: Option<Box<[Topic]>>,
    /// The event types wanted, sorted; empty is all.
    events: Box<[EventName]>,
    /// Finds a selector that matches, where they are many.
    matcher: Option<Matcher>,
}

/// Selectors that are tried one by one. Rights may leave many more than can be asked for.
const FEW: usize = 100;

impl Filter {
    pub(crate) fn new(
        mut asked: Vec<Selector>,
        mut events: Vec<EventName>,
        rights: Option<&Selectors>,
    ) -> Result<Self, TooFragmented> {
        asked.sort_unstable();
        asked.dedup();
        events.sort_unstable();
        events.dedup();
        let narrowed = match rights {
            Some(rights) => rights.narrow(&asked)?,
            None => None,
        };
        let (selectors, asked) = match narrowed {
            Some(mut selectors) => {
                selectors.sort_unstable();
                (selectors, Some(asked.into()))
            }
            None => (asked, None),
        };
        let topic = |selector: &Selector| match selector {
            Selector::Topic(topic) => Some(topic.clone()),
            Selector::Pattern(_) => None,
        };
        let topics: Option<Box<[Topic]>> = selectors.iter().map(topic).collect();
        let are_many = topics.is_none() && selectors.len() > FEW;
        Ok(Self(Arc::new(Parts {
            matcher: are_many.then(|| Matcher::of(&selectors)),
            selectors: selectors.into(),
            asked,
            topics,
            events: events.into(),
        })))
    }

    /// What it lets through. None of them may be left.
    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.0.selectors
    }

    /// What was asked for.
    pub(crate) fn asked(&self) -> &[Selector] {
        self.0.asked.as_deref().unwrap_or(&self.0.selectors)
    }

    /// What was asked for as text.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.asked().iter().map(ToString::to_string).collect()
    }

    pub(crate) fn events(&self) -> &[EventName] {
        &self.0.events
    }

    /// The topics with which it ends by itself: all that it lets through, if no pattern was asked for.
    pub(crate) fn ends_with(&self) -> Option<&[Topic]> {
        let is_topic = |asked: &Selector| matches!(asked, Selector::Topic(_));
        let topics = self.0.topics.as_deref();
        let topics = topics.filter(|topics| !topics.is_empty())?;
        self.asked().iter().all(is_topic).then_some(topics)
    }

    pub(crate) fn matches(&self, topic: &Topic) -> bool {
        match &self.0.matcher {
            Some(matcher) => matcher.matches_any(topic),
            None => self.0.selectors.iter().any(|own| own.matches(topic)),
        }
    }

    /// Whether a topic that it lets through was asked for by name.
    pub(crate) fn names(&self, topic: &Topic) -> bool {
        self.asked()
            .iter()
            .any(|selector| matches!(selector, Selector::Topic(own) if own == topic))
    }

    /// Whether an event of its topics is of a wanted type.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let event = record.event.as_deref().unwrap_or("message");
        let by_name = |wanted: &EventName| wanted.as_str().cmp(event);
        let events = self.events();
        events.is_empty() || events.binary_search_by(by_name).is_ok()
    }

    /// Asks the log something about the topics of this filter.
    pub(crate) fn scope<R>(&self, ask: impl FnOnce(&Scope<'_>) -> R) -> R {
        match &self.0.topics {
            Some(topics) => ask(&Scope::Topics(topics)),
            None => ask(&Scope::Matching(&|topic| self.matches(topic))),
        }
    }
}

impl Parts {
    /// What the rest is made of.
    fn key(&self) -> (&[Selector], Option<&[Selector]>, &[EventName]) {
        (&self.selectors, self.asked.as_deref(), &self.events)
    }
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
