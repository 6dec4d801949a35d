use std::{collections::HashMap, path::Path, sync::Arc};

use crate::{
    Damage, DiskOptions, DiskStore, Entry, Epoch, Epochs, Found, Holes, KeyRow, LogOptions, Marks,
    MemoryStore, OpenError, Position, Record, Scope, Selection, Store, Timestamp, Topic,
    TopicSummary, Window,
    index::{Index, Restore},
};

/// An ordered history with the means to keep it.
///
/// An event goes through it in three steps: it is *accepted* and has its sequence, it is *committed* with others in a
/// [lot](crate::Lot), and it is *released*: from then on it is read, counted and retained. Only the second step may take
/// long, and it needs the [`Store`] alone, so that nobody who asks the log waits for a disk.
#[derive(Debug)]
pub struct Log {
    pub(crate) index: Index,
    pub(crate) store: Arc<dyn Store>,
    epochs: Epochs,
    /// The newest sequence given to an event.
    pub(crate) accepted: u64,
    /// The topics of events that are accepted and not yet released.
    pub(crate) waiting: HashMap<Topic, Waiting>,
    /// Released events that no committed lot has had yet.
    pub(crate) unwritten: Vec<Arc<Record>>,
    /// The sum of their sizes.
    pub(crate) unwritten_bytes: u64,
    /// As they are stored.
    pub(crate) marks: Marks,
    /// A lot failed that may have changed them.
    pub(crate) marks_are_unsure: bool,
}

/// What is under way on a topic.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    events: usize,
    ends: bool,
}

impl Log {
    /// An empty log that is gone with the process.
    pub fn in_memory(epoch: Epoch, options: LogOptions) -> Self {
        Self {
            index: Index::new(options),
            store: Arc::new(MemoryStore::default()),
            epochs: Epochs::new(epoch),
            accepted: 0,
            waiting: HashMap::new(),
            unwritten: Vec::new(),
            unwritten_bytes: 0,
            marks: Marks::default(),
            marks_are_unsure: false,
        }
    }

    /// Opens the log in a folder, or begins one there, and gives the idempotency keys that were stored.
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as before.
    pub fn open(
        folder: &Path,
        new_epoch: Epoch,
        options: LogOptions,
        now: Timestamp,
    ) -> Result<(Self, Vec<KeyRow>), OpenError> {
        let (store, found) = DiskStore::open(folder, &DiskOptions::default(), || new_epoch)?;
        Self::restore(store, found, options, now)
    }

    /// Makes the log again that a store holds.
    pub(crate) fn restore(
        store: DiskStore,
        found: Found,
        options: LogOptions,
        now: Timestamp,
    ) -> Result<(Self, Vec<KeyRow>), OpenError> {
        let mut restore = Restore::new(Index::new(options), &found.marks);
        if !found.topics.iter().all(|row| restore.topic(row)) {
            return Err(OpenError::Damaged {
                path: store.path().to_owned(),
                what: Damage::Row("topics"),
            });
        }
        store.scan(&mut |event| restore.event(&event))?;
        let index = restore.finish(now);
        let head = index.head();
        let marks = Marks {
            opened: head,
            head: None,
            ..found.marks
        };
        let mut log = Self {
            index,
            store: Arc::new(store),
            epochs: found.epochs,
            accepted: head,
            waiting: HashMap::new(),
            unwritten: Vec::new(),
            unwritten_bytes: 0,
            marks,
            marks_are_unsure: false,
        };
        let opening = log.opening_lot();
        log.store.commit(&opening)?;
        log.committed(&opening);
        Ok((log, found.keys))
    }

    /// Where the events are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The newest sequence that anybody may have been told of, 0 before the first event.
    pub fn head(&self) -> u64 {
        self.index.head()
    }

    /// The place just after this sequence.
    pub fn position(&self, sequence: u64) -> Position {
        self.epochs.position(sequence)
    }

    /// Whether the place is one of this log's: its sequence was, or will be, given out under its epoch.
    pub fn knows(&self, position: &Position) -> bool {
        self.epochs.contain(position)
    }

    /// When the newest retained event was accepted; 1970 if there is none.
    pub fn newest_time(&self) -> Timestamp {
        self.index.newest_time()
    }

    /// What all retained events count against the capacity.
    pub fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// How many events are retained.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no event is retained.
    pub fn is_empty(&self) -> bool {
        self.index.len() == 0
    }

    /// How many topics are known.
    pub fn topic_count(&self) -> usize {
        self.index.topic_count()
    }

    /// How often a topic appeared, ended or was forgotten.
    pub fn topic_changes(&self) -> u64 {
        self.index.topic_changes()
    }

    /// Whether the topic is known: it has been published on and was not forgotten since.
    pub fn contains(&self, topic: &Topic) -> bool {
        self.index.history(topic).is_some()
    }

    /// Whether a final event ended the topic.
    pub fn has_ended(&self, topic: &Topic) -> bool {
        let history = self.index.history(topic);
        history.is_some_and(|history| history.ended)
    }

