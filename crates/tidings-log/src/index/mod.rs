mod loss;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{Entry, Epoch, LogOptions, Position, Record, Timestamp, Topic, history::History};

pub use loss::Holes;
pub use read::TopicSummary;

/// A log in memory: gone with the process, and then a new epoch.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: Epoch,
    options: LogOptions,
    head: u64,
    bytes: u64,
    records: BTreeMap<u64, Arc<Record>>,
    topics: HashMap<Topic, History>,
    /// The keys of `topics` in order.
    names: BTreeSet<Topic>,
    /// When the oldest event of each topic that has any expires.
    due: BTreeSet<(Timestamp, Topic)>,
    /// All topics in the order in which they would be forgotten: ended ones last, then by their newest event.
    stalest: BTreeSet<(bool, u64, Topic)>,
    /// The highest sequence of any topic that was forgotten altogether.
    forgotten: u64,
    /// The number of the newest forgetting, among the evictions.
    forgotten_at: u64,
    /// The highest sequence ever evicted or forgotten.
    highest_evicted: u64,
    /// How many evictions and forgettings there were.
    evictions: u64,
    topic_changes: u64,
}

/// Why an event was not appended. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A final event ended the topic. It opens again when it is deleted or forgotten.
    #[error("the topic has ended")]
    Ended,
    /// There are as many topics as the capacity allows and none can be forgotten.
    #[error("there are {0} topics and none can be forgotten")]
    TooManyTopics(usize),
}

impl MemoryLog {
    /// An empty log.
    pub fn new(epoch: Epoch, options: LogOptions) -> Self {
        Self {
            epoch,
            options,
            head: 0,
            bytes: 0,
            records: BTreeMap::new(),
            topics: HashMap::new(),
            names: BTreeSet::new(),
            due: BTreeSet::new(),
            stalest: BTreeSet::new(),
            forgotten: 0,
            forgotten_at: 0,
            highest_evicted: 0,
            evictions: 0,
            topic_changes: 0,
        }
    }

    /// The sequence of the newest event, 0 before the first.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The place just after this sequence.
    pub fn position(&self, sequence: u64) -> Position {
        Position {
            epoch: self.epoch.clone(),
            sequence,
        }
    }

    /// Whether this log gave out sequences under the epoch.
    pub fn knows(&self, epoch: &Epoch) -> bool {
        self.epoch == *epoch
    }

    /// What all retained events count against the capacity.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many events are retained.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no event is retained.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many topics are known.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// How often a topic appeared, ended or was forgotten.
    pub fn topic_changes(&self) -> u64 {
        self.topic_changes
    }

    /// Whether the topic is known: it has been published on and was not forgotten since.
    pub fn contains(&self, topic: &Topic) -> bool {
        self.topics.contains_key(topic)
    }

    /// Whether a final event ended the topic.
    pub fn has_ended(&self, topic: &Topic) -> bool {
        self.topics.get(topic).is_some_and(|history| history.ended)
    }

    /// Appends one event and evicts what its topic's retention or the capacity no longer allows.
    ///
    /// A topic for which `in_use` is true is not forgotten to make room for a new one.
    ///
    /// # Errors
    /// [`AppendError`]; the log is then as before.
    pub fn append(
        &mut self,
        entry: Entry,
        now: Timestamp,
        in_use: impl Fn(&Topic) -> bool,
    ) -> Result<Arc<Record>, AppendError> {
        self.expire(now);
        let Entry {
            topic,
            event,
            data,
            key,
            ends_topic,
        } = entry;
        if self.has_ended(&topic) {
            return Err(AppendError::Ended);
        }
        if !self.contains(&topic) {
            self.make_room(&in_use)?;
            let history = History::new(
                self.options.rules_for(&topic),
                self.forgotten,
                self.forgotten_at,
            );
            self.stalest.insert((false, 0, topic.clone()));
            self.names.insert(topic.clone());
            self.topics.insert(topic.clone(), history);
            self.topic_changes += 1;
        }
        let history = self
            .topics
            .get_mut(&topic)
            .expect("inserted above if it was absent");

        self.head += 1;
        let expires = now.after(history.rules.retention.age);
        let (epoch, sequence) = (self.epoch.clone(), self.head);
        let record = Record {
            epoch,
            sequence,
            time: now,
            expires,
            topic,
            event,
            data,
            key,
            ends_topic,
        };
        let record = Arc::new(record);
        self.stalest
            .remove(&(history.ended, history.last, record.topic.clone()));
        if history.sequences.is_empty() {
            self.due.insert((expires, record.topic.clone()));
        }
        history.push(&record);
        self.topic_changes += u64::from(history.ended);
        self.stalest
            .insert((history.ended, history.last, record.topic.clone()));
        self.bytes += record.size();
        self.records.insert(record.sequence, record.clone());
        self.enforce_limits(&record.topic);
        Ok(record)
    }

