use std::time::Duration;

/// Text of lower-case letters and digits that cannot be guessed, 5 bits a character.
pub(crate) fn token(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the operating system has a random source");
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// A duration between `low` and `high`, to the millisecond.
pub(crate) fn between(low: Duration, high: Duration) -> Duration {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(fastrand::u64(millis(low)..=millis(high).max(millis(low))))
}
