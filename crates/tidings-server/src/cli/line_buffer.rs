//! Bytes cut into lines.

use bytes::BytesMut;

/// Cuts bytes into lines, however they arrive, in linear time and bounded memory.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    /// What has not been given out.
    bytes: BytesMut,
    /// How much of `bytes` is known to hold no line end.
    scanned: usize,
    longest: usize,
}

/// A line without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bytes: BytesMut,
    /// Whether this is not the whole line, which was too long: the rest follows as further lines.
    pub(crate) is_cut: bool,
}

impl LineBuffer {
    /// A buffer that cuts lines of more than `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            scanned: 0,
            longest,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line that has ended, or is too long. The line end is LF or CRLF.
    pub(crate) fn next(&mut self) -> Option<Line> {
        let window = self.bytes.len().min(self.longest + 1);
        let mut unscanned = self.bytes[self.scanned..window].iter();
        if let Some(found) = unscanned.position(|byte| *byte == b'\n') {
            let mut bytes = self.bytes.split_to(self.scanned + found + 1);
            self.scanned = 0;
            bytes.truncate(bytes.len() - 1);
            if bytes.last() == Some(&b'\r') {
                bytes.truncate(bytes.len() - 1);
            }
            return Some(Line {
                bytes,
                is_cut: false,
            });
        }
        if window <= self.longest {
            self.scanned = window;
            return None;
        }
        self.scanned = 0;
        let cut = char_boundary(&self.bytes, self.longest);
        Some(Line {
            bytes: self.bytes.split_to(cut),
            is_cut: true,
        })
    }

    /// What is left when the input has ended and [`next`](Self::next) gives no more: a last line
    /// without line end.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        self.scanned = 0;
        let bytes = self.bytes.split();
        (!bytes.is_empty()).then_some(Line {
            bytes,
            is_cut: false,
        })
    }
}

/// The greatest end up to `at` that does not cut a UTF-8 sequence; `at` itself in what is no UTF-8.
fn char_boundary(bytes: &[u8], at: usize) -> usize {
    let is_start = |end: &usize| bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|end| *end > 0 && is_start(end))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `input` in chunks of every size and expects the same lines each time.
    fn check(input: &[u8], longest: usize, expected: &[(&str, bool)]) {
        for size in 1..=input.len().max(1) {
            let mut buffer = LineBuffer::new(longest);
            let mut lines = Vec::new();
            for chunk in input.chunks(size) {
                buffer.push(chunk);
                lines.extend(std::iter::from_fn(|| buffer.next()));
            }
            lines.extend(buffer.finish());
            let lines: Vec<_> = lines
                .iter()
                .map(|line| (std::str::from_utf8(&line.bytes).unwrap(), line.is_cut))
                .collect();
            assert_eq!(lines, expected, "in chunks of {size}");
        }
    }

    #[test]
    fn lines_end_with_lf_or_crlf() {
        check(
            b"one\r\ntwo\n\n\rthr\ree\r\n",
            100,
            &[
                ("one", false),
                ("two", false),
                ("", false),
                ("\rthr\ree", false),
            ],
        );
    }

    #[test]
    fn a_last_line_without_line_end_counts() {
        check(b"one\ntwo", 100, &[("one", false), ("two", false)]);
        check(b"", 100, &[]);
    }

    #[test]
    fn a_line_of_the_greatest_length_is_whole() {
        check(
            b"1234\n12345\n",
            4,
            &[("1234", false), ("1234", true), ("5", false)],
        );
        check(b"12345678", 4, &[("1234", true), ("5678", false)]);
    }

    #[test]
    fn a_cut_spares_characters() {
        check(
            "aéé€b\n".as_bytes(),
            4,
            &[("aé", true), ("é", true), ("€b", false)],
        );
    }

    #[test]
    fn what_is_no_utf_8_is_cut_all_the_same() {
        let mut buffer = LineBuffer::new(4);
        buffer.push(&[0x80; 9]);
        let cuts: Vec<usize> = std::iter::from_fn(|| buffer.next())
            .map(|line| line.bytes.len())
            .collect();
        assert_eq!(cuts, [4, 4]);
    }
}
