use std::fmt::Write;

use clap::ValueEnum;

use crate::{
    figures::{Figures, Results},
    report::summaries,
    summary::Spread,
    workload::Workload,
};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 190.0;
const FIGURES: f64 = 70.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;
const TOP: f64 = 40.0;

/// What is drawn of each workload: the name of the file, the title, the unit, the figure.
type Subject = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Figures) -> f64,
);

const SUBJECTS: [Subject; 2] = [
    ("cpu", "server CPU per delivery", "µs", |it| it.cpu_micros),
    ("p99", "latency, 99th percentile", "ms", |it| it.p99_ms),
];
const MEMORY: Subject = ("memory", "memory per stream", "KiB", |it| it.stream_kib);

/// The plots of a run, with their names.
pub(crate) fn plots(results: &Results) -> Vec<(String, String)> {
    let mut plots = Vec::new();
    for &workload in Workload::value_variants() {
        let subjects: &[Subject] = match workload {
            Workload::Idle | Workload::Publishing | Workload::Resume => &[],
            Workload::Paced10k => &[SUBJECTS[0], SUBJECTS[1], MEMORY],
            _ => &SUBJECTS,
        };
        for (name, title, unit, of) in subjects {
            let bars: Vec<(&str, Spread)> = summaries(results, workload)
                .into_iter()
                .filter(|(_, summary)| summary.figures().next().is_some())
                .map(|(name, summary)| (name, summary.spread(of)))
                .collect();
            if !bars.is_empty() {
                let title = format!("{}: {title}, {unit}", workload.key());
                plots.push((format!("{}-{name}", workload.key()), draw(&title, &bars)));
            }
        }
    }
    plots
}

/// Bars as long as the medians, with lines from the least to the most.
fn draw(title: &str, bars: &[(&str, Spread)]) -> String {
    let most = bars
        .iter()
        .map(|(_, spread)| spread.most)
        .fold(0.0, f64::max);
    let scale = (WIDTH - LABELS - FIGURES) / most.max(f64::MIN_POSITIVE);
    let height = TOP + STEP * bars.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    for (place, (name, spread)) in bars.iter().enumerate() {
        let top = TOP + STEP * place as f64;
        let (middle, baseline) = (top + BAR / 2.0, top + BAR - 5.0);
        let color = if name.starts_with("Tidings") {
            "#2f6f4f"
        } else {
            "#9aa5b1"
        };
        let [length, least, end] = [spread.median, spread.least, spread.most].map(|it| it * scale);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LABELS}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{color}\"/>\
             <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#222\"/>\
             <text x=\"{:.1}\" y=\"{baseline}\">{:.2}</text>",
            LABELS - 8.0,
            LABELS + least,
            LABELS + end,
            LABELS + end + 6.0,
            spread.median,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_line_ends_before_its_figure() {
        let spread = Spread {
            median: 2.0,
            least: 1.0,
            most: 4.0,
        };
        let svg = draw("a title", &[("Tidings", spread)]);
        assert!(
            svg.contains(&format!("x2=\"{:.1}\"", WIDTH - FIGURES)),
            "{svg}"
        );
    }
}
