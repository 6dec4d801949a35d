use std::hash::{Hash, Hasher};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};
use tidings_http::{Problem, StreamRequest};

use crate::api::executions::{GivenId, find, settle};
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;
use crate::api::twin::{self, Snapshot};
use crate::executions::{Entry, Question, Status};

const DEFAULT_LIMIT: usize = 50;

/// What an answer holds, about, before no further execution is added.
const LIST_BYTES: usize = 4 << 20;

#[derive(Hash, Serialize)]
struct List {
    executions: Vec<Listed>,
    total: usize,
}

/// An execution as its state alone.
struct Listed(Arc<Entry>);

/// `GET /api/executions`
pub(super) async fn list(
    State(hub): State<Hub>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let question = question(&parameters)?;
    settle(&hub).await?;
    twin::answer(&hub, move |hub| snapshot_of_list(hub, &question)).await
}

/// `GET /api/executions/stream`
pub(super) async fn list_stream(
    State(hub): State<Hub>,
    request: StreamRequest,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let question = question(&parameters)?;
    settle(&hub).await?;
    let snapshot = move |hub: &Hub| snapshot_of_list(hub, &question);
    let changes = hub.executions.changes();
    Ok(twin::respond(
        &hub,
        &request,
        "executions",
        changes,
        snapshot,
    ))
}

/// `GET /api/executions/{id}`
pub(super) async fn one(State(hub): State<Hub>, id: GivenId) -> Result<Response, Problem> {
    let entry = find(&hub, id).await?;
    twin::answer(&hub, move |_| Snapshot::of(&entry.execution)).await
}

/// `GET /api/executions/{id}/stream`
pub(super) async fn one_stream(
    State(hub): State<Hub>,
    request: StreamRequest,
    id: GivenId,
) -> Result<Response, Problem> {
    let entry = find(&hub, id).await?;
    // Of one that has been forgotten meanwhile, what was known last is said.
    let snapshot = move |hub: &Hub| {
        let known = hub.executions.find(&entry.execution.id);
        Snapshot::of(&known.as_ref().unwrap_or(&entry).execution)
    };
    let changes = hub.executions.changes();
    Ok(twin::respond(
        &hub,
        &request,
        "execution",
        changes,
        snapshot,
    ))
}

fn question(parameters: &Parameters) -> Result<Question, Problem> {
    let status = |text: &str| {
        let refused = "must be pending, running, completed, failed or cancelled";
        Status::parse(text).ok_or(refused)
    };
    let offset = parameters.number("offset", 0..=u64::from(u32::MAX))?;
    Ok(Question {
        status: parameters.one("status", status)?,
        limit: parameters.limit(DEFAULT_LIMIT)?,
        offset: offset.map_or(0, |offset| offset as usize),
    })
}

fn snapshot_of_list(hub: &Hub, question: &Question) -> Snapshot {
    let (mut entries, total) = hub.executions.list(question);
    let mut bytes = 0;
    let is_full = |entry: &Arc<Entry>| {
        bytes += entry.execution.weight();
        bytes > LIST_BYTES
    };
    // The first one is there whatever it weighs.
    let room = entries.iter().position(is_full).unwrap_or(entries.len());
    entries.truncate(room.max(1));
    let executions = entries.into_iter().map(Listed).collect();
    Snapshot::of(&List { executions, total })
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.execution.serialize(serializer)
    }
}

impl Hash for Listed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.execution.hash(state);
    }
}
