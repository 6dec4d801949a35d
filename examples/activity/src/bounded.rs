use serde::Deserialize;

/// A number with bounds, and what it is unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "u32")]
pub struct Bounded<const LEAST: u32, const MOST: u32, const DEFAULT: u32>(u32);

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> Bounded<LEAST, MOST, DEFAULT> {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> Default
    for Bounded<LEAST, MOST, DEFAULT>
{
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> TryFrom<u32>
    for Bounded<LEAST, MOST, DEFAULT>
{
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if (LEAST..=MOST).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("must be {LEAST} to {MOST}"))
        }
    }
}