    /// How many of so many new topics there is room for now, forgetting only topics that are not in use.
    pub fn room_for(&self, topics: usize, in_use: impl Fn(&Topic) -> bool) -> usize {
        let free = self
            .options
            .capacity
            .topics
            .saturating_sub(self.topics.len());
        let excess = topics.saturating_sub(free);
        topics - excess
            + self
                .stalest
                .iter()
                .filter(|(.., topic)| !in_use(topic))
                .take(excess)
                .count()
    }

    /// Evicts every event whose time has come.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((due, topic)) = self.due.first() {
            if *due > now {
                return;
            }
            let topic = topic.clone();
            self.evict_oldest(&topic);
        }
    }

    /// Forgets a topic and its events. False if it was not known.
    pub fn forget(&mut self, topic: &Topic) -> bool {
        let Some(history) = self.topics.remove(topic) else {
            return false;
        };
        self.names.remove(topic);
        if let Some(expires) = self.expiry_of_oldest(&history) {
            self.due.remove(&(expires, topic.clone()));
        }
        for sequence in &history.sequences {
            self.records.remove(sequence);
        }
        self.stalest
            .remove(&(history.ended, history.last, topic.clone()));
        self.bytes -= history.bytes;
        self.topic_changes += 1;
        self.evictions += 1;
        self.forgotten_at = self.evictions;
        self.forgotten = self.forgotten.max(history.last);
        self.highest_evicted = self.highest_evicted.max(history.last);
        true
    }

    fn enforce_limits(&mut self, topic: &Topic) {
        while self
            .topics
            .get(topic)
            .is_some_and(History::is_over_its_limits)
        {
            self.evict_oldest(topic);
        }
        while self.bytes > self.options.capacity.bytes && self.records.len() > 1 {
            let Some(oldest) = self
                .records
                .first_key_value()
                .map(|(_, record)| record.topic.clone())
            else {
                return;
            };
            self.evict_oldest(&oldest);
        }
    }

    /// Evicts the oldest event of a topic that has one. An ended topic that loses its last event is forgotten.
    fn evict_oldest(&mut self, topic: &Topic) {
        let Some(history) = self.topics.get_mut(topic) else {
            return;
        };
        let Some(record) = history
            .sequences
            .front()
            .and_then(|sequence| self.records.remove(sequence))
        else {
            return;
        };
        self.due.remove(&(record.expires, record.topic.clone()));
        self.bytes -= record.size();
        self.evictions += 1;
        self.highest_evicted = self.highest_evicted.max(record.sequence);
        history.pop(&record, self.evictions);
        let ended = history.ended;
        match self
            .topics
            .get(topic)
            .and_then(|history| self.expiry_of_oldest(history))
        {
            Some(expires) => {
                self.due.insert((expires, record.topic.clone()));
            }
            None if ended => {
                self.forget(topic);
            }
            None => {}
        }
    }

    fn expiry_of_oldest(&self, history: &History) -> Option<Timestamp> {
        let oldest = history.sequences.front()?;
        self.records.get(oldest).map(|record| record.expires)
    }

    fn make_room(&mut self, in_use: &impl Fn(&Topic) -> bool) -> Result<(), AppendError> {
        let known = self.topics.len();
        if known < self.options.capacity.topics {
            return Ok(());
        }
        let stalest = self
            .stalest
            .iter()
            .map(|(.., topic)| topic)
            .find(|topic| !in_use(topic));
        let stalest = stalest.cloned().ok_or(AppendError::TooManyTopics(known))?;
        self.forget(&stalest);
        Ok(())
    }
}
