use std::collections::HashMap;

use crate::event::Event;
use crate::history::runs::{Ending, Place, Runs};
use crate::history::{Durability, Publication, Reader, Receipt, Violation};
use crate::position::Position;

/// Every event of a history by its data, with what publishers and readers together know of it.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    entries: Vec<Entry<'a>>,
    by_data: HashMap<&'a str, usize>,
    by_place: HashMap<Place, usize>,
}

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) topic: &'a str,
    pub(crate) data: &'a str,
    /// What was acknowledged, or asked for as long as nothing was.
    pub(crate) durability: Durability,
    /// The run of the first attempt to publish it.
    pub(crate) run: usize,
    /// The last run in which a reader received it.
    pub(crate) received: Option<usize>,
    pub(crate) refused: bool,
    /// Its id, as soon as somebody knows it.
    pub(crate) known: Option<(Place, String)>,
    /// The id that it cannot be above, from the acknowledgement of its batch.
    latest: Option<(Place, &'a str)>,
}

const RECEIPT: &str = "a receipt";

impl<'a> Ledger<'a> {
    /// Collects what is known.
    ///
    /// # Panics
    ///
    /// When two events have the same data.
    pub(crate) fn new(
        publishers: &'a [Vec<Publication>],
        readers: &'a [Reader],
        runs: &Runs<'_>,
    ) -> Result<Self, Violation> {
        let mut ledger = Self {
            entries: Vec::new(),
            by_data: HashMap::new(),
            by_place: HashMap::new(),
        };
        for publication in publishers.iter().flatten() {
            ledger.enter(publication, runs)?;
        }
        for reader in readers {
            for visit in &reader.visits {
                for event in visit.events.iter().filter(|event| !event.is_control()) {
                    ledger.receive(reader, visit.run, event, runs)?;
                }
            }
        }
        Ok(ledger)
    }

