use std::time::Duration;

/// Lower-case letters and digits that are not taken for each other: 5 bits a character.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Fills this with what cannot be guessed.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has a random source");
}

/// Text of so many characters of the [`ALPHABET`] that cannot be guessed.
pub(crate) fn token(length: usize) -> String {
    let mut bytes = vec![0; length];
    fill(&mut bytes);
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
