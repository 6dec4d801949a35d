use std::{fmt::Write, sync::LazyLock, time::Duration};

use memchr::{memmem::Finder, memrchr};

/// What a stamp begins with. No contender adds it, escapes it or changes its case.
const MARK: &[u8] = b"~TB";
/// Made once: this is looked for in every piece of every stream.
static MARKS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
/// Digits of the topic.
const TOPIC: usize = 5;
/// Digits of the number.
const NUMBER: usize = 8;
/// Digits of the time: eleven days of nanoseconds.
const TIME: usize = 15;
/// Bytes of a stamp.
const LENGTH: usize = MARK.len() + TOPIC + NUMBER + TIME;
/// What fills an event up, so that it has about 200 bytes as server-sent event.
const NOTE: &str = "a build is under way; step 4 of 12, compile; owner team-a; 1,204 of 8,113 units are done, not one has failed";

/// What the payload of an event carries for the readers of this package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which of the publisher's topics it is on.
    pub topic: u32,
    /// Which event of its topic it is, from 1.
    pub number: u64,
    /// When it was published.
    pub at: Duration,
}

impl Stamp {
    /// Appends the payload of an event: JSON, so that each contender can take it as it is.
    pub fn write_payload(self, text: &mut String) {
        let Self { topic, number, .. } = self;
        let nanos = self.at.as_nanos();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            r#"{{"stamp":"~TB{topic:0TOPIC$}{number:0NUMBER$}{nanos:0TIME$}","note":"{NOTE}"}}"#
        );
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let digits = bytes.get(MARK.len()..LENGTH)?;
        let (topic, digits) = digits.split_at(TOPIC);
        let (number, nanos) = digits.split_at(NUMBER);
        Some(Self {
            topic: u32::try_from(parse_digits(topic)?).ok()?,
            number: parse_digits(number)?,
            at: Duration::from_nanos(parse_digits(nanos)?),
        })
    }
}

fn parse_digits(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

/// Finds the stamps in a body, however it is cut into pieces.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The end of what came before, as far as a stamp may have begun in it.
    rest: [u8; LENGTH - 1],
    length: u8,
}

impl Scanner {
    /// Hands over each stamp that is complete with this piece.
    pub fn scan(&mut self, piece: &[u8], mut found: impl FnMut(Stamp)) {
        let before = usize::from(self.length);
        let mut seam = [0; 2 * LENGTH];
        let taken = piece.len().min(LENGTH - 1);
        let mut end_in_seam = 0;
        if before > 0 {
            seam[..before].copy_from_slice(&self.rest[..before]);
            seam[before..before + taken].copy_from_slice(&piece[..taken]);
            let marks = MARKS.find_iter(&seam[..before + taken]);
            for start in marks.take_while(|start| *start < before) {
                if let Some(stamp) = Stamp::parse(&seam[start..before + taken]) {
                    found(stamp);
                    end_in_seam = start + LENGTH;
                }
            }
        } else {
            seam[..taken].copy_from_slice(&piece[..taken]);
        }
        let seam = &seam[..before + taken];
        let mut end = end_in_seam.saturating_sub(before);
        for start in MARKS.find_iter(piece) {
            if let Some(stamp) = Stamp::parse(&piece[start..]) {
                found(stamp);
                end = start + LENGTH;
            }
        }
        let rest = if piece.len() < LENGTH - 1 {
            // No stamp fits into such a piece: what counts has ended in the seam.
            &seam[end_in_seam.max(seam.len().saturating_sub(LENGTH - 1))..]
        } else {
            &piece[end.max(piece.len() - (LENGTH - 1))..]
        };
        // A stamp has its first byte nowhere else.
        let rest = memrchr(MARK[0], rest).map_or(&[][..], |start| &rest[start..]);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.length = u8::try_from(rest.len()).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps() -> Vec<Stamp> {
        let stamp = |number| Stamp {
            topic: number as u32 * 7,
            number,
            at: Duration::from_nanos(number * 1_000_003),
        };
        (1..=9).map(stamp).collect()
    }

    #[test]
    fn every_stamp_is_found_once_however_the_body_is_cut() {
        let mut body = String::new();
        for (number, stamp) in stamps().into_iter().enumerate() {
            // Some stamps follow one another closely.
            if number % 3 == 0 {
                stamp.write_payload(&mut body);
            } else {
                let nanos = stamp.at.as_nanos();
                body.push_str(&format!(
                    "~TB{:05}{:08}{nanos:015}",
                    stamp.topic, stamp.number
                ));
            }
        }
        for size in 1..body.len() {
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            for piece in body.as_bytes().chunks(size) {
                scanner.scan(piece, |stamp| found.push(stamp));
            }
            assert_eq!(found, stamps(), "in pieces of {size}");
        }
    }

    #[test]
    fn a_payload_is_json() {
        let mut payload = String::new();
        stamps()[0].write_payload(&mut payload);
        let value: serde_json::Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(value["note"], NOTE);
    }
}
