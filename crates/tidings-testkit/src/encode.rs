use std::fmt::Write;

/// Percent-encodes `text` for use as a value in a query or a form.
///
/// Unreserved characters of RFC 3986 and `/` stay as they are.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}"); // Writing to a `String` cannot fail.
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn everything_but_unreserved_characters_and_slashes_is_escaped() {
        assert_eq!(encode("a/b-c.d_e~f"), "a/b-c.d_e~f");
        assert_eq!(encode("a b&c=*\n\u{e9}"), "a%20b%26c%3D%2A%0A%C3%A9");
    }
}
