use std::iter;

/// The lines of `text`, which end with LF, CRLF or CR. There is one more line than there are line ends, so
/// empty text has one empty line, and text that ends with a line end has an empty last line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text.as_bytes()) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn lines_end_with_lf_crlf_and_cr() {
        check("", &[""]);
        check("a", &["a"]);
        check("a\n", &["a", ""]);
        check("a\r\nb\rc\nd", &["a", "b", "c", "d"]);
        check("\r\r\n\n\r", &["", "", "", "", ""]);
        check("é\r\nü\r", &["é", "ü", ""]);
    }

    #[test]
    fn other_line_separators_of_unicode_stay_in_their_line() {
        check("a\u{2028}b\u{85}c\u{b}d", &["a\u{2028}b\u{85}c\u{b}d"]);
    }
}
