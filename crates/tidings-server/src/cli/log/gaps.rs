//! What an export has to tell of events that it does not have.

use std::collections::HashMap;

use tidings_log::{Position, Record, StoredLog, Topic};

use crate::cli::log::line::Line;

/// What has been exported, to find out what of the missing events cannot be told from it.
///
/// Whoever reads the lines sees which sequences they leave out, and takes each for an event of any
/// topic that has none before it. That covers what retention does; the rest is written down.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// The first event of each topic.
    topics: HashMap<Topic, u64>,
    last: u64,
    /// The newest damaged event. Its topic is not known.
    damaged: u64,
}

impl Gaps {
    pub(super) fn exported(&mut self, record: &Record) {
        self.last = record.sequence;
        if !self.topics.contains_key(&record.topic) {
            self.topics.insert(record.topic.clone(), record.sequence);
        }
    }

    pub(super) fn damaged(&mut self, sequence: u64) {
        self.damaged = sequence;
    }

    /// The lines that follow the events.
    pub(super) fn lines(&self, log: &StoredLog) -> Vec<Line> {
        let found = log.found();
        let mut of_topics: Vec<(u64, &Topic)> = Vec::new();
        let mut of_others = found.marks.forgotten.max(self.damaged);
        for row in &found.topics {
            let missing = row.evicted.max(self.damaged);
            match self.topics.get(&row.name) {
                Some(first) if missing > *first => of_topics.push((missing, &row.name)),
                Some(_) => {}
                None => of_others = of_others.max(row.last).max(missing),
            }
        }
        of_topics.sort_unstable();
        let place = |sequence| -> Position { found.epochs.position(sequence) };
        let mut lines: Vec<Line> = of_topics
            .into_iter()
            .map(|(missing, topic)| Line::Gap(place(missing), Some(topic.clone())))
            .collect();
        if of_others > self.last {
            lines.push(Line::Gap(place(of_others), None));
        }
        lines
    }
}
