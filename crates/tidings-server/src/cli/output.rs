//! Data on stdout.

use std::io;

use tokio::io::{AsyncWriteExt, Stdout};

/// So much is gathered before it is written.
const GATHERED: usize = 64 * 1024;

/// Lines for stdout, gathered into few writes. Waiting for whoever reads them blocks nothing else.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    gathered: Vec<u8>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            stdout: tokio::io::stdout(),
            gathered: Vec::new(),
        }
    }

    /// Adds a line; it is written at the latest by the next [`flush`](Self::flush).
    pub(crate) async fn line(&mut self, parts: &[&str]) -> io::Result<()> {
        for part in parts {
            self.gathered.extend_from_slice(part.as_bytes());
        }
        self.gathered.push(b'\n');
        if self.gathered.len() >= GATHERED {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes everything that was gathered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.stdout.write_all(&self.gathered).await?;
        self.gathered.clear();
        self.stdout.flush().await
    }
}
