//! How a subscription gets its connection.

use bytes::Bytes;
use http::Response;
use tokio::time::Instant;
use url::Origin;

use crate::alarm;
use crate::connection::{Connection, Loss};
use crate::credentials::TokenReason;
use crate::driver::{Driver, Open, Phase};
use crate::error::SubscribeError;
use crate::exchange::{self, Landed, SendError};
use crate::problem::Problem;
use crate::stream_request;
use crate::transport::Body;

impl Driver {
    pub(super) async fn connect(&mut self) {
        self.connection.send_replace(Connection::Connecting);
        if let Err(error) = self.find_start().await {
            return self.fail(error);
        }
        let idle = self.client.settings().idle_timeout;
        match alarm::within(idle, self.attempt()).await {
            None => self.lose(Loss::Idle),
            Some(Ok(landed)) => self.answered(landed).await,
            Some(Err(error)) => self.not_answered(error),
        }
    }

    /// Goes on after what the cursor says, once.
    async fn find_start(&mut self) -> Result<(), SubscribeError> {
        let Some(cursor) = &self.cursor else {
            return Ok(());
        };
        if let Some(id) = cursor.load().await.map_err(SubscribeError::Cursor)? {
            self.intake.begin_after(&id)?;
            self.reach(&id);
        }
        self.cursor = None;
        Ok(())
    }

    async fn attempt(&mut self) -> Result<Landed, SendError> {
        let mut request = self.request.clone();
        request.position = self.intake.position();
        if let Some(tokens) = self.client.tokens_for(&request.url) {
            request.token = Some(tokens.for_stream(self.token_reason.clone()).await?);
        }
        exchange::send(self.client.transport(), &request).await
    }

    async fn answered(&mut self, landed: Landed) {
        let Landed {
            answer,
            origin,
            untold,
        } = landed;
        let status = answer.status().as_u16();
        if untold && matches!(status, 200 | 204) {
            self.intake.put_first_gap();
        }
        match status {
            200 => self.opened(answer, origin),
            204 => self.phase = Phase::Ended,
            _ => {
                let asks_anew = self.client.tokens_for(&self.request.url).is_some();
                if let (true, false, Some(reason)) =
                    (asks_anew, self.refused, TokenReason::of_status(status))
                {
                    self.refused = true;
                    self.token_reason = reason;
                    self.phase = Phase::Connecting;
                    return;
                }
                let retry_after = exchange::retry_after(answer.headers());
                let idle = self.client.settings().idle_timeout;
                let problem = Problem::read(status, answer.into_body());
                let problem = alarm::within(idle, problem).await;
                let problem = problem.unwrap_or_else(|| Problem::of(status));
                if exchange::is_transient(status) {
                    self.retry_after = retry_after;
                    self.lose(Loss::Unavailable(problem));
                } else {
                    self.fail(SubscribeError::Refused(problem));
                }
            }
        }
    }

    fn opened(&mut self, answer: Response<Body>, origin: Origin) {
        if let Err(found) = stream_request::expect_event_stream(answer.headers()) {
            return self.fail(SubscribeError::NotAStream { found });
        }
        self.refused = false;
        self.goodbye = None;
        self.retry_after = None;
        self.token_reason = TokenReason::Reconnect;
        self.intake.reconnected();
        self.connection.send_replace(Connection::Open);
        self.phase = Phase::Open(Open {
            body: answer.into_body(),
            origin,
            chunk: Bytes::new(),
            since: Instant::now(),
        });
    }
}
