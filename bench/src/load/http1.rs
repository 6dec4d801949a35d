use anyhow::{Result, bail};
use memchr::memmem;

/// The longest head of a response.
const HEAD_LIMIT: usize = 16 * 1024;

/// What the reader of an HTTP/1.1 response expects next.
#[derive(Debug)]
pub(crate) enum Http1 {
    /// The rest of the head, of which this has come.
    Head(Vec<u8>),
    /// A line with the size of a chunk, as far as it is known, or the line end after a chunk.
    Size(Option<u64>),
    /// So many bytes of a chunk, then a line end.
    Chunk(u64),
    /// A body that ends with the connection.
    Plain,
    /// Nothing: the body has ended.
    Ended,
}

impl Http1 {
    pub(crate) fn new() -> Self {
        Self::Head(Vec::new())
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Size(_) | Self::Chunk(_) | Self::Plain)
    }

    /// Takes what has come, and hands over the pieces of the body.
    pub(crate) fn take(&mut self, bytes: &[u8], mut body: impl FnMut(&[u8])) -> Result<()> {
        let rest;
        let mut bytes = bytes;
        if let Self::Head(head) = self {
            head.extend_from_slice(bytes);
            let Some(end) = memmem::find(head, b"\r\n\r\n") else {
                if head.len() > HEAD_LIMIT {
                    bail!("a head of more than {HEAD_LIMIT} bytes");
                }
                return Ok(());
            };
            rest = head.split_off(end + 4);
            let text = String::from_utf8_lossy(head).to_ascii_lowercase();
            let Some((status, fields)) = text.split_once("\r\n") else {
                bail!("a head without lines");
            };
            if !status.contains(" 200") {
                bail!("refused: {status}");
            }
            let is_chunked = fields.contains("transfer-encoding: chunked");
            *self = if is_chunked {
                Self::Size(None)
            } else {
                Self::Plain
            };
            bytes = &rest;
        }
        while let Some((&first, after)) = bytes.split_first() {
            match self {
                Self::Plain => {
                    body(bytes);
                    return Ok(());
                }
                Self::Chunk(left) => {
                    let here = bytes.len().min(usize::try_from(*left)?);
                    body(&bytes[..here]);
                    bytes = &bytes[here..];
                    *left -= here as u64;
                    if *left == 0 {
                        *self = Self::Size(None);
                    }
                }
                Self::Size(size) => {
                    bytes = after;
                    if let Some(digit) = char::from(first).to_digit(16) {
                        *size = Some(size.unwrap_or(0) << 4 | u64::from(digit));
                    } else if first == b'\n' {
                        match *size {
                            None => {}
                            Some(0) => *self = Self::Ended,
                            Some(size) => *self = Self::Chunk(size),
                        }
                    } else if first != b'\r' {
                        bail!("{first} in the size of a chunk");
                    }
                }
                Self::Ended | Self::Head(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(response: &str, expected: &str) {
        for size in 1..=response.len() {
            let mut http1 = Http1::new();
            let mut body = Vec::new();
            for piece in response.as_bytes().chunks(size) {
                http1
                    .take(piece, |piece| body.extend_from_slice(piece))
                    .unwrap();
            }
            assert_eq!(
                String::from_utf8_lossy(&body),
                expected,
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn chunks_are_taken_off_however_they_are_cut() {
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\nc\r\n0b\r\n0123456789f\r\n0\r\n\r\n",
            "ab\r\nc0123456789f",
        );
    }

    #[test]
    fn a_body_without_framing_is_taken_as_it_is() {
        check(
            "HTTP/1.1 200 OK\r\nServer: x\r\n\r\ndata: 1\n\n",
            "data: 1\n\n",
        );
    }

    #[test]
    fn another_status_is_an_error() {
        let response = b"HTTP/1.1 429 Too Many Requests\r\n\r\n";
        assert!(Http1::new().take(response, |_| ()).is_err());
    }
}
