//! Coming, changing and going.

use super::*;

impl World {
    pub(super) fn subscribe(
        &mut self,
        selectors: &[usize],
        filtered: bool,
        start: &Start,
    ) -> Result<(), TestCaseError> {
        let selectors: BTreeSet<Selector> = selectors
            .iter()
            .map(|place| selector(SELECTORS[*place]))
            .collect();
        let mut subscription = selectors.iter().skip(1).fold(
            Subscription::to(selectors.first().unwrap().clone()),
            |all, next| all.and(next.clone()),
        );
        if filtered {
            subscription = subscription.only([name("x")]);
        }
        let wanted = Wanted {
            after: 0,
            selectors,
            filtered,
        };
        let head = self.head();
        let oldest = self
            .retained(&wanted)
            .next()
            .map_or(head, |(sequence, _)| sequence - 1);
        let mut awaited = Vec::new();
        let id = |sequence: u64| {
            let epoch = self.broker.position().epoch;
            tidings::Position { epoch, sequence }.to_string()
        };
        let at = |sequence| {
            let gap = if self.misses_any(&wanted, sequence) {
                vec!["evicted"]
            } else {
                vec![]
            };
            (
                sequence,
                [gap, vec!["resumed"]].concat(),
                Some(id(sequence)),
            )
        };
        let (position, expected, resume_after) = match *start {
            Start::Now => (head, vec![], None),
            Start::Oldest => (oldest, vec![], None),
            Start::Newest(n) => {
                let newest = self
                    .retained(&wanted)
                    .rev()
                    .filter(|(_, past)| past.named || !filtered);
                let start = newest
                    .take(n)
                    .last()
                    .map_or(head, |(sequence, _)| sequence - 1);
                (start, vec![], None)
            }
            Start::At(part) => at((part * head as f64) as u64),
            Start::AsFarAs(reader) if !self.readers.is_empty() => {
                at(self.readers[reader.index(self.readers.len())].position)
            }
            Start::AsFarAs(_) => at(0),
            Start::UnknownId => (head, vec!["unknown-id"], Some(id(head + 1))),
            Start::OtherEpoch => (
                oldest,
                vec!["epoch-changed", "resumed"],
                Some("other-1".to_owned()),
            ),
        };
        awaited.extend(expected);
        subscription = match (start, &resume_after) {
            (_, Some(id)) => subscription.resume_after(id),
            (Start::Oldest, None) => subscription.start_at(StartAt::Start),
            (Start::Newest(n), None) => subscription.start_at(StartAt::Newest(*n)),
            (_, None) => subscription,
        };
        let subscriber = self.broker.subscribe(subscription).unwrap();
        prop_assert_eq!(subscriber.start().sequence, position);

        let ended = self.has_ended(&wanted);
        let missed = self
            .retained(&wanted)
            .any(|(sequence, past)| sequence > position && (past.named || !filtered));
        let over = ended && !missed && matches!(awaited[..], [] | ["resumed"]);
        prop_assert_eq!(subscriber.is_over(), over);
        if !over {
            self.readers.push(Reader {
                subscriber,
                bell: Arc::default(),
                parked: None,
                born: self.step,
                wanted: vec![wanted],
                position,
                excused: self.step,
                fresh: resume_after.is_none(),
                replay_until: head,
                awaited,
                replayed: 0,
                deletions: 0,
                changes: 0,
                end: ended.then_some((head, End::Final)),
            });
        }
        Ok(())
    }

    /// An id is judged against what was evicted or forgotten of the topics asked for.
    fn misses_any(&self, wanted: &Wanted, after: u64) -> bool {
        let lost = |topic: &Topic| {
            let known = &self.topics[topic];
            let own = self
                .events()
                .filter(|(sequence, past)| *sequence > known.before && past.topic == *topic);
            known.before.max(
                own.filter(|(_, past)| past.gone.is_some())
                    .map(|(sequence, _)| sequence)
                    .max()
                    .unwrap_or(0),
            )
        };
        let unknown = wanted
            .topics()
            .is_none_or(|topics| topics.iter().any(|topic| !self.topics.contains_key(*topic)));
        let mut known = self.topics.keys().filter(|topic| wanted.matches(topic));
        (unknown && self.forgotten > after) || known.any(|topic| lost(topic) > after)
    }

    pub(super) fn change(
        &mut self,
        place: usize,
        subscribe: &[usize],
        unsubscribe: &[usize],
    ) -> Result<(), TestCaseError> {
        let texts = |places: &[usize]| {
            places
                .iter()
                .map(|place| selector(SELECTORS[*place]))
                .collect::<Vec<_>>()
        };
        let (subscribe, unsubscribe) = (texts(subscribe), texts(unsubscribe));
        let (head, reader) = (self.head(), &self.readers[place]);
        let changed = self
            .broker
            .change(reader.subscriber.id(), &subscribe, &unsubscribe)
            .now();
        let kept = reader
            .now()
            .selectors
            .iter()
            .filter(|selector| !unsubscribe.contains(selector));
        let selectors: BTreeSet<Selector> = kept.chain(&subscribe).cloned().collect();
        let wanted = Wanted {
            after: head,
            selectors,
            filtered: reader.now().filtered,
        };
        if reader.end.is_some() {
            prop_assert_eq!(changed, Err(ChangeError::NotFound));
            return Ok(());
        }
        if wanted.selectors.is_empty() {
            prop_assert_eq!(changed, Err(ChangeError::NothingLeft));
            return Ok(());
        }
        if changed == Err(ChangeError::TooManyChanges) {
            prop_assert!(reader.changes > 10);
            return Ok(());
        }
        prop_assert_eq!(changed.unwrap().sequence, head);
        let ended = self.has_ended(&wanted);
        let reader = &mut self.readers[place];
        reader.changes += 1;
        reader.wanted.push(wanted);
        if ended {
            reader.end = Some((head, End::Final));
        }
        check_woken(reader)
    }

    pub(super) fn disconnect(&mut self, place: usize) -> Result<(), TestCaseError> {
        let mut reader = self.readers.remove(place);
        prop_assert!(self.broker.disconnect(reader.subscriber.id()));
        if reader.end.is_none() {
            check_woken(&mut reader)?;
        }
        let (taken, ended) = crate::fixture::take(&mut reader.subscriber);
        prop_assert!(ended);
        let goodbye = matches!(
            taken.last(),
            Some(Delivery::Control(Control::Goodbye {
                reason: GoodbyeReason::Disconnected,
                ..
            }))
        );
        let events = taken
            .iter()
            .filter(|delivery| matches!(delivery, Delivery::Event { .. }));
        prop_assert_eq!(events.count(), 0);
        let was_at_its_end = taken.is_empty() && reader.end.is_some();
        prop_assert!(goodbye || was_at_its_end, "{taken:?}");
        Ok(())
    }
}
