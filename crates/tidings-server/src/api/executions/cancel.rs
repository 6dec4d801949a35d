use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use tidings::{Event, Publication, PublishError, Timestamp};
use tidings_http::Problem;

use crate::api::Kind;
use crate::api::access::Caller;
use crate::api::executions::{GivenId, earlier, parse, settle, unknown};
use crate::api::hub::Hub;
use crate::api::problems;
use crate::executions::{Entry, Execution, ExecutionId, Moment, Status, TaskStatus};

/// The event that ends a cancelled execution: that it was cancelled, and how far it had come.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled<'a> {
    execution_id: &'a ExecutionId,
    status: Status,
    cancelled_at: Moment,
    message: &'static str,
    successful: usize,
    failed: usize,
    cancelled: bool,
    completed: usize,
    total: u32,
    total_duration: u64,
    results: Vec<Outcome<'a>>,
}

/// What became of a task that had begun.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    task_id: &'a str,
    status: TaskStatus,
    duration: Option<u64>,
}

/// Why nothing was cancelled.
enum Refused {
    Unknown,
    /// It is not running, but this.
    Is(Status),
    Failed(Problem),
}

const MESSAGE: &str = "Execution cancelled";

/// `POST /api/executions/{id}/cancel`
pub(super) async fn cancel(
    State(hub): State<Hub>,
    caller: Caller,
    id: ExecutionId,
) -> Result<Response, Problem> {
    caller.may_publish("id", &id.topic())?;
    match try_to_cancel(&hub, &id).await {
        Ok(entry) => Ok(Json(&entry.execution).into_response()),
        Err(Refused::Unknown) => Err(unknown()),
        Err(Refused::Is(status)) => {
            let detail = format!(
                "only a running execution can be cancelled, not a {} one",
                status.name()
            );
            Err(Kind::NotRunning.because(detail))
        }
        Err(Refused::Failed(problem)) => Err(problem),
    }
}

/// `POST /api/cancel-execution/{id}`
pub(super) async fn earlier(
    State(hub): State<Hub>,
    caller: Caller,
    id: GivenId,
) -> Result<Response, Problem> {
    let Some(id) = parse(id) else {
        return Ok(earlier::unknown(None));
    };
    caller.may_publish("id", &id.topic())?;
    match try_to_cancel(&hub, &id).await {
        Ok(_) => {
            let body = json!({ "success": true, "executionId": id, "message": MESSAGE });
            Ok(Json(body).into_response())
        }
        Err(Refused::Unknown) => Ok(earlier::unknown(Some(&id))),
        Err(Refused::Is(status)) => {
            let error = format!("Cannot cancel execution with status: {}", status.name());
            let body = json!({ "error": error, "executionId": id, "status": status });
            Ok((StatusCode::BAD_REQUEST, Json(body)).into_response())
        }
        Err(Refused::Failed(problem)) => Err(problem),
    }
}

/// Ends a running execution. Of several at once the log takes one final event, and the others find
/// it ended.
async fn try_to_cancel(hub: &Hub, id: &ExecutionId) -> Result<Arc<Entry>, Refused> {
    let entry = running(hub, id).await?;
    let event = Event::json(
        "execution-cancelled",
        &cancelled(&entry.execution, hub.broker.now()),
    );
    let publication = Publication {
        topic: id.topic(),
        event: event.expect("its name is one").ending_topic(),
        idempotency_key: None,
        durability: None,
    };
    // As the hub's own, so that no list of results is too long.
    let published = hub.broker.publish_own(&[publication]).await;
    match published.map_err(|error| error.source) {
        Ok(_) => find(hub, id).await,
        Err(PublishError::TopicEnded) => {
            let entry = find(hub, id).await?;
            Err(Refused::Is(entry.execution.status))
        }
        Err(error) => Err(Refused::Failed(problems::of_publish(hub, &error, ""))),
    }
}

async fn running(hub: &Hub, id: &ExecutionId) -> Result<Arc<Entry>, Refused> {
    let entry = find(hub, id).await?;
    match entry.execution.status {
        Status::Running => Ok(entry),
        status => Err(Refused::Is(status)),
    }
}

async fn find(hub: &Hub, id: &ExecutionId) -> Result<Arc<Entry>, Refused> {
    settle(hub).await.map_err(Refused::Failed)?;
    hub.executions.find(id).ok_or(Refused::Unknown)
}

fn cancelled(execution: &Execution, now: Timestamp) -> Cancelled<'_> {
    let now = Moment::from(now);
    let count = |status| {
        let tasks = execution.tasks.iter();
        tasks.filter(|task| task.status == status).count()
    };
    let (successful, failed) = (count(TaskStatus::Completed), count(TaskStatus::Failed));
    let begun = execution
        .tasks
        .iter()
        .filter(|task| task.status != TaskStatus::Pending);
    let results = begun.map(|task| Outcome {
        task_id: &task.id,
        status: match task.status {
            TaskStatus::Running => TaskStatus::Cancelled,
            status => status,
        },
        duration: task.duration.or_else(|| {
            let started = task.started_at?;
            Some(now.millis_since(started))
        }),
    });
    let started = execution.started_at.unwrap_or(now);
    Cancelled {
        execution_id: &execution.id,
        status: Status::Cancelled,
        cancelled_at: now,
        message: MESSAGE,
        successful,
        failed,
        cancelled: true,
        completed: successful + failed,
        total: execution.progress.total,
        total_duration: now.millis_since(started),
        results: results.collect(),
    }
}
