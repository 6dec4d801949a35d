//! What a subscription is told to do while somebody else polls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A handle on a subscription, for whoever does not hold the stream itself.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use tidings_client::Client;
///
/// let client = Client::builder("http://127.0.0.1:8434").build()?;
/// let mut orders = client.subscribe(["orders/*"]).open();
/// let handle = orders.handle();
/// tokio::spawn(async move { while let Some(item) = orders.next().await { println!("{item:?}") } });
///
/// handle.restart(); // the network has changed: connect again now
/// handle.close();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    orders: Arc<Orders>,
}

impl Handle {
    /// Connects anew at once, after the last event that was received: ends the connection that
    /// is open or being made, or the wait for the next one. It is no loss, and nothing is missed.
    pub fn restart(&self) {
        self.orders.restart.store(true, Ordering::Release);
        self.orders.given.notify_one();
    }

    /// Ends the subscription: the connection is closed, and the stream gives nothing more.
    pub fn close(&self) {
        self.orders.close.store(true, Ordering::Release);
        self.orders.given.notify_one();
    }
}

/// What has been ordered and is still to be done. There is one that waits for it, the driver.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    given: Notify,
    restart: AtomicBool,
    close: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Restart,
    Close,
}

impl Orders {
    pub(crate) fn handle(self: &Arc<Self>) -> Handle {
        Handle {
            orders: Arc::clone(self),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.close.load(Ordering::Acquire)
    }

    /// The next order, as soon as there is one.
    pub(crate) async fn next(&self) -> Order {
        loop {
            if self.is_closed() {
                return Order::Close;
            }
            if self.restart.swap(false, Ordering::AcqRel) {
                return Order::Restart;
            }
            self.given.notified().await;
        }
    }
}
