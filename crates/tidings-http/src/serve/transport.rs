//! What carries a connection's bytes: its TCP stream, or TLS on it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::line::Line;

/// A line, plain or with encryption on it.
pub(super) enum Transport {
    Plain(Line),
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "nothing encrypts without the feature")
    )]
    Encrypted(Box<dyn Encryption>),
}

/// Encryption on a line.
pub(super) trait Encryption: AsyncRead + AsyncWrite + Send + Unpin {
    /// The line below.
    fn line(&mut self) -> &mut Line;
}

impl Transport {
    /// The line, past any encryption.
    pub(super) fn line(&mut self) -> &mut Line {
        match self {
            Self::Plain(line) => line,
            Self::Encrypted(encryption) => encryption.line(),
        }
    }

    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// The line, if there is nothing on it.
    pub(super) fn into_plain(self) -> Option<Line> {
        match self {
            Self::Plain(line) => Some(line),
            Self::Encrypted(_) => None,
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(line) => Pin::new(line).poll_read(context, buffer),
            Self::Encrypted(encryption) => Pin::new(encryption).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(line) => Pin::new(line).poll_write(context, bytes),
            Self::Encrypted(encryption) => Pin::new(encryption).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(line) => Pin::new(line).poll_write_vectored(context, slices),
            Self::Encrypted(encryption) => {
                Pin::new(encryption).poll_write_vectored(context, slices)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(line) => line.is_write_vectored(),
            Self::Encrypted(encryption) => encryption.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(line) => Pin::new(line).poll_flush(context),
            Self::Encrypted(encryption) => Pin::new(encryption).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(line) => Pin::new(line).poll_shutdown(context),
            Self::Encrypted(encryption) => Pin::new(encryption).poll_shutdown(context),
        }
    }
}
