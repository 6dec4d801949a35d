use tidings_log::Topic;

use crate::{Broker, Selector, TopicStats};

/// How many topics are looked at before publishers may go first.
const TOPICS_PER_PAGE: usize = 1024;

/// Topics by name, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicList {
    /// The first ones.
    pub topics: Vec<TopicStats>,
    /// How many match, listed or not.
    pub total: usize,
}

impl Broker {
    /// What is known of the first `limit` topics, by name, that the selector matches.
    pub fn topics(&self, selector: Option<&Selector>, limit: usize) -> TopicList {
        self.topics_where(|topic| selector.is_none_or(|own| own.matches(topic)), limit)
    }

    /// As [`topics`](Self::topics), of those that are wanted: neither listed nor counted are the others. Nobody waits while
    /// that is asked.
    ///
    /// ```
    /// # use tidings::{Broker, Selector, Selectors};
    /// # let broker = Broker::new();
    /// let rights = Selectors::new([Selector::new("users/7/**")?]);
    /// let own = broker.topics_where(|topic| rights.matches(topic), 100);
    /// # assert_eq!(own.total, 0);
    /// # Ok::<_, tidings::SelectorError>(())
    /// ```
    pub fn topics_where(&self, is_wanted: impl Fn(&Topic) -> bool, limit: usize) -> TopicList {
        let mut list = TopicList {
            topics: Vec::new(),
            total: 0,
        };
        let mut last: Option<Topic> = None;
        loop {
            let page: Vec<Topic> = {
                let core = self.shared.core.lock();
                let names = core.log.names(last.as_ref());
                names.take(TOPICS_PER_PAGE).cloned().collect()
            };
            let Some(end) = page.last() else {
                return list;
            };
            last = Some(end.clone());
            let wanted: Vec<_> = page.iter().filter(|topic| is_wanted(topic)).collect();
            list.total += wanted.len();
            let room = limit - list.topics.len();
            if room > 0 && !wanted.is_empty() {
                let core = self.shared.core.lock();
                let listed = wanted.into_iter().take(room);
                list.topics
                    .extend(listed.filter_map(|topic| core.topic(topic)));
            }
        }
    }
}
