//! A subscription as a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::driver::Driver;
use crate::error::SubscribeError;
use crate::event::Item;
use crate::subscribe::Subscribe;

/// A stream of events that survives lost connections.
///
/// It reconnects and resumes by itself, with exponential backoff, and gives every event once. It
/// ends when the hub says that there is nothing more to come, or with an `Err` that trying again
/// would not heal. Lost connections are no items; watch them with [`Subscription::connection`].
///
/// Everything happens while the stream is polled: a slow consumer slows the socket, and nothing
/// piles up beyond one read. Dropping it closes the connection.
pub struct Subscription {
    items: Pin<Box<dyn Stream<Item = Result<Item, SubscribeError>> + Send>>,
    connection: watch::Receiver<Connection>,
}

impl Subscription {
    pub(crate) fn new(subscribe: Subscribe) -> Self {
        let (driver, connection) = Driver::new(subscribe);
        let items = stream::unfold(driver, async |mut driver| {
            let item = driver.next().await?;
            Some((item, driver))
        });
        Self {
            items: Box::pin(items.fuse()),
            connection,
        }
    }

    /// The state of the connection, now and as it changes.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }
}

impl Stream for Subscription {
    type Item = Result<Item, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("connection", &*self.connection.borrow())
            .finish_non_exhaustive()
    }
}
