//! What it costs to keep many events: memory, opening, and the way back for readers.

use std::{fs, path::Path};

use anyhow::Result;
use tidings_bench::median;

use crate::{
    part::Part,
    report,
    resume::{self, Resumed},
    stored::{FILE, Filled, Opened},
};

/// How often each opening is measured.
const REPEATS: usize = 5;

/// Measures it with so many events.
pub(crate) fn measure(dir: &Path, events: u64) -> Result<()> {
    let folder = dir.join("kept");
    fs::create_dir_all(&folder)?;
    let measured = measure_in(&folder, events);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure_in(folder: &Path, events: u64) -> Result<()> {
    let filled: Filled = Part::Fill { events }.run(folder)?;
    report::head([&format!("{events} events kept"), "MiB"])?;
    report::row(["RSS of who published them", &format!("{:.1}", filled.rss)])?;
    let evicting = format!("{:.1}", filled.rss_evicting);
    report::row(["RSS after a fifth more, evicting as many", &evicting])?;
    report::row(["file", &format!("{:.1}", filled.file)])?;

    report::head(["back after", "from", "first ms", "all ms"])?;
    for resumed in &filled.resumed {
        print(resumed, "the process that published")?;
    }
    let mut rounds: Vec<Vec<[Resumed; 2]>> = Vec::new();
    for _ in 0..REPEATS {
        rounds.push(Part::Resume { events }.run(folder)?);
    }
    for case in 0..filled.resumed.len() {
        for (which, from) in ["reopened, file not in memory", "reopened, warm"]
            .iter()
            .enumerate()
        {
            let of = |figure: fn(&Resumed) -> f64| {
                median(rounds.iter().map(|round| figure(&round[case][which])))
            };
            let resumed = Resumed {
                name: filled.resumed[case].name.clone(),
                first: of(|it| it.first),
                all: of(|it| it.all),
            };
            print(&resumed, from)?;
        }
    }
    report::say("")?;
    report::say("Resumed at head-1 and at head: exact.")?;

    report::head([
        "opened after",
        "s per million",
        "events",
        "RSS MiB",
        "RSS MiB, publishing",
    ])?;
    opened(events, "clean stop", || open(folder, events))?;
    opened(events, "clean stop, file not in memory", || {
        resume::forget(&folder.join(FILE))?;
        open(folder, events)
    })?;
    opened(events, "kill -9", || {
        Part::Hold { events }.kill(folder)?;
        open(folder, events)
    })
}

fn open(folder: &Path, events: u64) -> Result<Opened> {
    Part::Open { events }.run(folder)
}

fn opened(events: u64, after: &str, open: impl Fn() -> Result<Opened>) -> Result<()> {
    let rounds = (0..REPEATS).map(|_| open());
    let rounds: Vec<Opened> = rounds.collect::<Result<_>>()?;
    let of = |figure: fn(&Opened) -> f64| median(rounds.iter().map(figure));
    let millions = events as f64 / 1e6;
    report::row([
        after,
        &format!("{:.2}", of(|it| it.seconds) / millions),
        &format!("{:.0}", of(|it| it.events as f64)),
        &format!("{:.1}", of(|it| it.rss)),
        &format!("{:.1}", of(|it| it.rss_evicting)),
    ])
}

fn print(resumed: &Resumed, from: &str) -> Result<()> {
    let (first, all) = (
        format!("{:.2}", resumed.first),
        format!("{:.2}", resumed.all),
    );
    report::row([&resumed.name, from, &first, &all])
}
