use std::{io, sync::Arc, task::Waker};

use tidings_log::{KeyRow, Log, Store};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::{
    BatchError, LagPolicy, Publication, StoreFailed, SubscribeError, Subscription,
    accept::{Author, Outcome},
    core::Core,
    filter::Filter,
    idempotency::Fingerprint,
    options::Options,
    queue::{Op, Wakeups},
    reader::{Live, Place, Reader},
    reads::ReadPool,
    replays::Replays,
    sync::{Mutex, MutexGuard},
    time::Clock,
    writer::Bell,
};

/// A share of what may wait for the disk is so many bytes of events.
const SHARE_BYTES: usize = 4 << 10;
/// How many shares there are. A publisher for whom there is none waits.
const SHARES: usize = 16_384;

/// What all handles and subscribers of a broker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) options: Arc<Options>,
    /// Taken after a reader's state and before a group's tail.
    pub(crate) core: Mutex<Core>,
    /// Told when a stream has come that expires sooner than all others.
    pub(crate) sooner: Notify,
    /// Counts changes of the set of topics, of who subscribes, and of what has ended.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) replays: Replays,
    /// What it takes to wait for the disk, if the store is on one.
    pub(crate) disk: Option<Disk>,
}

/// Who works for a broker whose store may take long.
#[derive(Debug)]
pub(crate) struct Disk {
    writer: Bell,
    pub(crate) reads: ReadPool,
    /// One permit for each share of what may wait to be written.
    shares: Arc<Semaphore>,
}

impl Shared {
    /// Starts what a broker needs on a log that has just been opened.
    pub(crate) fn start(
        options: Arc<Options>,
        log: Log,
        keys: Vec<KeyRow>,
        clock: Clock,
    ) -> io::Result<Arc<Self>> {
        let store = log.store().clone();
        let (writer, rings) = Bell::new();
        let disk = if store.is_durable() {
            Some(Disk {
                writer,
                reads: ReadPool::start(&store)?,
                shares: Arc::new(Semaphore::new(SHARES)),
            })
        } else {
            None
        };
        let shared = Arc::new(Self {
            clock,
            core: Mutex::new(Core::new(log, keys, options.clone())),
            options,
            sooner: Notify::new(),
            changes: watch::Sender::new(0),
            store,
            replays: Replays::default(),
            disk,
        });
        if shared.disk.is_some() {
            rings.start_writer(Arc::downgrade(&shared))?;
        }
        Ok(shared)
    }

    /// Waits for what a batch takes of what may wait to be written.
    pub(crate) async fn share_of(&self, batch: &[Publication]) -> Option<OwnedSemaphorePermit> {
        let shares = batch
            .iter()
            .map(|publication| 1 + publication.event.data.len() / SHARE_BYTES);
        self.shares(shares.sum()).await
    }

    /// Waits for so many shares of what may wait to be written.
    pub(crate) async fn shares(&self, shares: usize) -> Option<OwnedSemaphorePermit> {
        let disk = self.disk.as_ref()?;
        let shares = u32::try_from(shares.min(SHARES)).ok()?;
        disk.shares.clone().acquire_many_owned(shares).await.ok()
    }

    pub(crate) fn accept(
        &self,
        author: Author,
        batch: &[Publication],
        fingerprints: Vec<Option<Fingerprint>>,
        mut share: Option<OwnedSemaphorePermit>,
    ) -> Result<Outcome, BatchError> {
        let mut wakeups = Wakeups::default();
        let mut core = self.core.lock();
        let accepted = core.accept(author, batch, fingerprints, &mut share, self.clock.now());
        if self.disk.is_some() {
            core.release_at_once(&mut wakeups);
        } else {
            core.release_all(&mut wakeups);
        }
        let is_waiting = !core.queue.is_empty() || core.log.has_debris(false);
        self.unlock_and_tell(core, wakeups);
        if is_waiting {
            self.ring();
        }
        accepted
    }

    /// Has something done after all that was accepted before it.
    pub(crate) fn push(&self, op: Op) -> Result<(), StoreFailed> {
        let mut wakeups = Wakeups::default();
        let mut core = self.core.lock();
        if let Some(failure) = &core.failure {
            return Err(failure.clone());
        }
        core.queue.push(op);
        if self.disk.is_none() {
            core.release_all(&mut wakeups);
        }
        self.unlock_and_tell(core, wakeups);
        self.ring();
        Ok(())
    }

    /// Unlocks the core, and tells everybody then: nobody is woken under the lock.
    pub(crate) fn unlock_and_tell(&self, mut core: MutexGuard<'_, Core>, wakeups: Wakeups) {
        let topics_changed = core.topics_changed();
        drop(core);
        wakeups.send();
        if topics_changed {
            self.note_change();
        }
    }

    fn ring(&self) {
        if let Some(disk) = &self.disk {
            disk.writer.ring();
        }
    }

    /// What is asked for and allowed, checked against the limits before anything is done with it.
    pub(crate) fn filter_of(&self, subscription: &Subscription) -> Result<Filter, SubscribeError> {
        let limit = self.options.max_selectors;
        if subscription.events.len() > limit {
            return Err(SubscribeError::TooManyEventTypes { limit });
        }
        if subscription.selectors.len() > limit {
            return Err(SubscribeError::TooManySelectors { limit });
        }
        Ok(subscription.filter()?)
    }

    pub(crate) fn note_change(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Takes a reader out of everything. Doing it again changes nothing.
    pub(crate) fn unregister(&self, reader: &Reader) {
        let mut state = reader.state.lock();
        let stalled_on = state.stalled_on(self.clock.now());
        let mut core = self.core.lock();
        let registered = core.readers.remove(&reader.id);
        if registered {
            core.admissions.give_back(reader.peer.owner.as_ref());
            if let Some(at) = reader.peer.expires_at() {
                core.expiries.remove(at, &reader.id);
            }
        }
        if stalled_on.is_some_and(|topic| self.options.lag_policy(&topic) == LagPolicy::Disconnect)
        {
            // Its transport has given up on it before it asked again.
            core.counters.disconnected += 1;
        }
        let live = state.live.take();
        let waker = live.as_ref().and_then(|live| core.leave(live));
        let is_ending = state.is_ending();
        drop(core);
        drop(state);
        if let Some(Live {
            place: Place::Fed(fed),
            ..
        }) = &live
            && is_ending
        {
            fed.let_go();
        }
        // Not under a lock: a waker may be the last owner of a task, and that of another subscriber.
        drop((live, waker));
        if registered {
            self.note_change();
        }
    }
}

/// Wakes readers. No lock is held here.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
