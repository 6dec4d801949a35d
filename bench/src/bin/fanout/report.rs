use std::{
    fs,
    io::{Write, stdout},
    path::Path,
};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{figures::Results, plot, summary::Summary, table::Table, tables, workload::Workload};

const SENDERS_SHARE: &str = "The sender’s share: each contender has a processor for itself; receiving is the work of another one.\n";
const SCALED: &str = "“at 15 s” is the share in proportion to the intervals, as if all of it were for signs of life: what is not is \
    scaled down with it, so the truth is between that and the share that was measured.\n";

/// Writes a line to stdout, at once.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Prints the tables of a file of results, and writes its plots.
pub(crate) fn report(file: &Path, plots: Option<&Path>) -> Result<()> {
    let read = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let results: Results = serde_json::from_slice(&read)?;
    if let Some(folder) = plots {
        fs::create_dir_all(folder)?;
        for (name, svg) in plot::plots(&results) {
            fs::write(folder.join(name).with_extension("svg"), svg)?;
        }
    }
    print(&results)
}

/// Prints the tables of a run.
pub(crate) fn print(results: &Results) -> Result<()> {
    say(&format!("\nMachine: {}.\n", results.machine))?;
    if results.is_steered {
        let figures = results.rows.iter().flat_map(|row| &row.outcome);
        let dropped = figures.map(|it| it.dropped_packets).max().unwrap_or(0);
        say(SENDERS_SHARE)?;
        say(&format!(
            "At most {dropped} packets were dropped, and sent again, in a measurement.\n"
        ))?;
    }
    let mut table = Table::new(["contender", "what it is", "version"]);
    for it in &results.contenders {
        table.row([it.name.clone(), it.about.clone(), it.version.clone()]);
    }
    say(&table.render())?;
    say("### Streams\n")?;
    say(&tables::streams(results).render())?;
    for &workload in Workload::value_variants() {
        let summaries = summaries(results, workload);
        if summaries.is_empty() {
            continue;
        }
        let readers = summaries
            .iter()
            .flat_map(|(_, it)| it.figures())
            .map(|it| it.readers)
            .max();
        say(&format!("### {}\n", workload.key()))?;
        say(&format!(
            "{}; {} readers in this run.\n",
            workload.describe(),
            readers.unwrap_or(0)
        ))?;
        let table = match workload {
            Workload::Idle => tables::idles(results, &summaries).render(),
            Workload::Publishing => tables::publishing(&summaries).render(),
            Workload::Resume => tables::resumes(&summaries).render(),
            _ => tables::deliveries(results, &summaries).render(),
        };
        say(&table)?;
        match workload {
            Workload::Stalled => say(&tables::stalls(&summaries).render())?,
            Workload::Churn => say(&tables::churns(&summaries).render())?,
            Workload::Idle if results.keep_alive_seconds != 15 => say(SCALED)?,
            _ => {}
        }
    }
    Ok(())
}

/// The name of each contender that was tried, and what came of it.
pub(crate) fn summaries(results: &Results, workload: Workload) -> Vec<(&str, Summary<'_>)> {
    let all = results.contenders.iter();
    all.map(|it| (it.name.as_str(), Summary::of(results, workload, &it.key)))
        .filter(|(_, summary)| !summary.is_empty())
        .collect()
}
