use super::stamp::{Scanner, Stamp};

/// One subscription as its reader sees it.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    scanner: Scanner,
    /// The number of the last event that came on each topic, in the order of topics.
    lasts: Vec<(u32, u64)>,
    /// The same for topics on which none has come.
    first_after: u64,
    pub(crate) is_open: bool,
    pub(crate) has_ended: bool,
    /// Events that came in their turn.
    pub(crate) received: u64,
    /// Events that are missing before one that came.
    pub(crate) skipped: u64,
    /// Events that came again, or late.
    pub(crate) repeated: u64,
}

impl Reader {
    /// A reader that has already seen the events of its topics up to this number.
    pub(crate) fn after(last: u64) -> Self {
        Self {
            first_after: last,
            ..Self::default()
        }
    }

    /// Takes a piece of the body, and hands over the stamp of each event that is new.
    pub(crate) fn take(&mut self, piece: &[u8], mut arrived: impl FnMut(Stamp)) {
        let Self {
            scanner,
            lasts,
            first_after,
            received,
            skipped,
            repeated,
            ..
        } = self;
        scanner.scan(piece, |stamp| {
            let place = match lasts.binary_search_by_key(&stamp.topic, |(topic, _)| *topic) {
                Ok(place) => place,
                Err(place) => {
                    lasts.insert(place, (stamp.topic, *first_after));
                    place
                }
            };
            let (_, last) = &mut lasts[place];
            if stamp.number <= *last {
                *repeated += 1;
                return;
            }
            *skipped += stamp.number - *last - 1;
            *last = stamp.number;
            *received += 1;
            arrived(stamp);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_missing_and_what_comes_again_is_counted_for_each_topic() {
        let mut body = String::new();
        for (topic, number) in [
            (0, 3),
            (0, 4),
            (9, 3),
            (0, 4),
            (0, 7),
            (0, 6),
            (9, 5),
            (0, 8),
        ] {
            let at = Duration::ZERO;
            Stamp { topic, number, at }.write_payload(&mut body);
        }
        let mut reader = Reader::after(2);
        reader.take(body.as_bytes(), |_| ());
        assert_eq!(
            (reader.received, reader.skipped, reader.repeated),
            (6, 3, 2)
        );
    }
}
