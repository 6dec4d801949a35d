use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::executions::id::ExecutionId;
use crate::executions::state::{Execution, Happening, Plan, Status};

/// An execution, and where in the log it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The sequence with which it became known; they are listed in this order. 0 until it has one.
    pub(super) born: u64,
    /// The sequence of the newest event that the state is made of.
    pub(crate) position: u64,
    /// The sequence of the first event of its topic, if there was one.
    pub(crate) since: Option<u64>,
    /// The sequence of its final event.
    pub(crate) last: Option<u64>,
    /// How many of its tasks were planned.
    planned: usize,
    pub(crate) execution: Execution,
}

/// What an event meant to an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It was known before.
    Known,
    /// Nothing.
    Passed,
    /// The state is another one.
    Changed,
}

/// Which executions are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) status: Option<Status>,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

/// All executions that are known.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_id: HashMap<ExecutionId, Row>,
    /// In the order in which they became known.
    by_birth: BTreeSet<(u64, ExecutionId)>,
    /// By the newest event of each.
    by_position: BTreeSet<(u64, ExecutionId)>,
    weight: usize,
}

#[derive(Debug)]
struct Row {
    entry: Arc<Entry>,
    weight: usize,
}

impl Entry {
    /// An execution of which nothing has happened.
    pub(super) fn planned(id: ExecutionId, plan: Plan) -> Self {
        Self {
            born: 0,
            position: 0,
            since: None,
            last: None,
            planned: plan.tasks.len(),
            execution: Execution::new(id, plan),
        }
    }

    /// An execution that is known by its topic alone, which began with this event.
    pub(super) fn begun(id: ExecutionId, since: u64) -> Self {
        Self {
            born: since,
            position: since.saturating_sub(1),
            since: Some(since),
            ..Self::planned(id, Plan::default())
        }
    }

    /// The place just before its first event, if it has one.
    pub(crate) fn origin(&self) -> Option<u64> {
        self.since.map(|since| since.saturating_sub(1))
    }

    /// What it was before its first event.
    pub(crate) fn before_its_start(&self) -> Execution {
        self.execution.planned(self.planned)
    }

    /// Follows the event of this sequence.
    pub(super) fn follow(&mut self, sequence: u64, happening: &Happening<'_>) -> Followed {
        let is_known = sequence <= self.position && self.since.is_some();
        if is_known || self.last.is_some() {
            return Followed::Known;
        }
        self.position = sequence;
        self.since.get_or_insert(sequence);
        self.last = happening.is_final.then_some(sequence);
        match self.execution.apply(happening) || happening.is_final {
            true => Followed::Changed,
            false => Followed::Passed,
        }
    }
}

impl Table {
    pub(super) fn find(&self, id: &ExecutionId) -> Option<&Arc<Entry>> {
        self.by_id.get(id).map(|row| &row.entry)
    }

    pub(super) fn ids(&self) -> Vec<ExecutionId> {
        self.by_id.keys().cloned().collect()
    }

    /// Takes an execution in, in place of one with the same id.
    pub(super) fn admit(&mut self, entry: Entry) {
        self.forget(&entry.execution.id);
        let (id, weight) = (entry.execution.id.clone(), entry.execution.weight());
        self.weight += weight;
        self.by_birth.insert((entry.born, id.clone()));
        self.by_position.insert((entry.position, id.clone()));
        let entry = Arc::new(entry);
        self.by_id.insert(id, Row { entry, weight });
    }

    /// Has an execution follow the event of this sequence; one that is not known begins with it.
    pub(super) fn follow(
        &mut self,
        id: &ExecutionId,
        sequence: u64,
        happening: &Happening<'_>,
    ) -> Followed {
        if !self.by_id.contains_key(id) {
            self.admit(Entry::begun(id.clone(), sequence));
        }
        let row = self.by_id.get_mut(id).expect("it is there by now");
        let before = row.entry.position;
        let entry = Arc::make_mut(&mut row.entry);
        let followed = entry.follow(sequence, happening);
        if before != entry.position {
            self.by_position.remove(&(before, id.clone()));
            self.by_position.insert((entry.position, id.clone()));
        }
        if followed == Followed::Changed {
            let weight = entry.execution.weight();
            self.weight = self.weight - row.weight + weight;
            row.weight = weight;
        }
        followed
    }

