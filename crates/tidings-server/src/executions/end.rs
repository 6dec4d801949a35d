use crate::executions::facts::Facts;
use crate::executions::state::Status;

/// How an execution ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Failed,
    Cancelled,
}

/// The end that an event of this type is, by its own name.
pub(crate) fn end(event: &str) -> Option<End> {
    match event {
        "execution-complete" => Some(End::Complete),
        "execution-failed" => Some(End::Failed),
        "execution-cancelled" => Some(End::Cancelled),
        _ => None,
    }
}

impl End {
    /// The end that a final event of this type is.
    pub(super) fn of_final(event: &str) -> Self {
        let by_ending = || match event.rsplit('-').next() {
            Some("failed") => Self::Failed,
            Some("cancelled") => Self::Cancelled,
            _ => Self::Complete,
        };
        end(event).unwrap_or_else(by_ending)
    }

    /// The status of the execution. There are producers that end every run with
    /// `execution-complete`, and say in its data how it went.
    pub(super) fn status(self, facts: &Facts) -> Status {
        let said = facts.text("status", 16);
        match (self, said.as_deref()) {
            (Self::Failed, _) | (Self::Complete, Some("failed")) => Status::Failed,
            (Self::Cancelled, _) | (Self::Complete, Some("cancelled")) => Status::Cancelled,
            (Self::Complete, _) => Status::Completed,
        }
    }
}
