use crate::{Record, Scope, Topic};

use super::{History, Index};

/// What a reader has missed while it was under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holes {
    /// The topics that lost events, and whether only superseded ones.
    pub topics: Vec<(Topic, bool)>,
    /// Whether a whole topic was forgotten that may have been among those asked for.
    pub forgotten: bool,
}

impl Holes {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty() && !self.forgotten
    }
}

impl Index {
    /// How many evictions there were so far: the point in time that [`holes`](Self::holes) counts from.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Whether some event of the scope after this sequence may be missing: evicted, expired or forgotten.
    pub(crate) fn misses_any(&self, scope: &Scope<'_>, after: u64) -> bool {
        if self.highest_evicted <= after {
            return false;
        }
        let unknown = match scope {
            Scope::Topics(topics) => topics.iter().any(|topic| self.history(topic).is_none()),
            Scope::Matching(_) => true,
        };
        (unknown && self.forgotten > after)
            || self.histories(scope).any(|history| history.evicted > after)
    }

    /// What the scope has lost after the sequence since that many evictions.
    pub(crate) fn holes(&self, scope: &Scope<'_>, after: u64, since: u64) -> Holes {
        if self.evictions == since || self.highest_evicted <= after {
            return Holes::default();
        }
        let mut holes = Holes::default();
        for history in self.evicted_after(scope, after) {
            if history.evicted_at <= since {
                continue;
            }
            if history.inherited {
                holes.forgotten = true;
                continue;
            }
            let only_superseded = history.lost <= after || history.lost_at <= since;
            holes.topics.push((history.topic.clone(), only_superseded));
        }
        let known_only = match scope {
            Scope::Topics(topics) => topics.iter().all(|topic| self.history(topic).is_some()),
            Scope::Matching(_) => false,
        };
        holes.forgotten |= !known_only && self.forgotten > after && self.forgotten_at > since;
        holes
    }

    /// The topics of the scope that miss something after this sequence. Patterns look at no others.
    fn evicted_after<'a>(
        &'a self,
        scope: &Scope<'a>,
        after: u64,
    ) -> Box<dyn Iterator<Item = &'a History> + 'a> {
        match *scope {
            Scope::Topics(topics) => {
                let histories = topics.iter().filter_map(|topic| self.history(topic));
                Box::new(histories.filter(move |history| history.evicted > after))
            }
            Scope::Matching(accepts) => {
                let slots = self.by_evicted.range((after + 1, 0)..).rev();
                let histories = slots.map(|(_, slot)| &self.topics[*slot]);
                Box::new(histories.filter(|history| accepts(&history.topic)))
            }
        }
    }

    /// Whether a newer event of the same key has made this one unnecessary; only topics with keyed rules know.
    pub(crate) fn is_superseded(&self, record: &Record) -> bool {
        self.history(&record.topic)
            .is_some_and(|history| history.is_superseded(record.sequence, record.key.as_deref()))
    }
}
