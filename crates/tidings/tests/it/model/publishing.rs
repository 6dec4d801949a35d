//! Publishing and deleting, with what becomes of the history.

use super::*;

impl World {
    pub(super) fn publish(&mut self, lines: &[Line]) -> Result<(), TestCaseError> {
        let batch: Vec<Publication> = lines.iter().map(|line| self.publication(line)).collect();
        let published = self.broker.publish_batch(&batch).now();
        let expected = self.may_publish(&batch);
        prop_assert_eq!(
            published
                .as_ref()
                .map_err(|error| (error.index, &error.source))
                .err(),
            expected.as_ref().map(|(index, source)| (*index, source))
        );
        for (line, receipt) in lines.iter().zip(published.unwrap_or_default()) {
            let topic = named(line.topic);
            if !self.topics.contains_key(&topic) {
                // What makes room for it did not have its name.
                let before = self.forgotten;
                self.make_room(&batch);
                self.topics.insert(
                    topic.clone(),
                    Known {
                        ended: false,
                        last: 0,
                        before,
                    },
                );
            }
            let past = Past {
                topic: topic.clone(),
                key: line.key,
                named: line.named,
                gone: None,
            };
            self.all.push(past);
            let head = self.head();
            prop_assert_eq!(receipt.id.sequence, head);
            let known = self.topics.get_mut(&topic).unwrap();
            known.last = head;
            known.ended = line.last;
            self.enforce_retention(&topic);
            self.fan_out(line, &topic, receipt.receivers)?;
        }
        Ok(())
    }

    fn publication(&self, line: &Line) -> Publication {
        let mut event = if line.large {
            Event::new(self.large.clone())
        } else {
            Event::new("")
        };
        if let Some(key) = line.key {
            event = event.keyed(KEYS[key]);
        }
        if line.named {
            event = event.named(name("x"));
        }
        if line.last {
            event = event.ending_topic();
        }
        Publication {
            topic: named(line.topic),
            event,
            idempotency_key: None,
            durability: None,
        }
    }

    fn may_publish(&self, batch: &[Publication]) -> Option<(usize, PublishError)> {
        let mut ended: BTreeSet<&Topic> = self
            .topics
            .iter()
            .filter(|(_, known)| known.ended)
            .map(|(topic, _)| topic)
            .collect();
        let mut new: Vec<(usize, &Topic)> = Vec::new();
        for (index, Publication { topic, .. }) in batch.iter().enumerate() {
            if ended.contains(topic) {
                return Some((index, PublishError::TopicEnded));
            }
            if !self.topics.contains_key(topic) && !new.iter().any(|(_, other)| *other == topic) {
                new.push((index, topic));
            }
            if self.publication_ends(batch, index) {
                ended.insert(topic);
            }
        }
        let free = MAX_TOPICS - self.topics.len();
        let room = free
            + self
                .topics
                .keys()
                .filter(|topic| self.may_go(topic, batch))
                .count();
        new.get(room)
            .map(|(index, _)| (*index, PublishError::TooManyTopics))
    }

    fn publication_ends(&self, batch: &[Publication], index: usize) -> bool {
        batch[index].event == batch[index].event.clone().ending_topic()
    }

    fn may_go(&self, topic: &Topic, batch: &[Publication]) -> bool {
        !self.is_named(topic) && batch.iter().all(|line| line.topic != *topic)
    }

    fn make_room(&mut self, batch: &[Publication]) {
        if self.topics.len() < MAX_TOPICS {
            return;
        }
        let free = self
            .topics
            .iter()
            .filter(|(topic, _)| self.may_go(topic, batch));
        let stalest = free
            .min_by_key(|(_, known)| (known.ended, known.last))
            .unwrap()
            .0
            .clone();
        self.forget(&stalest);
    }

    pub(super) fn forget(&mut self, topic: &Topic) {
        let known = self.topics.remove(topic).unwrap();
        self.forgotten = self.forgotten.max(known.last);
        for past in self.all.iter_mut().filter(|past| past.topic == *topic) {
            past.gone.get_or_insert(self.step);
        }
    }

    fn enforce_retention(&mut self, topic: &Topic) {
        let kept = |past: &&mut Past| past.gone.is_none() && past.topic == *topic;
        let oldest_first: Vec<&mut Past> = self.all.iter_mut().filter(kept).collect();
        let excess = oldest_first.len().saturating_sub(EVENTS_PER_TOPIC);
        for past in oldest_first.into_iter().take(excess) {
            past.gone = Some(self.step);
        }
    }

    fn fan_out(
        &mut self,
        line: &Line,
        topic: &Topic,
        receivers: usize,
    ) -> Result<(), TestCaseError> {
        let head = self.head();
        let reached = self
            .members(topic)
            .filter(|reader| line.named || !reader.now().filtered)
            .count();
        prop_assert_eq!(receivers, reached);
        for place in 0..self.readers.len() {
            let reader = &self.readers[place];
            if reader.end.is_some() || !reader.now().matches(topic) {
                continue;
            }
            let ends = line.last && self.has_ended(reader.now());
            let reader = &mut self.readers[place];
            if ends {
                reader.end = Some((head, End::Final));
            }
            if ends || line.named || !reader.now().filtered {
                check_woken(reader)?;
            }
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, topic: &Topic) -> Result<(), TestCaseError> {
        let known = self.topics.contains_key(topic);
        prop_assert_eq!(self.broker.delete(topic).now().unwrap(), known);
        if !known {
            return Ok(());
        }
        self.forget(topic);
        let head = self.head();
        for reader in self
            .readers
            .iter_mut()
            .filter(|reader| reader.end.is_none() && reader.now().matches(topic))
        {
            if reader.now().names(topic) {
                reader.end = Some((head, End::Deleted));
            } else {
                reader.deletions += 1;
            }
            check_woken(reader)?;
        }
        Ok(())
    }
}
