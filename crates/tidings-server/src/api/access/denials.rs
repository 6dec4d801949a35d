//! The record of who was turned away.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::Method;
use tracing::warn;

/// How many are written down in a second. An attack must not fill the disk with its own traces.
const A_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Longest path that is written down, in characters.
const PATH_LENGTH: usize = 256;

/// Writes down who was turned away and why, never what they showed, and a few a second at most: the next one says how
/// many were left out.
pub(crate) struct Denials {
    limiter: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

/// A request as it is written down.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) method: Method,
    /// Without the query, which may hold a token.
    pub(super) path: String,
    pub(super) remote: Option<SocketAddr>,
}

impl Attempt {
    pub(super) fn of(request: &Request) -> Self {
        let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            remote: remote.map(|ConnectInfo(remote)| *remote),
        }
    }
}

impl Default for Denials {
    fn default() -> Self {
        Self {
            limiter: RateLimiter::direct(Quota::per_second(A_SECOND)),
            left_out: AtomicU64::default(),
        }
    }
}

impl Denials {
    /// Takes note of an attempt, by whom as far as that is known, and why it failed.
    pub(super) fn note(
        &self,
        attempt: &Attempt,
        identity: Option<&str>,
        reason: &dyn fmt::Display,
    ) {
        if self.limiter.check().is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let path: String = attempt.path.chars().take(PATH_LENGTH).collect();
        warn!(
            target: "tidings::audit",
            method = %attempt.method,
            // As literals, so that whatever is in them stays on its line and looks like no other field.
            ?path,
            remote = attempt.remote.map(tracing::field::display),
            ?identity,
            reason = ?reason.to_string(),
            left_out = self.left_out.swap(0, Ordering::Relaxed),
            "denied"
        );
    }
}

impl fmt::Debug for Denials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denials")
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}
