//! What one reader got.

use std::collections::BTreeMap;

/// Counts events that are numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The greatest number that came.
    last: u32,
    /// What has not come before it: begins of ranges, with their ends, which are not part of them.
    missing: BTreeMap<u32, u32>,
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Events that came, each counted once.
    pub(super) received: u64,
    /// How often one came that had come before.
    pub(super) doubled: u64,
    /// Events that came after a later one.
    pub(super) out_of_order: u64,
}

impl Tally {
    /// Counts an event, and says whether it had not come before.
    pub(super) fn take(&mut self, number: u32) -> bool {
        if number > self.last {
            if number > self.last + 1 {
                self.missing.insert(self.last + 1, number);
            }
            self.last = number;
            self.counts.received += 1;
            return true;
        }
        let before = self.missing.range(..=number).next_back();
        match before.map(|(begin, end)| (*begin, *end)) {
            Some((begin, end)) if number < end => {
                self.missing.remove(&begin);
                if begin < number {
                    self.missing.insert(begin, number);
                }
                if number + 1 < end {
                    self.missing.insert(number + 1, end);
                }
                self.counts.received += 1;
                self.counts.out_of_order += 1;
                true
            }
            _ => {
                self.counts.doubled += 1;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u32], [received, doubled, out_of_order]: [u64; 3]) {
        let mut tally = Tally::default();
        let new = numbers.iter().filter(|number| tally.take(**number)).count();
        let expected = Counts {
            received,
            doubled,
            out_of_order,
        };
        assert_eq!(tally.counts, expected, "{numbers:?}");
        assert_eq!(new as u64, received, "{numbers:?}");
    }

    #[test]
    fn what_comes_in_its_turn_is_received() {
        check(&[1, 2, 3], [3, 0, 0]);
        check(&[], [0, 0, 0]);
    }

    #[test]
    fn what_was_skipped_and_comes_late_is_out_of_order_once() {
        check(&[1, 5, 3, 2, 4, 6], [6, 0, 3]);
        check(&[1, 5, 3, 3, 6], [4, 1, 1]);
        check(&[3, 1, 2], [3, 0, 2]);
    }

    #[test]
    fn what_comes_again_is_doubled_however_late() {
        check(&[1, 1, 2, 3, 1, 3], [3, 3, 0]);
        check(&[2, 2, 1, 1], [2, 2, 1]);
    }
}