    /// Forgets an execution. False if it was not known.
    pub(super) fn forget(&mut self, id: &ExecutionId) -> bool {
        let Some(Row { entry, weight }) = self.by_id.remove(id) else {
            return false;
        };
        self.weight -= weight;
        self.by_birth.remove(&(entry.born, id.clone()));
        self.by_position.remove(&(entry.position, id.clone()));
        true
    }

    /// The execution to forget next, if all together weigh more than that: the one of which nothing has been heard for
    /// longest. One that is alone stays.
    pub(super) fn excess(&self, most: usize) -> Option<ExecutionId> {
        let (_, stalest) = self.by_position.first()?;
        (self.weight > most && self.by_id.len() > 1).then(|| stalest.clone())
    }

    /// The ones of a status, or all, newest first.
    pub(super) fn newest_first(&self, status: Option<Status>) -> Vec<Arc<Entry>> {
        let newest_first = self.by_birth.iter().rev();
        let entries = newest_first.filter_map(|(_, id)| self.find(id));
        let wanted =
            entries.filter(|entry| status.is_none_or(|status| entry.execution.status == status));
        wanted.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use tidings::Timestamp;

    use super::*;

    fn id(text: &str) -> ExecutionId {
        text.parse().unwrap()
    }

    fn happening(event: &str) -> Happening<'_> {
        Happening {
            event,
            data: "{}",
            time: Timestamp::from_millis(1),
            is_final: event == "execution-complete",
        }
    }

    fn listed(table: &Table, status: Option<Status>) -> Vec<String> {
        let entries = table.newest_first(status);
        let ids = entries.iter().map(|entry| entry.execution.id.to_string());
        ids.collect()
    }

    #[test]
    fn the_newest_are_listed_first() {
        let mut table = Table::default();
        for (sequence, name) in (1..).zip(["a", "b", "c", "d"]) {
            table.follow(&id(name), sequence, &happening("execution-start"));
        }
        table.follow(&id("a"), 5, &happening("execution-complete"));
        assert_eq!(listed(&table, None), ["d", "c", "b", "a"]);
        assert_eq!(listed(&table, Some(Status::Running)), ["d", "c", "b"]);
        assert_eq!(listed(&table, Some(Status::Completed)), ["a"]);
    }

    #[test]
    fn an_event_that_is_known_is_not_followed_again() {
        let mut table = Table::default();
        let start = happening("execution-start");
        assert_eq!(table.follow(&id("a"), 7, &start), Followed::Changed);
        assert_eq!(table.follow(&id("a"), 7, &start), Followed::Known);
        assert_eq!(
            table.follow(&id("a"), 8, &happening("output")),
            Followed::Passed
        );
        let entry = table.find(&id("a")).unwrap();
        assert_eq!((entry.position, entry.origin()), (8, Some(6)));
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let mut table = Table::default();
        table.follow(&id("a"), 1, &happening("execution-start"));
        table.follow(&id("a"), 2, &happening("output"));
        assert!(table.forget(&id("a")));
        assert!(!table.forget(&id("a")));
        assert!(table.by_birth.is_empty() && table.by_position.is_empty());
        assert_eq!(table.weight, 0);
    }

    #[test]
    fn too_much_forgets_the_one_of_which_nothing_was_heard_for_longest() {
        let mut table = Table::default();
        table.follow(&id("a"), 1, &happening("execution-start"));
        table.follow(&id("b"), 2, &happening("execution-start"));
        table.follow(&id("a"), 3, &happening("output"));
        assert_eq!(table.excess(table.weight), None);
        assert_eq!(table.excess(table.weight - 1), Some(id("b")));
        table.forget(&id("b"));
        assert_eq!(table.excess(0), None);
    }
}
