//! What the hub keeps of an execution, on a topic of its own.
//!
//! The newest checkpoint says what the events up to its position add up to, so retention may take
//! those. The first one is the plan that the execution was created with.

use tidings::{Broker, Durability, Event, EventName, Publication, Published};

use crate::executions::id::ExecutionId;
use crate::executions::table::Entry;

/// The topics of checkpoints, of which one is kept each.
pub(crate) const SELECTOR: &str = "tidings/executions/*";

const NAME: &str = "tidings.execution";

/// The publication of what is known. It is on the disk when it is acknowledged, if there is one.
pub(super) fn publication(broker: &Broker, entry: &Entry) -> Publication {
    let data = serde_json::to_string(entry).expect("texts and numbers always have a JSON form");
    let name = EventName::new(NAME).expect("the name of checkpoints is an event name");
    let event = Event::new(data).named(name);
    Publication {
        topic: entry.execution.id.own_topic(),
        // As the execution has ended, so that both are forgotten at about the same time.
        event: match entry.last {
            Some(_) => event.ending_topic(),
            None => event,
        },
        idempotency_key: None,
        durability: broker.is_durable().then_some(Durability::Disk),
    }
}

/// What a checkpoint says; `None` if it is none that can be read.
pub(super) fn read(event: &Published) -> Option<Entry> {
    let id = ExecutionId::of_own_topic(event.topic())?;
    let mut entry: Entry = event.json().ok().filter(|_| event.name() == NAME)?;
    if entry.execution.id != id {
        return None;
    }
    if entry.born == 0 {
        (entry.born, entry.position) = (event.id().sequence, event.id().sequence);
    }
    Some(entry)
}
