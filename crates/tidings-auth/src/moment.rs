//! How a moment is kept: RFC 3339, UTC, with milliseconds, as in the answers of the hub.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings::{Timestamp, rfc3339};

pub(crate) fn serialize<S: Serializer>(
    moment: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    moment.map(rfc3339).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let read = |text: String| {
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let millis = u64::try_from(moment.as_millisecond()).map_err(de::Error::custom)?;
        Ok(Timestamp::from_millis(millis))
    };
    text.map(read).transpose()
}
