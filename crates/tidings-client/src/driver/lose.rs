//! What becomes of a subscription whose connection is gone.

use std::time::Duration;

use tidings_sse::DecodeError;
use tokio::time::Instant;

use crate::connection::{Connection, Loss};
use crate::credentials::TokenReason;
use crate::driver::{Driver, Phase};
use crate::error::SubscribeError;
use crate::exchange::SendError;

/// Why a hub ends the streams of credentials that are good no more.
const EXPIRED: &str = "token-expired";
const REVOKED: &str = "revoked";

/// Within so long another token that ends is a failure like any other.
const RENEWED_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A connection that lived this long has proved itself even without an event.
const PROVEN_AFTER: Duration = Duration::from_secs(10);

impl Driver {
    /// The same bytes would come again and again, so the second time in one place is the last.
    pub(super) fn undecodable(&mut self, source: DecodeError) {
        let last_event_id = self.intake.last_event_id().to_owned();
        if self.undecodable_after.as_ref() == Some(&last_event_id) {
            self.fail(SubscribeError::Undecodable {
                last_event_id,
                source,
            });
        } else {
            self.undecodable_after = Some(last_event_id);
            self.lose(Loss::Undecodable(source));
        }
    }

    /// Takes what the connection has lasted for a proof, before it is gone.
    pub(super) fn prove(&mut self) {
        if let Phase::Open(open) = &self.phase
            && open.since.elapsed() >= PROVEN_AFTER
        {
            self.backoff.reset();
        }
    }

    /// Whether a stream that ended for this reason goes on at once with another token.
    pub(super) fn renews_after(&self, reason: &str) -> bool {
        let is_soon = |at: Instant| at.elapsed() < RENEWED_AGAIN_AFTER;
        [EXPIRED, REVOKED].contains(&reason)
            && self.client.tokens_for(&self.request.url).is_some()
            && !self.renewed.is_some_and(is_soon)
    }

    /// Connects with another token. That is no failure; for one that was revoked, the next is the last.
    pub(super) fn renew(&mut self, reason: String) {
        self.renewed = Some(Instant::now());
        self.refused = reason == REVOKED;
        self.retry_after = None;
        self.token_reason = TokenReason::Goodbye { reason };
        self.phase = Phase::Connecting;
    }

    /// There is no answer to a request.
    pub(super) fn not_answered(&mut self, error: SendError) {
        match error {
            SendError::Transport(error) if error.is_settings() => {
                self.fail(SubscribeError::Request(error));
            }
            SendError::Transport(error) => self.lose(Loss::Transport(error)),
            SendError::Credentials(error) => self.lose(Loss::Credentials(error)),
            SendError::Redirect(error) => self.fail(error.into()),
        }
    }

    /// There is no connection, and another attempt can heal that.
    pub(super) fn lose(&mut self, reason: Loss) {
        self.token_reason = match &reason {
            Loss::Credentials(_) => TokenReason::Failed,
            Loss::Goodbye { reason } => TokenReason::Goodbye {
                reason: reason.clone(),
            },
            _ => TokenReason::Reconnect,
        };
        let floors = [self.intake.retry(), self.retry_after.take()];
        let delay = self.backoff.next_delay(floors);
        let attempts = self.backoff.failures();
        let most = self.client.settings().attempts;
        if most.is_some_and(|most| attempts >= most) {
            let loss = reason;
            return self.fail(SubscribeError::Exhausted { attempts, loss });
        }
        tracing::debug!(%reason, ?delay, "no connection");
        self.connection
            .send_replace(Connection::Waiting { reason, delay });
        self.phase = Phase::Waiting(delay);
    }
}
