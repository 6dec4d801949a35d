use crate::{Epoch, Position};

/// The epochs of one log, each with its first sequence.
///
/// There is always one. A further one begins where the events that had been numbered under the one before may not all
/// be here, as after a restore from a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs(Vec<(u64, Epoch)>);

impl Epochs {
    /// The epochs of a log that begins with this one, at sequence 1.
    pub fn new(first: Epoch) -> Self {
        Self(vec![(1, first)])
    }

    /// Begins a further epoch. Sequences from `first` on, which is above all that were given so far, are of it.
    pub fn begin(&mut self, first: u64, epoch: Epoch) {
        debug_assert!(self.0.last().is_some_and(|(newest, _)| *newest < first));
        self.0.push((first, epoch));
    }

    /// Each epoch with its first sequence, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Epoch)> {
        self.0.iter().map(|(first, epoch)| (*first, epoch))
    }

    /// The place just after this sequence.
    pub fn position(&self, sequence: u64) -> Position {
        let begun = self.0.partition_point(|(first, _)| *first <= sequence);
        let (_, epoch) = &self.0[begun.saturating_sub(1)];
        Position {
            epoch: epoch.clone(),
            sequence,
        }
    }

    /// Whether a sequence was, or will be, given out under this epoch.
    pub fn contain(&self, position: &Position) -> bool {
        self.position(position.sequence).epoch == position.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(token: &str) -> Epoch {
        Epoch::new(token).unwrap()
    }

    #[test]
    fn a_sequence_belongs_to_the_epoch_that_had_begun() {
        let mut epochs = Epochs::new(epoch("a"));
        epochs.begin(10, epoch("b"));
        for (sequence, id) in [
            (0, "a-0"),
            (1, "a-1"),
            (9, "a-9"),
            (10, "b-10"),
            (11, "b-11"),
        ] {
            assert_eq!(epochs.position(sequence).to_string(), id);
            assert!(epochs.contain(&id.parse().unwrap()));
        }
        for id in ["a-10", "b-9", "b-0", "c-1"] {
            assert!(!epochs.contain(&id.parse().unwrap()), "{id}");
        }
    }
}
