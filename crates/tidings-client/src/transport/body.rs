use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::transport::TransportError;

/// The body of an answer, piece by piece as it comes. What is not asked for is not read.
pub struct Body {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>,
}

impl Body {
    /// A body of these pieces.
    pub fn new(pieces: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static) -> Self {
        Self {
            pieces: Box::pin(pieces),
        }
    }

    /// The next piece; `None` at the end of the body.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.pieces.next().await.transpose()
    }

    /// All of it, unless it is longer than this many bytes.
    pub(crate) async fn whole(mut self, longest: usize) -> Result<Bytes, TransportError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > longest {
                let reason = format!("the answer is longer than {longest} bytes");
                return Err(TransportError::broken(reason));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::new(stream::iter([Ok(bytes)]))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
