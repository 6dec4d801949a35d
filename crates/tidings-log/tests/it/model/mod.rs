//! The log against a plain model: a list of all events there ever were, with flags.

mod plain;
mod steps;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use tidings_log::{
    Capacity, Entry, LogOptions, Record, Retention, Scope, Timestamp, Topic, TopicRules, Window,
};

use crate::simple::SimpleLog;

use crate::newest::start_of_newest;

use plain::Model;
use steps::{Step, steps};

const TOPICS: [&str; 7] = [
    "few",
    "small",
    "short",
    "keyed",
    "keyed/short",
    "free",
    "spared",
];
const KEYS: [&str; 2] = ["x", "y"];
const CAPACITY: Capacity = Capacity {
    bytes: 2_400,
    topics: 4,
};

fn rules(topic: &Topic) -> TopicRules {
    let plain = Retention::default();
    let age = Duration::from_millis(40);
    let (retention, keyed) = match topic.as_str() {
        "few" | "spared" => (Retention { events: 2, ..plain }, false),
        "small" => (
            Retention {
                bytes: 600,
                ..plain
            },
            false,
        ),
        "short" => (Retention { age, ..plain }, false),
        "keyed" => (Retention { events: 3, ..plain }, true),
        "keyed/short" => (Retention { age, ..plain }, true),
        _ => (plain, false),
    };
    TopicRules {
        retention,
        keyed,
        spared: topic.as_str() == "spared",
    }
}
struct Pair {
    log: SimpleLog,
    model: Model,
    now: u64,
    /// How many evictions the log had counted when the model had counted so many losses, since it was opened.
    moments: Vec<(u64, u64)>,
}

impl Pair {
    fn new(open: impl Fn(LogOptions) -> SimpleLog) -> Self {
        let log = open(options());
        Self {
            log,
            model: Model::default(),
            now: 0,
            moments: vec![(0, 0)],
        }
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = Timestamp::from_millis(self.now);
        match step {
            Step::Append {
                topic,
                key,
                bytes,
                last,
                in_use,
            } => {
                let in_use = named(&in_use);
                let entry = Entry {
                    key: key.map(|key| KEYS[key].into()),
                    ends_topic: last,
                    ..Entry::new(named(&[topic]).remove(0), "x".repeat(bytes))
                };
                self.model.expire(now);
                let expected = self.model.may_append(&entry.topic, &in_use);
                let appended = self.log.append(entry, now, |topic| in_use.contains(topic));
                prop_assert_eq!(appended.as_ref().err(), expected.as_ref().err());
                if let Ok(record) = appended {
                    prop_assert_eq!(record.sequence, self.model.all.len() as u64 + 1);
                    self.model.append(record);
                }
            }
            Step::Forget(topic) => {
                let topic = &named(&[topic])[0];
                prop_assert_eq!(self.log.forget(topic), self.model.forget(topic));
            }
            Step::Expire(millis) => {
                self.now += millis;
                let now = Timestamp::from_millis(self.now);
                self.log.expire(now);
                self.model.expire(now);
            }
            Step::Restart(millis) => {
                self.now += millis;
                let now = Timestamp::from_millis(self.now);
                if self.log.reopen(options(), now) {
                    self.model.expire(now);
                    self.moments.clear();
                }
            }
            Step::Page {
                topics,
                after,
                until,
                records,
                bytes,
            } => {
                let (after, until) = (self.place(after), self.place(until));
                self.check_pages(
                    &named(&topics),
                    Window {
                        after,
                        until,
                        records,
                        bytes,
                    },
                )?;
            }
            Step::Newest { topics, n, until } => {
                self.check_newest(&named(&topics), n, self.place(until))?
            }
            Step::Losses {
                topics,
                after,
                since,
            } => {
                let since = self.moments[(since * (self.moments.len() - 1) as f64) as usize];
                self.check_losses(&named(&topics), self.place(after), since)?;
            }
        }
        self.moments.push((self.log.evictions(), self.model.losses));
        self.check_whole()
    }

    fn place(&self, part: f64) -> u64 {
        (part * self.log.head() as f64).round() as u64
    }

