//! Reading what is no longer in memory, for readers that must not wait while they are polled.

use std::{
    fmt, io,
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use tidings_log::{Lot, Record, Store, StoreError};

use crate::sync::Mutex;

/// How many pages are read at the same time, however many readers wait for one.
const THREADS: usize = 2;
/// How long after a failure a page is asked for again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Threads that read pages in the order in which they are asked for. They end with this.
pub(crate) struct ReadPool(std::sync::Mutex<Sender<Job>>);

/// A page that is being read. It need not be waited for.
#[derive(Debug)]
pub(crate) struct PageRead(Arc<Mutex<Progress>>);

struct Job {
    sequences: Vec<u64>,
    progress: Arc<Mutex<Progress>>,
}

pub(crate) type Outcome = Result<Vec<Arc<Record>>, StoreError>;

#[derive(Debug)]
enum Progress {
    Reading(Waker),
    Done(Outcome),
}

impl ReadPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(crate) fn start(store: &Arc<dyn Store>) -> io::Result<Self> {
        let (pool, jobs) = channel();
        let jobs = Arc::new(std::sync::Mutex::new(jobs));
        for _ in 0..THREADS {
            let (store, jobs) = (store.clone(), jobs.clone());
            let reader = thread::Builder::new().name("tidings-reader".into());
            reader.spawn(move || read(&*store, &jobs))?;
        }
        Ok(Self(std::sync::Mutex::new(pool)))
    }

    /// Has the records with these sequences read. The waker is called when they are there.
    pub(crate) fn read(&self, sequences: Vec<u64>, waker: Waker) -> PageRead {
        let progress = Arc::new(Mutex::new(Progress::Reading(waker)));
        let job = Job {
            sequences,
            progress: progress.clone(),
        };
        let pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pool.send(job).expect("the threads end after this");
        PageRead(progress)
    }
}

impl PageRead {
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut progress = self.0.lock();
        match &mut *progress {
            Progress::Reading(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Progress::Done(outcome) => Poll::Ready(outcome.clone()),
        }
    }

    /// Whom to wake, if the page is not there yet.
    pub(crate) fn waker(&self) -> Option<Waker> {
        match &*self.0.lock() {
            Progress::Reading(waker) => Some(waker.clone()),
            Progress::Done(_) => None,
        }
    }
}

fn read(store: &dyn Store, jobs: &std::sync::Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            sequences,
            progress,
        }) = job
        else {
            return;
        };
        let (mut delay, longest) = RETRY;
        let outcome = loop {
            if Arc::strong_count(&progress) == 1 {
                break None;
            }
            match read_page(store, &sequences) {
                Err(StoreError::Closed | StoreError::Io(_)) => thread::sleep(delay),
                outcome => break Some(outcome),
            }
            delay = (delay * 2).min(longest);
        };
        let Some(outcome) = outcome else {
            continue;
        };
        let before = std::mem::replace(&mut *progress.lock(), Progress::Done(outcome));
        if let Progress::Reading(waker) = before {
            waker.wake();
        }
    }
}

/// Reads a page. If that fails although the store works, what cannot be read is left out.
pub(crate) fn read_page(store: &dyn Store, sequences: &[u64]) -> Outcome {
    match store.read(sequences) {
        Err(StoreError::Io(_)) => {}
        outcome => return outcome,
    }
    let mut readable = Vec::new();
    for sequence in sequences {
        match store.read(std::slice::from_ref(sequence)) {
            Ok(record) => readable.extend(record),
            Err(StoreError::Damaged { .. } | StoreError::Io(_)) => {}
            Err(closed) => return Err(closed),
        }
    }
    // A store that works takes a lot. If it does not, nothing is known of what could not be read.
    store.commit(&Lot::default())?;
    Ok(readable)
}

impl fmt::Debug for ReadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadPool")
    }
}
