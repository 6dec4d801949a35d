mod fan_out;
mod idle;
mod publishing;
mod resume;

use std::{path::Path, time::Duration};

use anyhow::{Result, bail};
use tidings_bench::{
    Used,
    load::{Fleet, Publisher},
};

use crate::{
    contender::Contender,
    figures::Figures,
    netns,
    other::OtherLoad,
    plan::Plan,
    server::Server,
    workload::{Size, Workload},
};

/// What is the same for all measurements of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) size: Size,
    /// After how much silence readers are to get a sign of life.
    pub(crate) keep_alive: Duration,
    /// Whether receiving is the work of another processor than the contender's.
    pub(crate) is_steered: bool,
}

impl Conditions {
    /// Readers and events that come before all measurements, so that nothing is done for the first time in them.
    fn warm(self) -> (usize, u64) {
        match self.size {
            Size::Smoke => (5, 10),
            Size::Medium | Size::Full => (50, 200),
        }
    }

    /// How long a contender is given to come to rest, after the last stream has begun and after all have ended. Counts need no rest.
    fn settle(self) -> Duration {
        match self.size {
            Size::Smoke => Duration::ZERO,
            Size::Medium | Size::Full => Duration::from_millis(500),
        }
    }
}

/// Starts a contender, measures one workload, stops it.
pub(crate) fn measure(
    contender: &Contender,
    home: &Path,
    workload: Workload,
    conditions: Conditions,
) -> Result<Figures> {
    if let Some(lack) = contender.lacks(workload) {
        bail!(lack);
    }
    let plan = workload.plan(conditions.size);
    let server = Server::start(contender, home, conditions)?;
    warm_up(contender, &server, conditions)?;
    let topics = plan.topics();
    let selections = plan.selections(&topics);
    server.create(contender, &topics)?;
    let run = Run {
        contender,
        server: &server,
        conditions,
        plan,
        topics,
        selections,
    };
    match workload {
        Workload::Idle => run.idle(Workload::idle_span(conditions.size, conditions.keep_alive)),
        Workload::Publishing => run.publishing(),
        Workload::Resume => run.resume(),
        _ => run.fan_out(workload == Workload::Stalled),
    }
}

fn warm_up(contender: &Contender, server: &Server, conditions: Conditions) -> Result<()> {
    let (readers, events) = conditions.warm();
    let topics = ["warm".to_owned()];
    server.create(contender, &topics)?;
    let mut fleet = Fleet::new()?;
    let askings = contender.askings(&vec![topics.to_vec(); readers], None);
    fleet.open(server.ports[0], &askings, 0, contender.connects_per_second)?;
    let mut publisher = Publisher::new(contender.manner(server.ports), topics.to_vec());
    publisher.publish_singly(events)?;
    fleet.read(Duration::from_secs(1), || Some(events * readers as u64))
}

/// One measurement under way.
struct Run<'a> {
    contender: &'a Contender,
    server: &'a Server,
    conditions: Conditions,
    plan: Plan,
    topics: Vec<String>,
    /// What each reader follows.
    selections: Vec<Vec<String>>,
}

impl Run<'_> {
    fn publisher(&self, topics: Vec<String>) -> Publisher {
        Publisher::new(self.contender.manner(self.server.ports), topics)
    }

    /// Opens all streams and notes what that took.
    fn open(&self, figures: &mut Figures) -> Result<Fleet> {
        let processes = &self.server.processes;
        let readers = self.plan.readers;
        let memory = processes.memory()?;
        let before = processes.usage()?;
        let askings = self.contender.askings(&self.selections, None);
        let mut fleet = Fleet::new()?;
        fleet.open(
            self.server.ports[0],
            &askings,
            0,
            self.contender.connects_per_second,
        )?;
        fleet.read_for(self.conditions.settle())?;
        let used = processes.usage()?.since(&before);
        figures.readers = readers;
        figures.connect_micros = used.cpu.as_secs_f64() * 1e6 / readers as f64;
        figures.stream_kib =
            processes.memory()?.saturating_sub(memory) as f64 / 1024.0 / readers as f64;
        Ok(fleet)
    }

    /// What the contender used for something, and notes what others used meanwhile.
    fn used_for(
        &self,
        figures: &mut Figures,
        something: impl FnOnce() -> Result<()>,
    ) -> Result<Used> {
        let processes = &self.server.processes;
        let other = OtherLoad::begin()?;
        let dropped = netns::dropped_packets()?;
        let before = processes.usage()?;
        something()?;
        let used = processes.usage()?.since(&before);
        figures.other_load = other.end(used.cpu + used.softirq)?;
        figures.dropped_packets = netns::dropped_packets()?.saturating_sub(dropped);
        Ok(used)
    }
}

impl Figures {
    /// Notes what readers got, to whom events should have come so many times in all.
    fn note(&mut self, fleet: &mut Fleet, used: Used, published: u64, expected: u64) {
        let tally = fleet.tally();
        let latencies = fleet.take_latencies();
        let cpu = used.cpu + used.softirq;
        self.published = published;
        self.expected = expected;
        self.received = tally.received;
        self.skipped = tally.skipped;
        self.repeated = tally.repeated;
        self.cut = tally.cut;
        self.cpu_micros = cpu.as_secs_f64() * 1e6 / tally.received.max(1) as f64;
        self.user_share = used.user_share;
        self.p50_ms = latencies.quantile(0.5);
        self.p99_ms = latencies.quantile(0.99);
        self.max_ms = latencies.max();
        self.seconds = fleet
            .last_arrival()
            .saturating_sub(fleet.first_stamp())
            .as_secs_f64();
    }
}
