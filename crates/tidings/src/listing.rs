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
        let mut list = TopicList {
            topics: Vec::new(),
            total: 0,
        };
        let mut last: Option<Topic> = None;
        loop {
            let core = self.shared.core.lock();
            let page: Vec<Topic> = core
                .log
                .names(last.as_ref())
                .take(TOPICS_PER_PAGE)
                .cloned()
                .collect();
            for topic in &page {
                if selector.is_some_and(|selector| !selector.matches(topic)) {
                    continue;
                }
                list.total += 1;
                if list.topics.len() < limit {
                    list.topics.extend(core.topic(topic));
                }
            }
            if selector.is_none() && list.topics.len() >= limit {
                list.total = core.log.topic_count();
                return list;
            }
            drop(core);
            match page.last() {
                Some(topic) => last = Some(topic.clone()),
                None => return list,
            }
        }
    }
}
