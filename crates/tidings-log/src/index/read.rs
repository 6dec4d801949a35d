use std::{cmp::Reverse, collections::BinaryHeap, ops::Bound};

use crate::{MemoryLog, Page, Scope, Topic, Window, history::History};

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
    /// Whether a final event ended it.
    pub ended: bool,
}

impl MemoryLog {
    /// A page of the events in a window, by rising sequence.
    pub fn page(&self, scope: &Scope<'_>, window: Window) -> Page {
        if window.after >= window.until {
            return Page {
                records: Vec::new(),
                reached: window.until,
            };
        }
        match scope {
            Scope::Topics(topics) => {
                let records = self
                    .forwards(topics, window)
                    .filter_map(|sequence| self.records.get(&sequence));
                Page::forwards(window, records, |_| true)
            }
            Scope::Matching(accepts) => {
                let records = self
                    .records
                    .range(window.after + 1..=window.until)
                    .map(|(_, record)| record);
                Page::forwards(window, records, |record| accepts(&record.topic))
            }
        }
    }

    /// A page of the events in a window, by falling sequence.
    pub fn page_back(&self, scope: &Scope<'_>, window: Window) -> Page {
        if window.after >= window.until {
            return Page {
                records: Vec::new(),
                reached: window.after,
            };
        }
        match scope {
            Scope::Topics(topics) => {
                let records = self
                    .backwards(topics, window)
                    .filter_map(|sequence| self.records.get(&sequence));
                Page::backwards(window, records, |_| true)
            }
            Scope::Matching(accepts) => {
                let records = self
                    .records
                    .range(window.after + 1..=window.until)
                    .rev()
                    .map(|(_, record)| record);
                Page::backwards(window, records, |record| accepts(&record.topic))
            }
        }
    }

    /// The oldest retained event of the scope.
    pub fn oldest(&self, scope: &Scope<'_>) -> Option<u64> {
        self.histories(scope)
            .filter_map(|(_, history)| history.sequences.front().copied())
            .min()
    }

    /// What is retained of one topic.
    pub fn summary(&self, topic: &Topic) -> Option<TopicSummary> {
        self.topics.get_key_value(topic).map(summarise)
    }

    /// The known topics by name, after this one or from the first.
    pub fn names(&self, after: Option<&Topic>) -> impl Iterator<Item = &Topic> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.names.range::<Topic, _>((start, Bound::Unbounded))
    }

    pub(super) fn histories<'a>(
        &'a self,
        scope: &Scope<'a>,
    ) -> Box<dyn Iterator<Item = (&'a Topic, &'a History)> + 'a> {
        match *scope {
            Scope::Topics(topics) => Box::new(
                topics
                    .iter()
                    .filter_map(|topic| self.topics.get_key_value(topic)),
            ),
            Scope::Matching(accepts) => {
                Box::new(self.topics.iter().filter(move |(topic, _)| accepts(topic)))
            }
        }
    }

    /// The retained sequences of these topics in the window, oldest first.
    fn forwards(&self, topics: &[Topic], window: Window) -> impl Iterator<Item = u64> {
        let histories = topics.iter().filter_map(|topic| self.topics.get(topic));
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
        let histories = topics.iter().filter_map(|topic| self.topics.get(topic));
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

fn summarise((topic, history): (&Topic, &History)) -> TopicSummary {
    TopicSummary {
        topic: topic.clone(),
        events: history.sequences.len() as u64,
        bytes: history.bytes,
        first: history.sequences.front().copied(),
        last: history.last,
        ended: history.ended,
    }
}
