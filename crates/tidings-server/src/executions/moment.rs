use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings::{Timestamp, rfc3339};

/// A time as it is written: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    /// How many milliseconds after `earlier` this is; 0 if it is not after it.
    pub(crate) fn millis_since(self, earlier: Self) -> u64 {
        let duration = self.0.since(earlier.0);
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let millis = u64::try_from(time.as_millisecond()).map_err(de::Error::custom)?;
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_is_written() {
        let moment = Moment(Timestamp::from_millis(1_767_225_600_090));
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, r#""2026-01-01T00:00:00.090Z""#);
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
    }
}
