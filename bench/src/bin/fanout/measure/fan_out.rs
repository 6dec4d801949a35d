use std::{sync::OnceLock, thread, time::Duration};

use anyhow::{Result, bail};
use tidings_bench::load::{Fleet, Publisher, Stalled};

use super::Run;
use crate::{
    figures::{Figures, StalledFigures},
    plan::Pace,
    tcp,
    workload::Size,
};

impl Run<'_> {
    /// Publishes as planned, perhaps beside a reader that takes nothing, or beside readers that come and go.
    pub(super) fn fan_out(&self, beside_stalled: bool) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut fleet = self.open(&mut figures)?;
        let port = self.server.ports[0];
        let one = || {
            let mut askings = self.contender.askings(&self.selections[..1], None);
            askings.remove(0)
        };
        let stalled = if beside_stalled {
            Some(Stalled::open(port, &one())?)
        } else {
            None
        };
        if self.plan.churn_per_second > 0 {
            fleet.begin_churn(port, one(), self.plan.churn_per_second);
        }
        let processes = &self.server.processes;
        let memory = processes.memory()?;
        let mut publisher = self.publisher(self.topics.clone());
        let used = self.used_for(&mut figures, || self.publish(&mut fleet, &mut publisher))?;
        figures.churned = fleet.end_churn().map(Into::into);
        figures.growth_kib = processes.memory()?.saturating_sub(memory) as f64 / 1024.0;
        if let Some(stalled) = stalled {
            let queued_kib = tcp::queued_bytes(port, stalled.port()?)? as f64 / 1024.0;
            let silence = 2 * self.conditions.settle();
            let woken = stalled.wake(silence.max(Duration::from_millis(50)));
            figures.stalled = Some(StalledFigures {
                queued_kib,
                received: woken.received,
                disorder: woken.disorder,
                is_cut: woken.is_cut,
            });
        }
        let published = publisher.published();
        figures.note(&mut fleet, used, published, self.expected(published));
        Ok(figures)
    }

    /// Publishes as planned while the fleet reads, until everything has come or no more does.
    pub(super) fn publish(&self, fleet: &mut Fleet, publisher: &mut Publisher) -> Result<()> {
        let published = OnceLock::new();
        thread::scope(|scope| {
            let publishing = scope.spawn(|| {
                let events = self.plan.events;
                let outcome = match self.plan.pace {
                    Pace::PerSecond {
                        events: per_second,
                        tick,
                    } => publisher.publish_paced(events, per_second, tick),
                    Pace::Singly => publisher.publish_singly(events),
                };
                published.get_or_init(|| publisher.published());
                outcome
            });
            let expected = || published.get().map(|events| self.expected(*events));
            fleet.read(self.quiet(), expected)?;
            match publishing.join() {
                Ok(outcome) => outcome,
                Err(_) => bail!("the publisher panicked"),
            }
        })
    }

    /// How long it must be silent after the last publication until what has not come counts as lost. Where only counts matter a slow machine must
    /// not change them.
    pub(super) fn quiet(&self) -> Duration {
        match self.conditions.size {
            Size::Smoke => Duration::from_secs(15),
            Size::Medium | Size::Full => Duration::from_secs(3),
        }
    }

    fn expected(&self, events: u64) -> u64 {
        events * self.plan.copies()
    }
}
