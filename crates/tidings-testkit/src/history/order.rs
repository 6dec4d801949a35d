use std::collections::HashSet;

use crate::history::ledger::{Entry, Ledger};
use crate::history::runs::Runs;
use crate::history::{Publication, Reader, Violation};

/// Ids rise over all connections of a reader, and nothing comes twice.
///
/// As an event has one id, this makes the order the same for all readers.
pub(crate) fn check_reader(reader: &Reader, ledger: &Ledger<'_>) -> Result<(), Violation> {
    let mut before: Option<&Entry<'_>> = None;
    let events = reader.visits.iter().flat_map(|visit| &visit.events);
    let mut received = HashSet::new();
    for entry in events.filter_map(|event| ledger.entry(&event.data)) {
        if !received.insert(entry.data) {
            return Err(Violation::Doubled {
                reader: reader.name.clone(),
                id: entry.id(),
                data: entry.data.to_owned(),
            });
        }
        if let Some(before) = before.filter(|before| before.place() >= entry.place()) {
            return Err(Violation::NotRising {
                reader: reader.name.clone(),
                before: before.id(),
                after: entry.id(),
                data: entry.data.to_owned(),
            });
        }
        before = Some(entry);
    }
    Ok(())
}

/// What a publisher had acknowledged one after the other has rising ids.
pub(crate) fn check_publisher(
    publications: &[Publication],
    ledger: &Ledger<'_>,
) -> Result<(), Violation> {
    let acknowledged = publications
        .iter()
        .filter(|publication| publication.receipt().is_some())
        .flat_map(|publication| &publication.events)
        .filter_map(|event| ledger.entry(&event.data))
        .filter(|entry| entry.known.is_some());
    let mut earlier: Option<&Entry<'_>> = None;
    for entry in acknowledged {
        if let Some(earlier) = earlier.filter(|earlier| earlier.place() >= entry.place()) {
            return Err(Violation::Overtaken {
                id: entry.id(),
                data: entry.data.to_owned(),
                earlier_id: earlier.id(),
                earlier: earlier.data.to_owned(),
            });
        }
        earlier = Some(entry);
    }
    Ok(())
}

/// A new event's id is above every id that an earlier run gave out, be it of an event or a position.
pub(crate) fn check_runs(ledger: &Ledger<'_>, runs: &Runs<'_>) -> Result<(), Violation> {
    for entry in ledger.entries() {
        let (Some((place, id)), Some((highest, seen))) =
            (&entry.known, runs.highest_before(entry.run))
        else {
            continue;
        };
        if *place <= highest {
            return Err(Violation::Reissued {
                id: id.clone(),
                data: entry.data.to_owned(),
                seen: seen.to_owned(),
            });
        }
    }
    Ok(())
}
