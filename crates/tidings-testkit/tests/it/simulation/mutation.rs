use std::collections::{BTreeMap, BTreeSet};

use proptest::sample::Index;
use tidings_testkit::{Durability, Event, Position, Publication, Reader, Start, Visit};

use super::log::Recording;
use crate::fixture::gap;

/// One way of breaking a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mutation {
    Drop,
    DropFromOne,
    Double,
    Swap,
    ChangeId,
    ChangePayload,
    DropGap,
    AddGap,
    ReorderPublisher,
    Forget,
}

/// Where an event is: reader, visit, event.
type Spot = (usize, usize, usize);

impl Mutation {
    pub(crate) const ALL: [Self; 10] = [
        Self::Drop,
        Self::DropFromOne,
        Self::Double,
        Self::Swap,
        Self::ChangeId,
        Self::ChangePayload,
        Self::DropGap,
        Self::AddGap,
        Self::ReorderPublisher,
        Self::Forget,
    ];

    /// Breaks one of the places that can be broken in this way; `false` if there is none.
    pub(crate) fn apply(self, recording: &mut Recording, at: Index) -> bool {
        if self == Self::ReorderPublisher {
            return reorder(recording, at);
        }
        let spots: Vec<_> = spots(recording)
            .into_iter()
            .filter(|spot| self.matters_at(recording, *spot))
            .collect();
        let Some(&(reader, visit, event)) = spots.get(at.index(spots.len().max(1))) else {
            return false;
        };
        let events = &mut recording.readers[reader].visits[visit].events;
        match self {
            Self::Drop | Self::DropFromOne | Self::DropGap => {
                events.remove(event);
            }
            Self::Double => events.insert(event, events[event].clone()),
            Self::Swap => events.swap(event, event + 1),
            Self::ChangeId => {
                let position = Position::of(events[event].id());
                events[event].id = Some(position.later(1_000_000).to_string());
            }
            Self::ChangePayload => "forged".clone_into(&mut events[event].data),
            Self::AddGap => {
                let told = gap("lagged", events[event].id(), "none");
                events.insert(event + 1, told);
            }
            Self::Forget => {
                let data = events[event].data.clone();
                forget(recording, &data);
            }
            Self::ReorderPublisher => {}
        }
        true
    }

    fn matters_at(self, recording: &Recording, spot: Spot) -> bool {
        let (reader, visit, at) = spot;
        let reader = &recording.readers[reader];
        let Visit { start, events, .. } = &reader.visits[visit];
        let event = &events[at];
        let sent = publication(recording, &event.data);
        let next_is_event = events.get(at + 1).is_some_and(|event| !event.is_control());
        match (self, sent) {
            (Self::DropGap, None) => hides_a_loss(recording, spot),
            (_, None) => false,
            (Self::Drop, Some(sent)) => {
                sent.receipt().is_some()
                    && sent.durability == Durability::Disk
                    && passes(reader, event)
            }
            (Self::DropFromOne, Some(sent)) => {
                sent.receipt().is_none()
                    && sent.durability == Durability::Disk
                    && passes(reader, event)
                    && received_by(recording, event) > 1
            }
            (Self::Double | Self::ChangePayload | Self::Forget, Some(_)) => true,
            (Self::Swap, Some(_)) => next_is_event,
            (Self::ChangeId, Some(_)) => received_by(recording, event) > 1,
            // Whoever begins with what is left may lack something anywhere, and need not be told.
            (Self::AddGap, Some(_)) => {
                next_is_event && !events.iter().any(is_gap) && *start != Start::Oldest
            }
            (Self::DropGap | Self::ReorderPublisher, Some(_)) => false,
        }
    }
}

fn spots(recording: &Recording) -> Vec<Spot> {
    let mut spots = Vec::new();
    for (reader, log) in recording.readers.iter().enumerate() {
        for (visit, log) in log.visits.iter().enumerate() {
            spots.extend((0..log.events.len()).map(|event| (reader, visit, event)));
        }
    }
    spots
}

fn publication<'a>(recording: &'a Recording, data: &str) -> Option<&'a Publication> {
    let mut publications = recording.publishers.iter().flatten();
    publications.find(|sent| sent.events.iter().any(|event| event.data == data))
}

fn events(reader: &Reader) -> impl DoubleEndedIterator<Item = &Event> {
    reader.visits.iter().flat_map(|visit| &visit.events)
}

fn is_gap(event: &Event) -> bool {
    event.event == "tidings.gap"
}

fn received_by(recording: &Recording, event: &Event) -> usize {
    let readers = recording.readers.iter();
    readers
        .filter(|reader| events(reader).any(|other| other.data == event.data))
        .count()
}

/// Whether the reader has received another event after this one, and a gap that does not say how
/// far it reaches is not what comes before.
fn passes(reader: &Reader, event: &Event) -> bool {
    let mut after = events(reader)
        .skip_while(|other| other.data != event.data)
        .skip(1);
    let mut before = events(reader)
        .rev()
        .skip_while(|other| other.data != event.data)
        .skip(1);
    let vague = before
        .find(|event| is_gap(event) || !event.is_control())
        .is_some_and(|event| is_gap(event) && event.json()["oldest"].is_null());
    after.any(|event| !event.is_control()) && !vague
}

/// Whether the event is a gap, and on this connection its reader passes over something that was
/// acknowledged and that it never received.
fn hides_a_loss(recording: &Recording, (reader, visit, at): Spot) -> bool {
    let reader = &recording.readers[reader];
    let visit = &reader.visits[visit];
    if !is_gap(&visit.events[at]) {
        return false;
    }
    let received: BTreeSet<_> = events(reader).map(|event| event.data.as_str()).collect();
    let from = visit.events[at].json()["requested"].as_str().map(place);
    let mut reached = visit.events[at..]
        .iter()
        .filter(|event| !event.is_control());
    let to = reached.next_back().map(|event| place(event.id()));
    let (Some(from), Some(to)) = (from, to) else {
        return false;
    };
    acknowledged(recording)
        .into_iter()
        .any(|(place, (topic, data))| {
            from < place && place < to && reader.follows(topic) && !received.contains(data)
        })
}

/// What was acknowledged with an id, by place.
fn acknowledged(recording: &Recording) -> BTreeMap<(String, u64), (&str, &str)> {
    let publications = recording.publishers.iter().flatten();
    let first = publications.filter_map(|sent| {
        let event = &sent.events[0];
        let id = place(&sent.receipt()?.first);
        Some((id, (event.topic.as_str(), event.data.as_str())))
    });
    first.collect()
}

/// Epochs of a simulation are numbered.
fn place(id: &str) -> (String, u64) {
    let position = Position::of(id);
    (position.epoch, position.sequence)
}

/// Nobody tried to publish it any more.
fn forget(recording: &mut Recording, data: &str) {
    for publications in &mut recording.publishers {
        publications.retain(|sent| sent.events.iter().all(|event| event.data != data));
    }
}

/// Two requests of a publisher that were acknowledged change places.
fn reorder(recording: &mut Recording, at: Index) -> bool {
    for publications in &mut recording.publishers {
        let acknowledged: Vec<_> = (0..publications.len())
            .filter(|&at| publications[at].receipt().is_some())
            .collect();
        if acknowledged.len() > 1 {
            let first = at.index(acknowledged.len() - 1);
            publications.swap(acknowledged[first], acknowledged[first + 1]);
            return true;
        }
    }
    false
}
