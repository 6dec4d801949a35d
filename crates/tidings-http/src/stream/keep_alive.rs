//! What is written when there is nothing to write.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tidings_sse::encode_comment;
use tokio::time::{Instant, Sleep, sleep};

/// The comment line that keeps a silent connection open, without a blank line after it: some readers take that for
/// an empty event.
pub fn keep_alive_line() -> Bytes {
    let mut line = Vec::new();
    encode_comment("keepalive", &mut line);
    line.into()
}

/// Tells a stream when it has been silent for long enough.
pub(super) struct KeepAlive {
    pulse: Pulse,
    /// Made when the stream first waits, unless somebody else keeps the time.
    timer: Option<Box<Timer>>,
}

/// The keep-alive of one stream, as an extension of the response whose body the stream is.
///
/// Whoever drains many streams takes it over, and keeps the time of all of them together.
#[derive(Clone, Debug)]
pub(crate) struct Pulse(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    /// The silence after which a comment is due, in milliseconds; 0 is never.
    interval: u32,
    /// Who keeps the time, and whether it is time. Orders nothing else.
    turn: AtomicU8,
}

/// The stream has a timer of its own.
const OWN: u8 = 0;
/// Somebody else keeps the time.
const TAKEN_OVER: u8 = 1;
/// The same, and a comment is due.
const DUE: u8 = 2;

struct Timer {
    last_frame: Instant,
    /// Fires at or after the moment a comment may be due; moved only when it does.
    sleep: Pin<Box<Sleep>>,
}

impl Pulse {
    /// Takes the time-keeping away from the stream. Gives the silence after which to [`beat`](Self::beat), if ever.
    pub(crate) fn take_over(&self) -> Option<Duration> {
        self.0.turn.store(TAKEN_OVER, Ordering::Relaxed);
        self.interval()
    }

    /// Has the stream give a comment when it is next polled, unless it has something better.
    pub(crate) fn beat(&self) {
        self.0.turn.store(DUE, Ordering::Relaxed);
    }

    fn interval(&self) -> Option<Duration> {
        let interval = Duration::from_millis(self.0.interval.into());
        (!interval.is_zero()).then_some(interval)
    }
}

impl KeepAlive {
    /// A comment after every so long a silence, to the millisecond; never for `None` or zero.
    pub(super) fn every(interval: Option<Duration>) -> Self {
        let interval = interval.filter(|interval| !interval.is_zero());
        let millis = interval.map_or(0, |interval| interval.as_millis().max(1));
        let beats = Beats {
            interval: u32::try_from(millis).unwrap_or(u32::MAX),
            turn: AtomicU8::new(OWN),
        };
        Self {
            pulse: Pulse(Arc::new(beats)),
            timer: None,
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Takes note that the stream gives something.
    pub(super) fn heard(&mut self) {
        let turn = &self.pulse.0.turn;
        if turn.load(Ordering::Relaxed) == DUE {
            turn.store(TAKEN_OVER, Ordering::Relaxed);
        }
        if let Some(timer) = &mut self.timer {
            timer.last_frame = Instant::now();
        }
    }

    /// Ready when a comment is due. To be polled whenever the stream has nothing else.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.pulse.0.turn.load(Ordering::Relaxed) {
            OWN => {}
            DUE => return Poll::Ready(()),
            _ => return Poll::Pending,
        }
        let Some(interval) = self.pulse.interval() else {
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
