//! A subscription as a stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::{fmt, io};

use futures_core::Stream;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::cursor::CursorStore;
use crate::driver::{Driver, Shared};
use crate::error::SubscribeError;
use crate::event::Item;
use crate::orders::{Handle, Orders};
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
    position: Arc<Mutex<String>>,
    orders: Arc<Orders>,
    cursor: Option<Arc<dyn CursorStore>>,
}

impl Subscription {
    pub(crate) fn new(subscribe: Subscribe) -> Self {
        let cursor = subscribe.cursor.clone();
        let (driver, shared) = Driver::new(subscribe);
        let Shared {
            connection,
            position,
            orders,
        } = shared;
        // Boxed, since the stream has room for it where it waits and where it works.
        let items = stream::unfold(Box::new(driver), async |mut driver| {
            let item = driver.next().await?;
            Some((item, driver))
        });
        Self {
            items: Box::pin(items.fuse()),
            connection,
            position,
            orders,
            cursor,
        }
    }

    /// The state of the connection, now and as it changes.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// use tidings_client::{Client, Connection};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let mut orders = client.subscribe(["orders/*"]).open();
    /// let mut connection = orders.connection();
    /// tokio::spawn(async move {
    ///     while connection.changed().await.is_ok() {
    ///         match &*connection.borrow_and_update() {
    ///             Connection::Waiting { reason, delay } => println!("{reason}; again in {delay:?}"),
    ///             state => println!("{state:?}"),
    ///         }
    ///     }
    /// });
    /// while let Some(item) = orders.next().await {
    ///     println!("{:?}", item?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// A handle to restart or close the subscription from elsewhere.
    pub fn handle(&self) -> Handle {
        self.orders.handle()
    }

    /// The id to resume after, if exactly what was given so far is not to come again. It can be
    /// ahead of the last event: a hub tells where a stream begins before anything is published.
    /// Empty if there is none yet.
    pub fn position(&self) -> String {
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        position.clone()
    }

    /// Saves in the cursor that everything up to and including the event `id` need not come
    /// again: after its effects are there, for each event to be processed at least once. Another
    /// run with the same cursor begins with the next one.
    ///
    /// # Errors
    ///
    /// Fails if the cursor cannot be saved, or if the subscription has none.
    pub fn ack(&self, id: &str) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let (cursor, id) = (self.cursor.clone(), id.to_owned());
        async move {
            match cursor {
                Some(cursor) => cursor.save(&id).await,
                None => Err(io::Error::other("the subscription has no cursor")),
            }
        }
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
