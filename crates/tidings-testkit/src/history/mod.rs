//! What publishers sent and readers saw, to be judged together.

mod batches;
mod coverage;
mod gap;
mod ledger;
mod order;
mod publication;
mod reader;
mod runs;
mod violation;

use coverage::Coverage;
use ledger::Ledger;
pub use publication::{Attempt, Durability, Outcome, Publication, Receipt, Sent};
pub use reader::{Reader, Start, Visit};
pub use runs::Ending;
use runs::{Runs, Sighting};
pub use violation::Violation;

/// What publishers sent and readers saw over one or more runs of a hub.
///
/// Every event carries data of its own, by which it is told from the others. A reader covers
/// everything from where it began to the last id that it saw. Topics are not ended, deleted or
/// followed with a filter of event types, and histories in which retention evicts are judged by
/// the `oldest` of the gaps.
#[derive(Debug, Clone, Default)]
pub struct History {
    publishers: Vec<Vec<Publication>>,
    readers: Vec<Reader>,
    endings: Vec<Ending>,
}

impl History {
    /// Adds what one publisher sent, each request after the answer to the one before.
    pub fn publisher(&mut self, publications: Vec<Publication>) {
        self.publishers.push(publications);
    }

    /// Adds what a reader received.
    pub fn reader(&mut self, reader: Reader) {
        self.readers.push(reader);
    }

    /// Ends the current run and begins the next. A history begins in run 0.
    pub fn run_ended(&mut self, ending: Ending) {
        self.endings.push(ending);
    }

    /// The publications of all publishers.
    pub fn publications(&self) -> impl Iterator<Item = &Publication> {
        self.publishers.iter().flatten()
    }

    /// The readers.
    #[must_use]
    pub fn readers(&self) -> &[Reader] {
        &self.readers
    }

    /// Judges the history by what a hub promises:
    ///
    /// - What was acknowledged was delivered to every reader that follows its topic, from where
    ///   it began to where it stopped, or the reader was told a gap in that place.
    /// - There is one order for all: an event has one id, an id names one event, and ids rise for
    ///   every reader over all its connections, for every publisher, and from run to run.
    /// - What was delivered was published there and not refused. What has an unknown outcome is
    ///   there for all or for nobody, and of a batch all or nothing.
    /// - A gap is told if and only if something is missing. Around a crash the hub may tell one
    ///   where events of durability `memory` might have been lost.
    /// - The epoch changes if and only if the history was thrown away.
    ///
    /// # Errors
    ///
    /// The first violation found.
    ///
    /// # Panics
    ///
    /// When two events have the same data, or a run is named that has not begun.
    pub fn check(&self) -> Result<(), Violation> {
        let runs = Runs::new(&self.endings, self.sightings())?;
        let ledger = Ledger::new(&self.publishers, &self.readers, &runs)?;
        for publications in &self.publishers {
            order::check_publisher(publications, &ledger)?;
        }
        for reader in &self.readers {
            order::check_reader(reader, &ledger)?;
        }
        order::check_runs(&ledger, &runs)?;
        let present = ledger.present();
        for reader in &self.readers {
            Coverage::new(reader, &present, &ledger, &runs).check()?;
        }
        for publications in &self.publishers {
            batches::check(publications, &self.readers, &ledger)?;
        }
        Ok(())
    }

    /// Panics with the violation unless the history holds.
    ///
    /// # Panics
    ///
    /// When [`check`](Self::check) finds a violation.
    #[track_caller]
    pub fn assert_holds(&self) {
        if let Err(violation) = self.check() {
            panic!("{violation}");
        }
    }

    /// Every id that anybody was given, by the run it was given in.
    fn sightings(&self) -> Vec<Sighting<'_>> {
        let mut sightings = Vec::new();
        for attempt in self.publications().flat_map(|sent| &sent.attempts) {
            let ids = attempt
                .receipt()
                .map(|receipt| [&receipt.first, &receipt.last]);
            sightings.extend(ids.into_iter().flatten().map(|id| Sighting {
                run: attempt.run,
                id,
                by: "a receipt",
            }));
        }
        for reader in &self.readers {
            for visit in &reader.visits {
                let ids = visit.events.iter().filter_map(|event| event.id.as_ref());
                let ids = visit.position.iter().chain(ids);
                sightings.extend(ids.map(|id| Sighting {
                    run: visit.run,
                    id,
                    by: &reader.name,
                }));
            }
        }
        sightings
    }
}