    /// The event with this data.
    pub(crate) fn entry(&self, data: &str) -> Option<&Entry<'a>> {
        self.by_data.get(data).map(|&at| &self.entries[at])
    }

    /// All events, whether they ever existed or not.
    pub(crate) fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// Every event that was acknowledged or seen, in order.
    pub(crate) fn present(&self) -> Vec<&Entry<'a>> {
        let mut present: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.place().is_some())
            .collect();
        present.sort_by_key(|entry| entry.place());
        present
    }

    /// Whether a place may have been given out before `run` ended: it was seen until then, or it
    /// is that of an event which had been published by then, below everything that came later.
    pub(crate) fn is_before_end_of(&self, run: usize, place: Place, runs: &Runs<'_>) -> bool {
        let highest = runs.highest_before(run + 1);
        if highest.is_some_and(|(highest, _)| place <= highest) {
            return true;
        }
        let there = self.by_place.get(&place).map(|&at| &self.entries[at]);
        let later = self.entries.iter().filter(|entry| entry.run > run);
        let mut later = later.filter_map(Entry::place);
        there.is_some_and(|entry| entry.run <= run) && later.all(|later| later > place)
    }

    fn enter(&mut self, publication: &'a Publication, runs: &Runs<'_>) -> Result<(), Violation> {
        let first = self.entries.len();
        let receipt = publication.receipt();
        for event in &publication.events {
            let earlier = self.by_data.insert(&event.data, self.entries.len());
            assert_eq!(earlier, None, "{:?} was published twice", event.data);
            self.entries.push(Entry {
                topic: &event.topic,
                data: &event.data,
                durability: receipt.map_or(publication.durability, |receipt| receipt.durability),
                run: publication.run(),
                received: None,
                refused: publication.is_refused(),
                known: None,
                latest: receipt.and_then(|r| Some((runs.place(&r.last)?, r.last.as_str()))),
            });
        }
        let last = self.entries.len() - 1;
        for attempt in &publication.attempts {
            if let Some(receipt) = attempt.receipt() {
                self.learn(first, &receipt.first, RECEIPT, runs)?;
                self.learn(last, &receipt.last, RECEIPT, runs)?;
                self.learn_inner(first, last, receipt, runs)?;
            }
        }
        match receipt {
            Some(receipt) if receipt.durability < publication.durability => {
                Err(Violation::Weaker {
                    id: receipt.first.clone(),
                    data: self.entries[first].data.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    fn receive(
        &mut self,
        reader: &'a Reader,
        run: usize,
        event: &'a Event,
        runs: &Runs<'_>,
    ) -> Result<(), Violation> {
        let name = reader.name.clone();
        let data = event.data.clone();
        let Some(id) = event.id.as_deref() else {
            return Err(Violation::WithoutId { reader: name, data });
        };
        let owned = id.to_owned();
        let Some(&at) = self.by_data.get(event.data.as_str()) else {
            return Err(Violation::Unexpected {
                reader: name,
                id: owned,
                data,
            });
        };
        let entry = &mut self.entries[at];
        if entry.refused {
            return Err(Violation::Refused {
                reader: name,
                id: owned,
                data,
            });
        }
        if !reader.follows(entry.topic) {
            return Err(Violation::Stray {
                reader: name,
                id: owned,
                data,
                topic: entry.topic.to_owned(),
            });
        }
        entry.received = entry.received.max(Some(run));
        self.learn(at, id, &reader.name, runs)
    }

    /// Ids rise along a batch, so if there are as many of them as events, each is known.
    fn learn_inner(
        &mut self,
        first: usize,
        last: usize,
        receipt: &Receipt,
        runs: &Runs<'_>,
    ) -> Result<(), Violation> {
        let ends = (
            Position::parse(&receipt.first),
            Position::parse(&receipt.last),
        );
        let (Some(begin), Some(end)) = ends else {
            return Ok(());
        };
        if end != begin.later((last - first) as u64) {
            return Ok(());
        }
        (first + 1..last).try_for_each(|at| {
            let id = begin.later((at - first) as u64).to_string();
            self.learn(at, &id, RECEIPT, runs)
        })
    }

    /// Takes note of an event's id.
    fn learn(&mut self, at: usize, id: &str, by: &str, runs: &Runs<'_>) -> Result<(), Violation> {
        let Some(place) = runs.place(id) else {
            return Ok(());
        };
        let earlier = *self.by_place.entry(place).or_insert(at);
        if earlier != at {
            return Err(Violation::TwoEvents {
                by: by.to_owned(),
                id: id.to_owned(),
                first: self.entries[earlier].data.to_owned(),
                second: self.entries[at].data.to_owned(),
            });
        }
        let entry = &mut self.entries[at];
        let known = entry.known.get_or_insert_with(|| (place, id.to_owned()));
        if known.0 != place {
            return Err(Violation::TwoIds {
                by: by.to_owned(),
                data: entry.data.to_owned(),
                first: known.1.clone(),
                second: id.to_owned(),
            });
        }
        Ok(())
    }
}

impl Entry<'_> {
    /// Where it is; for one inside a batch that no reader received, where its batch ends.
    pub(crate) fn place(&self) -> Option<Place> {
        let known = self.known.as_ref().map(|(place, _)| *place);
        known.or_else(|| self.latest.map(|(place, _)| place))
    }

    /// Its id, as far as it is known.
    pub(crate) fn id(&self) -> String {
        match (&self.known, self.latest) {
            (Some((_, id)), _) => id.clone(),
            (None, Some((_, id))) => format!("at most {id}"),
            (None, None) => "unknown".to_owned(),
        }
    }

    /// Whether a crash may have taken it from whoever reads in `run`.
    ///
    /// That is the crash of the run that took it: what is there in another run has survived.
    pub(crate) fn may_be_lost(&self, run: usize, runs: &Runs<'_>) -> bool {
        let survived = self.received.is_some_and(|received| received > self.run);
        self.durability == Durability::Memory
            && self.run < run
            && !survived
            && runs.ending(self.run) == Some(Ending::Crashed)
    }
}
