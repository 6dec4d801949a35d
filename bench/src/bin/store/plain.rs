//! The same without anything clever: a table with the topic and the sequence as its key.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use redb::{Database, TableDefinition};
use tidings_bench::{Payloads, Usage};
use tokio::sync::oneshot;

use crate::{
    figures::{Figures, Tally},
    shape::{BATCH, CACHE_BYTES, PREFILL, PUBLISHERS, Shape, TOPICS},
};

const EVENTS: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("events");

struct Plain {
    db: Database,
    sequence: u64,
    /// The events of each topic, if they are capped.
    kept: Option<(u64, Vec<VecDeque<u64>>)>,
}

/// One event on its way to the writer.
struct Job {
    topic: usize,
    data: Arc<str>,
    reply: oneshot::Sender<()>,
}

pub(crate) async fn measure(folder: &Path, shape: Shape, span: Duration) -> Result<Figures> {
    let mut plain = Plain::open(folder, shape)?;
    let mut payloads = Payloads::new(1);
    if shape.cap().is_some() {
        for _ in 0..PREFILL {
            let events = (0..TOPICS).map(|topic| (topic, payloads.any()));
            plain.commit(events)?;
        }
    }
    let before = Usage::now()?;
    let began = Instant::now();
    let tally = match shape {
        Shape::Batches | Shape::Capped => {
            let mut tally = Tally::default();
            while began.elapsed() < span {
                let any = |_| (payloads.topic(TOPICS), payloads.any());
                let batch: Vec<_> = (0..BATCH).map(any).collect();
                let asked = Instant::now();
                plain.commit(batch)?;
                tally.add(BATCH, asked.elapsed());
            }
            tally
        }
        Shape::Singles => {
            let (queue, jobs) = channel();
            let writer = thread::spawn(move || plain.serve(&jobs));
            let tally = publish_singly(queue, began, span).await?;
            writer.join().ok().context("the writer panicked")??;
            tally
        }
    };
    Figures::new(&before, began.elapsed(), tally)
}

impl Plain {
    fn open(folder: &Path, shape: Shape) -> Result<Self> {
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(folder.join("plain.redb"))?;
        let kept = shape.cap().map(|cap| (cap, vec![VecDeque::new(); TOPICS]));
        Ok(Self {
            db,
            sequence: 0,
            kept,
        })
    }

    /// Adds events in one transaction, and takes out those that are too many.
    fn commit(&mut self, events: impl IntoIterator<Item = (usize, Arc<str>)>) -> Result<()> {
        let txn = self.db.begin_write()?;
        {
            let mut table = txn.open_table(EVENTS)?;
            for (topic, data) in events {
                self.sequence += 1;
                let name = u32::try_from(topic)?;
                table.insert((name, self.sequence), data.as_bytes())?;
                let Some((cap, kept)) = &mut self.kept else {
                    continue;
                };
                let kept = &mut kept[topic];
                kept.push_back(self.sequence);
                if kept.len() as u64 > *cap
                    && let Some(oldest) = kept.pop_front()
                {
                    table.remove((name, oldest))?;
                }
            }
        }
        txn.commit()?;
        Ok(())
    }

    /// Commits what has gathered, again and again, until nobody publishes any more.
    fn serve(&mut self, jobs: &Receiver<Job>) -> Result<()> {
        while let Ok(first) = jobs.recv() {
            let gathered: Vec<Job> = [first].into_iter().chain(jobs.try_iter()).collect();
            self.commit(gathered.iter().map(|job| (job.topic, job.data.clone())))?;
            for job in gathered {
                // A publisher that failed elsewhere does not wait any more.
                let _ = job.reply.send(());
            }
        }
        Ok(())
    }
}

async fn publish_singly(queue: Sender<Job>, began: Instant, span: Duration) -> Result<Tally> {
    let texts = Payloads::new(1);
    let publishers = (0..PUBLISHERS as u64).map(async |seed| {
        let mut payloads = texts.shuffled(seed);
        let mut tally = Tally::default();
        while began.elapsed() < span {
            let (reply, done) = oneshot::channel();
            let job = Job {
                topic: payloads.topic(TOPICS),
                data: payloads.any(),
                reply,
            };
            let asked = Instant::now();
            queue.send(job).ok().context("the writer has ended")?;
            done.await?;
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
