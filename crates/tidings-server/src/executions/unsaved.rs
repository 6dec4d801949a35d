use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::executions::id::ExecutionId;

/// A changed state is saved after so long at the latest.
const CHANGED: Duration = Duration::from_secs(1);

/// One that has not changed is saved again after so many bytes of events: the topic of a checkpoint must not be the least
/// recently published of all, or it is the next to be forgotten.
const EVENTS: u64 = 4 << 20;

/// Or after so long, if there were any.
const UNCHANGED: Duration = Duration::from_secs(60 * 60);

/// Which executions have gone on since they were saved.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    notes: HashMap<ExecutionId, Note>,
    /// All of them by when they are to be saved.
    due: BTreeSet<(Instant, ExecutionId)>,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    since: Instant,
    /// The size of the events since then.
    bytes: u64,
    /// When the state changed first.
    changed: Option<Instant>,
    /// Whether nothing more will come.
    is_last: bool,
    /// What it takes to save it, in bytes.
    weight: u64,
}

impl Unsaved {
    /// Takes note of an event of so many bytes.
    pub(super) fn went_on(&mut self, id: &ExecutionId, bytes: usize, now: Instant) {
        self.note(id, now, |note| note.bytes += bytes as u64);
    }

    /// Takes note of another state.
    pub(super) fn changed(&mut self, id: &ExecutionId, weight: usize, now: Instant) {
        self.note(id, now, |note| {
            note.changed.get_or_insert(now);
            note.weight = weight as u64;
        });
    }

    /// Takes note of a state that is not to be kept waiting.
    pub(super) fn ended(&mut self, id: &ExecutionId, now: Instant) {
        self.note(id, now, |note| note.is_last = true);
    }

    pub(super) fn forget(&mut self, id: &ExecutionId) {
        if let Some(note) = self.notes.remove(id) {
            self.due.remove(&(note.due(), id.clone()));
        }
    }

    /// Takes out an execution that is to be saved now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<ExecutionId> {
        let (due, id) = self.due.first()?;
        if *due > now {
            return None;
        }
        let id = id.clone();
        self.forget(&id);
        Some(id)
    }

    /// When the next one is to be saved.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    fn note(&mut self, id: &ExecutionId, now: Instant, change: impl FnOnce(&mut Note)) {
        let note = self.notes.get(id).copied();
        let mut note = note.unwrap_or(Note {
            since: now,
            bytes: 0,
            changed: None,
            is_last: false,
            weight: 0,
        });
        let before = note.due();
        change(&mut note);
        let is_new = self.notes.insert(id.clone(), note).is_none();
        if is_new || before != note.due() {
            self.due.remove(&(before, id.clone()));
            self.due.insert((note.due(), id.clone()));
        }
    }
}

impl Note {
    /// Events of the size of a checkpoint pay for one, so what is saved is never more than what
    /// was published, but for one checkpoint a second.
    fn due(&self) -> Instant {
        match self.changed {
            Some(_) if self.is_last || self.bytes >= self.weight => self.since,
            Some(changed) => changed + CHANGED,
            None if self.bytes >= EVENTS => self.since,
            None => self.since + UNCHANGED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ExecutionId {
        "a".parse().unwrap()
    }

    fn is_due(unsaved: &mut Unsaved, now: Instant) -> bool {
        unsaved.take_due(now).is_some()
    }

    #[test]
    fn a_changed_state_is_saved_once_the_events_outweigh_it_or_after_a_second() {
        let now = Instant::now();
        let mut unsaved = Unsaved::default();
        unsaved.went_on(&id(), 100, now);
        unsaved.changed(&id(), 300, now);
        assert!(!is_due(&mut unsaved, now));
        assert_eq!(unsaved.next_due(), Some(now + CHANGED));
        unsaved.went_on(&id(), 200, now);
        assert!(is_due(&mut unsaved, now));
        unsaved.changed(&id(), 300, now);
        assert!(is_due(&mut unsaved, now + CHANGED));
        assert_eq!(unsaved.next_due(), None);
        unsaved.changed(&id(), 300, now);
        unsaved.forget(&id());
        assert_eq!(unsaved.next_due(), None);
    }

    #[test]
    fn an_end_is_saved_at_once() {
        let now = Instant::now();
        let mut unsaved = Unsaved::default();
        unsaved.changed(&id(), 300, now);
        unsaved.ended(&id(), now);
        assert!(is_due(&mut unsaved, now));
    }

    #[test]
    fn a_checkpoint_does_not_become_much_older_than_the_events() {
        let now = Instant::now();
        let mut unsaved = Unsaved::default();
        unsaved.went_on(&id(), 1, now);
        assert!(!is_due(&mut unsaved, now + CHANGED));
        assert!(is_due(&mut unsaved, now + UNCHANGED));
        unsaved.went_on(&id(), EVENTS as usize, now);
        assert!(is_due(&mut unsaved, now));
    }
}
