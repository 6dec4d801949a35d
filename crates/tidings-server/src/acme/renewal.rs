use tidings::Timestamp;
use tidings_http::Term;

/// When to get another certificate: a third of the time is for what may go wrong.
pub(super) fn renewal(term: &Term) -> Timestamp {
    term.from.after(term.length() * 2 / 3)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn renewal_is_when_two_thirds_of_the_time_are_over() {
        let from = Timestamp::from_millis(1_767_225_600_000);
        let days = |days: u64| from.after(Duration::from_secs(days * 86_400));
        let until = days(90);
        assert_eq!(renewal(&Term { from, until }), days(60));
    }
}
