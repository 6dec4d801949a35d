use crate::{
    figures::{Figures, Results},
    summary::{Spread, Summary},
    table::Table,
    workload::Workload,
};

/// The contenders that others are compared with.
const YARDSTICKS: [&str; 2] = ["bare", "axum_broadcast"];

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
pub(crate) fn idles(summaries: &[(&str, Summary<'_>)]) -> Table<4> {
    let mut table = Table::new(["contender", "CPU, % of a core", "least–most", "cut"]);
    for (name, it) in summaries {
        if let Some(failure) = it.failure() {
            table.note(name, failure);
            continue;
        }
        // No event came, so it is the time of all of them together.
        let share = it.spread(|it| it.cpu_micros / 1e4 / it.seconds);
        let cut = it.spread(|it| it.cut as f64).most;
        table.row([
            (*name).to_owned(),
            format!("{:.2}", share.median),
            span(share),
            cut.to_string(),
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

fn span(spread: Spread) -> String {
    format!("{:.2}–{:.2}", spread.least, spread.most)
}

/// The worst round counts.
fn missing(summary: &Summary<'_>) -> String {
    let [missing, lost] =
        [Figures::missing, Figures::lost].map(|of| summary.spread(of).most * 100.0);
    if missing == 0.0 {
        "0".into()
    } else if lost == 0.0 {
        format!("{missing:.2} %")
    } else {
        format!("{missing:.2} %, overtaken {lost:.2} %")
    }
}
