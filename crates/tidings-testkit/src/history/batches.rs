use crate::history::gap::Gap;
use crate::history::ledger::Ledger;
use crate::history::{Durability, Publication, Reader, Violation};

/// A batch is there as a whole or not at all.
///
/// Of an acknowledged batch every event is missed on its own. Of one with an unknown outcome,
/// whoever received one of its events and has also read on in the direction of another has passed
/// that other one.
pub(crate) fn check(
    publications: &[Publication],
    readers: &[Reader],
    ledger: &Ledger<'_>,
) -> Result<(), Violation> {
    let batches = publications
        .iter()
        .filter(|publication| publication.events.len() > 1 && publication.receipt().is_none());
    for batch in batches {
        let events: Vec<_> = batch
            .events
            .iter()
            .map(|event| event.data.as_str())
            .collect();
        let (there, missing): (Vec<_>, Vec<_>) = batch
            .events
            .iter()
            .enumerate()
            .filter_map(|(at, event)| Some((at, ledger.entry(&event.data)?)))
            .partition(|(_, entry)| entry.known.is_some());
        for (at, entry) in there {
            for (missing_at, other) in &missing {
                let mut following = readers.iter().filter(|reader| reader.follows(other.topic));
                let passed = following.find(|reader| {
                    let stretches = stretches(reader, batch.durability);
                    let mut stretches = stretches.iter();
                    stretches.any(|stretch| passes(stretch, &events, at, *missing_at))
                });
                if let Some(reader) = passed {
                    return Err(Violation::Torn {
                        reader: reader.name.clone(),
                        id: entry.id(),
                        there: entry.data.to_owned(),
                        missing: other.data.to_owned(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// What a reader received without anything missing in between: a gap ends a stretch, and so does
/// the end of a connection for what a crash may take.
fn stretches(reader: &Reader, durability: Durability) -> Vec<Vec<&str>> {
    let mut stretches = vec![Vec::new()];
    for visit in &reader.visits {
        if durability == Durability::Memory {
            stretches.push(Vec::new());
        }
        for event in &visit.events {
            if Gap::told_by(event).is_some() {
                stretches.push(Vec::new());
            } else if let Some(stretch) = stretches.last_mut().filter(|_| !event.is_control()) {
                stretch.push(event.data.as_str());
            }
        }
    }
    stretches
}

/// Whether a stretch has the event at `at` of a batch and goes on beyond the one at `missing`.
fn passes(stretch: &[&str], batch: &[&str], at: usize, missing: usize) -> bool {
    let Some(here) = stretch.iter().position(|data| *data == batch[at]) else {
        return false;
    };
    let (onward, short) = if missing > at {
        (&stretch[here + 1..], &batch[at..missing])
    } else {
        (&stretch[..here], &batch[missing + 1..=at])
    };
    onward.iter().any(|data| !short.contains(data))
}
