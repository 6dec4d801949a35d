//! What the command prints, on its way.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time;

use crate::cli::line_buffer::LineBuffer;
use crate::cli::run::message::Source;
use crate::cli::run::story::Story;

/// A longer line is published in pieces.
const LONGEST_LINE: usize = 256 * 1024;

/// How long output is awaited after the command has ended. What it left running in the background
/// may hold its output open for ever.
const LINGER: Duration = Duration::from_secs(2);

/// So much is read after the command has ended, however fast it comes: no pipe holds more unless
/// root has made it larger.
const MOST_LEFT: usize = 1024 * 1024;

/// Passes output on and into the story, up to its end. Once the command is over, what it has
/// printed is still read, however long that takes; what it left running is waited for no longer.
pub(crate) async fn relay(
    from: Option<impl AsyncRead + Unpin>,
    to: impl AsyncWrite + Unpin,
    source: Source,
    story: &Story<'_>,
    is_over: watch::Receiver<bool>,
) {
    let Some(mut from) = from else {
        return;
    };
    let mut to = Some(to);
    let mut read = BytesMut::with_capacity(64 * 1024);
    let mut lines = LineBuffer::new(LONGEST_LINE);
    let mut left = MOST_LEFT;
    let mut lingered = Box::pin(linger(is_over.clone()));
    while left > 0 {
        let count = tokio::select! {
            // What is there is read even if it was not looked at for longer than anybody lingers.
            biased;
            count = from.read_buf(&mut read) => count,
            () = &mut lingered => break,
        };
        // A pipe that cannot be read has ended.
        let Ok(count @ 1..) = count else {
            break;
        };
        if *is_over.borrow() {
            left = left.saturating_sub(count);
        }
        if let Some(open) = &mut to
            && (open.write_all(&read).await.is_err() || open.flush().await.is_err())
        {
            // Nobody reads it here, but the command's run is still worth publishing.
            to = None;
        }
        lines.push(&read);
        read.clear();
        while let Some(line) = lines.next() {
            story
                .line(source, &String::from_utf8_lossy(&line.bytes))
                .await;
        }
    }
    if let Some(line) = lines.finish() {
        story
            .line(source, &String::from_utf8_lossy(&line.bytes))
            .await;
    }
}

async fn linger(mut is_over: watch::Receiver<bool>) {
    // Without anybody who could tell, it is over as well.
    let _ = is_over.wait_for(|is_over| *is_over).await;
    time::sleep(LINGER).await;
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use futures_util::future::join;
    use tokio::io::{duplex, repeat, sink};

    use super::*;
    use crate::cli::run::message::Message;
    use crate::cli::run::outbox::Outbox;

    async fn relay_all(from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin) -> Vec<String> {
        let outbox = Outbox::default();
        let story = Story::begin(&outbox, None);
        let (_ended, is_over) = watch::channel(true);
        relay(Some(from), to, Source::Stdout, &story, is_over).await;
        story.end(0);
        let mut taken = Vec::new();
        let take = |message: Message| {
            taken.push(message.data);
            ControlFlow::Continue(())
        };
        outbox.take(take).await;
        taken.pop();
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn output_that_is_read_slowly_here_is_whole_here_and_there() {
        let printed: String = (0..30_000).map(|number| format!("{number}\n")).collect();
        let (to, mut here) = duplex(64);
        let read_slowly = async {
            let mut read = String::new();
            time::sleep(10 * LINGER).await;
            here.read_to_string(&mut read).await.map(|_| read)
        };
        let (there, here) = join(relay_all(printed.as_bytes(), to), read_slowly).await;
        assert_eq!(here.unwrap(), printed);
        assert_eq!(there.len(), 30_000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_running_is_not_waited_for_and_the_last_line_needs_no_end() {
        let (mut background, from) = duplex(64);
        background.write_all(b"one\ntwo").await.unwrap();
        let began = time::Instant::now();
        let lines = relay_all(from, sink()).await;
        let expected =
            ["one", "two"].map(|line| format!(r#"{{"stream":"stdout","line":"{line}"}}"#));
        assert_eq!(lines, expected);
        assert!(began.elapsed() < 2 * LINGER);
    }

    #[tokio::test]
    async fn what_is_left_running_and_prints_without_end_is_not_followed() {
        let lines = relay_all(repeat(b'x'), sink()).await;
        assert!(lines.concat().len() >= MOST_LEFT, "{}", lines.len());
    }
}
