//! One view of a resource: what everybody who asks the same sees, found once for all of them.

use std::collections::VecDeque;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{FutureExt, StreamExt};
use tidings::{Gap, GapReason, Position, PublishError};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::desk::{Desk, is_final};
use super::evaluate::internal;
use super::evaluator::{Evaluated, Evaluator, Findings, Want};
use super::tale::{After, Opening, Resuming, Tale};
use super::viewer::{Admitted, Join, Viewer, refused};
use crate::Problem;

/// How long a viewer is kept waiting for the first evaluation before the head of its answer is sent.
const HEAD_WAITS: Duration = Duration::from_secs(2);

/// The longest time between attempts of a provider that fails, unless the pace is slower.
const MOST_BACKOFF: Duration = Duration::from_secs(10);

/// Evaluates, tells, and lets viewers in, all from one task: what a viewer begins with and what it is told then have no
/// seam between them.
pub(super) struct View {
    pub(super) desk: Desk,
    /// The least time between the starts of two evaluations.
    pub(super) pace: Duration,
    /// Whether the resource may change without a word.
    pub(super) drifts: bool,
    pub(super) tale: Box<dyn Tale>,
    pub(super) joins: mpsc::Receiver<Join>,
    /// Each item says that something may have changed.
    pub(super) refreshes: SelectAll<BoxStream<'static, ()>>,
    pub(super) evaluator: Asked,
    pub(super) progress: Progress,
}

/// Who evaluates, or the evaluation that is under way.
pub(super) enum Asked {
    Idle(Option<Box<dyn Evaluator>>),
    Busy(BoxFuture<'static, Evaluated>),
}

impl Asked {
    async fn outcome(&mut self) -> Evaluated {
        match self {
            Self::Busy(evaluation) => evaluation.await,
            Self::Idle(_) => pending().await,
        }
    }
}

/// There is nothing more to tell.
struct Over;

/// How a view has been left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Whoever returns could go on where they were.
    Resumable,
    Over,
}

/// How far a view has come.
pub(super) struct Progress {
    /// Something may have changed that has not been looked at.
    is_stale: bool,
    started: Option<Instant>,
    failures: u32,
    /// What viewers were last told of, if that has not passed.
    trouble: Option<Problem>,
    waiting: VecDeque<(Instant, Join)>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            is_stale: true,
            started: None,
            failures: 0,
            trouble: None,
            waiting: VecDeque::new(),
        }
    }
}

impl View {
    /// Runs until nobody looks any more, or nobody may. What the application does is guarded where it is called; if
    /// this itself panics, whoever looks is told, and finds a view that begins anew when they return.
    pub(super) async fn run(&mut self) -> Left {
        if let Ok(left) = AssertUnwindSafe(self.follow()).catch_unwind().await {
            return left;
        }
        error!(resource = %self.desk.names.resource, "a view of a live resource panicked");
        self.joins.close();
        let _ = self.end(&internal("the stream could not go on")).await;
        Left::Over
    }

    async fn follow(&mut self) -> Left {
        loop {
            let is_idle = matches!(self.evaluator, Asked::Idle(_));
            let due = self.due();
            let overdue = self.progress.waiting.front().map(|(since, _)| *since);
            let overdue = overdue.map_or_else(Instant::now, |since| since + HEAD_WAITS);
            select! {
                biased;
                join = self.joins.recv() => match join {
                    Some(join) => self.receive(join),
                    None => return self.left(),
                },
                (evaluator, outcome) = self.evaluator.outcome() => {
                    self.evaluator = Asked::Idle(Some(evaluator));
                    let told = match outcome {
                        Ok(findings) => self.tell(findings).await,
                        Err(problem) => self.fail(problem).await,
                    };
                    if let Err(Over) = told {
                        self.joins.close();
                        return Left::Over;
                    }
                    self.admit_who_can_be();
                }
                Some(()) = self.refreshes.next() => self.progress.is_stale = true,
                () = sleep_until(due), if self.progress.is_stale && is_idle => self.evaluate(),
                () = sleep_until(overdue), if !self.progress.waiting.is_empty() => self.admit_first(),
            }
        }
    }

    /// What becomes of a view that nobody looks at.
    fn left(&mut self) -> Left {
        let is_idle = matches!(self.evaluator, Asked::Idle(_));
        self.refreshes = SelectAll::new();
        if is_idle && let Resuming::After(_) = self.tale.resuming() {
            return Left::Resumable;
        }
        // What is under way is of use to nobody.
        self.evaluator = Asked::Idle(None);
        Left::Over
    }

