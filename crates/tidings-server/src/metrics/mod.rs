//! What the hub measures of itself: what it does, what it takes, and how it is.

mod chart;
mod exposition;
mod gauges;
mod health;
mod meter;
mod process;
mod sampler;
mod watch;

pub(crate) use self::chart::Columns;
pub(crate) use self::exposition::{OPEN_METRICS, exposition};
pub(crate) use self::gauges::Sample;
pub(crate) use self::health::{Health, Service, Services};
pub(crate) use self::meter::Meter;
pub(crate) use self::process::Usage;
pub(crate) use self::sampler::Situation;
pub(crate) use self::watch::Watch;
