use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::metrics::chart::{Chart, Columns};
use crate::metrics::gauges::Sample;
use crate::metrics::sampler::{Sampler, Situation};

/// A sample is good for so long.
const FRESH: Duration = Duration::from_secs(2);

/// The samples that were taken of a hub.
#[derive(Debug)]
pub(crate) struct Watch {
    /// How often one is taken; `None` is only when somebody asks.
    interval: Option<Duration>,
    /// Locked to take or to look at a sample. Nothing else is locked meanwhile but the broker.
    figures: Mutex<Figures>,
}

#[derive(Debug)]
struct Figures {
    sampler: Sampler,
    latest: Option<Sample>,
    chart: Chart,
}

impl Watch {
    /// For samples that are taken in this interval, from now on.
    pub(crate) fn start(interval: Option<Duration>) -> Self {
        Self {
            interval,
            figures: Mutex::new(Figures {
                sampler: Sampler::start(),
                latest: None,
                chart: Chart::default(),
            }),
        }
    }

    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Takes the next sample of the chart.
    pub(crate) fn sample(&self, situation: Situation<'_>) -> Sample {
        self.with(|figures| {
            let sample = figures.take(situation);
            figures.chart.add(&sample);
            sample
        })
    }

    /// The newest sample, or a new one if it is old.
    pub(crate) fn latest(&self, situation: Situation<'_>) -> Sample {
        self.with(|figures| match &figures.latest {
            Some(latest) if figures.sampler.age() < FRESH => latest.clone(),
            _ => figures.take(situation),
        })
    }

    /// The last samples by gauge.
    pub(crate) fn chart(&self) -> Columns {
        let interval = self.interval.unwrap_or_default();
        self.with(|figures| figures.chart.columns(interval))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Figures) -> T) -> T {
        // A sample that panicked left figures of the one before.
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut figures)
    }
}

impl Figures {
    fn take(&mut self, situation: Situation<'_>) -> Sample {
        let sample = self.sampler.sample(situation);
        self.latest = Some(sample.clone());
        sample
    }
}
