//! Publishing through a broker on a folder.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::{StreamExt, future::try_join_all, stream::FuturesUnordered};
use tidings::{Broker, Capacity, Event, Publication, Retention, Topic};
use tidings_bench::{Payloads, Usage};

use crate::{
    figures::{Figures, Tally},
    shape::{BATCH, IN_FLIGHT, PREFILL, PUBLISHERS, Shape, TOPICS},
};

/// How long a broker is given to close.
const DEADLINE: Duration = Duration::from_secs(60);

/// Publishes on a broker, in batches.
pub(crate) struct Publisher<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) topics: Vec<Topic>,
    pub(crate) payloads: Payloads,
}

/// Which topic comes next.
pub(crate) type Choice = fn(&mut Payloads, u64) -> usize;

/// A broker on a folder, that keeps so many events of each topic, and so many bytes.
pub(crate) fn open(folder: &Path, events: Option<u64>, bytes: u64) -> Result<Broker> {
    let retention = Retention {
        events: events.unwrap_or(u64::MAX),
        bytes: u64::MAX,
        ..Retention::default()
    };
    let capacity = Capacity {
        bytes,
        ..Capacity::default()
    };
    let builder = Broker::builder().retention(retention).capacity(capacity);
    Ok(builder.open(folder)?)
}

pub(crate) async fn close(broker: &Broker) {
    broker.close(DEADLINE).await;
}

pub(crate) async fn measure(folder: &Path, shape: Shape, span: Duration) -> Result<Figures> {
    let broker = open(folder, shape.cap(), u64::MAX)?;
    let mut publisher = Publisher::new(&broker)?;
    if shape.cap().is_some() {
        let enough = PREFILL * TOPICS as u64;
        publisher.publish(in_turn, |events| events < enough).await?;
    }
    let before = Usage::now()?;
    let began = Instant::now();
    let tally = match shape {
        Shape::Batches | Shape::Capped => {
            let any: Choice = |payloads, _| payloads.topic(TOPICS);
            publisher.publish(any, |_| began.elapsed() < span).await?
        }
        Shape::Singles => publish_singly(&broker, began, span).await?,
    };
    let figures = Figures::new(&before, began.elapsed(), tally);
    close(&broker).await;
    figures
}

/// One topic after the other.
pub(crate) fn in_turn(_: &mut Payloads, event: u64) -> usize {
    event as usize % TOPICS
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(broker: &'a Broker) -> Result<Self> {
        Ok(Self {
            broker,
            topics: topics()?,
            payloads: Payloads::new(1),
        })
    }

    /// Publishes batches, some of them at the same time, as long as the number of events so far is to be gone beyond.
    pub(crate) async fn publish(
        &mut self,
        choose: Choice,
        mut goes_on: impl FnMut(u64) -> bool,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut under_way = FuturesUnordered::new();
        let mut made = 0;
        loop {
            while under_way.len() < IN_FLIGHT && goes_on(made) {
                let batch: Vec<Publication> = (made..made + BATCH as u64)
                    .map(|event| self.publication(choose, event))
                    .collect();
                made += BATCH as u64;
                under_way.push(publish_batch(self.broker, batch));
            }
            match under_way.next().await {
                Some(took) => tally.add(BATCH, took?),
                None => return Ok(tally),
            }
        }
    }

    fn publication(&mut self, choose: Choice, event: u64) -> Publication {
        let topic = choose(&mut self.payloads, event);
        Publication {
            topic: self.topics[topic].clone(),
            event: Event::new(self.payloads.any()),
            idempotency_key: None,
            durability: None,
        }
    }
}

async fn publish_batch(broker: &Broker, batch: Vec<Publication>) -> Result<Duration> {
    let began = Instant::now();
    broker.publish_batch(&batch).await?;
    Ok(began.elapsed())
}

async fn publish_singly(broker: &Broker, began: Instant, span: Duration) -> Result<Tally> {
    let topics = topics()?;
    let texts = Payloads::new(1);
    let publishers = (0..PUBLISHERS as u64).map(async |seed| {
        let mut payloads = texts.shuffled(seed);
        let mut tally = Tally::default();
        while began.elapsed() < span {
            let topic = topics[payloads.topic(TOPICS)].clone();
            let event = Event::new(payloads.any());
            let asked = Instant::now();
            broker.publish(topic, event).await?;
            tally.add(1, asked.elapsed());
        }
        anyhow::Ok(tally)
    });
    let mut all = Tally::default();
    for tally in try_join_all(publishers).await? {
        all.extend(&tally);
    }
    Ok(all)
}

/// The topics that are published on.
pub(crate) fn topics() -> Result<Vec<Topic>> {
    let topics = (0..TOPICS).map(|topic| Ok(Topic::new(format!("jobs/{topic}"))?));
    topics.collect()
}
