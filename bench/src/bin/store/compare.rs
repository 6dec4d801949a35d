//! Durable publishing, side by side: both contenders in each round, so that whatever else the machine does meets both.

use std::{fs, path::Path};

use anyhow::Result;
use clap::ValueEnum;
use tidings_bench::median;

use crate::{
    figures::Figures,
    part::Part,
    report,
    shape::{Contender, Shape},
};

/// Measures all shapes, so many times each.
pub(crate) fn compare(dir: &Path, seconds: f64, rounds: usize) -> Result<()> {
    report::head([
        "published",
        "by",
        "events/s",
        "CPU us/event",
        "written/payload",
        "p50 ms",
        "p99 ms",
        "RSS MiB",
    ])?;
    for shape in Shape::value_variants() {
        let (mut tidings, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            tidings.push(measure(dir, Contender::Tidings, *shape, seconds)?);
            plain.push(measure(dir, Contender::Plain, *shape, seconds)?);
        }
        print(*shape, "tidings", &Figures::median(&tidings))?;
        print(*shape, "plain", &Figures::median(&plain))?;
        let ratio = |of: fn(&Figures) -> f64| {
            let both = tidings.iter().zip(&plain);
            let ratio = median(both.map(|(tidings, plain)| of(tidings) / of(plain)));
            format!("x {ratio:.2}")
        };
        report::row([
            &shape.describe(),
            "tidings / plain",
            &ratio(|it| it.events_per_second),
            &ratio(|it| it.cpu),
            &ratio(|it| it.amplification),
            &ratio(|it| it.p50),
            &ratio(|it| it.p99),
            &ratio(|it| it.rss),
        ])?;
    }
    Ok(())
}

fn measure(dir: &Path, contender: Contender, shape: Shape, seconds: f64) -> Result<Figures> {
    let folder = dir.join("compare");
    fs::create_dir_all(&folder)?;
    let part = Part::Measure {
        contender,
        shape,
        seconds,
    };
    let figures = part.run(&folder);
    fs::remove_dir_all(&folder)?;
    figures
}

fn print(shape: Shape, by: &str, figures: &Figures) -> Result<()> {
    report::row([
        &shape.describe(),
        by,
        &format!("{:.0}", figures.events_per_second),
        &format!("{:.1}", figures.cpu),
        &format!("{:.1}", figures.amplification),
        &format!("{:.2}", figures.p50),
        &format!("{:.2}", figures.p99),
        &format!("{:.0}", figures.rss),
    ])
}
