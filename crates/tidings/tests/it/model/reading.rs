//! What a reader takes, against what it may expect.

use super::*;

impl World {
    /// Takes one batch or all there is, and checks that it is what the reader may expect.
    pub(super) fn read(&mut self, place: usize, all: bool) -> Result<(), TestCaseError> {
        let mut reader = self.readers.remove(place);
        loop {
            let rung = reader.bell.rung();
            match poll(&mut reader.subscriber, &reader.bell) {
                Poll::Ready(Some(batch)) => {
                    reader.parked = None;
                    if self.check_batch(&mut reader, &batch)? {
                        prop_assert_eq!(crate::fixture::drain(&mut reader.subscriber), ["<end>"]);
                        return Ok(());
                    }
                    if !all {
                        break;
                    }
                }
                Poll::Ready(None) => {
                    let (end, kind) = reader.end.unwrap();
                    prop_assert_eq!(kind, End::Final);
                    self.check_settled(&reader, end + 1)?;
                    prop_assert!(reader.awaited.is_empty());
                    return Ok(());
                }
                Poll::Pending if reader.bell.rung() > rung => {}
                Poll::Pending => {
                    prop_assert_eq!(reader.end, None);
                    prop_assert!(reader.awaited.is_empty());
                    self.check_settled(&reader, self.head() + 1)?;
                    reader.position = self.head();
                    reader.fresh = false;
                    reader.deletions = 0;
                    reader.changes = 0;
                    reader.parked = Some(rung);
                    break;
                }
            }
        }
        self.readers.insert(place, reader);
        Ok(())
    }

    /// True if it was the last batch.
    fn check_batch(&self, reader: &mut Reader, batch: &[Delivery]) -> Result<bool, TestCaseError> {
        for delivery in batch {
            match delivery {
                Delivery::Event { event, .. } => {
                    let sequence = event.id().sequence;
                    let past = &self.all[sequence as usize - 1];
                    prop_assert_eq!(event.topic(), &past.topic);
                    prop_assert!(sequence > reader.position, "{sequence} is out of order");
                    prop_assert!(
                        reader.is_owed(sequence, past),
                        "{sequence} is not for this reader"
                    );
                    if reader.fresh {
                        reader.excused = self.step;
                    }
                    self.check_settled(reader, sequence)?;
                    match reader.awaited[..] {
                        [] => {}
                        ["resumed"] => {
                            prop_assert!(
                                sequence <= reader.replay_until,
                                "{sequence} before the replay was confirmed"
                            );
                            reader.replayed += 1;
                        }
                        _ => prop_assert!(false, "{sequence} before {:?}", reader.awaited),
                    }
                    reader.position = sequence;
                    reader.fresh = false;
                }
                Delivery::Control(Control::Resumed { count, .. }) => {
                    prop_assert_eq!(&reader.awaited, &["resumed"]);
                    prop_assert_eq!(*count, reader.replayed);
                    self.check_settled(reader, reader.replay_until + 1)?;
                    reader.awaited.clear();
                    reader.position = reader.position.max(reader.replay_until);
                }
                Delivery::Control(Control::Gap(gap)) => self.check_gap(reader, gap.reason)?,
                Delivery::Control(Control::Goodbye {
                    reason: GoodbyeReason::TooSlow,
                    ..
                }) => {
                    prop_assert_eq!(self.policy, LagPolicy::Disconnect);
                    prop_assert!(
                        self.may_miss(reader),
                        "a reader that misses nothing was cut"
                    );
                    return Ok(true);
                }
                Delivery::Control(Control::Goodbye { reason, .. }) => {
                    prop_assert_eq!(*reason, GoodbyeReason::TopicDeleted);
                    let (end, kind) = reader.end.unwrap();
                    prop_assert_eq!(kind, End::Deleted);
                    self.check_settled(reader, end + 1)?;
                    return Ok(true);
                }
                Delivery::Control(_) => prop_assert!(false, "{delivery:?}"),
            }
        }
        Ok(false)
    }

    fn check_gap(&self, reader: &mut Reader, reason: GapReason) -> Result<(), TestCaseError> {
        let text = match reason {
            GapReason::Evicted => "evicted",
            GapReason::UnknownId => "unknown-id",
            GapReason::EpochChanged => "epoch-changed",
            GapReason::Lagged => "lagged",
            _ => "deleted",
        };
        if reader.awaited.first() == Some(&text) {
            reader.awaited.remove(0);
            return Ok(());
        }
        match reason {
            GapReason::Deleted => {
                prop_assert!(reader.deletions > 0, "nothing was deleted");
                reader.deletions -= 1;
                return Ok(());
            }
            GapReason::Evicted => {
                prop_assert!(!reader.fresh && reader.position < reader.replay_until)
            }
            _ => {
                prop_assert_eq!(reason, GapReason::Lagged);
                prop_assert!(self.policy != LagPolicy::Disconnect || self.forgotten > 0);
            }
        }
        prop_assert!(self.may_miss(reader), "a gap, but nothing is missing");
        reader.excused = self.step;
        Ok(())
    }

    /// Whether something of the reader's topics has gone that it was not given. False alarms are for patterns and for
    /// topics that were unknown at some time, since nobody can tell what those had been.
    fn may_miss(&self, reader: &Reader) -> bool {
        let exact = reader.wanted.iter().all(|wanted| {
            let known = |topic: &&Topic| {
                self.topics
                    .get(*topic)
                    .is_some_and(|known| known.before == 0)
            };
            wanted
                .topics()
                .is_some_and(|topics| topics.iter().all(known))
        });
        // Of a topic only the newest lost event is known, so one that was lost after a change counts too.
        let asked_for = |topic: &Topic| reader.wanted.iter().any(|wanted| wanted.matches(topic));
        let later = |(sequence, past): (u64, &Past)| {
            let gone = past.gone.is_some_and(|gone| gone > reader.born);
            gone && sequence > reader.position && asked_for(&past.topic)
        };
        self.events().any(later) || (!exact && self.forgotten > 0)
    }

    /// Every event before this one that the reader is owed was given, or may be missing.
    fn check_settled(&self, reader: &Reader, before: u64) -> Result<(), TestCaseError> {
        let owed = self.events().filter(|(sequence, past)| {
            *sequence > reader.position && *sequence < before && reader.is_owed(*sequence, past)
        });
        for (sequence, past) in owed {
            let superseded = self.policy == LagPolicy::Conflate && past.key.is_some() && {
                let newer = |(other, newer): (u64, &Past)| {
                    other > sequence && newer.topic == past.topic && newer.key == past.key
                };
                self.events().any(newer)
            };
            let excused = past
                .gone
                .is_some_and(|gone| gone <= reader.excused || reader.fresh);
            prop_assert!(superseded || excused, "{sequence} is missing");
        }
        Ok(())
    }
}
