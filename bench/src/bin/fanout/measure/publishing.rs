use std::thread;

use anyhow::Result;
use tidings_bench::load::Publisher;

use super::Run;
use crate::figures::{Figures, PublishingFigures};

impl Run<'_> {
    /// Publishes for nobody: alone, beside readers of other topics, and on many topics instead of one.
    pub(super) fn publishing(&self) -> Result<Figures> {
        let mut figures = Figures::default();
        let names = (0..self.plan.topics).map(|topic| format!("p{topic}"));
        let names: Vec<String> = names.collect();
        self.server.create(self.contender, &names)?;
        let mut on_one = self.publisher(vec!["p0".into()]);
        let mut on_many = self.publisher(names);

        self.step(&mut figures, 0, 1, &mut on_one)?;
        let mut fleet = self.open(&mut figures)?;
        self.step(&mut figures, self.plan.readers, 1, &mut on_one)?;
        on_many.publish_on_each()?;
        self.step(
            &mut figures,
            self.plan.readers,
            self.plan.topics,
            &mut on_many,
        )?;
        fleet.read_for(self.conditions.settle())?;
        let tally = fleet.tally();
        drop(fleet);
        // Until the contender has noticed that all are gone.
        thread::sleep(self.conditions.settle());
        self.step(&mut figures, 0, self.plan.topics, &mut on_many)?;

        // What a reader of another topic got is too much.
        (figures.received, figures.cut) = (tally.received, tally.cut);
        figures.published = 4 * self.plan.events;
        Ok(figures)
    }

    fn step(
        &self,
        figures: &mut Figures,
        readers: usize,
        topics: usize,
        publisher: &mut Publisher,
    ) -> Result<()> {
        let events = self.plan.events;
        let used = self.used_for(figures, || publisher.publish_singly(events))?;
        let latencies = publisher.take_latencies();
        let cpu = used.cpu + used.softirq;
        figures.publishing.push(PublishingFigures {
            readers,
            topics,
            cpu_micros: cpu.as_secs_f64() * 1e6 / events as f64,
            p50_ms: latencies.quantile(0.5),
            p99_ms: latencies.quantile(0.99),
        });
        Ok(())
    }
}
