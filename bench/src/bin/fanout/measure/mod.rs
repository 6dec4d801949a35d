mod resume;

use std::{path::Path, sync::OnceLock, thread, time::Duration};

use anyhow::{Result, bail};
use tidings_bench::{
    Used,
    load::{Fleet, Publisher, Stalled},
};

use crate::{
    contender::Contender,
    figures::{Figures, StalledFigures},
    other::OtherLoad,
    server::Server,
    tcp,
    workload::{Pace, Plan, Size, Workload},
};

/// How long it must be silent after the last publication until what has not come counts as lost.
const QUIET: Duration = Duration::from_secs(3);
/// Between the begin of the last stream and the look at the memory.
const SETTLE: Duration = Duration::from_millis(500);
/// Readers and events that come before all measurements, so that nothing is done for the first time in them.
const WARM: (usize, u64) = (50, 200);

/// Starts a contender, measures one workload, stops it.
pub(crate) fn measure(
    contender: &Contender,
    home: &Path,
    workload: Workload,
    size: Size,
) -> Result<Figures> {
    let plan = workload.plan(size);
    let server = Server::start(contender, home)?;
    warm_up(contender, &server)?;
    let run = Run {
        contender,
        server: &server,
        workload,
        topics: (0..plan.topics).map(|topic| format!("t{topic}")).collect(),
        plan,
    };
    server.create(contender, &run.topics)?;
    match workload {
        Workload::Idle => run.idle(Workload::idle_span(size)),
        Workload::Resume => run.resume(),
        _ => run.fan_out(),
    }
}

fn warm_up(contender: &Contender, server: &Server) -> Result<()> {
    let (readers, events) = WARM;
    let topics = ["warm".to_owned()];
    server.create(contender, &topics)?;
    let mut fleet = Fleet::new()?;
    let askings = contender.askings(readers, &topics, None);
    fleet.open(server.ports[0], &askings, 0, contender.connects_per_second)?;
    let mut publisher = Publisher::new(contender.manner(server.ports), topics.to_vec());
    publisher.publish_singly(events)?;
    fleet.read(Duration::from_secs(1), || Some(events * readers as u64))
}

struct Run<'a> {
    contender: &'a Contender,
    server: &'a Server,
    workload: Workload,
    topics: Vec<String>,
    plan: Plan,
}

impl Run<'_> {
    fn publisher(&self) -> Publisher {
        Publisher::new(
            self.contender.manner(self.server.ports),
            self.topics.clone(),
        )
    }

    /// Opens all streams and notes what that took.
    fn open(&self, fleet: &mut Fleet, figures: &mut Figures) -> Result<()> {
        let processes = &self.server.processes;
        let readers = self.plan.readers;
        let memory = processes.memory()?;
        let before = processes.usage()?;
        let askings = self.contender.askings(readers, &self.topics, None);
        fleet.open(
            self.server.ports[0],
            &askings,
            0,
            self.contender.connects_per_second,
        )?;
        fleet.read_for(SETTLE)?;
        let used = processes.usage()?.since(&before);
        figures.readers = readers;
        figures.connect_micros = used.cpu.as_secs_f64() * 1e6 / readers as f64;
        figures.stream_kib =
            processes.memory()?.saturating_sub(memory) as f64 / 1024.0 / readers as f64;
        Ok(())
    }

    /// Opens all streams and publishes nothing.
    fn idle(&self, span: Duration) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut fleet = Fleet::new()?;
        self.open(&mut fleet, &mut figures)?;
        let processes = &self.server.processes;
        let other = OtherLoad::begin()?;
        let before = processes.usage()?;
        fleet.read_for(span)?;
        let used = processes.usage()?.since(&before);
        figures.other_load = other.end(used.cpu + used.softirq)?;
        self.note(&mut figures, &mut fleet, used, 0, 0);
        figures.seconds = span.as_secs_f64();
        Ok(figures)
    }

    /// Publishes as planned, with one more reader that takes nothing if the workload says so.
    fn fan_out(&self) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut fleet = Fleet::new()?;
        self.open(&mut fleet, &mut figures)?;
        let stalled = if self.workload == Workload::Stalled {
            let asking = self.contender.askings(1, &self.topics, None);
            Some(Stalled::open(self.server.ports[0], &asking[0])?)
        } else {
            None
        };
        let processes = &self.server.processes;
        let memory = processes.memory()?;
        let other = OtherLoad::begin()?;
        let before = processes.usage()?;
        let mut publisher = self.publisher();
        self.publish(&mut fleet, &mut publisher)?;
        let used = processes.usage()?.since(&before);
        figures.other_load = other.end(used.cpu + used.softirq)?;
        figures.growth_kib = processes.memory()?.saturating_sub(memory) as f64 / 1024.0;
        if let Some(stalled) = stalled {
            let queued_kib =
                tcp::queued_bytes(self.server.ports[0], stalled.port()?)? as f64 / 1024.0;
            let woken = stalled.wake(Duration::from_secs(1));
            figures.stalled = Some(StalledFigures {
                queued_kib,
                received: woken.received,
                disorder: woken.disorder,
                is_cut: woken.is_cut,
            });
        }
        let expected = self.expected(publisher.published());
        self.note(
            &mut figures,
            &mut fleet,
            used,
            publisher.published(),
            expected,
        );
        Ok(figures)
    }

    /// Publishes as planned while the fleet reads, until everything has come or no more does.
    fn publish(&self, fleet: &mut Fleet, publisher: &mut Publisher) -> Result<()> {
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
            fleet.read(QUIET, expected)?;
            match publishing.join() {
                Ok(outcome) => outcome,
                Err(_) => bail!("the publisher panicked"),
            }
        })
    }

    fn expected(&self, events: u64) -> u64 {
        events * self.plan.readers as u64 / self.plan.topics as u64
    }

    fn note(
        &self,
        figures: &mut Figures,
        fleet: &mut Fleet,
        used: Used,
        published: u64,
        expected: u64,
    ) {
        let tally = fleet.tally();
        let latencies = fleet.take_latencies();
        let cpu = used.cpu + used.softirq;
        figures.published = published;
        figures.expected = expected;
        figures.received = tally.received;
        figures.skipped = tally.skipped;
        figures.repeated = tally.repeated;
        figures.cut = tally.cut;
        figures.cpu_micros = cpu.as_secs_f64() * 1e6 / tally.received.max(1) as f64;
        figures.user_share = used.user_share;
        figures.p50_ms = latencies.quantile(0.5);
        figures.p99_ms = latencies.quantile(0.99);
        figures.max_ms = latencies.max();
        figures.seconds = fleet
            .last_arrival()
            .saturating_sub(fleet.first_stamp())
            .as_secs_f64();
    }
}
