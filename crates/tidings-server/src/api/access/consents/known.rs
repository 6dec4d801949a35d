//! What was answered, about whom, and when that is to be asked again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidings::{Consent, GoodbyeReason};
use tidings_auth::{Answer, Question};
use tokio::sync::watch;
use tokio::time::Instant;

/// How many may be remembered of whom nothing is open.
const IDLE: usize = 10_000;

/// What is known of those who have come. The time is an argument.
#[derive(Debug)]
pub(super) struct Known {
    /// How long an answer holds, from when it was asked for.
    ttl: Duration,
    entries: HashMap<Question, Entry>,
    /// With so many entries those go of whom nothing is open.
    full_at: usize,
}

/// How somebody stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// This was said of them, and still holds.
    Said(Arc<Answer>, Consent),
    /// They are being asked about.
    Asking(Asking),
    /// They are to be asked about: it is over when the sender is dropped.
    Begun(Asking, watch::Sender<()>),
    /// There was no answer a moment ago.
    Resting,
}

/// A question that is under way.
#[derive(Clone, Debug)]
pub(super) struct Asking(watch::Receiver<()>);

/// What was found when all were looked at.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Who is to be asked about again, those whose answer is the oldest last.
    pub(super) due: Vec<Question>,
    /// Somebody was let go who may have streams.
    pub(super) has_withdrawn: bool,
}

#[derive(Debug, Default)]
struct Entry {
    said: Option<Said>,
    asking: Option<Asking>,
    /// Until when no question follows one without an answer.
    rests_until: Option<Instant>,
}

#[derive(Debug)]
struct Said {
    answer: Arc<Answer>,
    asked_at: Instant,
    /// When it is asked about again if anything is open by it.
    due_at: Instant,
    /// What everything is open by that was opened under this answer. It is handed out under the lock alone.
    consent: Consent,
}

impl Asking {
    pub(super) async fn over(mut self) {
        // That the other end is gone is what is waited for.
        let _ = self.0.changed().await;
    }

    fn is_running(&self) -> bool {
        self.0.has_changed().is_ok()
    }
}

impl Known {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            entries: HashMap::new(),
            full_at: IDLE,
        }
    }

    /// How somebody stands. If nothing is known, the question begins.
    pub(super) fn ask(&mut self, question: &Question, now: Instant) -> Standing {
        if let Some((answer, consent)) = self.said(question, now) {
            return Standing::Said(answer, consent);
        }
        if self.entries.len() >= self.full_at {
            self.entries.retain(|_, entry| entry.is_in_use());
            self.full_at = self.entries.len() + IDLE;
        }
        let entry = self.entries.entry(question.clone()).or_default();
        if let Some(asking) = entry.running() {
            return Standing::Asking(asking.clone());
        }
        if entry.rests(now) {
            return Standing::Resting;
        }
        let (asking, over) = entry.begin();
        Standing::Begun(asking, over)
    }

    /// What was said of somebody, if it still holds.
    pub(super) fn said(&self, question: &Question, now: Instant) -> Option<(Arc<Answer>, Consent)> {
        let said = self.entries.get(question)?.said.as_ref()?;
        let holds = now < said.asked_at + self.ttl && said.consent.withdrawn().is_none();
        holds.then(|| (said.answer.clone(), said.consent.clone()))
    }

    /// Begins to ask again about somebody, unless that is under way.
    pub(super) fn recheck(
        &mut self,
        question: &Question,
        now: Instant,
    ) -> Option<watch::Sender<()>> {
        let entry = self.entries.get_mut(question)?;
        entry.is_due(now).then(|| entry.begin().1)
    }

    /// Takes note of an answer to what was asked at that time. True if something was withdrawn that may be open.
    pub(super) fn settle(&mut self, question: Question, answer: Answer, asked_at: Instant) -> bool {
        // Those who came at once are not asked about at once again.
        let due_at = asked_at + self.ttl.mul_f64(0.4 + 0.1 * fastrand::f64());
        let entry = self.entries.entry(question).or_default();
        entry.asking = None;
        entry.rests_until = None;
        if let Some(said) = &mut entry.said
            && *said.answer == answer
            && said.consent.withdrawn().is_none()
        {
            (said.asked_at, said.due_at) = (asked_at, due_at);
            return false;
        }
        let reason = if answer.allows() {
            // With the same credentials they get what is said now.
            GoodbyeReason::Disconnected
        } else {
            GoodbyeReason::Revoked
        };
        let before = entry.said.replace(Said {
            answer: Arc::new(answer),
            asked_at,
            due_at,
            consent: Consent::new(),
        });
        before.is_some_and(|before| before.withdraw(reason))
    }

    /// Takes note that there was no answer, and that there is to be no other question before that time.
    pub(super) fn rest(&mut self, question: Question, until: Instant) {
        let entry = self.entries.entry(question).or_default();
        entry.asking = None;
        entry.rests_until = Some(until);
    }

    /// Looks at all: who is due, and for whom the last answer does not hold any more.
    pub(super) fn look(&mut self, now: Instant) -> Look {
        let mut has_withdrawn = false;
        let mut due = Vec::new();
        let ttl = self.ttl;
        self.entries.retain(|question, entry| {
            let lapsed = entry.said.take_if(|said| now >= said.asked_at + ttl);
            if let Some(said) = lapsed {
                has_withdrawn |= said.withdraw(GoodbyeReason::Disconnected);
            }
            if let Some(said) = &entry.said
                && entry.is_due(now)
            {
                due.push((said.asked_at, question.clone()));
            }
            entry.said.is_some() || entry.running().is_some() || entry.rests(now)
        });
        due.sort_unstable_by_key(|(asked_at, _)| std::cmp::Reverse(*asked_at));
        Look {
            due: due.into_iter().map(|(_, question)| question).collect(),
            has_withdrawn,
        }
    }
}

