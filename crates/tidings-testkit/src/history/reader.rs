use crate::event::Event;

/// One reader that may have come back several times.
///
/// Whoever resumes with an id of its own is one reader; whoever begins somewhere else is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What violations call it.
    pub name: String,
    /// The selectors it follows.
    pub selectors: Vec<String>,
    /// Its connections in their order.
    pub visits: Vec<Visit>,
}

/// One connection of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The run of the hub that it was made to, counted from 0.
    pub run: usize,
    /// What it asked to begin with.
    pub start: Start,
    /// The id in the first block of the stream, if that was read.
    pub position: Option<String>,
    /// What was read, the hub's own events in their places.
    pub events: Vec<Event>,
}

/// Where a reader asks a stream to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With the next event.
    Now,
    /// With the oldest event retained.
    Oldest,
    /// After the event with this id.
    After(String),
}

impl Reader {
    /// A reader that has not read anything yet.
    #[must_use]
    pub fn new(name: &str, selectors: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            selectors: selectors
                .iter()
                .map(|&selector| selector.to_owned())
                .collect(),
            visits: Vec::new(),
        }
    }

    /// Adds its next connection.
    #[must_use]
    pub fn visit(mut self, visit: Visit) -> Self {
        self.visits.push(visit);
        self
    }

    /// Whether one of its selectors takes events of `topic`.
    #[must_use]
    pub fn follows(&self, topic: &str) -> bool {
        let mut selectors = self.selectors.iter();
        selectors.any(|selector| matches(selector, topic))
    }
}

impl Visit {
    /// A connection to the first run.
    #[must_use]
    pub fn first(start: Start, position: Option<String>, events: Vec<Event>) -> Self {
        Self {
            run: 0,
            start,
            position,
            events,
        }
    }
}

/// Whether a selector takes a topic, segment by segment: `*` is any one, `**` at the end any rest.
fn matches(selector: &str, topic: &str) -> bool {
    let (mut selector, mut topic) = (selector.split('/'), topic.split('/'));
    loop {
        match (selector.next(), topic.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn wildcards_take_one_segment_or_the_rest() {
        let follows = |selector: &str, topic: &str| Reader::new("r", &[selector]).follows(topic);
        assert!(follows("a/b", "a/b"));
        assert!(follows("a/*", "a/b"));
        assert!(follows("*/b", "a/b"));
        assert!(follows("a/**", "a/b/c"));
        assert!(follows("a/**", "a"));
        assert!(follows("**", "a/b"));
        assert!(!follows("a", "a/b"));
        assert!(!follows("a/*", "a"));
        assert!(!follows("a/*", "a/b/c"));
        assert!(!follows("b/**", "a/b"));
    }
}
