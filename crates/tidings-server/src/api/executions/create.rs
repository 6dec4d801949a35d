use std::collections::HashSet;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_http::Problem;

use crate::api::Kind;
use crate::api::access::Caller;
use crate::api::body::expect_media_type;
use crate::api::hub::Hub;
use crate::api::object::{self, Fault};
use crate::api::problems;
use crate::executions::{
    CreateError, ExecutionId, MAX_ID_BYTES, MAX_TASKS, MAX_TITLE_CHARS, Plan, PlannedTask,
};

/// Bytes of a plan: what is made of a larger one would be too large to keep whole.
const PLAN_BYTES: usize = 256 << 10;

/// How often an id is drawn.
const DRAWS: usize = 3;

#[derive(Debug, Serialize)]
struct Created {
    id: ExecutionId,
    topic: String,
}

/// `POST /api/executions`
pub(super) async fn create(
    State(hub): State<Hub>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may_publish_at_all()?;
    expect_media_type(&headers, "application/json")?;
    let body = caller.receive(&hub, body, PLAN_BYTES).await?;
    let (given, plan) = read(&body.bytes).map_err(Fault::of_body)?;
    caller.may_publish_so_many(&hub, 1)?;
    let draws = if given.is_some() { 1 } else { DRAWS };
    let mut refused = CreateError::Exists;
    for _ in 0..draws {
        let drawn = || ExecutionId::draw(jiff::Timestamp::now());
        let id = given.clone().unwrap_or_else(drawn);
        caller.may_publish("id", &id.topic())?;
        match hub.executions.create(id.clone(), plan.clone()).await {
            Ok(()) => return Ok(answer(id)),
            Err(error) => refused = error,
        }
        if !matches!(refused, CreateError::Exists) {
            break;
        }
    }
    Err(match refused {
        CreateError::Exists => Kind::Exists.at("id", refused),
        CreateError::Refused(error) => problems::of_publish(&hub, &error, ""),
        CreateError::Unsettled(unsettled) => problems::unsettled(&hub, unsettled),
    })
}

fn answer(id: ExecutionId) -> Response {
    let location = [(LOCATION, format!("/api/executions/{id}"))];
    let topic = id.topic().to_string();
    (StatusCode::CREATED, location, Json(Created { id, topic })).into_response()
}

fn read(body: &[u8]) -> Result<(Option<ExecutionId>, Plan), Fault> {
    let [id, title, tasks] = object::fields(body, ["id", "title", "tasks"])?;
    let id = text("id", id)?.map(|id| id.parse().map_err(|error: &str| Fault::at("id", error)));
    let tasks = given(tasks).map_or(Ok(Vec::new()), read_tasks)?;
    let title = title_of("title", title)?;
    Ok((id.transpose()?, Plan { title, tasks }))
}

fn read_tasks(list: &RawValue) -> Result<Vec<PlannedTask>, Fault> {
    let tasks: Vec<&RawValue> = serde_json::from_str(list.get())
        .map_err(|_| Fault::at("tasks", "must be a list of objects"))?;
    if tasks.len() > MAX_TASKS {
        let detail = format!("must not be more than {MAX_TASKS}");
        return Err(Fault::at("tasks", detail));
    }
    let mut ids = HashSet::new();
    let mut planned = Vec::new();
    for (index, task) in tasks.into_iter().enumerate() {
        let at = |field: &str| format!("tasks[{index}].{field}");
        let fields = object::fields(task.get().as_bytes(), ["id", "title"]);
        let [id, title] = fields.map_err(|fault| match fault.field {
            Some(field) => Fault::at(at(&field), fault.detail),
            None => Fault::at(format!("tasks[{index}]"), fault.detail),
        })?;
        let id = text(at("id"), id)?.ok_or_else(|| Fault::at(at("id"), "is missing"))?;
        if !(1..=MAX_ID_BYTES).contains(&id.len()) {
            let detail = format!("must have 1 to {MAX_ID_BYTES} bytes");
            return Err(Fault::at(at("id"), detail));
        }
        if !ids.insert(id.clone()) {
            return Err(Fault::at(at("id"), "is there twice"));
        }
        let title = title_of(at("title"), title)?;
        planned.push(PlannedTask { id, title });
    }
    Ok(planned)
}

fn title_of(field: impl Into<String>, value: Option<&RawValue>) -> Result<Option<String>, Fault> {
    let field = field.into();
    let title = text(field.clone(), value)?;
    let is_too_long = |title: &String| title.chars().count() > MAX_TITLE_CHARS;
    if title.as_ref().is_some_and(is_too_long) {
        let detail = format!("must not have more than {MAX_TITLE_CHARS} characters");
        return Err(Fault::at(field, detail));
    }
    Ok(title)
}

fn text(field: impl Into<String>, value: Option<&RawValue>) -> Result<Option<String>, Fault> {
    let text = given(value).map(|value| serde_json::from_str(value.get()));
    let text = text.transpose();
    text.map_err(|_| Fault::at(field.into(), "must be a string"))
}

/// A value that is there and not `null`.
fn given(value: Option<&RawValue>) -> Option<&RawValue> {
    value.filter(|value| value.get() != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> String {
        let fault = read(body.as_bytes()).unwrap_err();
        fault.field.unwrap_or_default().into_owned()
    }

    #[test]
    fn everything_may_be_left_out() {
        for body in ["{}", r#"{"id":null,"title":null,"tasks":null}"#] {
            assert_eq!(read(body.as_bytes()).unwrap(), (None, Plan::default()));
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        let many = vec![r#"{"id":"t"}"#; MAX_TASKS + 1].join(",");
        let long = "x".repeat(MAX_TITLE_CHARS + 1);
        for (body, field) in [
            ("[]".to_owned(), ""),
            (r#"{"id":7}"#.to_owned(), "id"),
            (r#"{"id":"a/b"}"#.to_owned(), "id"),
            (r#"{"id":"stream"}"#.to_owned(), "id"),
            (r#"{"title":[]}"#.to_owned(), "title"),
            (format!(r#"{{"title":"{long}"}}"#), "title"),
            (r#"{"name":"x"}"#.to_owned(), "name"),
            (r#"{"tasks":{}}"#.to_owned(), "tasks"),
            (format!(r#"{{"tasks":[{many}]}}"#), "tasks"),
            (r#"{"tasks":["a"]}"#.to_owned(), "tasks[0]"),
            (r#"{"tasks":[{"title":"a"}]}"#.to_owned(), "tasks[0].id"),
            (r#"{"tasks":[{"id":""}]}"#.to_owned(), "tasks[0].id"),
            (
                r#"{"tasks":[{"id":"a"},{"id":"a"}]}"#.to_owned(),
                "tasks[1].id",
            ),
            (r#"{"tasks":[{"id":"a","x":1}]}"#.to_owned(), "tasks[0].x"),
        ] {
            assert_eq!(fault(&body), field, "{body}");
        }
    }
}
