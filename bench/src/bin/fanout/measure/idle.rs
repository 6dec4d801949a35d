use std::time::Duration;

use anyhow::Result;

use super::Run;
use crate::figures::{Figures, IdleFigures};

impl Run<'_> {
    /// Opens all streams and publishes nothing.
    pub(super) fn idle(&self, span: Duration) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut fleet = self.open(&mut figures)?;
        let pieces = fleet.pieces();
        let used = self.used_for(&mut figures, || fleet.read_for(span))?;
        let pieces = fleet.pieces() - pieces;
        figures.note(&mut fleet, used, 0, 0);
        let cpu = used.cpu + used.softirq;
        figures.seconds = span.as_secs_f64();
        figures.idle = Some(IdleFigures {
            core_percent: cpu.as_secs_f64() / span.as_secs_f64() * 100.0,
            signs_per_stream: pieces as f64 / self.plan.readers as f64,
        });
        Ok(figures)
    }
}
