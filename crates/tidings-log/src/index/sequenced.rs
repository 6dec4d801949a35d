use std::collections::VecDeque;

/// Items by sequence: added at the end, taken from anywhere, mostly from the beginning.
///
/// It costs a sequence and an item each, which a map costs twice over; what was taken from the middle is given back
/// once it is more than what is left.
#[derive(Debug)]
pub(crate) struct Sequenced<T> {
    entries: VecDeque<(u64, Option<T>)>,
    len: usize,
}

impl<T> Sequenced<T> {
    pub(crate) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an item whose sequence is above all others.
    pub(crate) fn push(&mut self, sequence: u64, item: T) {
        debug_assert!(self.entries.back().is_none_or(|(last, _)| *last < sequence));
        self.entries.push_back((sequence, Some(item)));
        self.len += 1;
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&T> {
        let at = self.place(sequence)?;
        self.entries[at].1.as_ref()
    }

    pub(crate) fn take(&mut self, sequence: u64) -> Option<T> {
        let at = self.place(sequence)?;
        let item = self.entries[at].1.take()?;
        self.len -= 1;
        while self.entries.front().is_some_and(|(_, item)| item.is_none()) {
            self.entries.pop_front();
        }
        if self.entries.len() > 2 * self.len + 64 {
            self.entries.retain(|(_, item)| item.is_some());
            self.entries.shrink_to(2 * self.len);
        }
        Some(item)
    }

    /// The items in `(after, until]`, by rising sequence.
    pub(crate) fn range(
        &self,
        after: u64,
        until: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let behind = |end| {
            self.entries
                .partition_point(|(sequence, _)| *sequence <= end)
        };
        let (start, end) = (behind(after), behind(until));
        let entries = self.entries.range(start..end.max(start));
        entries.filter_map(|(sequence, item)| Some((*sequence, item.as_ref()?)))
    }

    /// The items after a sequence, in order.
    pub(crate) fn after(&self, sequence: u64) -> impl Iterator<Item = (u64, &T)> {
        let start = self.entries.partition_point(|(own, _)| *own <= sequence);
        let entries = self.entries.range(start..);
        entries.filter_map(|(sequence, item)| Some((*sequence, item.as_ref()?)))
    }

    /// The last item.
    pub(crate) fn last(&self) -> Option<(u64, &T)> {
        let mut entries = self.entries.iter().rev();
        entries.find_map(|(sequence, item)| Some((*sequence, item.as_ref()?)))
    }

    /// The first item.
    pub(crate) fn first(&self) -> Option<(u64, &T)> {
        let (sequence, item) = self.entries.front()?;
        Some((*sequence, item.as_ref()?))
    }

    fn place(&self, sequence: u64) -> Option<usize> {
        // Without gaps in between it is as far from the first as its sequence is.
        let (first, _) = self.entries.front()?;
        let distance = usize::try_from(sequence.checked_sub(*first)?).ok()?;
        let there = self.entries.get(distance);
        if there.is_some_and(|(there, _)| *there == sequence) {
            return Some(distance);
        }
        self.entries
            .binary_search_by_key(&sequence, |(sequence, _)| *sequence)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((any::<bool>(), 1_u64..300), 0..600)) {
            let (mut items, mut map, mut last) = (Sequenced::new(), BTreeMap::new(), 0);
            for (push, n) in steps {
                if push {
                    last += n % 3 + 1;
                    items.push(last, n);
                    map.insert(last, n);
                } else {
                    prop_assert_eq!(items.take(n), map.remove(&n));
                }
                prop_assert_eq!(items.len(), map.len());
                prop_assert_eq!(items.first(), map.first_key_value().map(|(k, v)| (*k, v)));
                prop_assert_eq!(items.last(), map.last_key_value().map(|(k, v)| (*k, v)));
                prop_assert!(items.after(n).eq(map.range(n + 1..).map(|(k, v)| (*k, v))));
                prop_assert_eq!(items.get(n), map.get(&n));
                let range: Vec<_> = items.range(n, n + 50).map(|(k, v)| (k, *v)).collect();
                let expected: Vec<_> = map.range(n + 1..=n + 50).map(|(k, v)| (*k, *v)).collect();
                prop_assert_eq!(range, expected);
            }
        }
    }
}
