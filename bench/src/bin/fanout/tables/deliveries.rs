use super::{YARDSTICKS, missing, span};
use crate::{
    figures::{ChurnFigures, Figures, Results},
    summary::Summary,
    table::Table,
};

/// What each delivery cost, and how long it took.
pub(crate) fn deliveries(results: &Results, summaries: &[(&str, Summary<'_>)]) -> Table<11> {
    let mut table = Table::new([
        "contender",
        "CPU µs per delivery",
        "least–most",
        "× bare",
        "× axum",
        "p50 ms",
        "p99 ms",
        "deliveries/s",
        "published",
        "not received",
        "repeated, cut",
    ]);
    for (name, it) in summaries {
        if let Some(failure) = it.failure() {
            table.note(name, failure);
            continue;
        }
        let cpu = it.spread(|it| it.cpu_micros);
        let ratio = |other| {
            let other = Summary::of(results, it.workload(), other);
            it.ratio(&other, |it| it.cpu_micros)
                .map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}"))
        };
        let [to_bare, to_axum] = YARDSTICKS.map(ratio);
        let planned = it.workload().plan(results.size).events.max(1) as f64;
        let published = it.spread(|it| it.published as f64 / planned).median;
        let rate = it
            .spread(|it| it.received as f64 / it.seconds.max(1e-3))
            .median;
        let [repeated, cut] = [
            it.spread(|it| it.repeated as f64).most,
            it.spread(|it| it.cut as f64).most,
        ];
        table.row([
            (*name).to_owned(),
            format!("{:.2}", cpu.median),
            span(cpu),
            to_bare,
            to_axum,
            format!("{:.1}", it.spread(|it| it.p50_ms).median),
            format!("{:.1}", it.spread(|it| it.p99_ms).median),
            format!("{rate:.0}"),
            format!("{:.0} %", published * 100.0),
            missing(it),
            format!("{repeated}, {cut}"),
        ]);
    }
    table
}

/// What became of a reader that took nothing.
pub(crate) fn stalls(summaries: &[(&str, Summary<'_>)]) -> Table<5> {
    let mut table = Table::new([
        "contender",
        "held by the system, KiB",
        "growth of the server, KiB",
        "the stalled reader then got",
        "and was",
    ]);
    for (name, it) in summaries {
        let stalled = |of: fn(&Figures) -> f64| it.spread(of).median;
        let Some(last) = it.figures().last() else {
            continue;
        };
        let outcome = last.stalled.unwrap_or_default();
        let order = if outcome.disorder == 0 {
            "in order"
        } else {
            "with gaps"
        };
        table.row([
            (*name).to_owned(),
            format!(
                "{:.0}",
                stalled(|it| it.stalled.unwrap_or_default().queued_kib)
            ),
            format!("{:.0}", stalled(|it| it.growth_kib)),
            format!("{} of {}, {order}", outcome.received, last.published),
            if outcome.is_cut { "cut" } else { "kept" }.to_owned(),
        ]);
    }
    table
}

/// What became of readers who came and went while others stayed.
pub(crate) fn churns(summaries: &[(&str, Summary<'_>)]) -> Table<4> {
    let mut table = Table::new([
        "contender",
        "came and went",
        "a second",
        "turned away or cut before they began",
    ]);
    for (name, it) in summaries {
        let churned =
            |of: fn(ChurnFigures) -> f64| it.spread(|it| of(it.churned.unwrap_or_default()));
        if it.figures().next().is_none() {
            continue;
        }
        table.row([
            (*name).to_owned(),
            format!("{:.0}", churned(|it| it.closed as f64).median),
            format!("{:.0}", churned(|it| it.per_second).median),
            format!("{:.0}", churned(|it| it.failed as f64).most),
        ]);
    }
    table
}
