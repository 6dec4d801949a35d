use std::{cmp::Reverse, collections::BinaryHeap, ops::Bound};

use crate::{Scope, Selection, Topic, Window};

use super::{History, Index, Stub};

/// What is retained of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSummary {
    /// Its name.
    pub topic: Topic,
    /// How many events are retained.
    pub events: u64,
    /// What they count against byte limits.
    pub bytes: u64,
    /// The oldest retained event.
    pub first: Option<u64>,
    /// The newest event ever published.
    pub last: u64,
    /// The event that it began with, retained or not. A topic that was forgotten begins anew.
    pub since: u64,
    /// Whether a final event ended it.
    pub ended: bool,
}

impl Index {
    /// A page of the events in a window, by rising sequence.
    pub(crate) fn select(&self, scope: &Scope<'_>, window: Window) -> Selection {
        if window.after >= window.until {
            return Selection::nothing(window.until);
        }
        match scope {
            Scope::Topics(topics) => {
                let events = self.forwards(topics, window);
                let events = events.map(|sequence| (sequence, Some(self.size(sequence))));
                Selection::forwards(window, events)
            }
            Scope::Matching(accepts) => {
                let events = self.events.range(window.after, window.until);
                Selection::forwards(window, events.map(|event| self.accepted(event, accepts)))
            }
        }
    }

    /// A page of the events in a window, by falling sequence.
    pub(crate) fn select_back(&self, scope: &Scope<'_>, window: Window) -> Selection {
        if window.after >= window.until {
            return Selection::nothing(window.after);
        }
        match scope {
            Scope::Topics(topics) => {
                let events = self.backwards(topics, window);
                let events = events.map(|sequence| (sequence, Some(self.size(sequence))));
                Selection::backwards(window, events)
            }
            Scope::Matching(accepts) => {
                let events = self.events.range(window.after, window.until).rev();
                Selection::backwards(window, events.map(|event| self.accepted(event, accepts)))
            }
        }
    }

    /// A page of those of these events that are retained and in the window. They are given by rising sequence.
    pub(crate) fn pick(&self, picked: &[u64], window: Window) -> Selection {
        let is_inside = |sequence: &&u64| (window.after + 1..=window.until).contains(*sequence);
        let events = picked.iter().filter(is_inside).filter_map(|sequence| {
            let stub = self.events.get(*sequence)?;
            Some((*sequence, Some(u64::from(stub.size.get()))))
        });
        let mut page = Selection::forwards(window, events);
        let mut behind = picked.iter().filter(|sequence| **sequence > page.reached);
        if !behind.any(|sequence| self.retains(*sequence)) {
            page.reached = window.until;
        }
        page
    }

    /// The newest retained events of a topic, newest first.
    pub(crate) fn newest(&self, topic: &Topic) -> impl Iterator<Item = u64> {
        let history = self.history(topic).into_iter();
        history.flat_map(|history| history.sequences.iter().rev().copied())
    }

    /// The oldest retained event of the scope.
    pub(crate) fn oldest(&self, scope: &Scope<'_>) -> Option<u64> {
        self.histories(scope)
            .filter_map(|history| history.sequences.front().copied())
            .min()
    }

    /// What is retained of one topic.
    pub(crate) fn summary(&self, topic: &Topic) -> Option<TopicSummary> {
        self.history(topic).map(summarise)
    }

    /// The known topics by name, after this one or from the first.
    pub(crate) fn names<'a>(
        &'a self,
        after: Option<&Topic>,
    ) -> impl Iterator<Item = &'a Topic> + use<'a> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.names.range::<Topic, _>((start, Bound::Unbounded))
    }

    pub(super) fn histories<'a>(
        &'a self,
        scope: &Scope<'a>,
    ) -> Box<dyn Iterator<Item = &'a History> + 'a> {
        match *scope {
            Scope::Topics(topics) => {
                Box::new(topics.iter().filter_map(|topic| self.history(topic)))
            }
            Scope::Matching(accepts) => {
                let histories = self.topics.iter().map(|(_, history)| history);
                Box::new(histories.filter(move |history| accepts(&history.topic)))
            }
        }
    }

    fn size(&self, sequence: u64) -> u64 {
        let stub = self.events.get(sequence);
        stub.map_or(0, |stub| u64::from(stub.size.get()))
    }

    /// The event with its size, if its topic is accepted.
    fn accepted(
        &self,
        (sequence, stub): (u64, &Stub),
        accepts: &dyn Fn(&Topic) -> bool,
    ) -> (u64, Option<u64>) {
        let accepted = accepts(&self.topics[stub.topic as usize].topic);
        (sequence, accepted.then(|| u64::from(stub.size.get())))
    }

    /// The retained sequences of these topics in the window, oldest first.
    fn forwards(&self, topics: &[Topic], window: Window) -> impl Iterator<Item = u64> {
        let histories = topics.iter().filter_map(|topic| self.history(topic));
        let mut runs: Vec<_> = histories
            .map(|history| history.between(window.after, window.until))
            .collect();
        let firsts = runs
            .iter_mut()
            .enumerate()
            .filter_map(|(i, run)| run.next().map(|first| Reverse((first, i))));
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> = firsts.collect();
        std::iter::from_fn(move || {
            let Reverse((sequence, i)) = heap.pop()?;
            heap.extend(runs[i].next().map(|next| Reverse((next, i))));
            Some(sequence)
        })
    }

    /// The retained sequences of these topics in the window, newest first.
    fn backwards(&self, topics: &[Topic], window: Window) -> impl Iterator<Item = u64> {
        let histories = topics.iter().filter_map(|topic| self.history(topic));
        let mut runs: Vec<_> = histories
            .map(|history| history.between(window.after, window.until).rev())
            .collect();
        let newest = runs
            .iter_mut()
            .enumerate()
            .filter_map(|(i, run)| run.next().map(|newest| (newest, i)));
        let mut heap: BinaryHeap<(u64, usize)> = newest.collect();
        std::iter::from_fn(move || {
            let (sequence, i) = heap.pop()?;
            heap.extend(runs[i].next().map(|next| (next, i)));
            Some(sequence)
        })
    }
}

fn summarise(history: &History) -> TopicSummary {
    TopicSummary {
        topic: history.topic.clone(),
        events: history.sequences.len() as u64,
        bytes: history.bytes,
        first: history.sequences.front().copied(),
        last: history.last,
        since: history.id,
        ended: history.ended,
    }
}
