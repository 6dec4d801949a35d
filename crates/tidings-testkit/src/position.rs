use std::fmt;

/// An event id taken apart: `<epoch>-<sequence>`.
///
/// Clients treat ids as opaque; the tests look inside to see that ids rise and to make ids that a
/// hub cannot know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What stands before the last hyphen.
    pub epoch: String,
    /// The decimal number after it.
    pub sequence: u64,
}

impl Position {
    /// Reads an id.
    ///
    /// # Panics
    ///
    /// When `id` is not an epoch, a hyphen and a decimal number without padding, in at most 64
    /// visible ASCII characters.
    pub fn of(id: &str) -> Self {
        match Self::parse(id) {
            Some(position) => position,
            None => panic!(
                "an id is `<epoch>-<sequence>` in at most 64 visible ASCII characters: {id:?}"
            ),
        }
    }

    /// Reads an id; `None` where [`of`](Self::of) panics.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let visible = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic());
        let (epoch, sequence) = id.rsplit_once('-').filter(|_| visible)?;
        let position = Self {
            epoch: epoch.to_owned(),
            sequence: sequence.parse().ok()?,
        };
        let canonical = !epoch.is_empty() && position.to_string() == id;
        canonical.then_some(position)
    }

    /// The same epoch, `distance` events later.
    #[must_use]
    pub fn later(&self, distance: u64) -> Self {
        Self {
            epoch: self.epoch.clone(),
            sequence: self.sequence + distance,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn an_id_is_taken_apart_at_its_last_hyphen() {
        let position = Position::of("a-b-12");
        assert_eq!((position.epoch.as_str(), position.sequence), ("a-b", 12));
        assert_eq!(position.later(3).to_string(), "a-b-15");
    }

    #[test]
    #[should_panic(expected = "an id is `<epoch>-<sequence>`")]
    fn a_padded_sequence_is_no_id() {
        let _ = Position::of("a-007");
    }

    #[test]
    #[should_panic(expected = "visible ASCII")]
    fn a_space_is_no_part_of_an_id() {
        let _ = Position::of("a b-7");
    }
}