    /// As [`contains`](Self::contains), once all that is accepted is released.
    pub fn will_contain(&self, topic: &Topic) -> bool {
        self.waiting.contains_key(topic) || self.contains(topic)
    }

    /// As [`has_ended`](Self::has_ended), once all that is accepted is released.
    pub fn will_have_ended(&self, topic: &Topic) -> bool {
        let waiting = self.waiting.get(topic);
        waiting.is_some_and(|waiting| waiting.ends) || self.has_ended(topic)
    }

    /// How many of so many further topics there is room for, forgetting only topics that are not in use.
    pub fn room_for(&self, topics: usize, in_use: impl Fn(&Topic) -> bool) -> usize {
        let known = self.index.topic_count() + self.waiting.len();
        if self.index.has_room_for(known + topics) {
            return topics;
        }
        let coming = self.waiting.keys().filter(|topic| !self.contains(topic));
        let coming = coming.count();
        let in_use = |topic: &Topic| in_use(topic) || self.waiting.contains_key(topic);
        self.index
            .room_for(coming + topics, in_use)
            .saturating_sub(coming)
    }

    /// Gives an event its sequence. The topic must not be about to end, and there must be room for it.
    pub fn accept(&mut self, entry: Entry, now: Timestamp) -> Arc<Record> {
        self.accepted += 1;
        let Entry {
            topic,
            event,
            data,
            key,
            ends_topic,
        } = entry;
        let waiting = self.waiting.entry(topic.clone()).or_default();
        waiting.events += 1;
        waiting.ends |= ends_topic;
        Arc::new(Record {
            epoch: self.epochs.position(self.accepted).epoch,
            sequence: self.accepted,
            time: now,
            topic,
            event,
            data,
            key,
            ends_topic,
        })
    }

    /// Makes an accepted event part of the history. They are released by rising sequence.
    pub fn release(&mut self, record: &Record, in_use: impl Fn(&Topic) -> bool) {
        debug_assert!(record.sequence > self.index.head());
        if let Some(waiting) = self.waiting.get_mut(&record.topic) {
            waiting.events -= 1;
            if waiting.events == 0 {
                self.waiting.remove(&record.topic);
            }
        }
        let waiting = &self.waiting;
        let in_use = |topic: &Topic| in_use(topic) || waiting.contains_key(topic);
        self.index.append(record, in_use);
    }

    /// Evicts every event whose time has come.
    pub fn expire(&mut self, now: Timestamp) {
        self.index.expire(now);
    }

    /// Forgets a topic and its events. False if it was not known.
    pub fn forget(&mut self, topic: &Topic) -> bool {
        self.index.forget(topic)
    }

    /// Gives up an event that the store cannot read any more, as if it had been evicted. False if it was not retained.
    pub fn lose(&mut self, sequence: u64) -> bool {
        let retained = self.index.retains(sequence);
        self.index.lose(sequence);
        retained
    }

    /// A page of the retained events in a window, by rising sequence.
    pub fn select(&self, scope: &Scope<'_>, window: Window) -> Selection {
        self.index.select(scope, window)
    }

    /// A page of the retained events in a window, by falling sequence.
    pub fn select_back(&self, scope: &Scope<'_>, window: Window) -> Selection {
        self.index.select_back(scope, window)
    }

    /// A page of those of these events, by rising sequence, that are retained and in the window.
    pub fn pick(&self, picked: &[u64], window: Window) -> Selection {
        self.index.pick(picked, window)
    }

    /// The retained events of a topic, newest first.
    pub fn newest(&self, topic: &Topic) -> impl Iterator<Item = u64> {
        self.index.newest(topic)
    }

    /// The oldest retained event of the scope.
    pub fn oldest(&self, scope: &Scope<'_>) -> Option<u64> {
        self.index.oldest(scope)
    }

    /// What is retained of one topic.
    pub fn summary(&self, topic: &Topic) -> Option<TopicSummary> {
        self.index.summary(topic)
    }

    /// The known topics by name, after this one or from the first.
    pub fn names<'a>(&'a self, after: Option<&Topic>) -> impl Iterator<Item = &'a Topic> + use<'a> {
        self.index.names(after)
    }

    /// How many evictions there were so far: the point in time that [`holes`](Self::holes) counts from.
    pub fn evictions(&self) -> u64 {
        self.index.evictions()
    }

    /// Whether some event of the scope after this sequence may be missing: evicted, expired, forgotten, or lost in a
    /// crash.
    pub fn misses_any(&self, scope: &Scope<'_>, after: u64) -> bool {
        self.index.misses_any(scope, after)
    }

    /// What the scope has lost after the sequence since that many evictions.
    pub fn holes(&self, scope: &Scope<'_>, after: u64, since: u64) -> Holes {
        self.index.holes(scope, after, since)
    }

    /// Whether a newer event of the same key has made this one unnecessary; only topics with keyed rules know.
    pub fn is_superseded(&self, record: &Record) -> bool {
        self.index.is_superseded(record)
    }
}