impl Entry {
    fn begin(&mut self) -> (Asking, watch::Sender<()>) {
        let (over, receiver) = watch::channel(());
        let asking = Asking(receiver);
        self.asking = Some(asking.clone());
        (asking, over)
    }

    fn running(&self) -> Option<&Asking> {
        self.asking.as_ref().filter(|asking| asking.is_running())
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Whether something may be open by it, or will be soon.
    fn is_in_use(&self) -> bool {
        let is_open = |said: &Said| said.consent.is_relied_on();
        self.said.as_ref().is_some_and(is_open) || self.running().is_some()
    }

    /// Whether something is open by it and it is time to ask again.
    fn is_due(&self, now: Instant) -> bool {
        let is_due = |said: &Said| now >= said.due_at && said.consent.is_relied_on();
        self.said.as_ref().is_some_and(is_due) && self.running().is_none() && !self.rests(now)
    }
}

impl Said {
    /// True if something may be open by it.
    fn withdraw(self, reason: GoodbyeReason) -> bool {
        self.consent.withdraw(reason);
        self.consent.is_relied_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    fn question(name: &str) -> Question {
        Question {
            namespace: None,
            identity: Some(name.into()),
            issuer: None,
            token: None,
            key: None,
        }
    }

    fn answer(text: &str) -> Answer {
        Answer::read(text.as_bytes()).unwrap()
    }

    fn allowed() -> Answer {
        answer(r#"{"allow":true}"#)
    }

    /// Somebody of whom that is known since then.
    fn known(answer: Answer, at: Instant) -> Known {
        let mut known = Known::new(TTL);
        assert!(!known.settle(question("7"), answer, at));
        known
    }

    fn consent(known: &Known, at: Instant) -> Option<Consent> {
        known.said(&question("7"), at).map(|(_, consent)| consent)
    }

    #[test]
    fn an_answer_holds_for_its_time() {
        let start = Instant::now();
        let mut known = known(allowed(), start);
        let almost = start + TTL - Duration::from_millis(1);
        assert!(consent(&known, almost).is_some());
        assert!(consent(&known, start + TTL).is_none());
        let standing = known.ask(&question("7"), start + TTL);
        assert!(matches!(standing, Standing::Begun(..)), "{standing:?}");
    }

    #[test]
    fn equal_questions_are_one() {
        let start = Instant::now();
        let mut known = Known::new(TTL);
        let Standing::Begun(_, over) = known.ask(&question("7"), start) else {
            panic!("nothing was known");
        };
        assert!(matches!(
            known.ask(&question("7"), start),
            Standing::Asking(_)
        ));
        assert!(matches!(
            known.ask(&question("8"), start),
            Standing::Begun(..)
        ));
        drop(over);
        // Whoever was to answer has gone without a word.
        assert!(matches!(
            known.ask(&question("7"), start),
            Standing::Begun(..)
        ));
    }

    #[test]
    fn a_question_without_an_answer_is_not_followed_at_once() {
        let start = Instant::now();
        let mut known = Known::new(TTL);
        known.rest(question("7"), start + PAUSE);
        let just_before = start + PAUSE - Duration::from_millis(1);
        for at in [start, just_before] {
            assert!(matches!(known.ask(&question("7"), at), Standing::Resting));
        }
        assert!(matches!(
            known.ask(&question("7"), start + PAUSE),
            Standing::Begun(..)
        ));
    }

    const PAUSE: Duration = Duration::from_secs(1);

    #[test]
    fn who_has_something_open_is_due_before_half_of_the_time_has_passed() {
        let start = Instant::now();
        let mut known = known(allowed(), start);
        let half = start + TTL / 2;
        assert_eq!(known.look(half).due, []);
        let open = consent(&known, half);
        assert_eq!(known.look(start + TTL.mul_f64(0.39)).due, []);
        assert_eq!(known.look(half).due, [question("7")]);
        known.rest(question("7"), half + PAUSE);
        assert_eq!(known.look(half).due, []);
        assert_eq!(known.look(half + PAUSE).due, [question("7")]);
        let over = known.recheck(&question("7"), half + PAUSE);
        assert!(over.is_some());
        assert_eq!(known.look(half + PAUSE).due, []);
        assert!(known.recheck(&question("7"), half + PAUSE).is_none());
        assert!(!known.settle(question("7"), allowed(), half + PAUSE));
        assert!(consent(&known, start + TTL).is_some());
        assert_eq!(open.unwrap().withdrawn(), None);
    }

    #[test]
    fn the_oldest_answers_are_asked_for_again_first() {
        let start = Instant::now();
        let mut known = Known::new(TTL);
        let mut open = Vec::new();
        for (name, seconds) in [("a", 2), ("b", 0), ("c", 1)] {
            let at = start + Duration::from_secs(seconds);
            known.settle(question(name), allowed(), at);
            open.extend(known.said(&question(name), at));
        }
        let due = known.look(start + TTL - PAUSE).due;
        assert_eq!(due, ["a", "c", "b"].map(question));
    }

    #[test]
    fn what_was_opened_ends_with_another_answer_and_for_its_reason() {
        let start = Instant::now();
        for (text, reason) in [
            (r#"{"allow":false}"#, GoodbyeReason::Revoked),
            (
                r#"{"allow":true,"publish":[]}"#,
                GoodbyeReason::Disconnected,
            ),
        ] {
            let mut known = known(allowed(), start);
            let open = consent(&known, start).unwrap();
            assert!(known.settle(question("7"), answer(text), start));
            assert_eq!(open.withdrawn(), Some(reason), "{text}");
            assert_ne!(consent(&known, start).unwrap(), open);
        }
    }

    #[test]
    fn what_was_opened_ends_when_no_answer_holds() {
        let start = Instant::now();
        let mut known = known(allowed(), start);
        let open = consent(&known, start).unwrap();
        assert!(!known.look(start + TTL - PAUSE).has_withdrawn);
        assert!(known.look(start + TTL).has_withdrawn);
        assert_eq!(open.withdrawn(), Some(GoodbyeReason::Disconnected));
        assert!(!known.look(start + TTL).has_withdrawn);
        // The next answer is another word, and ends nothing.
        assert!(!known.settle(question("7"), allowed(), start + TTL));
        assert_ne!(consent(&known, start + TTL).unwrap(), open);
    }

    #[test]
    fn what_nobody_needs_is_forgotten() {
        let start = Instant::now();
        let mut known = known(allowed(), start);
        known.rest(question("8"), start + PAUSE);
        known.look(start);
        assert_eq!(known.entries.len(), 2);
        known.look(start + TTL);
        assert_eq!(known.entries.len(), 0);
    }

    #[test]
    fn in_a_crowd_only_those_are_forgotten_of_whom_nothing_is_open() {
        let start = Instant::now();
        let mut known = known(allowed(), start);
        let open = consent(&known, start);
        for number in 0..3 * IDLE {
            let question = question(&format!("of the crowd: {number}"));
            let standing = known.ask(&question, start);
            assert!(matches!(standing, Standing::Begun(..)));
            known.settle(question, allowed(), start);
            assert!(known.entries.len() <= IDLE + 1);
        }
        assert_eq!(consent(&known, start), open);
    }
}
