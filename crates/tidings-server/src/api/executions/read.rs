use std::hash::{Hash, Hasher};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::{Serialize, Serializer};
use tidings_http::{ByHash, Live, Problem};

use crate::api::access::Sight;
use crate::api::executions::{find, parse, settle, unknown};
use crate::api::hub::Hub;
use crate::api::outbox;
use crate::api::parameters::Parameters;
use crate::executions::{Entry, ExecutionId, Question, Status};

const DEFAULT_LIMIT: usize = 50;

/// What an answer holds, about, before no further execution is added.
const LIST_BYTES: usize = 4 << 20;

#[derive(Hash, Serialize)]
pub(super) struct List {
    executions: Vec<Listed>,
    total: usize,
}

/// An execution as its state alone.
pub(super) struct Listed(Arc<Entry>);

/// `GET /api/executions` and its twin
pub(super) fn list(hub: &Hub) -> Live<(Sight, Question)> {
    let asked = hub.clone();
    let list = async move |sight: Sight, question: Question| {
        settle(&asked).await?;
        let asked = asked.clone();
        outbox::make(move || answer(&asked, &sight, &question)).await
    };
    hub.live("/api/executions", list)
        .watching(hub.executions.changes())
        // Retention may forget a topic, and the execution with it.
        .watching(hub.broker.changes())
}

/// `GET /api/executions/{id}` and its twin
pub(super) fn one(hub: &Hub) -> Live<(Sight, ExecutionId)> {
    let asked = hub.clone();
    let one = async move |sight: Sight, id: ExecutionId| {
        sight.must_see(&id.topic())?;
        Ok(ByHash(Listed(find(&asked, &id).await?)))
    };
    hub.live("/api/executions/{id}", one)
        .named("execution")
        .watching(hub.executions.changes())
        .watching(hub.broker.changes())
}

impl<S: Sync> FromRequestParts<S> for Question {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parameters = Parameters::of(parts);
        let status = |text: &str| {
            let refused = "must be pending, running, completed, failed or cancelled";
            Status::parse(text).ok_or(refused)
        };
        let offset = parameters.number("offset", 0..=u64::from(u32::MAX))?;
        Ok(Self {
            status: parameters.one("status", status)?,
            limit: parameters.limit(DEFAULT_LIMIT)?,
            offset: offset.map_or(0, |offset| offset as usize),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ExecutionId {
    type Rejection = Problem;

    /// The id in the path. Text that is none names no execution.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::from_request_parts(parts, state).await;
        parse(id).ok_or_else(unknown)
    }
}

fn answer(hub: &Hub, sight: &Sight, question: &Question) -> ByHash<List> {
    let (mut entries, total) = hub.executions.list(question, |topic| sight.sees(topic));
    let mut bytes = 0;
    let is_full = |entry: &Arc<Entry>| {
        bytes += entry.execution.weight();
        bytes > LIST_BYTES
    };
    // The first one is there whatever it weighs.
    let room = entries.iter().position(is_full).unwrap_or(entries.len());
    entries.truncate(room.max(1));
    let executions = entries.into_iter().map(Listed).collect();
    ByHash(List { executions, total })
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