    /// Goes on for viewers who have come back.
    pub(super) fn wake(
        &mut self,
        joins: mpsc::Receiver<Join>,
        refreshes: SelectAll<BoxStream<'static, ()>>,
    ) {
        self.joins = joins;
        self.refreshes = refreshes;
        self.progress = Progress {
            started: self.progress.started,
            ..Progress::default()
        };
    }

    /// When the next evaluation may start.
    fn due(&self) -> Instant {
        let Some(started) = self.progress.started else {
            return Instant::now();
        };
        let backoff = match self.progress.failures {
            0 => Duration::ZERO,
            failures => self.pace.saturating_mul(1 << failures.min(10)),
        };
        started + self.pace.max(backoff.min(MOST_BACKOFF))
    }

    fn evaluate(&mut self) {
        let Asked::Idle(evaluator) = &mut self.evaluator else {
            return;
        };
        if let Some(evaluator) = evaluator.take() {
            let is_awaited = !self.progress.waiting.is_empty() || self.tale.owes();
            let want = if is_awaited {
                self.tale.want()
            } else {
                Want::News
            };
            self.progress.is_stale = false;
            self.progress.started = Some(Instant::now());
            self.evaluator = Asked::Busy(evaluator.evaluate(want));
        }
    }

    async fn tell(&mut self, findings: Findings) -> Result<(), Over> {
        let after = match self.progress.trouble.take() {
            None => After::Success,
            Some(_) => After::Failure,
        };
        self.progress.failures = 0;
        self.progress.is_stale |= findings.more;
        match self.tale.tell(&self.desk, findings, after).await {
            Ok(()) => Ok(()),
            Err(PublishError::Closed) => Err(Over),
            Err(error) => {
                warn!(resource = %self.desk.names.resource, %error, "cannot tell what was found");
                let problem = internal(match error {
                    PublishError::TooLarge { .. } => "the answer is too large for a stream",
                    _ => "the stream could not go on",
                });
                self.end(&problem).await
            }
        }
    }

    async fn fail(&mut self, problem: Problem) -> Result<(), Over> {
        if is_final(&problem) {
            return self.end(&problem).await;
        }
        self.progress.is_stale = true;
        self.progress.failures = self.progress.failures.saturating_add(1);
        if self.progress.trouble.as_ref() != Some(&problem) {
            // It fails only once the broker is closed, and then viewers are sent away by it.
            self.desk.tell(&problem).await.map_err(|_| Over)?;
        }
        for (since, join) in std::mem::take(&mut self.progress.waiting) {
            if self.tale.opening(join.viewer.format()).is_some() {
                self.progress.waiting.push_back((since, join));
            } else {
                // Whoever has gone needs no answer.
                let _ = join.reply.send(Err(problem.clone()));
            }
        }
        self.progress.trouble = Some(problem);
        Ok(())
    }

    async fn end(&mut self, problem: &Problem) -> Result<(), Over> {
        for (_, join) in self.progress.waiting.drain(..) {
            let _ = join.reply.send(Err(problem.clone()));
        }
        // As in `fail`.
        let _ = self.desk.end(problem).await;
        Err(Over)
    }

    /// Lets a viewer in, or has it wait.
    fn receive(&mut self, mut join: Join) {
        if let Some(outcome) = self.resume(&mut join.viewer) {
            // Whoever has gone needs no answer, here as below.
            let _ = join.reply.send(outcome);
            return;
        }
        let is_old = |started: Instant| started.elapsed() >= self.pace;
        if (self.drifts || self.tale.drifts()) && self.progress.started.is_some_and(is_old) {
            self.progress.is_stale = true;
        }
        self.progress.waiting.push_back((Instant::now(), join));
        self.admit_who_can_be();
    }

    /// Lets a viewer in where it left off. `None` if it has to begin anew.
    fn resume(&self, viewer: &mut Viewer) -> Option<Result<Admitted, Problem>> {
        let id = viewer.take_resumption()?;
        let Resuming::After(first) = self.tale.resuming() else {
            return None;
        };
        let subscriber = match viewer.resume(&self.desk, &id) {
            Ok(subscriber) => subscriber,
            Err(error) => return Some(Err(refused(&self.desk, &error))),
        };
        let is_later = |first: &Position| {
            let id = id.parse::<Position>();
            id.is_ok_and(|id| id.epoch == first.epoch && id.sequence >= first.sequence)
        };
        match subscriber.opening_gap() {
            None if first.is_some_and(is_later) => Some(Ok(viewer.resumed(subscriber))),
            gap => {
                viewer.miss(gap.unwrap_or(Gap {
                    reason: GapReason::Evicted,
                    requested: id,
                    oldest: None,
                }));
                None
            }
        }
    }

