use std::mem;
use std::time::Duration;

use crate::decode::line::Line;
use crate::decode::pending::KEPT_CAPACITY;
use crate::decode::text::{replace_invalid, split_valid};
use crate::decode::{DecodeError, Decoder, Event, Frame, Limits};

/// The frames that end in one chunk, in order. It is like an iterator, but each frame lends from it, so one
/// is done with before the next is read: `while let Some(frame) = frames.next()`.
#[derive(Debug)]
#[must_use = "the chunk is decoded as its frames are read"]
pub struct Frames<'d, 'c> {
    decoder: &'d mut Decoder,
    /// What is still to be read of the chunk, up to the first byte that is not UTF-8, so that a chunk is
    /// checked once and not line by line.
    text: &'c str,
    /// What is still to be read of the chunk after `text`.
    raw: &'c [u8],
    /// The only data line of the block so far, if it could be borrowed. It is within the limit.
    held: Option<&'c str>,
    /// Whether the error was given.
    reported: bool,
}

/// A frame whose text is `None` if it lies in the decoder.
enum Step<'c> {
    Event(Option<&'c str>),
    Comment(Option<&'c str>),
    Retry(Duration),
}

/// A line without its line end.
enum Text<'c> {
    Borrowed(&'c str),
    /// A line that began in an earlier chunk, or in which bytes were replaced.
    Copied(String),
}

const BOM: char = '\u{feff}';

impl<'d, 'c> Frames<'d, 'c> {
    pub(super) fn new(decoder: &'d mut Decoder, chunk: &'c [u8]) -> Self {
        let (text, raw) = split_valid(chunk);
        Self {
            decoder,
            text,
            raw,
            held: None,
            reported: false,
        }
    }

    /// The next frame, or `None` when the chunk has no more.
    ///
    /// # Errors
    ///
    /// Fails if a limit is passed or an earlier chunk was left unread. The same error comes once from every
    /// later chunk, until [`Decoder::restart`].
    #[expect(clippy::should_implement_trait, reason = "frames lend from `self`")]
    pub fn next(&mut self) -> Option<Result<Frame<'_>, DecodeError>> {
        if let Some(error) = self.decoder.failed {
            return (!mem::replace(&mut self.reported, true)).then_some(Err(error));
        }
        let step = match self.step() {
            Ok(step) => step,
            Err(error) => {
                self.decoder.failed = Some(error);
                self.decoder.unread = false;
                self.reported = true;
                return Some(Err(error));
            }
        };
        if self.text.is_empty() && self.raw.is_empty() {
            self.decoder.unread = false;
            if let Some(line) = self.held.take() {
                self.decoder.pending.set_data(line);
            }
        }
        let decoder = &*self.decoder;
        Some(Ok(match step? {
            Step::Event(borrowed) => Frame::Event(Event {
                event: decoder.pending.event(),
                data: borrowed.unwrap_or_else(|| decoder.pending.data()),
                id: &decoder.last_event_id,
            }),
            Step::Comment(borrowed) => Frame::Comment(borrowed.unwrap_or(&decoder.comment)),
            Step::Retry(delay) => Frame::Retry(delay),
        }))
    }

    /// The id to resume after if the connection ended here; see [`Decoder::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Reads lines until one makes a frame or the chunk has no more.
    fn step(&mut self) -> Result<Option<Step<'c>>, DecodeError> {
        if mem::take(&mut self.decoder.delivered) {
            self.decoder.pending.clear();
        }
        while let Some(line) = self.take_line()? {
            let at_start = mem::take(&mut self.decoder.at_start);
            let step = match line {
                Text::Borrowed(line) => {
                    self.apply(Line::parse(without_bom(line, at_start)), Some)?
                }
                Text::Copied(line) => {
                    let step = self.apply(Line::parse(without_bom(&line, at_start)), |_| None)?;
                    self.decoder.line = line.into_bytes();
                    self.decoder.line.clear();
                    self.decoder.line.shrink_to(KEPT_CAPACITY);
                    step
                }
            };
            if step.is_some() {
                return Ok(step);
            }
        }
        Ok(None)
    }

    /// Takes the line that ends next. One without an end is kept for the next chunk.
    fn take_line(&mut self) -> Result<Option<Text<'c>>, DecodeError> {
        let Some(end) = line_end(self.text.as_bytes()) else {
            return self.take_raw_line();
        };
        let (line, tail) = self.text.split_at(end);
        self.text = match tail.as_bytes() {
            [b'\r', b'\n', ..] => tail.get(2..),
            _ => tail.get(1..),
        }
        .unwrap_or_default();
        self.decoder.after_cr = tail == "\r" && self.raw.is_empty();
        if self.decoder.line.is_empty() && line.len() <= self.decoder.limits.line {
            return Ok(Some(Text::Borrowed(line)));
        }
        self.keep(line.as_bytes())?;
        self.take_kept().map(Some)
    }

    /// Takes the line that ends next and has bytes to replace, or keeps what has no end.
    #[cold]
    fn take_raw_line(&mut self) -> Result<Option<Text<'c>>, DecodeError> {
        let text = mem::take(&mut self.text);
        self.keep(text.as_bytes())?;
        let raw = mem::take(&mut self.raw);
        let Some(end) = line_end(raw) else {
            self.keep(raw)?;
            return Ok(None);
        };
        let (line, tail) = raw.split_at(end);
        self.keep(line)?;
        self.decoder.after_cr = tail == b"\r";
        if let [b'\r', b'\n', rest @ ..] | [_, rest @ ..] = tail {
            (self.text, self.raw) = split_valid(rest);
        }
        self.take_kept().map(Some)
    }

    /// Adds to the line that has no end yet.
    fn keep(&mut self, part: &[u8]) -> Result<(), DecodeError> {
        let limit = self.decoder.limits.line;
        if self.decoder.line.len() + part.len() > limit {
            return Err(DecodeError::LineTooLong { limit });
        }
        self.decoder.line.extend_from_slice(part);
        Ok(())
    }

    /// The line that was kept, now that its end was seen.
    fn take_kept(&mut self) -> Result<Text<'c>, DecodeError> {
        let limit = self.decoder.limits.line;
        replace_invalid(mem::take(&mut self.decoder.line), limit)
            .map(Text::Copied)
            .ok_or(DecodeError::LineTooLong { limit })
    }

    /// Reads a field. `lend` gives its text for as long as the chunk lasts, if it lies there.
    fn apply<'l>(
        &mut self,
        line: Line<'l>,
        lend: impl FnOnce(&'l str) -> Option<&'c str>,
    ) -> Result<Option<Step<'c>>, DecodeError> {
        let decoder = &mut *self.decoder;
        let limits = &decoder.limits;
        match line {
            Line::Blank => {
                decoder.pending.commit_id(&mut decoder.last_event_id);
                let borrowed = self.held.take();
                if borrowed.is_some() || decoder.pending.has_data() {
                    decoder.delivered = true;
                    return Ok(Some(Step::Event(borrowed)));
                }
                decoder.pending.clear();
            }
            Line::Data(text) => {
                let first = self.held.is_none() && !decoder.pending.has_data();
                match lend(text) {
                    Some(text) if first && text.len() <= limits.event => self.held = Some(text),
                    _ => {
                        if let Some(held) = self.held.take() {
                            decoder.pending.set_data(held);
                        }
                        decoder.pending.push_data(text, limits)?;
                    }
                }
            }
            Line::Event(name) => decoder.pending.set_name(name, limits)?,
            Line::Id(id) => decoder.pending.set_id(id, limits)?,
            Line::Comment(text) => {
                let borrowed = lend(text);
                if borrowed.is_none() {
                    decoder.comment = text.to_owned();
                }
                return Ok(Some(Step::Comment(borrowed)));
            }
            Line::Retry(value) => return Ok(retry(value, limits).map(Step::Retry)),
            Line::Unknown => {}
        }
        Ok(None)
    }
}

/// Where the first line of `bytes` ends.
fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes {
        // Blank lines are frequent, and a search costs more to start than this.
        [b'\n' | b'\r', ..] => Some(0),
        _ => memchr::memchr2(b'\n', b'\r', bytes),
    }
}

/// The line without the BOM that the first line of a connection may start with.
fn without_bom(line: &str, at_start: bool) -> &str {
    if at_start {
        line.strip_prefix(BOM).unwrap_or(line)
    } else {
        line
    }
}

/// The delay that `value` asks for: ASCII digits only, at least one, and no more than fit.
fn retry(value: &str, limits: &Limits) -> Option<Duration> {
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let delay = Duration::from_millis(value.parse().ok()?);
    Some(delay.max(limits.retry_floor).min(limits.retry_cap))
}
