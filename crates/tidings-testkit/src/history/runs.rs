use std::collections::HashMap;

use crate::history::Violation;
use crate::position::Position;

/// How one run of the hub ended, if another followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to stop.
    Stopped,
    /// It was killed.
    Crashed,
    /// However it ended, its history was thrown away before the next run.
    Wiped,
}

/// A place in the order of all events of a history.
///
/// Sequences begin again when the history was thrown away, which begins an era.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) era: usize,
    pub(crate) sequence: u64,
}

/// The runs of the hub one after the other, and which ids were seen in each.
#[derive(Debug)]
pub(crate) struct Runs<'a> {
    endings: &'a [Ending],
    eras: HashMap<String, usize>,
    epochs: HashMap<usize, String>,
    /// Every id seen; reading each once is most of the work of judging.
    places: HashMap<&'a str, Place>,
    /// The highest place seen up to the end of each run, whoever saw it, with its id.
    highest: Vec<Option<(Place, &'a str)>>,
}

/// An id that somebody saw in some run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting<'a> {
    pub(crate) run: usize,
    pub(crate) id: &'a str,
    pub(crate) by: &'a str,
}

impl<'a> Runs<'a> {
    /// Orders the runs by what was seen in them.
    pub(crate) fn new(
        endings: &'a [Ending],
        mut sightings: Vec<Sighting<'a>>,
    ) -> Result<Self, Violation> {
        sightings.sort_by_key(|sighting| sighting.run);
        let mut runs = Self {
            endings,
            eras: HashMap::new(),
            epochs: HashMap::new(),
            places: HashMap::new(),
            highest: vec![None; endings.len() + 1],
        };
        for sighting in sightings {
            let place = runs.see(sighting)?;
            let highest = &mut runs.highest[sighting.run];
            if highest.is_none_or(|(highest, _)| place > highest) {
                *highest = Some((place, sighting.id));
            }
        }
        for run in 1..runs.highest.len() {
            runs.highest[run] = runs.highest[run].max(runs.highest[run - 1]);
        }
        Ok(runs)
    }

    fn see(&mut self, Sighting { run, id, by }: Sighting<'a>) -> Result<Place, Violation> {
        let era = self.era(run);
        if let Some(place) = self.places.get(id).filter(|place| place.era == era) {
            return Ok(*place);
        }
        let Some(position) = Position::parse(id) else {
            return Err(Violation::NotAnId {
                by: by.to_owned(),
                id: id.to_owned(),
            });
        };
        let epoch = self
            .epochs
            .entry(era)
            .or_insert_with(|| position.epoch.clone());
        let known = *self.eras.entry(position.epoch.clone()).or_insert(era);
        if known != era || *epoch != position.epoch {
            return Err(Violation::OtherEpoch {
                by: by.to_owned(),
                id: id.to_owned(),
                epoch: epoch.clone(),
            });
        }
        let place = Place {
            era,
            sequence: position.sequence,
        };
        self.places.insert(id, place);
        Ok(place)
    }

    /// How often the history had been thrown away before `run`.
    pub(crate) fn era(&self, run: usize) -> usize {
        let before = self.endings.iter().take(run);
        before.filter(|ending| **ending == Ending::Wiped).count()
    }

    /// The place before everything that `run` can still know.
    pub(crate) fn bottom(&self, run: usize) -> Place {
        Place {
            era: self.era(run),
            sequence: 0,
        }
    }

    /// The place of an id, if its epoch was ever seen.
    pub(crate) fn place(&self, id: &str) -> Option<Place> {
        if let Some(place) = self.places.get(id) {
            return Some(*place);
        }
        let position = Position::parse(id)?;
        let era = *self.eras.get(&position.epoch)?;
        Some(Place {
            era,
            sequence: position.sequence,
        })
    }

    /// How `run` ended, if another followed.
    pub(crate) fn ending(&self, run: usize) -> Option<Ending> {
        self.endings.get(run).copied()
    }

    /// The highest place that was seen in the runs before `run`, with its id.
    pub(crate) fn highest_before(&self, run: usize) -> Option<(Place, &'a str)> {
        let before = run.checked_sub(1)?;
        self.highest.get(before).copied().flatten()
    }
}
