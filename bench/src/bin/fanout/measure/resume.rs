use std::thread;

use anyhow::{Context, Result};
use tidings_bench::load::{Fleet, now};

use super::Run;
use crate::figures::Figures;

/// Events that are missed by readers who come back.
const MISSED: u64 = 20;

impl Run<'_> {
    /// All readers get some events, are cut, and come back for those they have missed.
    pub(super) fn resume(&self) -> Result<Figures> {
        let resume = self.contender.resume.as_ref().context("it has no replay")?;
        let mut figures = Figures::default();
        let mut publisher = self.publisher(self.topics.clone());
        let mut fleet = self.open(&mut figures)?;
        self.publish(&mut fleet, &mut publisher)?;
        let seen = publisher.published();
        let tail = fleet.tail();
        let position = resume
            .position(&tail)
            .context("there is no position in the stream")?;
        drop(fleet);
        publisher.publish_singly(MISSED)?;
        // Until the contender has noticed that all are gone.
        thread::sleep(self.conditions.settle());

        let began = now();
        let mut fleet = Fleet::new()?;
        let askings = self.contender.askings(&self.selections, Some(position));
        let expected = MISSED * self.plan.copies();
        let used = self.used_for(&mut figures, || {
            fleet.open(
                self.server.ports[0],
                &askings,
                seen,
                self.contender.connects_per_second,
            )?;
            fleet.read(self.quiet(), || Some(expected))
        })?;
        figures.note(&mut fleet, used, MISSED, expected);
        figures.seconds = fleet.last_arrival().saturating_sub(began).as_secs_f64();
        // The stamps are of before the readers came back.
        (figures.p50_ms, figures.p99_ms, figures.max_ms) = (0.0, 0.0, 0.0);
        Ok(figures)
    }
}
