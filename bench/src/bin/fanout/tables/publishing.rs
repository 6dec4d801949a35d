use super::span;
use crate::{figures::PublishingFigures, summary::Summary, table::Table};

/// What publications cost that nobody reads.
pub(crate) fn publishing(summaries: &[(&str, Summary<'_>)]) -> Table<8> {
    let mut table = Table::new([
        "contender",
        "readers of other topics",
        "topics",
        "CPU µs per publication",
        "least–most",
        "× alone",
        "p50 ms",
        "p99 ms",
    ]);
    for (name, it) in summaries {
        if let Some(failure) = it.failure() {
            table.note(name, failure);
            continue;
        }
        let steps = it.figures().map(|it| it.publishing.len()).max();
        for step in 0..steps.unwrap_or(0) {
            let of = |step: usize, of: fn(PublishingFigures) -> f64| {
                it.spread(|it| it.publishing.get(step).copied().map_or(0.0, of))
            };
            let cpu = of(step, |it| it.cpu_micros);
            let to_alone = it.spread(|it| {
                let cpu = |step: usize| it.publishing.get(step).map_or(0.0, |it| it.cpu_micros);
                cpu(step) / cpu(0).max(f64::MIN_POSITIVE)
            });
            table.row([
                (*name).to_owned(),
                format!("{:.0}", of(step, |it| it.readers as f64).median),
                format!("{:.0}", of(step, |it| it.topics as f64).median),
                format!("{:.1}", cpu.median),
                span(cpu),
                format!("{:.2}", to_alone.median),
                format!("{:.2}", of(step, |it| it.p50_ms).median),
                format!("{:.2}", of(step, |it| it.p99_ms).median),
            ]);
        }
    }
    table
}
