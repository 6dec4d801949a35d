use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tidings::{Format, Gap, StartAt, Subscription, Wire};
use tidings_http::{EventStream, Problem, StreamOptions, StreamRequest};

use crate::api::access::Caller;
use crate::api::events::{ids, subscribe};
use crate::api::executions::opening::Opening;
use crate::api::executions::{GivenId, earlier, find, parse, settle};
use crate::api::hub::Hub;
use crate::api::parameters::{Parameters, bad};
use crate::executions::{Entry, Execution, ExecutionId};

/// How often the state is taken anew because events after it were gone before they could be
/// followed.
const ATTEMPTS: usize = 3;

/// `GET /api/executions/{id}/events`
pub(super) async fn events(
    State(hub): State<Hub>,
    caller: Caller,
    request: StreamRequest,
    parameters: Parameters,
    id: ExecutionId,
) -> Result<Response, Problem> {
    caller.may_subscribe("id", [&id.topic().into()])?;
    let entry = find(&hub, &id).await?;
    let follower = Follower {
        caller,
        subscription: subscription(&entry.execution.id, &parameters)?,
        begins: begins(&parameters)?,
        options: options(&hub, &parameters)?,
        body: |execution| to_json(&execution),
        id: entry.execution.id.clone(),
    };
    Ok(follower.respond(&hub, &request).await)
}

/// `GET /api/execution-stream/{id}`: the same with the state in its earlier form, and open to ids
/// that nobody knows yet.
pub(super) async fn earlier(
    State(hub): State<Hub>,
    caller: Caller,
    request: StreamRequest,
    parameters: Parameters,
    id: GivenId,
) -> Result<Response, Problem> {
    let id = parse(id).ok_or_else(|| bad("id", "is not the id of an execution"))?;
    caller.may_subscribe("id", [&id.topic().into()])?;
    let follower = Follower {
        caller,
        subscription: subscription(&id, &parameters)?,
        begins: begins(&parameters)?,
        options: options(&hub, &parameters)?,
        body: |execution| to_json(&earlier::Init::of(&execution)),
        id,
    };
    Ok(follower.respond(&hub, &request).await)
}

/// Somebody who follows an execution.
struct Follower {
    caller: Caller,
    id: ExecutionId,
    subscription: Subscription,
    begins: Begin,
    options: StreamOptions,
    /// Writes the state.
    body: fn(Execution) -> String,
}

/// Where a reader begins that comes without an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// With the state as it is.
    Now,
    /// With the state before the first event, and all events that are retained.
    Start,
}

impl Follower {
    async fn respond(self, hub: &Hub, request: &StreamRequest) -> Response {
        let answer = match &request.resume_after {
            Some(after) => self.resume(hub, request, after).await,
            None => self.begin(hub, request, None).await,
        };
        answer.unwrap_or_else(|problem| request.refuse(problem))
    }

    /// Goes on after an id, or begins anew if that cannot be done.
    async fn resume(
        &self,
        hub: &Hub,
        request: &StreamRequest,
        after: &str,
    ) -> Result<Response, Problem> {
        let subscription = self.subscription.clone().resume_after(after);
        let subscriber = subscribe(hub, &self.caller, subscription).await?;
        if let Some(gap) = subscriber.opening_gap() {
            drop(subscriber);
            return self.begin(hub, request, Some(gap)).await;
        }
        let begin = |subscriber| EventStream::new(subscriber, self.options);
        Ok(request.answer(subscriber, begin))
    }

    /// Begins with the state, and follows from exactly there.
    async fn begin(
        &self,
        hub: &Hub,
        request: &StreamRequest,
        gap: Option<Gap>,
    ) -> Result<Response, Problem> {
        let mut attempts = 0;
        let (subscriber, origin, execution) = loop {
            attempts += 1;
            // Everything up to here will be in the state.
            let position = hub.broker.position().sequence;
            settle(hub).await?;
            let entry = hub.executions.find(&self.id);
            let (start_at, execution) = self.state(position, entry.as_ref());
            let subscription = self.subscription.clone().start_at(start_at);
            let subscriber = subscribe(hub, &self.caller, subscription).await?;
            if subscriber.opening_gap().is_none() || attempts >= ATTEMPTS {
                let origin = entry.and_then(|entry| entry.origin());
                break (subscriber, origin, execution);
            }
        };
        Ok(request.answer(subscriber, |subscriber| {
            let position = subscriber.start();
            let origin = origin.map_or(position.sequence, |origin| origin.min(position.sequence));
            let opening = Opening {
                gap,
                origin: hub.broker.position_after(origin).to_string(),
                position: position.to_string(),
                state: (self.body)(execution),
            };
            let blocks = opening.encode(&self.options);
            EventStream::beginning_with(blocks, subscriber, self.options)
        }))
    }

    /// The state to begin with, and what follows it. All events up to `position` are known.
    fn state(&self, position: u64, entry: Option<&Arc<Entry>>) -> (StartAt, Execution) {
        let Some(entry) = entry else {
            let unknown = Execution::new(self.id.clone(), Default::default());
            return (StartAt::After(position), unknown);
        };
        match (self.begins, entry.last) {
            (Begin::Start, _) => (StartAt::Start, entry.before_its_start()),
            (Begin::Now, Some(last)) => {
                let before = StartAt::After(last.saturating_sub(1));
                (before, entry.execution.clone())
            }
            (Begin::Now, None) => {
                let known = position.max(entry.position);
                (StartAt::After(known), entry.execution.clone())
            }
        }
    }
}

fn subscription(id: &ExecutionId, parameters: &Parameters) -> Result<Subscription, Problem> {
    let wire = Wire {
        format: Format::Raw,
        ids: ids(parameters)?,
    };
    Ok(Subscription::to(id.topic()).encoded(wire))
}

fn options(hub: &Hub, parameters: &Parameters) -> Result<StreamOptions, Problem> {
    let ids = ids(parameters)?;
    Ok(StreamOptions {
        ids,
        ..hub.stream_options()
    })
}

fn begins(parameters: &Parameters) -> Result<Begin, Problem> {
    let begins = parameters.one("from", |text| match text {
        "now" => Ok(Begin::Now),
        "start" => Ok(Begin::Start),
        _ => Err("must be now or start"),
    })?;
    Ok(begins.unwrap_or(Begin::Now))
}

fn to_json(state: &impl serde::Serialize) -> String {
    serde_json::to_string(state).expect("texts and numbers always have a JSON form")
}
