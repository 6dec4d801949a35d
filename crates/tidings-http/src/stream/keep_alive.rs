//! What is written when there is nothing to write.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tidings_sse::encode_comment;
use tokio::time::{Instant, Sleep, sleep};

use super::tap::{Tap, Turn};

/// The comment line that keeps a silent connection open, without a blank line after it: some readers take that for
/// an empty event.
pub fn keep_alive_line() -> Bytes {
    let mut line = Vec::new();
    encode_comment("keepalive", &mut line);
    line.into()
}

/// Tells a stream when it has been silent for long enough.
#[derive(Default)]
pub(super) struct KeepAlive {
    /// Made when the stream first waits, unless its drain keeps the time.
    timer: Option<Box<Timer>>,
}

struct Timer {
    last_frame: Instant,
    /// Fires at or after the moment a comment may be due; moved only when it does.
    sleep: Pin<Box<Sleep>>,
}

impl KeepAlive {
    /// Takes note that the stream gives something.
    pub(super) fn heard(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.last_frame = Instant::now();
        }
    }

    /// Ready when a comment is due. To be polled whenever the stream has nothing else.
    pub(super) fn poll(&mut self, tap: &Tap, cx: &mut Context<'_>) -> Poll<()> {
        match tap.turn() {
            Turn::Own => {}
            Turn::Due => return Poll::Ready(()),
            Turn::NotDue => return Poll::Pending,
        }
        let Some(interval) = tap.interval() else {
            return Poll::Pending;
        };
        let start = || Box::new(Timer::start(interval));
        let timer = self.timer.get_or_insert_with(start);
        timer.poll(interval, cx)
    }
}

impl Timer {
    fn start(interval: Duration) -> Self {
        Self {
            last_frame: Instant::now(),
            sleep: Box::pin(sleep(interval)),
        }
    }

    fn poll(&mut self, interval: Duration, cx: &mut Context<'_>) -> Poll<()> {
        while self.sleep.as_mut().poll(cx).is_ready() {
            let due = self.last_frame + interval;
            if due <= Instant::now() {
                self.sleep.as_mut().reset(Instant::now() + interval);
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}
