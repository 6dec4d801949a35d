use std::collections::{BTreeSet, HashSet};

use crate::history::gap::{Gap, Reason};
use crate::history::ledger::{Entry, Ledger};
use crate::history::runs::{Ending, Place, Runs};
use crate::history::{Durability, Reader, Start, Violation, Visit};

/// What one reader passed over, and what it was told on the way.
#[derive(Debug)]
pub(crate) struct Coverage<'a> {
    reader: &'a Reader,
    ledger: &'a Ledger<'a>,
    runs: &'a Runs<'a>,
    /// What the reader follows of all that ever was there, in order.
    present: Vec<&'a Entry<'a>>,
    received: HashSet<&'a str>,
    /// The runs that a crash ended and in which something that the reader follows was published
    /// at durability `memory`: what had been kept of it the hub does not know.
    volatile: BTreeSet<usize>,
    /// Where the reader is: it has passed everything up to here. `None` before it has begun.
    at: Option<Place>,
    told: Vec<Told>,
}

/// A gap in its place.
#[derive(Debug)]
struct Told {
    gap: Gap,
    said: String,
    visit: usize,
    run: usize,
    /// What the reader had passed.
    after: Place,
    /// The next event that it received, on whatever connection.
    before: Option<Place>,
}

impl<'a> Coverage<'a> {
    /// `present` is everything that ever was there, in order.
    pub(crate) fn new(
        reader: &'a Reader,
        present: &[&'a Entry<'a>],
        ledger: &'a Ledger<'a>,
        runs: &'a Runs<'a>,
    ) -> Self {
        let present = present.iter().copied();
        let present = present.filter(|entry| reader.follows(entry.topic));
        let volatile = ledger.entries().iter().filter(|entry| {
            entry.durability == Durability::Memory
                && !entry.refused
                && runs.ending(entry.run) == Some(Ending::Crashed)
                && reader.follows(entry.topic)
        });
        let events = reader.visits.iter().flat_map(|visit| &visit.events);
        Self {
            reader,
            ledger,
            runs,
            present: present.collect(),
            volatile: volatile.map(|entry| entry.run).collect(),
            received: events.map(|event| event.data.as_str()).collect(),
            at: None,
            told: Vec::new(),
        }
    }

    /// A gap was told if and only if something is missing.
    ///
    /// # Errors
    ///
    /// The first event that is missing without a gap, or the first gap without anything missing.
    pub(crate) fn check(mut self) -> Result<(), Violation> {
        for (number, visit) in self.reader.visits.iter().enumerate() {
            self.walk(number, visit)?;
        }
        self.told.iter().try_for_each(|told| self.justify(told))
    }

    fn walk(&mut self, number: usize, visit: &'a Visit) -> Result<(), Violation> {
        let told_before = self.told.len();
        let bottom = self.runs.bottom(visit.run);
        match &visit.start {
            Start::Now => self.at = None,
            Start::Oldest => self.at = Some(bottom),
            // Whoever resumes beyond what it has received claims to have passed what is between.
            Start::After(id) => match (self.at, self.runs.place(id)) {
                (Some(at), Some(from)) if at < from => {
                    self.pass(from, number, visit, &[])?;
                }
                (_, from) => self.at = Some(from.unwrap_or(bottom)),
            },
        }
        let mut position = visit.position.as_deref();
        for event in &visit.events {
            if let Some(gap) = Gap::told_by(event) {
                // Such a gap's block carries the position at which the stream goes on.
                self.told.push(Told {
                    gap,
                    said: event.data.clone(),
                    visit: number,
                    run: visit.run,
                    after: self.at.unwrap_or(bottom),
                    before: None,
                });
            }
            for id in [position.take(), event.id.as_deref()].into_iter().flatten() {
                let Some(place) = self.runs.place(id) else {
                    continue;
                };
                if !event.is_control() && event.id.as_deref() == Some(id) {
                    let unanswered = self.told.iter_mut().filter(|told| told.before.is_none());
                    unanswered.for_each(|told| told.before = Some(place));
                }
                let told = std::mem::take(&mut self.told);
                let passed = self.pass(place, number, visit, &told[told_before..]);
                self.told = told;
                passed?;
            }
        }
        if let Some(place) = position.and_then(|id| self.runs.place(id)) {
            self.pass(place, number, visit, &[])?;
        }
        Ok(())
    }

