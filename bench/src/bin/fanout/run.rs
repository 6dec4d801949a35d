use std::{
    env, fs,
    path::Path,
    process::{self, Command},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::{
    RunArgs,
    contender::Contender,
    figures::{Described, Figures, Results, Row},
    measure::{Conditions, measure},
    netns,
    other::processors,
    report::{self, say},
    server,
    workload::Workload,
};

/// Measures everything, writes the results after each measurement, and prints them.
pub(crate) fn run(args: &RunArgs) -> Result<()> {
    yield_to_contenders();
    let home = &args.selection.home;
    let contenders = Contender::load(&args.selection.contenders)?;
    let conditions = Conditions {
        size: args.size,
        keep_alive: Duration::from_secs(args.keep_alive),
        is_steered: args.steered,
    };
    let mut results = Results {
        size: args.size,
        keep_alive_seconds: args.keep_alive,
        is_steered: args.steered,
        machine: machine()?,
        command: command(),
        contenders: contenders
            .iter()
            .map(|it| describe(it, home))
            .collect::<Result<_>>()?,
        rows: Vec::new(),
    };
    let workloads = match args.workloads.as_slice() {
        [] => Workload::value_variants(),
        workloads => workloads,
    };
    let mut inexact = Vec::new();
    for round in 0..args.rounds {
        for &workload in workloads {
            for turn in 0..contenders.len() {
                // Nobody is always first.
                let contender = &contenders[(turn + round) % contenders.len()];
                let outcome = measure(contender, home, workload, conditions)
                    .map_err(|error| format!("{error:#}"));
                tell(contender, workload, &outcome)?;
                let is_exact = outcome.as_ref().is_ok_and(Figures::is_exact);
                let can = contender.lacks(workload).is_none();
                if !is_exact && can && args.exact.contains(&contender.key()) {
                    inexact.push(format!("{} at {}", contender.name, workload.key()));
                }
                results.rows.push(Row {
                    workload,
                    contender: contender.key(),
                    round,
                    outcome,
                });
                if let Some(out) = &args.out {
                    save(&results, out)?;
                }
            }
        }
    }
    if !inexact.is_empty() {
        bail!("not every event arrived once: {}", inexact.join(", "));
    }
    if args.exact.is_empty() {
        report::print(&results)?;
    }
    Ok(())
}

fn save(results: &Results, file: &Path) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, serde_json::to_vec_pretty(results)?)?)
}

fn tell(
    contender: &Contender,
    workload: Workload,
    outcome: &Result<Figures, String>,
) -> Result<()> {
    let (name, workload) = (&contender.name, workload.key());
    match outcome {
        Ok(it) => say(&format!(
            "{workload} {name}: {} of {} received, {} repeated, {} cut; {:.2} us, p99 {:.1} ms, {:.1} KiB a stream, {:.1} us a connect; others {:.0} %, {} packets dropped",
            it.received,
            it.expected,
            it.repeated,
            it.cut,
            it.cpu_micros,
            it.p99_ms,
            it.stream_kib,
            it.connect_micros,
            it.other_load * 100.0,
            it.dropped_packets,
        )),
        Err(why) => say(&format!("{workload} {name}: {why}")),
    }
}

/// What was asked for.
fn command() -> String {
    let arguments = env::args().skip(1);
    let given = arguments.filter(|argument| argument != netns::INSIDE);
    given.collect::<Vec<_>>().join(" ")
}

/// A reader that is woken must not take the processor from the contender that writes to others.
fn yield_to_contenders() {
    let id = process::id().to_string();
    let status = Command::new("chrt")
        .args(["--batch", "--pid", "0", &id])
        .status();
    if !status.is_ok_and(|status| status.success()) {
        // The figures are worse for everybody then, and by the same.
        let _ = say("this process is not scheduled as a batch: there is no chrt");
    }
}

fn describe(contender: &Contender, home: &Path) -> Result<Described> {
    let version = match &contender.version {
        Some(command) => server::run(contender, home, command)?,
        None => String::new(),
    };
    Ok(Described {
        key: contender.key(),
        name: contender.name.clone(),
        about: contender.about.clone(),
        version,
        takes_keep_alive: contender.takes_keep_alive,
    })
}

/// Processors, their model and the kernel.
fn machine() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let congestion = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")?;
    Ok(format!(
        "{} × {model}, Linux {}, {}",
        processors()?,
        kernel.trim(),
        congestion.trim()
    ))
}
