//! The tasks of an HTTP/2 connection's streams.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::rt::Executor;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tracing::Instrument;

/// Owns the tasks in which hyper answers the requests of one connection.
pub(super) struct StreamTasks(Arc<Tasks>);

/// Starts tasks for hyper, for as long as their owner is there.
#[derive(Clone)]
pub(super) struct StreamSpawner(Weak<Tasks>);

struct Tasks {
    /// Guards the set alone; held to add a task and to collect those that have ended.
    set: Mutex<JoinSet<()>>,
    running: watch::Sender<usize>,
    write_timeout: Duration,
}

impl StreamTasks {
    pub(super) fn new(write_timeout: Duration) -> Self {
        Self(Arc::new(Tasks {
            set: Mutex::default(),
            running: watch::Sender::new(0),
            write_timeout,
        }))
    }

    pub(super) fn spawner(&self) -> StreamSpawner {
        StreamSpawner(Arc::downgrade(&self.0))
    }

    /// Returns once no task has run for `limit`.
    pub(super) async fn idle(&self, limit: Duration) {
        let mut running = self.0.running.subscribe();
        loop {
            // The sender is ours, so neither wait can fail.
            let _ = running.wait_for(|count| *count == 0).await;
            if timeout(limit, running.wait_for(|count| *count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// Ends every task and waits until it has ended.
    pub(super) async fn stop(self) {
        let mut set = std::mem::take(&mut *self.0.set());
        set.shutdown().await;
    }
}

impl Tasks {
    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        // A set is whole between calls, and nothing else is done under the lock.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Executor<F> for StreamSpawner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let Some(tasks) = self.0.upgrade() else {
            return;
        };
        tasks.running.send_modify(|count| *count += 1);
        let task = StreamTask {
            future,
            write_timeout: tasks.write_timeout,
            stalled: None,
            _running: Running(tasks.running.clone()),
        };
        let mut set = tasks.set();
        // A panic has been reported by the panic hook, and has reset its stream.
        while set.try_join_next().is_some() {}
        set.spawn(task.in_current_span());
    }
}

/// One task in the count.
struct Running(watch::Sender<usize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

tokio::task_local! {
    /// What the body did while its stream was polled.
    static STEP: Cell<Step>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It was not asked for bytes.
    Untouched,
    /// It gave bytes.
    Gave,
    /// It had none to give.
    Waits,
}

pin_project_lite::pin_project! {
    /// Gives up on a stream whose reader takes nothing, which resets it; the other streams of
    /// its connection go on. The socket cannot see this: bytes that a stream's window holds back
    /// are never written.
    struct StreamTask<F> {
        #[pin]
        future: F,
        write_timeout: Duration,
        // Runs while bytes were given and no more have been asked for.
        stalled: Option<Pin<Box<Sleep>>>,
        _running: Running,
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (polled, step) = STEP.sync_scope(Cell::new(Step::Untouched), || {
            (this.future.poll(context), STEP.with(Cell::get))
        });
        if polled.is_ready() {
            return polled;
        }
        match step {
            Step::Untouched => {}
            Step::Gave => *this.stalled = Some(Box::pin(sleep(*this.write_timeout))),
            Step::Waits => *this.stalled = None,
        }
        let Some(stalled) = this.stalled else {
            return Poll::Pending;
        };
        ready!(stalled.as_mut().poll(context));
        tracing::debug!("stream reset: the peer reads nothing");
        Poll::Ready(())
    }
}

pin_project_lite::pin_project! {
    /// A response body in pieces small enough that taking one is progress.
    pub(super) struct StreamBody {
        #[pin]
        body: Body,
        rest: Bytes,
    }
}

/// One HTTP/2 frame at its default size.
const PIECE_BYTES: usize = 16 * 1024;

impl StreamBody {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            rest: Bytes::new(),
        }
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut this = self.project();
        if this.rest.is_empty() {
            STEP.with(|step| step.set(Step::Waits));
            match ready!(this.body.as_mut().poll_frame(context)?) {
                None => return Poll::Ready(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
        STEP.with(|step| step.set(Step::Gave));
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
