use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{MemoryLog, Page, Record, Scope, Topic, Window, history::History};

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
                Page::fill(window, records, |_| true)
            }
            Scope::Matching(accepts) => {
                let records = self
                    .records
                    .range(window.after + 1..=window.until)
                    .map(|(_, record)| record);
                Page::fill(window, records, |record| accepts(&record.topic))
            }
        }
    }

    /// The highest sequence at which the n newest events (of those that `keep` accepts) up to `until` all lie behind.
    pub fn start_of_newest(
        &self,
        scope: &Scope<'_>,
        n: usize,
        until: u64,
        keep: impl Fn(&Record) -> bool,
    ) -> u64 {
        if n == 0 {
            return until;
        }
        let kept = |sequence: &u64| {
            self.records
                .get(sequence)
                .is_some_and(|record| keep(record))
        };
        let oldest = match scope {
            Scope::Topics(topics) => self.backwards(topics, until).filter(kept).take(n).last(),
            Scope::Matching(accepts) => {
                let newest_first = self.records.range(..=until).rev();
                let matching =
                    newest_first.filter(|(_, record)| accepts(&record.topic) && keep(record));
                matching.map(|(sequence, _)| *sequence).take(n).last()
            }
        };
        oldest.map_or(until, |sequence| sequence - 1)
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

    /// What is retained of each topic of the scope, in no particular order.
    pub fn summaries(&self, scope: &Scope<'_>) -> Vec<TopicSummary> {
        self.histories(scope).map(summarise).collect()
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

    /// The retained sequences of these topics up to `until`, newest first.
    fn backwards<'a>(&'a self, topics: &'a [Topic], until: u64) -> impl Iterator<Item = u64> + 'a {
        let histories: Vec<&History> = topics
            .iter()
            .filter_map(|topic| self.topics.get(topic))
            .collect();
        let newest = |history: &&History| {
            history
                .sequences
                .partition_point(|sequence| *sequence <= until)
        };
        let mut heap: BinaryHeap<(u64, usize, usize)> = histories
            .iter()
            .enumerate()
            .filter_map(|(i, history)| {
                newest(history)
                    .checked_sub(1)
                    .map(|at| (history.sequences[at], i, at))
            })
            .collect();
        std::iter::from_fn(move || {
            let (sequence, i, at) = heap.pop()?;
            if let Some(before) = at.checked_sub(1) {
                heap.push((histories[i].sequences[before], i, before));
            }
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
