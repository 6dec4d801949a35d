use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::patience::PATIENCE;

/// What a process has written to one of its outputs, collected by a thread of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Debug, Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    pub(crate) fn collect(mut source: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let collector = output.clone();
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let length = source.read(&mut buffer).unwrap_or(0);
                let mut collected = collector.lock();
                collected.bytes.extend_from_slice(&buffer[..length]);
                collected.ended = length == 0;
                collector.shared.1.notify_all();
                if length == 0 {
                    return;
                }
            }
        });
        output
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    /// Waits until `found` finds what it looks for, or the output ends without it.
    pub(crate) fn find<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut collected = self.lock();
        loop {
            let text = String::from_utf8_lossy(&collected.bytes);
            if let Some(answer) = found(&text) {
                return Some(answer);
            }
            if collected.ended {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not found after {PATIENCE:?} in {text:?}");
            let waited = self.shared.1.wait_timeout(collected, left);
            collected = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the output ends.
    pub(crate) fn await_end(&self) {
        let _ = self.find(|_| None::<()>);
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
