//! What the broker refuses, as problems.

use std::time::Duration;

use tidings::{ChangeError, PublishError, StoreFailed, SubscribeError};
use tidings_http::{Problem, subscribe_problem};

use crate::api::Kind;
use crate::api::hub::Hub;
use crate::api::parameters::bad;
use crate::executions::Unsettled;

/// The hub shuts down.
pub(super) fn draining(hub: &Hub) -> Problem {
    let problem = Kind::Draining.because("the hub is shutting down");
    problem.retry_after(hub.later())
}

/// The store does not work. `hope` says what became of the request, or will.
pub(super) fn store_failed(hub: &Hub, error: &StoreFailed, hope: &str) -> Problem {
    let problem = Kind::StoreFailed.because(format!("{error}; {hope}"));
    problem.retry_after(hub.later())
}

/// An event that was not published. `place` is put before the fields it names.
pub(super) fn of_publish(hub: &Hub, error: &PublishError, place: &str) -> Problem {
    let at = |kind: Kind, field: &str| kind.at(format!("{place}{field}"), error);
    match error {
        PublishError::TopicEnded => at(Kind::TopicEnded, "topic"),
        PublishError::TooManyTopics => {
            let problem = Kind::TooManyTopics.because(format!("{place}{error}"));
            problem.retry_after(hub.later())
        }
        PublishError::TooLarge { .. } => at(Kind::TooLarge, "data"),
        PublishError::ReservedTopic => at(Kind::BadParameter, "topic"),
        PublishError::ReservedName => at(Kind::BadParameter, "event"),
        PublishError::KeyReused => at(Kind::KeyReused, "idempotency_key"),
        PublishError::NotDurable => at(Kind::BadParameter, "durability"),
        PublishError::StoreFailed(failed) => {
            let hope = "it is unknown whether anything was stored; whoever sends the same again \
                        with the same Idempotency-Key has it stored once";
            store_failed(hub, failed, hope)
        }
        PublishError::Closed => draining(hub),
        _ => Kind::Internal.because(format!("{place}{error}")),
    }
}

/// A subscription that did not come about.
pub(super) fn of_subscribe(hub: &Hub, error: &SubscribeError) -> Problem {
    match error {
        // The store is closed at the end of the drain.
        SubscribeError::Closed | SubscribeError::StoreFailed(_) if hub.broker.is_closed() => {
            draining(hub)
        }
        SubscribeError::StoreFailed(failed) => {
            let hope = "what was asked for is on the disk, and can be read once it works again";
            store_failed(hub, failed, hope)
        }
        _ => subscribe_problem(error, hub.later()),
    }
}

/// A stream whose topics were not changed.
pub(super) fn of_change(error: &ChangeError) -> Problem {
    match error {
        ChangeError::NotFound => no_such_connection(),
        ChangeError::NothingLeft => bad("unsubscribe", error),
        ChangeError::TooManySelectors { .. } | ChangeError::TooFragmented { .. } => {
            bad("subscribe", error)
        }
        ChangeError::TooManyChanges => {
            let problem = Kind::TooManyChanges.because(error.to_string());
            problem.retry_after(Duration::from_secs(1))
        }
        _ => Kind::Internal.because(error.to_string()),
    }
}

/// What was published is not yet known to what is to be answered.
pub(super) fn unsettled(hub: &Hub, unsettled: Unsettled) -> Problem {
    if hub.is_draining() || hub.broker.is_closed() {
        return draining(hub);
    }
    let problem = Kind::Busy.because(unsettled.to_string());
    problem.retry_after(hub.later())
}

/// There is no open stream of this name.
pub(super) fn no_such_connection() -> Problem {
    Kind::NotFound.because("there is no such connection")
}
