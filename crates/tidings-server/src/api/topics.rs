use std::hash::{Hash, Hasher};

use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use tidings::{Selector, Topic, TopicStats};
use tidings_http::{ByHash, Live, Problem};

use crate::api::access::{Admin, Sight};
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;
use crate::api::{Kind, outbox, problems};
use crate::executions::ExecutionId;

const DEFAULT_LIMIT: usize = 1_000;

/// Which topics are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    selector: Selector,
    limit: usize,
}

#[derive(Debug, Hash, Serialize)]
struct Answer {
    topics: Vec<Entry>,
    total: usize,
}

#[derive(Debug, Serialize)]
struct Entry {
    topic: String,
    subscribers: usize,
    events: u64,
    first_id: Option<String>,
    last_id: String,
    bytes: u64,
    ended: bool,
}

/// `GET /api/topics` and its twin
pub(super) fn resource(hub: &Hub) -> Live<(Sight, Question)> {
    let asked = hub.clone();
    let list = async move |sight: Sight, question: Question| {
        outbox::make(move || question.answer(&asked, &sight)).await
    };
    hub.live("/api/topics", list).watching(hub.broker.changes())
}

/// `DELETE /api/topics`
pub(super) async fn forget(
    State(hub): State<Hub>,
    _: Admin,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    // One that is not known is as forgotten as it can be.
    let topic = parameters.topic()?;
    if is_needed(&topic) {
        let detail = "the hub goes by what it keeps here; what it knows of an execution goes with executions/{id}";
        return Err(Kind::ReservedTopic.at("topic", detail));
    }
    let deleted = hub.broker.delete(&topic).await;
    deleted.map_err(|failed| {
        let hope = "it is unknown whether the topic was forgotten, and safe to delete it again";
        problems::store_failed(&hub, &failed, hope)
    })?;
    if let Some(id) = ExecutionId::of_topic(&topic) {
        let forgotten = hub.executions.topic_deleted(&id).await;
        forgotten.map_err(|unsettled| problems::unsettled(&hub, unsettled))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the hub goes by what is on one of its own topics. What dashboards were told is not missed: they are told the next
/// figures, and may be told of a badge again.
fn is_needed(topic: &Topic) -> bool {
    let is_of = |pattern| Selector::new(pattern).is_ok_and(|own| own.matches(topic));
    is_of("tidings/**") && !is_of("tidings/dashboard/**")
}

impl<S: Sync> FromRequestParts<S> for Question {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parameters = Parameters::of(parts);
        let selector = parameters.one("selector", |text| Selector::new(text))?;
        // All but the hub's own, which are listed only to those who name them.
        let all = || Selector::new("**").expect("it is a selector");
        Ok(Self {
            selector: selector.unwrap_or_else(all),
            limit: parameters.limit(DEFAULT_LIMIT)?,
        })
    }
}

impl Question {
    fn answer(&self, hub: &Hub, sight: &Sight) -> ByHash<Answer> {
        let found = hub.broker.topics_where(
            |topic| self.selector.matches(topic) && sight.sees(topic),
            self.limit,
        );
        let topics = found.topics.iter().map(Entry::of).collect();
        let total = found.total;
        ByHash(Answer { topics, total })
    }
}

impl Entry {
    fn of(topic: &TopicStats) -> Self {
        Self {
            topic: topic.log.topic.to_string(),
            subscribers: topic.subscribers,
            events: topic.log.events,
            first_id: topic.first_id.as_ref().map(ToString::to_string),
            last_id: topic.last_id.to_string(),
            bytes: topic.log.bytes,
            ended: topic.log.ended,
        }
    }
}

/// What a twin sends again for: events alone only change counters.
impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.topic, self.subscribers, self.ended).hash(state);
    }
}
