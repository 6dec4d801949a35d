use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidings::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::document::Document;
use super::source::Source;
use crate::{JwksError, JwksUrl, Key};

/// The time between two fetches at least, whoever asks: tokens with made-up keys must not become requests.
const LEAST_PAUSE: Duration = Duration::from_secs(30);

/// How old keys become before they are fetched again.
const REFRESH_AFTER: Duration = Duration::from_secs(5 * 60);

/// How old keys may become while they cannot be fetched.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys that an issuer publishes, as far as they are known.
#[derive(Debug)]
pub(crate) struct KeySet {
    shared: Arc<Shared>,
    /// At most one is running. A fetch goes on when whoever asked for it has gone, and ends with the set.
    fetches: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Shared {
    source: Source,
    /// Held for moments only.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Arc<[Key]>,
    digest: Option<[u8; 32]>,
    /// How many times the keys have changed.
    version: u64,
    /// When the fetch began that the keys are from.
    fetched_at: Option<Timestamp>,
    /// When the last fetch began.
    begun_at: Option<Timestamp>,
    /// Why the last fetch failed.
    failure: Option<Arc<JwksError>>,
    /// The last fetch.
    running: Option<Fetching>,
}

/// A fetch that is under way. Its other end is dropped when it is over.
#[derive(Clone, Debug)]
pub(crate) struct Fetching(watch::Receiver<()>);

/// The keys at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) keys: Arc<[Key]>,
    pub(crate) version: u64,
}

/// How it stands with the keys that an issuer publishes.
#[derive(Clone, Debug)]
pub struct KeySetState {
    /// The issuer, if it has a name.
    pub issuer: Option<Arc<str>>,
    /// Where the keys are from.
    pub url: String,
    /// How many of them can be used.
    pub keys: usize,
    /// When they were last fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why the last try to fetch them failed, if it did.
    pub failure: Option<Arc<JwksError>>,
}

impl KeySetState {
    /// Whether there are no keys, or none that may still be used: no token of the issuer is taken.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        is_stale(self.fetched_at, now)
    }
}

impl Fetching {
    pub(crate) async fn over(mut self) {
        // That the other end is gone is what is waited for.
        let _ = self.0.changed().await;
    }

    fn is_running(&self) -> bool {
        self.0.has_changed().is_ok()
    }
}

impl KeySet {
    pub(crate) fn new(url: JwksUrl) -> Result<Self, reqwest::Error> {
        Ok(Self {
            shared: Arc::new(Shared {
                source: Source::new(url)?,
                state: Mutex::default(),
            }),
            fetches: Mutex::default(),
        })
    }

    /// The keys, unless they are too old to be used.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Current> {
        let state = self.shared.state();
        (!is_stale(state.fetched_at, now)).then(|| Current {
            keys: Arc::clone(&state.keys),
            version: state.version,
        })
    }

    /// Fetches the keys if they are due.
    pub(crate) fn refresh(&self, now: Timestamp) -> Option<Fetching> {
        let is_due = {
            let state = self.shared.state();
            let is_old = |at| now < at || now.since(at) >= REFRESH_AFTER;
            state.failure.is_some() || state.fetched_at.is_none_or(is_old)
        };
        if is_due { self.fetch(now) } else { None }
    }

    /// Fetches the keys, unless they are being fetched already, or the last time is too recent.
    pub(crate) fn fetch(&self, now: Timestamp) -> Option<Fetching> {
        let mut state = self.shared.state();
        if let Some(running) = state.running.clone().filter(Fetching::is_running) {
            return Some(running);
        }
        // A clock that was put back must not stop fetches until it has come to where it was.
        let is_recent = |at| now >= at && now.since(at) < LEAST_PAUSE;
        if state.begun_at.is_some_and(is_recent) {
            return None;
        }
        let (until_over, receiver) = watch::channel(());
        let running = Fetching(receiver);
        state.begun_at = Some(now);
        state.running = Some(running.clone());
        drop(state);

        let shared = Arc::clone(&self.shared);
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        while fetches.try_join_next().is_some() {}
        fetches.spawn(async move {
            let outcome = shared.source.fetch().await;
            shared.settle(outcome, now);
            drop(until_over);
        });
        Some(running)
    }

    /// How it stands with the keys of this issuer.
    pub(crate) fn report(&self, issuer: Option<Arc<str>>) -> KeySetState {
        let state = self.shared.state();
        KeySetState {
            issuer,
            url: self.shared.source.url().to_string(),
            keys: state.keys.len(),
            fetched_at: state.fetched_at,
            failure: state.failure.clone(),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, outcome: Result<Document, JwksError>, now: Timestamp) {
        if let Err(error) = &outcome {
            let url = self.source.url();
            let error: &dyn Error = error;
            tracing::warn!(%url, error, "the keys of an issuer were not fetched");
        }
        let mut state = self.state();
        match outcome {
            Ok(document) => {
                if state.digest != Some(document.digest) {
                    state.keys = document.keys.into();
                    state.digest = Some(document.digest);
                    state.version += 1;
                }
                state.fetched_at = Some(now);
                state.failure = None;
            }
            Err(error) => state.failure = Some(Arc::new(error)),
        }
    }
}

fn is_stale(fetched_at: Option<Timestamp>, now: Timestamp) -> bool {
    fetched_at.is_none_or(|at| now.since(at) > MAX_AGE)
}
