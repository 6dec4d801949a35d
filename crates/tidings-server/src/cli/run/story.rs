//! What is told of the command while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::cli::run::message::{self, Message, Source};
use crate::cli::run::outbox::Outbox;
use crate::cli::run::phases::Phases;

/// Tells the outbox what the command prints, and which phase it is in.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    outbox: &'a Outbox,
    /// Held while the events of a phase are told, so that they keep their order.
    phases: Option<Mutex<Phases>>,
    began: Instant,
}

impl<'a> Story<'a> {
    /// The command begins.
    pub(crate) fn begin(outbox: &'a Outbox, phases: Option<Phases>) -> Self {
        let story = Self {
            outbox,
            phases: phases.map(Mutex::new),
            began: Instant::now(),
        };
        story.follow(Phases::start);
        story
    }

    /// The command prints a line; waits for room in the outbox.
    pub(crate) async fn line(&self, source: Source, line: &str) {
        self.follow(|phases, now| phases.line(line, now));
        self.outbox.output(source, line).await;
    }

    /// There is something to say beside what the command prints.
    pub(crate) async fn remark(&self, remark: &str) {
        self.outbox.output(Source::Tidings, remark).await;
    }

    /// The command has ended.
    pub(crate) fn end(self, exit_code: u8) {
        let error = (exit_code != 0).then(|| format!("exit code {exit_code}"));
        self.follow(|phases, now| phases.end(error.as_deref(), now));
        let duration = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.outbox.end(message::end(exit_code, duration));
    }

    fn follow(&self, follow: impl FnOnce(&mut Phases, Instant) -> Vec<Message>) {
        if let Some(phases) = &self.phases {
            let mut phases = lock(phases);
            for message in follow(&mut phases, Instant::now()) {
                self.outbox.tell(message);
            }
        }
    }
}

fn lock(phases: &Mutex<Phases>) -> MutexGuard<'_, Phases> {
    // Nothing that runs under the lock can panic half-way.
    phases.lock().unwrap_or_else(PoisonError::into_inner)
}
