mod deliveries;
mod publishing;
mod streams;

use crate::{
    figures::Figures,
    summary::{Spread, Summary},
};

pub(crate) use self::{
    deliveries::{churns, deliveries, stalls},
    publishing::publishing,
    streams::{idles, resumes, streams},
};

/// The contenders that others are compared with.
const YARDSTICKS: [&str; 2] = ["bare", "axum_broadcast"];

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
