//! What earlier systems call executions, in their words.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Serialize, Serializer};
use serde_json::json;
use tidings_http::Problem;

use crate::api::access::Caller;
use crate::api::executions::{GivenId, parse, settle};
use crate::api::hub::Hub;
use crate::executions::{Execution, ExecutionId, Moment, Status, Task};

/// The state in the first event of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Init<'a> {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_statuses: Option<TaskStatuses<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_task_id: Option<Option<&'a str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    execution_id: &'a str,
    status: Status,
    task_statuses: TaskStatuses<'a>,
    current_task_id: Option<&'a str>,
    start_time: Option<Moment>,
    end_time: Option<Moment>,
    cancelled: bool,
}

struct TaskStatuses<'a>(&'a [Task]);

impl<'a> Init<'a> {
    /// Of an execution of which nothing is known, the status alone.
    pub(super) fn of(execution: &'a Execution) -> Self {
        let is_unknown = execution.status == Status::Pending && execution.tasks.is_empty();
        Self {
            status: execution.status,
            task_statuses: (!is_unknown).then_some(TaskStatuses(&execution.tasks)),
            current_task_id: (!is_unknown).then_some(execution.current_task.as_deref()),
        }
    }
}

impl Serialize for TaskStatuses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|task| (&task.id, task.status)))
    }
}

/// `GET /api/execution-state/{id}`
pub(super) async fn state(
    State(hub): State<Hub>,
    caller: Caller,
    id: GivenId,
) -> Result<Response, Problem> {
    let Some(id) = parse(id) else {
        return Ok(unknown(None));
    };
    caller.may_subscribe("id", [&id.topic().into()])?;
    settle(&hub).await?;
    let Some(entry) = hub.executions.find(&id) else {
        return Ok(unknown(Some(&id)));
    };
    let execution = &entry.execution;
    let told = Told {
        execution_id: id.as_str(),
        status: execution.status,
        task_statuses: TaskStatuses(&execution.tasks),
        current_task_id: execution.current_task.as_deref(),
        start_time: execution.started_at,
        end_time: execution.ended_at,
        cancelled: execution.status == Status::Cancelled,
    };
    Ok(Json(told).into_response())
}

/// A problem that has the members of the earlier answer as well.
pub(super) fn unknown(id: Option<&ExecutionId>) -> Response {
    let status = StatusCode::NOT_FOUND;
    let body = json!({
        "type": "urn:tidings:problem:not-found",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": "there is no such execution",
        "error": "Execution not found",
        "executionId": id,
    });
    let content_type = [(CONTENT_TYPE, "application/problem+json")];
    (status, content_type, body.to_string()).into_response()
}