    fn admit_who_can_be(&mut self) {
        let is_known = matches!(self.evaluator, Asked::Idle(_)) && !self.progress.is_stale;
        if !is_known && self.progress.trouble.is_none() {
            return;
        }
        for (since, join) in std::mem::take(&mut self.progress.waiting) {
            match self.tale.opening(join.viewer.format()) {
                Some(opening) => self.admit(join, opening),
                None => {
                    self.progress.is_stale = true;
                    self.progress.waiting.push_back((since, join));
                }
            }
        }
    }

    /// Lets the one in who has waited for longest, with what is known.
    fn admit_first(&mut self) {
        let Some((_, join)) = self.progress.waiting.pop_front() else {
            return;
        };
        let opening = self.tale.opening(join.viewer.format());
        if opening.is_none() {
            self.tale.owe_snapshot();
            self.progress.is_stale = true;
        }
        self.admit(join, opening.unwrap_or_default());
    }

    fn admit(&self, join: Join, opening: Opening) {
        if join.reply.is_closed() {
            return;
        }
        let trouble = self.progress.trouble.as_ref();
        let admitted = join.viewer.admit(&self.desk, opening, trouble);
        let _ = join.reply.send(admitted);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{body::to_bytes, response::IntoResponse};
    use futures_util::stream;
    use tidings_testkit::Parser;
    use tokio::sync::oneshot;

    use super::*;
    use crate::live::{desk::Names, evaluator::Found, live_broker, tale::ValueTale};
    use crate::{StreamOptions, StreamRequest};

    /// Evaluates so often, and then breaks.
    struct Breaks {
        after: usize,
    }

    impl Evaluator for Breaks {
        fn evaluate(mut self: Box<Self>, _: Want) -> BoxFuture<'static, Evaluated> {
            let left = self.after.checked_sub(1);
            self.after = left.expect("expected by the test");
            let found = Found {
                json: "1".into(),
                essence: None,
            };
            let findings = Findings {
                body: Some(found),
                ..Findings::default()
            };
            Box::pin(async { (self as Box<dyn Evaluator>, Ok(findings)) })
        }
    }

    /// A view that is told of a change once it has answered its first viewer; how it was left, and what the answer was.
    async fn looked_at(after: usize) -> (Left, Result<Admitted, Problem>) {
        let names = Arc::new(Names::of("thing").unwrap());
        let (lease, joins) = mpsc::channel(1);
        let (changes, changed) = oneshot::channel::<()>();
        let refreshes = stream::once(async { drop(changed.await) }).boxed();
        let mut view = View {
            desk: Desk::of_value(&live_broker().build(), &names),
            pace: Duration::ZERO,
            drifts: false,
            tale: Box::new(ValueTale::default()),
            joins,
            refreshes: SelectAll::from_iter([refreshes]),
            evaluator: Asked::Idle(Some(Box::new(Breaks { after }))),
            progress: Progress::default(),
        };
        let (parts, ()) = http::Request::new(()).into_parts();
        let viewer = Viewer::read(&parts, &StreamRequest::read(&parts).unwrap()).unwrap();
        let (reply, answer) = oneshot::channel();
        assert!(lease.send(Join { viewer, reply }).await.is_ok());
        let answered = async {
            let answer = answer.await.unwrap();
            drop(changes);
            answer
        };
        let (left, answer) = tokio::join!(view.run(), answered);
        assert!(lease.is_closed());
        (left, answer)
    }

    #[tokio::test]
    async fn a_view_that_panics_answers_who_waits() {
        let (left, answer) = looked_at(0).await;
        assert_eq!(left, Left::Over);
        let problem = answer.err().unwrap();
        assert_eq!(
            (problem.status().as_u16(), problem.kind()),
            (500, "internal")
        );
    }

    #[tokio::test]
    async fn a_view_that_panics_tells_who_looks_and_ends() {
        let (left, answer) = looked_at(1).await;
        assert_eq!(left, Left::Over);
        let stream = answer.ok().unwrap().stream(StreamOptions::default());
        let body = to_bytes(stream.into_response().into_body(), usize::MAX);
        let mut events = Vec::new();
        Parser::default().feed(&body.await.unwrap(), &mut events);
        let names: Vec<_> = events.iter().map(|event| &*event.event).collect();
        assert_eq!(names, ["thing", "tidings.error"]);
        assert_eq!(events[1].json()["retryable"], true);
    }
}
