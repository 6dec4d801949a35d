use tidings::Timestamp;

/// The time by the clock on the wall, which is what tokens go by.
pub(crate) fn now() -> Timestamp {
    let millis = jiff::Timestamp::now().as_millisecond();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or_default())
}
