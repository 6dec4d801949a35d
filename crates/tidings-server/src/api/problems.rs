//! What the broker refuses, as problems.

use std::time::Duration;

use http::StatusCode;
use tidings::{ChangeError, PublishError, StoreFailed, SubscribeError};
use tidings_http::{Problem, subscribe_problem};

use crate::api::hub::Hub;
use crate::executions::Unsettled;

/// The hub shuts down.
pub(super) fn draining(hub: &Hub) -> Problem {
    let detail = "the hub is shutting down";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail).retry_after(hub.later())
}

/// The store does not work. `hope` says what became of the request, or will.
pub(super) fn store_failed(hub: &Hub, error: &StoreFailed, hope: &str) -> Problem {
    let detail = format!("{error}; {hope}");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(status, "store-failed", detail).retry_after(hub.later())
}

/// An event that was not published. `place` is put before the fields it names.
pub(super) fn of_publish(hub: &Hub, error: &PublishError, place: &str) -> Problem {
    let detail = format!("{place}{error}");
    let problem = |status, kind| Problem::new(status, kind, detail.clone());
    let bad = |field| {
        Problem::bad_parameter(
            format!("{place}{field}"),
            format!("{place}{field}: {error}"),
        )
    };
    match error {
        PublishError::TopicEnded => {
            problem(StatusCode::CONFLICT, "topic-ended").field(format!("{place}topic"))
        }
        PublishError::TooManyTopics => {
            problem(StatusCode::TOO_MANY_REQUESTS, "too-many-topics").retry_after(hub.later())
        }
        PublishError::TooLarge { .. } => {
            problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large").field(format!("{place}data"))
        }
        PublishError::ReservedTopic => bad("topic"),
        PublishError::ReservedName => bad("event"),
        PublishError::KeyReused => {
            problem(StatusCode::CONFLICT, "key-reused").field(format!("{place}idempotency_key"))
        }
        PublishError::NotDurable => bad("durability"),
        PublishError::StoreFailed(failed) => {
            let hope = "it is unknown whether anything was stored; whoever sends the same again \
                        with the same Idempotency-Key has it stored once";
            store_failed(hub, failed, hope)
        }
        PublishError::Closed => draining(hub),
        _ => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
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
        ChangeError::NothingLeft => {
            Problem::bad_parameter("unsubscribe", format!("unsubscribe: {error}"))
        }
        ChangeError::TooManySelectors { .. } | ChangeError::TooFragmented { .. } => {
            Problem::bad_parameter("subscribe", format!("subscribe: {error}"))
        }
        ChangeError::TooManyChanges => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::new(status, "too-many-changes", error.to_string());
            problem.retry_after(Duration::from_secs(1))
        }
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        ),
    }
}

/// What was published is not yet known to what is to be answered.
pub(super) fn unsettled(hub: &Hub, unsettled: Unsettled) -> Problem {
    if hub.is_draining() || hub.broker.is_closed() {
        return draining(hub);
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(status, "busy", unsettled.to_string()).retry_after(hub.later())
}

/// There is no open stream of this name.
pub(super) fn no_such_connection() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is no such connection",
    )
}
