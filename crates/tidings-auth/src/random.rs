/// Letters and digits: 5.95 bits a character.
pub(crate) const LETTERS_AND_DIGITS: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Lower-case letters and digits.
pub(crate) const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Characters of [`LETTERS_AND_DIGITS`] that are worth 256 bits.
pub(crate) const SECRET_LENGTH: usize = 43;

/// A text of so many characters of an alphabet of at most 64, each as likely as the others.
///
/// # Panics
/// If the operating system has no random source.
pub(crate) fn text(alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).expect("the operating system has a random source");
        // What is beyond the alphabet is drawn again rather than folded, which would favour its first characters.
        let drawn = bytes
            .iter()
            .filter_map(|byte| alphabet.get(usize::from(byte & 63)));
        let missing = length - text.len();
        text.extend(drawn.take(missing).map(|byte| char::from(*byte)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_are_of_the_alphabet_and_never_the_same() {
        let texts: HashSet<_> = (0..100).map(|_| text(LOWER, 20)).collect();
        assert_eq!(texts.len(), 100);
        let long = text(LETTERS_AND_DIGITS, 10_000);
        assert_eq!(long.len(), 10_000);
        let seen: HashSet<_> = long.bytes().collect();
        assert_eq!(seen, LETTERS_AND_DIGITS.iter().copied().collect());
    }
}
