use std::{collections::BTreeMap, sync::Arc};

use tidings_log::{Record, Timestamp, Topic, TopicSummary};

use crate::simple::Refused;

use super::{CAPACITY, rules};

/// An event that was appended, and what became of it.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) record: Arc<Record>,
    /// When it went, counted in losses, and whether a newer one of its key was there by then.
    pub(super) gone: Option<(u64, bool)>,
}

#[derive(Debug)]
pub(super) struct Known {
    /// The events since it appeared, by their place in the list.
    pub(super) events: Vec<usize>,
    pub(super) ended: bool,
    /// What had been forgotten when it appeared: up to which sequence, and when.
    pub(super) before: (u64, u64),
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) all: Vec<Past>,
    pub(super) topics: BTreeMap<Topic, Known>,
    pub(super) losses: u64,
    /// The highest sequence of a forgotten topic, and the count at the newest forgetting.
    pub(super) forgotten: (u64, u64),
    /// The same, before room was made for the topic that is to come.
    before_room: (u64, u64),
}

impl Model {
    pub(super) fn retained<'a>(
        &'a self,
        scope: &'a [Topic],
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Record>> {
        let kept = self
            .all
            .iter()
            .filter(|past| past.gone.is_none())
            .map(|past| &past.record);
        kept.filter(|record| scope.contains(&record.topic))
    }

    pub(super) fn of_topic<'a>(&'a self, topic: &'a Topic) -> Vec<&'a Arc<Record>> {
        self.retained(std::slice::from_ref(topic)).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.all
            .iter()
            .filter(|past| past.gone.is_none())
            .map(|past| past.record.size())
            .sum()
    }

    pub(super) fn superseded(&self, place: usize) -> bool {
        let record = &self.all[place].record;
        let Some(known) = self.topics.get(&record.topic) else {
            return false;
        };
        let newer = |other: &&usize| **other > place && self.all[**other].record.key == record.key;
        rules(&record.topic).keyed
            && record.key.is_some()
            && !record.ends_topic
            && known.events.iter().any(|o| newer(&o))
    }

    pub(super) fn lose(&mut self, place: usize) {
        self.losses += 1;
        self.all[place].gone = Some((self.losses, self.superseded(place)));
        let topic = self.all[place].record.topic.clone();
        if self.topics[&topic].ended && self.of_topic(&topic).is_empty() {
            self.forget(&topic);
        }
    }

    pub(super) fn forget(&mut self, topic: &Topic) -> bool {
        let Some(known) = self.topics.remove(topic) else {
            return false;
        };
        self.losses += 1;
        for place in &known.events {
            self.all[*place].gone.get_or_insert((self.losses, false));
        }
        let last = known
            .events
            .last()
            .map_or(0, |place| self.all[*place].record.sequence);
        self.forgotten = (self.forgotten.0.max(last), self.losses);
        true
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        for place in 0..self.all.len() {
            let Past { record, gone } = &self.all[place];
            let expires = record.time.after(rules(&record.topic).retention.age);
            if gone.is_none() && expires <= now {
                self.lose(place);
            }
        }
    }

    pub(super) fn last_of(&self, known: &Known) -> u64 {
        known
            .events
            .last()
            .map_or(0, |place| self.all[*place].record.sequence)
    }

    pub(super) fn may_append(&mut self, topic: &Topic, in_use: &[Topic]) -> Result<(), Refused> {
        match self.topics.get(topic) {
            Some(known) if known.ended => return Err(Refused::Ended),
            Some(_) => return Ok(()),
            None => {}
        }
        self.before_room = self.forgotten;
        if self.topics.len() == CAPACITY.topics {
            let free = self
                .topics
                .iter()
                .filter(|(topic, _)| !in_use.contains(topic));
            let stalest = free.min_by_key(|(_, known)| (known.ended, self.last_of(known)));
            let stalest = stalest
                .map(|(topic, _)| topic.clone())
                .ok_or(Refused::TooManyTopics)?;
            self.forget(&stalest);
        }
        Ok(())
    }

    pub(super) fn append(&mut self, record: Arc<Record>) {
        let topic = record.topic.clone();
        let before = self.before_room;
        let new = || Known {
            events: Vec::new(),
            ended: false,
            before,
        };
        let known = self.topics.entry(topic.clone()).or_insert_with(new);
        known.events.push(self.all.len());
        known.ended = record.ends_topic;
        self.all.push(Past { record, gone: None });

        let retention = rules(&topic).retention;
        loop {
            let kept = self.of_topic(&topic);
            let bytes: u64 = kept.iter().map(|record| record.size()).sum();
            if kept.len() <= 1
                || (kept.len() as u64 <= retention.events && bytes <= retention.bytes)
            {
                break;
            }
            self.lose_oldest(&topic);
        }
        let newest = self.all.len() - 1;
        let may_go = |past: &Past| past.gone.is_none() && !rules(&past.record.topic).spared;
        while self.bytes() > CAPACITY.bytes
            && let Some(oldest) = self.all[..newest].iter().position(may_go)
        {
            self.lose(oldest);
        }
    }

    pub(super) fn lose_oldest(&mut self, topic: &Topic) {
        let is_kept = |past: &Past| past.gone.is_none() && past.record.topic == *topic;
        let oldest = self.all.iter().position(is_kept).unwrap();
        self.lose(oldest);
    }

    /// What a known topic lost after the sequence since so many losses, each with whether it was superseded.
    pub(super) fn lost(&self, known: &Known, after: u64, since: u64) -> Vec<bool> {
        let own = known.events.iter().map(|place| &self.all[*place]);
        let own = own.filter_map(|past| {
            past.gone
                .map(|(at, superseded)| (past.record.sequence, at, superseded))
        });
        let inherited = (known.before.0, known.before.1, false);
        let lost = own
            .chain([inherited])
            .filter(|(sequence, at, _)| *sequence > after && *at > since);
        lost.map(|(.., superseded)| superseded).collect()
    }

    /// Whether it lost anything since it is known, and not only what had its name before.
    pub(super) fn has_lost_of_its_own(&self, known: &Known) -> bool {
        let mut own = known.events.iter().map(|place| &self.all[*place]);
        own.any(|past| past.gone.is_some())
    }

    fn first_of(&self, known: &Known) -> u64 {
        self.all[known.events[0]].record.sequence
    }

    pub(super) fn summary(&self, topic: &Topic) -> Option<TopicSummary> {
        let known = self.topics.get(topic)?;
        let kept = self.of_topic(topic);
        Some(TopicSummary {
            topic: topic.clone(),
            events: kept.len() as u64,
            bytes: kept.iter().map(|record| record.size()).sum(),
            first: kept.first().map(|record| record.sequence),
            last: self.last_of(known),
            since: self.first_of(known),
            ended: known.ended,
        })
    }
}