    /// Moves the reader on to `place`; what it follows on the way it has received, or it was told.
    fn pass(
        &mut self,
        place: Place,
        number: usize,
        visit: &Visit,
        told: &[Told],
    ) -> Result<(), Violation> {
        let after = self.at.unwrap_or(place);
        self.at = Some(after.max(place));
        let missing = self.between(after, place).find(|entry| {
            // Whoever begins with the oldest event that is left is not told what is not left.
            let lost = visit.start == Start::Oldest && entry.may_be_lost(visit.run, self.runs);
            !(lost || told.iter().any(|told| self.excuses(told, entry)))
        });
        match missing {
            Some(entry) => Err(Violation::Missing {
                reader: self.reader.name.clone(),
                visit: number,
                run: visit.run,
                id: entry.id(),
                data: entry.data.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// What the reader follows above `after` and up to `last` and has never received.
    fn between(&self, after: Place, last: Place) -> impl Iterator<Item = &&'a Entry<'a>> {
        let from = self.present.partition_point(|e| e.place() <= Some(after));
        let to = self.present.partition_point(|e| e.place() <= Some(last));
        let passed = self.present.get(from..to).unwrap_or_default().iter();
        passed.filter(|entry| !self.received.contains(entry.data))
    }

    /// Whether the gap says of this event that it may be missing, and it may.
    fn excuses(&self, told: &Told, entry: &Entry<'_>) -> bool {
        let Some(place) = entry.place().filter(|place| *place > told.after) else {
            return false;
        };
        let before_next = told.before.is_none_or(|next| place < next);
        let oldest = told.gap.oldest.as_ref();
        let oldest = oldest.and_then(|oldest| self.runs.place(oldest));
        let evicted = oldest.is_some_and(|oldest| place.era == oldest.era && place < oldest);
        let gone = evicted || entry.may_be_lost(told.run, self.runs);
        match told.gap.reason {
            Reason::Evicted => gone || oldest.is_none() && before_next,
            Reason::EpochChanged => gone || place.era < self.runs.era(told.run),
            Reason::UnknownId | Reason::Skipped => before_next,
        }
    }

    fn justify(&self, told: &Told) -> Result<(), Violation> {
        if self.disowns(told) {
            return Err(Violation::Disowned {
                reader: self.reader.name.clone(),
                visit: told.visit,
                run: told.run,
                gap: told.said.clone(),
            });
        }
        let end = self.at.unwrap_or(told.after);
        let mut missing = self.between(told.after, end);
        if missing.any(|entry| self.excuses(told, entry)) || self.may_be_needless(told) {
            return Ok(());
        }
        Err(Violation::Needless {
            reader: self.reader.name.clone(),
            visit: told.visit,
            run: told.run,
            gap: told.said.clone(),
        })
    }

    /// Whether the hub does not know an id that it gave out and that nothing has made void.
    fn disowns(&self, told: &Told) -> bool {
        let era = self.runs.era(told.run);
        let requested = self.runs.place(&told.gap.requested);
        let Some(requested) = requested.filter(|place| place.era == era) else {
            return false;
        };
        match told.gap.reason {
            Reason::EpochChanged => true,
            Reason::UnknownId => {
                let highest = self.runs.highest_before(told.run + 1);
                highest.is_some_and(|(highest, _)| requested <= highest)
            }
            Reason::Evicted | Reason::Skipped => false,
        }
    }

    /// Whether the hub cannot know that nothing is missing.
    fn may_be_needless(&self, told: &Told) -> bool {
        match told.gap.reason {
            _ if told.gap.possible => true,
            Reason::Evicted => self.volatile.iter().any(|run| {
                *run < told.run && self.ledger.is_before_end_of(*run, told.after, self.runs)
            }),
            Reason::EpochChanged => {
                let requested = self.runs.place(&told.gap.requested);
                requested.is_none_or(|place| place.era < self.runs.era(told.run))
            }
            Reason::UnknownId => true,
            Reason::Skipped => false,
        }
    }
}
