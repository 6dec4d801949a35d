//! The feed of dashboards: how the hub is, what it does, and what anybody broadcasts to them.

mod broadcast;
mod exposition;
mod feed;
mod health;
mod snapshot;
mod stream;
mod topics;

pub(super) use self::broadcast::broadcast;
pub(super) use self::exposition::exposition;
pub(super) use self::snapshot::snapshot;
pub(super) use self::stream::{status, stream};

pub(crate) use self::feed::feed;
pub(crate) use self::topics::settings;
