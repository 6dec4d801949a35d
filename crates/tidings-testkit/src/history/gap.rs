use serde_json::Value;

use crate::event::Event;

/// A `tidings.gap` as a reader was told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) reason: Reason,
    /// The id that was asked for, or that the reader had reached.
    pub(crate) requested: String,
    /// The oldest event that is still there.
    pub(crate) oldest: Option<String>,
    /// The hub does not claim that something is missing.
    pub(crate) possible: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Some of what follows is gone.
    Evicted,
    /// The id was never given out.
    UnknownId,
    /// The id belongs to a history that is gone.
    EpochChanged,
    /// The reader was too slow, or a topic was deleted.
    Skipped,
}

impl Gap {
    /// Reads an event, if it is a gap. One that cannot be read is nothing that a reader was told.
    pub(crate) fn told_by(event: &Event) -> Option<Self> {
        if event.event != "tidings.gap" {
            return None;
        }
        let value: Value = serde_json::from_str(&event.data).ok()?;
        let reason = match value["reason"].as_str()? {
            "evicted" => Reason::Evicted,
            "unknown-id" => Reason::UnknownId,
            "epoch-changed" => Reason::EpochChanged,
            "lagged" | "deleted" => Reason::Skipped,
            _ => return None,
        };
        Some(Self {
            reason,
            requested: value["requested"].as_str()?.to_owned(),
            oldest: value["oldest"].as_str().map(str::to_owned),
            possible: value["possible"] == Value::Bool(true),
        })
    }
}
