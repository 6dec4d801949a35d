//! Beginning with the newest of what is retained.

use std::{iter::once, ops::ControlFlow, sync::Arc};

use tidings_log::{Position, Record, Topic, Window};

use crate::{
    Broker, Published, Selector, SubscribeError, Subscription, core::Core, filter::Filter,
};

/// How many topics a selector of a recall stands for at most, since they are looked at under the lock.
const MAX_TOPICS: usize = 10_000;

/// What a subscription would begin with.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The events, oldest first.
    pub events: Vec<Published>,
    /// Whoever resumes from here gets what was published after them.
    pub position: Position,
}

impl Broker {
    /// What the subscription would [recall](Subscription::recalling) if it began now, and from where to follow. All of it is held
    /// in memory. May have to read the disk, and blocks meanwhile.
    ///
    /// # Errors
    /// [`SubscribeError`], as for a subscription to the same.
    pub fn recall(&self, subscription: &Subscription) -> Result<Recalled, SubscribeError> {
        let filter = self.shared.filter_of(subscription)?;
        let mut core = self.shared.core.lock();
        core.log.expire(self.shared.clock.now());
        let picked = core.recalled(subscription, &filter);
        let head = core.log.head();
        let position = core.log.position(head);
        drop(core);

        let mut events = Vec::with_capacity(picked.len());
        let wanted = |record: Arc<Record>| {
            if filter.wants(&record) {
                events.push(Published::new(record));
            }
            ControlFlow::Continue(())
        };
        let choose = |core: &Core, window: Window| core.log.pick(&picked, window);
        self.shared
            .read_pages(Window::new(0, head), choose, wanted)?;
        Ok(Recalled { events, position })
    }
}

impl Core {
    /// The events that a subscription which begins now begins with, by rising sequence.
    pub(crate) fn recalled(&self, subscription: &Subscription, filter: &Filter) -> Vec<u64> {
        let mut picked = Vec::new();
        for (selector, newest) in &subscription.recalls {
            for topic in self.topics_of(selector).take(MAX_TOPICS) {
                if filter.matches(&topic) {
                    picked.extend(self.log.newest(&topic).take(*newest));
                }
            }
        }
        picked.sort_unstable();
        picked.dedup();
        picked
    }

    /// The topics of a selector that something may be retained of, by name.
    fn topics_of<'a>(&'a self, selector: &'a Selector) -> Box<dyn Iterator<Item = Topic> + 'a> {
        let pattern = match selector {
            Selector::Topic(topic) => return Box::new(once(topic.clone())),
            Selector::Pattern(pattern) => pattern,
        };
        let matches = |topic: &Topic| selector.matches(topic);
        let literal = pattern.segments().take_while(|own| !own.starts_with('*'));
        let Ok(first) = Topic::new(literal.collect::<Vec<_>>().join("/")) else {
            return Box::new(
                self.log
                    .names(None)
                    .filter(|topic| selector.matches(topic))
                    .cloned(),
            );
        };
        let behind = self.log.names(Some(&first)).cloned();
        let start = first.clone();
        let alike = behind.take_while(move |topic| topic.as_str().starts_with(start.as_str()));
        Box::new(once(first).chain(alike).filter(matches))
    }
}
