//! One stream, from its opening to its end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use tidings_client::{Connection, Event, Item, Subscription};

use crate::report::{EventMessage, Message, Reporter};

/// The types of events that are reported: `message`, and those listened for.
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    types: Arc<Mutex<HashSet<String>>>,
}

impl Listeners {
    pub(crate) fn new() -> Self {
        let types = HashSet::from(["message".to_owned()]);
        Self {
            types: Arc::new(Mutex::new(types)),
        }
    }

    pub(crate) fn add(&self, name: String) {
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        types.insert(name);
    }

    fn include(&self, name: &str) -> bool {
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        types.contains(name)
    }
}

/// Reports everything that happens, in its order, until the stream or the harness is gone.
pub(crate) async fn follow(
    mut stream: Subscription,
    listeners: Listeners,
    mut reporter: Reporter,
) -> anyhow::Result<()> {
    let mut connection = stream.connection();
    loop {
        let message = tokio::select! {
            biased;
            Ok(()) = connection.changed() => match &*connection.borrow_and_update() {
                Connection::Waiting { reason, .. } => Some(Message::error(reason)),
                _ => None,
            },
            item = stream.next() => match item {
                None => return Ok(()),
                Some(Err(error)) => Some(Message::error(&error)),
                Some(Ok(Item::Comment(comment))) => Some(Message::Comment { comment }),
                Some(Ok(Item::Event(event))) => heard(event, &listeners),
                // Only hubs that speak of themselves send others.
                Some(Ok(_)) => None,
            },
        };
        if let Some(message) = message {
            reporter.report(&message).await?;
        }
    }
}

fn heard(event: Event, listeners: &Listeners) -> Option<Message> {
    let Event {
        event: name,
        data,
        id,
        ..
    } = event;
    listeners.include(&name).then_some(Message::Event {
        event: EventMessage { name, data, id },
    })
}
