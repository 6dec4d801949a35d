//! `tidings publish --lines`.

use std::fmt;
use std::io::{self, Write};

use anyhow::Context;
use bytes::BytesMut;
use serde::Serialize;
use tidings_client::{Batch, BatchReceipt, Client, NewEvent};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::cli::exit::Exit;
use crate::cli::line_buffer::{Line, LineBuffer};
use crate::cli::notice;
use crate::cli::progress::Progress;
use crate::cli::publish::PublishArgs;

/// A batch takes at most so many lines.
const BATCH_LINES: usize = 1000;

/// A batch of this size takes no further line.
const BATCH_BYTES: usize = 1024 * 1024;

/// A longer line is refused. With the batch before it, escaped, it fits into one request.
const LONGEST_LINE: usize = 1024 * 1024;

/// Publishes every line of stdin as an event.
///
/// One batch is on its way while the next is filled, and goes as soon as the one before is
/// acknowledged: a slow input is published line by line, a fast one in full batches.
pub(crate) async fn publish_lines(
    args: &PublishArgs,
    client: Client,
    progress: &Progress,
) -> anyhow::Result<Exit> {
    let (sender, receiver) = mpsc::channel(1);
    let filling = Filling {
        args,
        batch: client.batch(),
        client: &client,
        held: None,
        lines: 0,
    };
    // A bad line ends the reading, not the publishing of what came before it.
    let reading = async { Ok(read(filling, sender, progress).await) };
    let published = tokio::try_join!(reading, publish(args, &client, receiver, progress));
    progress.finish();
    let (read, summary) = published?;
    if let Err(error) = read {
        return Err(error.context(summary.to_string()));
    }
    notice(format_args!("{summary}"));
    if args.json {
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(&summary)?)?;
    }
    Ok(Exit::Success)
}

async fn read(
    mut filling: Filling<'_>,
    batches: mpsc::Sender<Batch>,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut input = BytesMut::with_capacity(64 * 1024);
    let mut lines = LineBuffer::new(LONGEST_LINE);
    let ended = loop {
        let mut added = Ok(());
        while added.is_ok()
            && !filling.is_full()
            && let Some(line) = lines.next()
        {
            added = filling.add(line);
        }
        if added.is_err() {
            break added;
        }
        tokio::select! {
            biased;
            permit = batches.reserve(), if !filling.batch.is_empty() => match permit {
                Ok(permit) => permit.send(filling.take()),
                // The publishing has failed, and says why.
                Err(_) => return Ok(()),
            },
            read = stdin.read_buf(&mut input), if !filling.is_full() => match read {
                Ok(0) => break lines.finish().map_or(Ok(()), |line| filling.add(line)),
                Ok(count) => {
                    progress.advance(count as u64);
                    lines.push(&input);
                    input.clear();
                }
                Err(error) => break Err(error).context("cannot read stdin"),
            },
        }
    };
    if ended.is_ok() && filling.lines == 0 && filling.args.is_final {
        anyhow::bail!("stdin is empty, there is no last line to be the final event");
    }
    filling.release(ended.is_ok());
    if !filling.batch.is_empty() {
        // Where this fails, the publishing has failed, and says why.
        let _ = batches.send(filling.take()).await;
    }
    ended
}

async fn publish(
    args: &PublishArgs,
    client: &Client,
    mut batches: mpsc::Receiver<Batch>,
    progress: &Progress,
) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    while let Some(batch) = batches.recv().await {
        let published = client.publish_batch(&batch).await;
        let receipt = published.with_context(|| {
            let first = summary.lines + 1;
            let last = summary.lines + batch.len() as u64;
            format!("{summary}; lines {first} to {last} failed")
        })?;
        summary.lines += batch.len() as u64;
        summary.published += match args.idempotency_key {
            Some(_) => receipt.published,
            // Those that the hub had already are from an attempt whose answer was lost.
            None => batch.len() as u64,
        };
        summary.add(receipt);
        progress.events(summary.published);
    }
    Ok(summary)
}

/// The batch that is being filled.
struct Filling<'a> {
    args: &'a PublishArgs,
    client: &'a Client,
    batch: Batch,
    /// With `--final`, the line that may turn out to be the last.
    held: Option<NewEvent>,
    lines: u64,
}

impl Filling<'_> {
    fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_LINES || self.batch.bytes() >= BATCH_BYTES
    }

    fn add(&mut self, line: Line) -> anyhow::Result<()> {
        self.lines += 1;
        let number = self.lines;
        anyhow::ensure!(
            !line.is_cut,
            "line {number} is longer than {LONGEST_LINE} bytes"
        );
        let data = String::from_utf8(line.bytes.into())
            .with_context(|| format!("line {number} is not valid UTF-8"))?;
        let mut event = self.args.event_with(data);
        if let Some(key) = &self.args.idempotency_key {
            event = event.idempotency_key(format!("{key}-{number}"));
        }
        let event = match self.args.is_final {
            true => self.held.replace(event),
            false => Some(event),
        };
        if let Some(event) = event {
            self.batch.push(&self.args.topic, &event);
        }
        Ok(())
    }

    /// Adds the line that was held back: as the final one if the input has come to its end.
    fn release(&mut self, at_the_end: bool) {
        if let Some(event) = self.held.take() {
            let event = if at_the_end { event.last() } else { event };
            self.batch.push(&self.args.topic, &event);
        }
    }

    fn take(&mut self) -> Batch {
        std::mem::replace(&mut self.batch, self.client.batch())
    }
}

#[derive(Default, Serialize)]
struct Summary {
    /// Lines that are acknowledged.
    #[serde(skip)]
    lines: u64,
    /// Those among them that this run has published.
    published: u64,
    first: Option<String>,
    last: Option<String>,
}

impl Summary {
    fn add(&mut self, receipt: BatchReceipt) {
        self.first = self.first.take().or(receipt.first);
        self.last = receipt.last.or_else(|| self.last.take());
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                write!(
                    f,
                    "events published: {} ({first} to {last})",
                    self.published
                )
            }
            _ => f.write_str("events published: 0"),
        }
    }
}
