//! The `Retry-After` header.

use std::time::{Duration, SystemTime};

/// The longest wait a server can ask for; more is taken as this.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Reads `Retry-After` as seconds or as an HTTP date (RFC 9110, 10.2.3).
///
/// A date that has passed is no wait at all. What is neither is ignored.
pub(crate) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().map_or(LONGEST, Duration::from_secs);
        return Some(seconds.min(LONGEST));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let wait = date.duration_since(now).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn check(value: &str, expected: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        assert_eq!(
            parse(value, now),
            expected.map(Duration::from_secs),
            "{value:?}"
        );
    }

    #[test]
    fn seconds_are_read() {
        check("0", Some(0));
        check(" 120 ", Some(120));
    }

    #[test]
    fn a_wait_beyond_the_longest_is_the_longest() {
        check("86400", Some(3600));
        check("99999999999999999999999", Some(3600));
        check("Fri, 31 Dec 2100 23:59:59 GMT", Some(3600));
    }

    #[test]
    fn dates_are_read() {
        check("Tue, 14 Nov 2023 22:14:20 GMT", Some(60));
        check("Tuesday, 14-Nov-23 22:14:20 GMT", Some(60));
        check("Tue Nov 14 22:14:20 2023", Some(60));
    }

    #[test]
    fn a_date_that_has_passed_is_no_wait() {
        check("Tue, 14 Nov 2023 22:00:00 GMT", Some(0));
    }

    #[test]
    fn anything_else_is_ignored() {
        check("", None);
        check("-5", None);
        check("1.5", None);
        check("soon", None);
    }
}
