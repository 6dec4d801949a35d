use anyhow::{Result, bail};

/// The preface of a client, its settings (an initial window of 2^31−1 bytes, nothing pushed), and as large a window for the connection: readers that
/// are never behind on their own account send no window updates.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x0c\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff\
    \x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\x00\x00";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const PADDED: u8 = 8;
/// `:status: 200` of the static table: what a response begins with.
const STATUS_200: u8 = 0x88;

/// What happens on one of the streams of a connection.
pub(crate) enum Happening<'a> {
    Opened,
    Body(&'a [u8]),
    Ended,
}

/// Just enough of an HTTP/2 client to read many responses over one connection.
#[derive(Debug, Default)]
pub(crate) struct Http2 {
    head: Vec<u8>,
    kind: u8,
    flags: u8,
    stream: u32,
    left: usize,
    payload: Vec<u8>,
}

impl Http2 {
    /// What a client sends that asks for these paths, one stream each, with these fields beside the usual ones.
    pub(crate) fn opening(paths: &[String], more: &[(String, String)], authority: &str) -> Vec<u8> {
        let mut bytes = OPENING.to_vec();
        for (place, path) in paths.iter().enumerate() {
            let mut fields = vec![0x82, 0x86];
            literal(&mut fields, &[0x04], path);
            literal(&mut fields, &[0x01], authority);
            literal(&mut fields, &[0x0f, 0x04], "text/event-stream");
            for (name, value) in more {
                let mut named = vec![0];
                string(&mut named, &name.to_ascii_lowercase());
                literal(&mut fields, &named, value);
            }
            let stream = u32::try_from(place * 2 + 1).unwrap_or(u32::MAX);
            let length = u32::try_from(fields.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes()[1..]);
            // Both the end of the stream and the end of the fields.
            bytes.extend_from_slice(&[HEADERS, 0x5]);
            bytes.extend_from_slice(&stream.to_be_bytes());
            bytes.extend_from_slice(&fields);
        }
        bytes
    }

    /// Takes what has come; hands over what it means for which stream, and what is to be answered.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        answer: &mut Vec<u8>,
        mut happened: impl FnMut(usize, Happening<'_>),
    ) -> Result<()> {
        while !bytes.is_empty() {
            if self.head.len() < 9 {
                let here = bytes.len().min(9 - self.head.len());
                self.head.extend_from_slice(&bytes[..here]);
                bytes = &bytes[here..];
                let &[a, b, c, kind, flags, d, e, f, g] = self.head.as_slice() else {
                    return Ok(());
                };
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                self.kind = kind;
                self.flags = flags;
                self.stream = u32::from_be_bytes([d & 0x7f, e, f, g]);
                if self.kind == DATA && self.flags & PADDED != 0 {
                    bail!("padding is not understood");
                }
            }
            let here = bytes.len().min(self.left);
            let piece = &bytes[..here];
            bytes = &bytes[here..];
            self.left -= here;
            let reader = (self.stream as usize).saturating_sub(1) / 2;
            if self.kind == DATA && here > 0 {
                happened(reader, Happening::Body(piece));
            } else {
                self.payload.extend_from_slice(piece);
            }
            if self.left == 0 {
                self.end_frame(reader, answer, &mut happened)?;
                self.head.clear();
                self.payload.clear();
            }
        }
        Ok(())
    }

    fn end_frame(
        &self,
        reader: usize,
        answer: &mut Vec<u8>,
        happened: &mut impl FnMut(usize, Happening<'_>),
    ) -> Result<()> {
        let ends_stream = self.flags & 1 != 0;
        match self.kind {
            HEADERS if self.payload.first() != Some(&STATUS_200) => bail!("a stream was refused"),
            HEADERS => happened(reader, Happening::Opened),
            SETTINGS if self.flags & ACK == 0 => {
                answer.extend_from_slice(&[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0]);
            }
            PING if self.flags & ACK == 0 => {
                answer.extend_from_slice(&[0, 0, 8, PING, ACK, 0, 0, 0, 0]);
                answer.extend_from_slice(&self.payload);
            }
            GOAWAY => bail!("the server ends the connection"),
            RST_STREAM => happened(reader, Happening::Ended),
            DATA if ends_stream => happened(reader, Happening::Ended),
            _ => {}
        }
        Ok(())
    }
}

/// A header field whose name is in the static table, or follows here, not to be indexed.
fn literal(fields: &mut Vec<u8>, name: &[u8], value: &str) {
    fields.extend_from_slice(name);
    string(fields, value);
}

/// Text after its length, which is a number of seven bits and, if those do not do, groups of seven more.
fn string(fields: &mut Vec<u8>, text: &str) {
    match text.len().checked_sub(127) {
        None => fields.push(text.len() as u8),
        Some(mut more) => {
            fields.push(127);
            while more >= 128 {
                fields.push((more % 128) as u8 | 0x80);
                more /= 128;
            }
            fields.push(more as u8);
        }
    }
    fields.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_however_they_are_cut() {
        let mut bytes = vec![0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&[0, 0, 1, HEADERS, 4, 0, 0, 0, 3, STATUS_200]);
        bytes.extend_from_slice(&[0, 0, 2, DATA, 0, 0, 0, 0, 3, b'a', b'b']);
        bytes.extend_from_slice(&[0, 0, 0, DATA, 1, 0, 0, 0, 3]);
        for size in 1..=bytes.len() {
            let mut http2 = Http2::default();
            let (mut answer, mut seen) = (Vec::new(), String::new());
            for piece in bytes.chunks(size) {
                let taken = http2.take(piece, &mut answer, |stream, happening| {
                    assert_eq!(stream, 1);
                    match happening {
                        Happening::Opened => seen.push('<'),
                        Happening::Body(body) => seen.push_str(&String::from_utf8_lossy(body)),
                        Happening::Ended => seen.push('>'),
                    }
                });
                taken.unwrap();
            }
            assert_eq!(seen, "<ab>", "in pieces of {size}");
            assert_eq!(answer, [0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0]);
        }
    }

    #[test]
    fn a_length_takes_as_many_groups_as_it_needs() {
        let cases: [(usize, &[u8]); 4] = [
            (126, &[126]),
            (127, &[127, 0]),
            (1337, &[127, 0xba, 9]),
            (20_000, &[127, 0xa1, 0x9b, 1]),
        ];
        for (length, expected) in cases {
            let mut fields = Vec::new();
            string(&mut fields, &"x".repeat(length));
            assert_eq!(&fields[..expected.len()], expected);
            assert_eq!(fields.len(), expected.len() + length);
        }
    }
}
