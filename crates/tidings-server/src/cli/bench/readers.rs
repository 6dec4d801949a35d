//! The readers of a benchmark.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tidings_client::{Client, Connection, Item, Subscription};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::cli::bench::arrivals::Arrivals;
use crate::cli::bench::message::Message;
use crate::cli::bench::plan::Plan;
use crate::cli::bench::tally::{Counts, Tally};

/// Streams that are being opened at a time: fewer than a server lets wait.
const OPENING: usize = 64;

/// Readers whose streams have begun.
#[derive(Debug)]
pub(super) struct Readers {
    tasks: JoinSet<Outcome>,
    stop: watch::Sender<bool>,
}

/// What became of a reader, or of all of them.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    /// How often a connection was lost.
    pub(super) cut: u64,
    /// How often the hub said that events may be missing.
    pub(super) gaps: u64,
    /// Why a stream ended for good.
    pub(super) ended: Option<String>,
}

impl Readers {
    /// Opens all streams and returns once they have begun: what is published from then on must
    /// come to all of them.
    ///
    /// # Errors
    ///
    /// Fails with the first reason for which one of them does not begin.
    pub(super) async fn open(
        client: &Client,
        plan: &Plan,
        arrivals: &Arc<Arrivals>,
    ) -> anyhow::Result<Self> {
        let permits = Arc::new(Semaphore::new(OPENING));
        let (opened, mut openings) = mpsc::channel(OPENING);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for begun in 0..plan.readers {
            let permit = permits.clone().acquire_owned().await?;
            let items = client.subscribe([plan.topic.as_str()]).open();
            let reader = Reader {
                connection: items.connection(),
                items,
                opening: Some((opened.clone(), permit)),
                is_cut: false,
                stopped: stopped.clone(),
                run: plan.run.clone(),
                events: plan.events,
                arrivals: arrivals.clone(),
                tally: Tally::default(),
                outcome: Outcome::default(),
            };
            tasks.spawn(reader.read());
            while let Ok(opening) = openings.try_recv() {
                check(opening, begun + 1)?;
            }
        }
        drop(opened);
        while let Some(opening) = openings.recv().await {
            check(opening, plan.readers)?;
        }
        Ok(Self { tasks, stop })
    }

    /// Ends all streams, and sums up what their readers got.
    pub(super) async fn finish(mut self) -> Outcome {
        // A reader that has ended by itself needs not be told.
        let _ = self.stop.send(true);
        let mut sum = Outcome::default();
        while let Some(outcome) = self.tasks.join_next().await {
            let outcome = outcome.unwrap_or_else(|panic| Outcome {
                ended: Some(panic.to_string()),
                ..Outcome::default()
            });
            sum.counts.received += outcome.counts.received;
            sum.counts.doubled += outcome.counts.doubled;
            sum.counts.out_of_order += outcome.counts.out_of_order;
            sum.cut += outcome.cut;
            sum.gaps += outcome.gaps;
            sum.ended = sum.ended.or(outcome.ended);
        }
        sum
    }
}

fn check(opening: Result<(), String>, begun: u32) -> anyhow::Result<()> {
    opening.map_err(|why| anyhow::anyhow!("one of the first {begun} streams did not begin: {why}"))
}

/// Where a reader tells whether its stream has begun, and the permit that it needs until then.
type Opening = (mpsc::Sender<Result<(), String>>, OwnedSemaphorePermit);

#[derive(Debug)]
struct Reader {
    items: Subscription,
    connection: watch::Receiver<Connection>,
    /// Until the stream has begun.
    opening: Option<Opening>,
    /// Whether the stream had begun and has no connection now.
    is_cut: bool,
    stopped: watch::Receiver<bool>,
    run: String,
    events: u32,
    arrivals: Arc<Arrivals>,
    tally: Tally,
    outcome: Outcome,
}

impl Reader {
    async fn read(mut self) -> Outcome {
        loop {
            let next = match self.items.next().now_or_never() {
                Some(next) => next,
                None => tokio::select! {
                    biased;
                    _ = self.stopped.changed() => break,
                    Ok(()) = self.connection.changed() => {
                        self.note_connection().await;
                        continue;
                    }
                    next = self.items.next() => next,
                },
            };
            let ended = match next {
                Some(Ok(item)) => {
                    self.take(&item);
                    continue;
                }
                Some(Err(error)) => format!("{:#}", anyhow::Error::new(error)),
                None => "the topic has ended".into(),
            };
            self.opened(Err(ended.clone())).await;
            self.set_cut(false);
            self.outcome.ended = Some(ended);
            break;
        }
        self.outcome.counts = self.tally.counts;
        self.outcome
    }

    fn take(&mut self, item: &Item) {
        match item {
            Item::Event(event) => {
                if let Some(message) = Message::of(&self.run, self.events, &event.data)
                    && self.tally.take(message.number)
                {
                    self.arrivals.add(message.due());
                }
            }
            Item::Gap(_) => self.outcome.gaps += 1,
            _ => {}
        }
    }

    async fn note_connection(&mut self) {
        let connection = self.connection.borrow_and_update().clone();
        match connection {
            Connection::Open => {
                self.set_cut(false);
                self.opened(Ok(())).await;
            }
            Connection::Waiting { reason, .. } if self.opening.is_some() => {
                self.opened(Err(reason.to_string())).await;
            }
            Connection::Waiting { .. } => self.set_cut(true),
            _ => {}
        }
    }

    fn set_cut(&mut self, is_cut: bool) {
        match (self.is_cut, is_cut) {
            (false, true) => {
                self.outcome.cut += 1;
                self.arrivals.add_cut();
            }
            (true, false) => self.arrivals.remove_cut(),
            _ => {}
        }
        self.is_cut = is_cut;
    }

    /// Tells how it went, the first time.
    async fn opened(&mut self, opening: Result<(), String>) {
        if let Some((opened, _permit)) = self.opening.take() {
            // Nobody waits any more once another stream has not begun.
            let _ = opened.send(opening).await;
        }
    }
}