    fn check_whole(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.log.bytes(), self.model.bytes());
        prop_assert_eq!(self.log.topic_count(), self.model.topics.len());
        let all = named(&[0, 1, 2, 3, 4, 5, 6]);
        prop_assert_eq!(self.log.len(), self.model.retained(&all).count());
        for topic in &all {
            prop_assert_eq!(self.log.summary(topic), self.model.summary(topic));
            prop_assert_eq!(
                self.log.has_ended(topic),
                self.model
                    .topics
                    .get(topic)
                    .is_some_and(|known| known.ended)
            );
        }
        for (place, past) in self
            .model
            .all
            .iter()
            .enumerate()
            .filter(|(_, past)| past.gone.is_none())
        {
            prop_assert_eq!(
                self.log.is_superseded(&past.record),
                self.model.superseded(place)
            );
        }
        Ok(())
    }

    fn check_pages(&self, topics: &[Topic], window: Window) -> Result<(), TestCaseError> {
        let within = |record: &&Arc<Record>| {
            record.sequence > window.after && record.sequence <= window.until
        };
        let expected: Vec<_> = self
            .model
            .retained(topics)
            .filter(within)
            .cloned()
            .collect();
        for scope in [
            Scope::Topics(topics),
            Scope::Matching(&|topic| topics.contains(topic)),
        ] {
            let mut found = Vec::new();
            let mut window = window;
            while window.after < window.until {
                let page = self.log.page(&scope, window);
                prop_assert!(page.reached > window.after && page.reached <= window.until);
                prop_assert!(page.records.len() <= window.records);
                if let Some((_, before_last)) = page.records.split_last() {
                    prop_assert!(
                        before_last.iter().map(|record| record.size()).sum::<u64>() < window.bytes
                    );
                }
                found.extend(page.records);
                window.after = page.reached;
            }
            prop_assert_eq!(&found, &expected);
        }
        Ok(())
    }

    fn check_newest(&self, topics: &[Topic], n: usize, until: u64) -> Result<(), TestCaseError> {
        let wanted = |record: &Record| record.key.is_none();
        let upto = self
            .model
            .retained(topics)
            .rev()
            .filter(|record| record.sequence <= until && wanted(record));
        let expected = upto
            .take(n)
            .last()
            .map_or(until, |record| record.sequence - 1);
        for scope in [
            Scope::Topics(topics),
            Scope::Matching(&|topic| topics.contains(topic)),
        ] {
            prop_assert_eq!(
                start_of_newest(&self.log, &scope, n, until, wanted),
                expected
            );
        }
        Ok(())
    }

    fn check_losses(
        &self,
        topics: &[Topic],
        after: u64,
        since: (u64, u64),
    ) -> Result<(), TestCaseError> {
        let model = &self.model;
        let matching = |topic: &Topic| topics.contains(topic);
        let scopes = [
            (Scope::Topics(topics), false),
            (Scope::Matching(&matching), true),
        ];
        for (scope, by_predicate) in scopes {
            let known: Vec<_> = model
                .topics
                .iter()
                .filter(|(topic, _)| topics.contains(topic))
                .collect();
            let unknown = by_predicate || known.len() < topics.len();

            let lost_any = known
                .iter()
                .any(|(_, known)| !model.lost(known, after, 0).is_empty());
            let misses = self.log.misses_any(&scope, after);
            prop_assert_eq!(misses, lost_any || (unknown && model.forgotten.0 > after));

            let mut expected = BTreeMap::new();
            let mut forgotten = unknown && model.forgotten.0 > after && model.forgotten.1 > since.1;
            for (topic, known) in known {
                let lost = model.lost(known, after, since.1);
                if lost.is_empty() {
                    continue;
                }
                if model.has_lost_of_its_own(known) {
                    expected.insert(topic.clone(), lost.iter().all(|superseded| *superseded));
                } else {
                    forgotten = true;
                }
            }
            let holes = self.log.holes(&scope, after, since.0);
            prop_assert_eq!(
                holes.topics.iter().cloned().collect::<BTreeMap<_, _>>(),
                expected
            );
            prop_assert_eq!(holes.forgotten, forgotten);

            let gone = model
                .all
                .iter()
                .filter(|past| topics.contains(&past.record.topic));
            let gone = gone
                .filter(|past| past.record.sequence > after)
                .filter_map(|past| past.gone);
            prop_assert!(
                misses || gone.clone().next().is_none(),
                "a loss that nobody is told of"
            );
            prop_assert!(
                !holes.is_empty() || !gone.clone().any(|(at, _)| at > since.1),
                "a hole that nobody is told of"
            );
        }
        Ok(())
    }
}

fn named(topics: &[usize]) -> Vec<Topic> {
    topics
        .iter()
        .map(|topic| Topic::new(TOPICS[*topic]).unwrap())
        .collect()
}

fn options() -> LogOptions {
    LogOptions {
        capacity: CAPACITY,
        rules: Some(Arc::new(rules)),
    }
}

fn run(open: impl Fn(LogOptions) -> SimpleLog, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(open);
    steps.into_iter().try_for_each(|step| pair.take(step))
}

proptest! {
    #[test]
    fn the_log_in_memory_is_a_list_with_flags(steps in steps()) {
        run(SimpleLog::in_memory, steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_log_on_disk_is_a_list_with_flags(steps in steps()) {
        run(SimpleLog::on_disk, steps)?;
    }
}
