//! What becomes of the execution at the hub while the command runs.

use futures_util::StreamExt;
use tidings_client::{Client, Item, Start};

const CANCELLED: &str = "execution-cancelled";

/// How an execution was ended by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Cancelled,
    Otherwise,
}

/// Returns when the execution has ended, or when it cannot be told any more.
pub(crate) async fn watch(client: &Client, topic: &str) -> Ended {
    let subscribe = client.subscribe([topic]).event(CANCELLED);
    let mut items = subscribe.from(Start::Oldest).open();
    while let Some(item) = items.next().await {
        match item {
            Ok(Item::Event(event)) if event.event == CANCELLED => return Ended::Cancelled,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ended::Otherwise
}
