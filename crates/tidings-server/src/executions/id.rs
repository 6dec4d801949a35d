//! Names of executions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// The id of an execution: 1 to 128 of `A-Z a-z 0-9 . _ -`, and not `stream`, which is a path of
/// the hub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutionId(String);

impl ExecutionId {
    /// A new id that sorts by time.
    pub(crate) fn draw(now: Timestamp) -> Self {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now);
        let time = now.strftime("%Y%m%d-%H%M%S");
        Self(format!("{time}-{:06x}", random & 0xff_ffff))
    }

    pub(crate) fn topic(&self) -> String {
        format!("executions/{self}")
    }
}

impl FromStr for ExecutionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text == "stream" || !(1..=128).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(
                "expected 1 to 128 letters, digits, dots, dashes or underscores, and not stream",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_id_is_an_id() {
        let drawn = ExecutionId::draw(Timestamp::now());
        assert_eq!(drawn.to_string().parse::<ExecutionId>().unwrap(), drawn);
    }

    #[test]
    fn what_the_hub_would_not_take_is_refused() {
        for text in ["", "stream", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(text.parse::<ExecutionId>().is_err(), "{text:?}");
        }
    }
}
