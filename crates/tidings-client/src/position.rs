//! Event ids, as far as a client looks into them.

/// Which events were delivered, so that a replayed one is recognised.
///
/// Ids are opaque except for this: of two ids `<epoch>-<sequence>` of one epoch the greater
/// sequence is the later event. Ids of any other form are never taken for repetitions.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    last: Option<(String, u64)>,
}

impl Delivered {
    /// Notes the event `id` as delivered, and says whether it had not been before.
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        let Some((epoch, sequence)) = split(id) else {
            return true;
        };
        match &mut self.last {
            Some((known, last)) if known == epoch => {
                let new = sequence > *last;
                *last = sequence.max(*last);
                new
            }
            last => {
                *last = Some((epoch.to_owned(), sequence));
                true
            }
        }
    }

    /// Forgets everything: the history of before no longer orders what comes now.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}

fn split(id: &str) -> Option<(&str, u64)> {
    let (epoch, sequence) = id.rsplit_once('-')?;
    let canonical = sequence.bytes().all(|byte| byte.is_ascii_digit())
        && (sequence == "0" || !sequence.starts_with('0'));
    let sequence = sequence.parse().ok()?;
    canonical.then_some((epoch, sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[&str], expected: &[bool]) {
        let mut delivered = Delivered::default();
        let new: Vec<bool> = ids.iter().map(|id| delivered.is_new(id)).collect();
        assert_eq!(new, expected, "{ids:?}");
    }

    #[test]
    fn a_repeated_or_earlier_id_of_the_epoch_is_not_new() {
        check(
            &["a-1", "a-9", "a-9", "a-2", "a-10"],
            &[true, true, false, false, true],
        );
    }

    #[test]
    fn another_epoch_starts_afresh() {
        check(&["a-9", "b-1", "b-1", "b-2"], &[true, true, false, true]);
    }

    #[test]
    fn ids_of_another_form_are_always_new() {
        check(&["7", "7", "x-", "x-", "a-01", "a-01", "", ""], &[true; 8]);
    }

    #[test]
    fn what_was_forgotten_is_new_again() {
        let mut delivered = Delivered::default();
        assert!(delivered.is_new("a-5"));
        delivered.forget();
        assert!(delivered.is_new("a-3"));
    }
}
