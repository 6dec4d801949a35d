use super::{YARDSTICKS, missing, span};
use crate::{
    figures::{IdleFigures, Results},
    summary::Summary,
    table::Table,
    workload::Workload,
};

/// What idle readers cost is said for this, too.
const USUAL_KEEP_ALIVE: f64 = 15.0;

/// What each stream cost.
pub(crate) fn streams(results: &Results) -> Table<6> {
    let mut table = Table::new([
        "contender",
        "streams",
        "KiB per stream",
        "least–most",
        "connect CPU µs",
        "× axum",
    ]);
    for it in &results.contenders {
        let tried = [Workload::Paced10k, Workload::Paced1k]
            .map(|workload| Summary::of(results, workload, &it.key));
        let Some(summary) = tried
            .iter()
            .find(|summary| summary.figures().next().is_some())
        else {
            continue;
        };
        let memory = summary.spread(|it| it.stream_kib);
        let axum = Summary::of(results, summary.workload(), YARDSTICKS[1]);
        let ratio = summary.ratio(&axum, |it| it.connect_micros);
        table.row([
            it.name.clone(),
            summary
                .figures()
                .next()
                .map_or(0, |it| it.readers)
                .to_string(),
            format!("{:.2}", memory.median),
            span(memory),
            format!("{:.0}", summary.spread(|it| it.connect_micros).median),
            ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    table
}

/// What readers cost to whom nothing happens.
pub(crate) fn idles(results: &Results, summaries: &[(&str, Summary<'_>)]) -> Table<9> {
    let usual = format!("at {USUAL_KEEP_ALIVE} s");
    let mut table = Table::new([
        "contender",
        "streams",
        "KiB per stream",
        "keep-alive, s",
        "signs of life per stream",
        "CPU, % of a core",
        "least–most",
        &usual,
        "cut",
    ]);
    for (name, it) in summaries {
        if let Some(failure) = it.failure() {
            table.note(name, failure);
            continue;
        }
        let idle = |of: fn(IdleFigures) -> f64| it.spread(|it| of(it.idle.unwrap_or_default()));
        let share = idle(|it| it.core_percent);
        let scale = results.keep_alive_seconds as f64 / USUAL_KEEP_ALIVE;
        let mut contenders = results.contenders.iter();
        let [interval, usual] = if contenders.any(|it| it.name == *name && it.takes_keep_alive) {
            [
                results.keep_alive_seconds.to_string(),
                format!("{:.2}", share.median * scale),
            ]
        } else {
            ["its own".into(), "–".into()]
        };
        table.row([
            (*name).to_owned(),
            format!("{:.0}", it.spread(|it| it.readers as f64).median),
            format!("{:.2}", it.spread(|it| it.stream_kib).median),
            interval,
            format!("{:.1}", idle(|it| it.signs_per_stream).median),
            format!("{:.2}", share.median),
            span(share),
            usual,
            it.spread(|it| it.cut as f64).most.to_string(),
        ]);
    }
    table
}

/// What it took to bring back readers who had missed something.
pub(crate) fn resumes(summaries: &[(&str, Summary<'_>)]) -> Table<5> {
    let mut table = Table::new([
        "contender",
        "until all have all, s",
        "least–most",
        "CPU µs per reader",
        "not received",
    ]);
    for (name, it) in summaries {
        if let Some(failure) = it.failure() {
            table.note(name, failure);
            continue;
        }
        let seconds = it.spread(|it| it.seconds);
        let cpu = it.spread(|it| it.cpu_micros * it.received as f64 / it.readers.max(1) as f64);
        table.row([
            (*name).to_owned(),
            format!("{:.2}", seconds.median),
            span(seconds),
            format!("{:.0}", cpu.median),
            missing(it),
        ]);
    }
    table
}
