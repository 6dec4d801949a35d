use std::{fmt, str::FromStr, sync::Arc};

/// Names one unbroken run of sequences.
///
/// 1 to 40 ASCII letters and digits, random in practice. It changes only when continuity with earlier ids is
/// really lost. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

/// A text is not an [`Epoch`]: not 1 to 40 ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is 1 to 40 ASCII letters and digits")]
pub struct EpochError;

impl Epoch {
    /// Reads an epoch.
    ///
    /// # Errors
    /// [`EpochError`] if the text is not 1 to 40 ASCII letters and digits.
    pub fn new(text: impl AsRef<str>) -> Result<Self, EpochError> {
        let text = text.as_ref();
        let well_formed =
            (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(EpochError)
        }
    }

    /// The epoch as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A place in the log: just after the event with this sequence, or before all events at sequence 0.
///
/// Written `<epoch>-<sequence>`, the sequence in decimal without padding. This is the event id seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The run the sequence belongs to.
    pub epoch: Epoch,
    /// The sequence of the last event before this place.
    pub sequence: u64,
}

/// A text is not a [`Position`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is '<epoch>-<sequence>', the sequence in decimal without padding")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.sequence)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, digits) = text.split_once('-').ok_or(PositionError)?;
        let epoch = Epoch::new(epoch).map_err(|EpochError| PositionError)?;
        let unpadded = digits.bytes().all(|b| b.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        if !unpadded {
            return Err(PositionError);
        }
        let sequence = digits.parse().map_err(|_| PositionError)?;
        Ok(Self { epoch, sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_what_it_writes() {
        for text in ["k3v9-0", "A-1", "k3v9-18446744073709551615"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_position_is_refused() {
        for text in [
            "",
            "-",
            "a-",
            "-1",
            "a-01",
            "a-+1",
            "a--1",
            "a-1-2",
            "a-1 ",
            "é-1",
            "a-18446744073709551616",
            "a1",
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text:?}");
        }
    }
}
