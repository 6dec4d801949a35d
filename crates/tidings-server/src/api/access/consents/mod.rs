//! What the application says of those who come: asked once, held for a while, and asked again about those who stay.

mod known;

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, ready};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tidings::Consent;
use tidings_auth::{Answer, Authorizer, AuthorizerError, Question};
use tokio::select;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::warn;

use self::known::{Known, Standing};
use crate::settings::AuthorizerSettings;
use crate::wall_clock::now;

/// Questions of those who wait that are asked at a time, and as many about those who have streams: neither holds up the other.
const AT_A_TIME: usize = 64;

/// Questions that are asked or wait for their turn. Who comes when there are more is sent away.
const MOST: usize = 10_000;

/// The longest time between two looks at who has streams, and for which nobody is asked about again who was not answered
/// about.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is written down in a minute that there was no answer.
const A_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// What the application says, for as long as that holds.
#[derive(Debug)]
pub(super) struct Consents {
    shared: Arc<Shared>,
    /// The questions that are asked or wait for their turn. They go on when whoever asked has gone, and end with this.
    questions: Mutex<JoinSet<()>>,
    /// Places for questions of those who wait.
    places: Arc<Semaphore>,
    /// Places for questions about those who have streams.
    rechecks: Arc<Semaphore>,
}

struct Shared {
    authorizer: Authorizer,
    timeout: Duration,
    pause: Duration,
    known: Mutex<Known>,
    /// Something that streams may be open by was withdrawn.
    withdrawals: watch::Sender<()>,
    /// What is written down of those that were not answered.
    notes: DefaultDirectRateLimiter,
}

/// There is no answer, and none that still holds.
#[derive(Debug)]
pub(super) struct Unavailable;

impl Consents {
    /// # Errors
    ///
    /// The system's certificates cannot be used.
    pub(super) fn new(settings: &AuthorizerSettings) -> Result<Self, AuthorizerError> {
        let places = || Arc::new(Semaphore::new(AT_A_TIME));
        Ok(Self {
            shared: Arc::new(Shared {
                authorizer: settings.client()?,
                timeout: settings.timeout,
                pause: PAUSE.min(settings.ttl / 8),
                known: Mutex::new(Known::new(settings.ttl)),
                withdrawals: watch::Sender::default(),
                notes: RateLimiter::direct(Quota::per_minute(A_MINUTE)),
            }),
            questions: Mutex::default(),
            places: places(),
            rechecks: places(),
        })
    }

    /// What the application says of somebody, and by which word they are let in if it allows that. All who come with the
    /// same wait for one answer, and for no longer than it may take.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub(super) async fn of(
        &self,
        question: &Question,
    ) -> Result<(Arc<Answer>, Consent), Unavailable> {
        let asking = match self.shared.known().ask(question, Instant::now()) {
            Standing::Said(answer, consent) => return Ok((answer, consent)),
            Standing::Asking(asking) => asking,
            Standing::Begun(asking, over) => {
                let place = self.places.clone().acquire_owned();
                self.begin(question.clone(), place, over);
                asking
            }
            Standing::Resting => return Err(Unavailable),
        };
        asking.over().await;
        let said = self.shared.known().said(question, Instant::now());
        said.ok_or(Unavailable)
    }

    /// Tells when streams may have to end.
    pub(super) fn withdrawals(&self) -> watch::Receiver<()> {
        self.shared.withdrawals.subscribe()
    }

    /// Asks again about those who have streams, and withdraws what has held for its time, for ever.
    pub(super) async fn keep(&self) -> Infallible {
        let mut ticks = interval(self.shared.pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = Vec::new();
        loop {
            select! {
                _ = ticks.tick() => {
                    let look = self.shared.known().look(Instant::now());
                    if look.has_withdrawn {
                        self.shared.withdrawals.send_replace(());
                    }
                    due = look.due;
                }
                place = self.rechecks.clone().acquire_owned(), if !due.is_empty() => {
                    let question = due.pop().expect("it is not empty");
                    if let Some(over) = self.shared.known().recheck(&question, Instant::now()) {
                        self.begin(question, ready(place), over);
                    }
                }
            }
        }
    }

    /// Asks, once there is a place for it. `over` is dropped when that is over.
    fn begin(
        &self,
        question: Question,
        place: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + 'static,
        over: watch::Sender<()>,
    ) {
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while questions.try_join_next().is_some() {}
        if questions.len() >= MOST {
            return;
        }
        let shared = self.shared.clone();
        questions.spawn(async move {
            shared.ask(question, place).await;
            drop(over);
        });
    }
}

impl Shared {
    async fn ask(
        &self,
        question: Question,
        place: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
    ) {
        let asked_at = Instant::now();
        let asking = async {
            // Whoever waits longer for a place would not be answered in what is left.
            let place = timeout(self.timeout / 2, place).await;
            let _place = place.map_err(|_| anyhow!("there were too many questions before"))??;
            Ok(self.authorizer.ask(&question, now()).await?)
        };
        let outcome = timeout(self.timeout, asking).await;
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("it was not answered in time")));
        let answer = match outcome {
            Ok(answer) => Some(answer),
            Err(error) => {
                if self.notes.check().is_ok() {
                    warn!("the application does not say who may come: {error:#}");
                }
                None
            }
        };
        let mut known = self.known();
        let has_withdrawn = match answer {
            Some(answer) => known.settle(question, answer, asked_at),
            None => {
                known.rest(question, Instant::now() + self.pause);
                false
            }
        };
        drop(known);
        if has_withdrawn {
            self.withdrawals.send_replace(());
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that could panic is done under it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("authorizer", &self.authorizer)
            .finish_non_exhaustive()
    }
}
