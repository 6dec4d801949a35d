use std::thread;

use anyhow::{Context, Result};
use tidings_bench::load::{Fleet, now};

use super::{QUIET, Run, SETTLE};
use crate::{figures::Figures, other::OtherLoad};

/// Events that are missed by readers who come back.
const MISSED: u64 = 20;

impl Run<'_> {
    /// All readers get some events, are cut, and come back for those they have missed.
    pub(super) fn resume(&self) -> Result<Figures> {
        let resume = self.contender.resume.as_ref().context("it has no replay")?;
        let mut figures = Figures::default();
        let mut publisher = self.publisher();
        let mut fleet = Fleet::new()?;
        self.open(&mut fleet, &mut figures)?;
        self.publish(&mut fleet, &mut publisher)?;
        let seen = publisher.published();
        let tail = fleet.tail();
        let position = resume
            .position(&tail)
            .context("there is no position in the stream")?;
        drop(fleet);
        publisher.publish_singly(MISSED)?;
        // Until the contender has noticed that all are gone.
        thread::sleep(SETTLE);

        let processes = &self.server.processes;
        let other = OtherLoad::begin()?;
        let before = processes.usage()?;
        let began = now();
        let mut fleet = Fleet::new()?;
        let askings = self
            .contender
            .askings(self.plan.readers, &self.topics, Some(position));
        let expected = MISSED * self.plan.readers as u64;
        fleet.open(
            self.server.ports[0],
            &askings,
            seen,
            self.contender.connects_per_second,
        )?;
        fleet.read(QUIET, || Some(expected))?;
        let used = processes.usage()?.since(&before);
        figures.other_load = other.end(used.cpu + used.softirq)?;
        self.note(&mut figures, &mut fleet, used, MISSED, expected);
        figures.seconds = fleet.last_arrival().saturating_sub(began).as_secs_f64();
        // The stamps are of before the readers came back.
        (figures.p50_ms, figures.p99_ms, figures.max_ms) = (0.0, 0.0, 0.0);
        Ok(figures)
    }
}
