//! Bytes to text, each maximal invalid part replaced by U+FFFD.

/// The part of `bytes` before the first that is not UTF-8, and the rest.
pub(super) fn split_valid(bytes: &[u8]) -> (&str, &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => (text, &[]),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            str::from_utf8(valid).map_or(("", bytes), |text| (text, rest))
        }
    }
}

/// `bytes`, which are no more than `limit`, as text, or `None` if what is put in their place would pass it.
/// Keeps the buffer if nothing is replaced.
pub(super) fn replace_invalid(bytes: Vec<u8>, limit: usize) -> Option<String> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Some(text),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        if !part.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        if text.len() > limit {
            return None;
        }
    }
    Some(text)
}
