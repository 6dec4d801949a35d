/// How long an event outlives the process that accepted it, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// A crash may lose it.
    Memory,
    /// A crash may not.
    Disk,
}

/// One event as its publisher sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to.
    pub topic: String,
    /// What; different for every event of a history.
    pub data: String,
}

/// One request to publish, with every attempt at it.
///
/// A request without idempotency key is attempted once. One with a key may be repeated while its
/// outcome is unknown and stays one publication. What takes the event takes the key along with it,
/// so it may not be repeated after a crash if it is of durability `memory`, and not after the
/// history was thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// One event, or several as one batch, in their order.
    pub events: Vec<Sent>,
    /// The durability asked for.
    pub durability: Durability,
    /// What came of it, attempt by attempt; at least one.
    pub attempts: Vec<Attempt>,
}

/// One attempt at a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The run of the hub that it was sent to, counted from 0.
    pub run: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a publisher knows after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The hub has taken the events.
    Acknowledged(Receipt),
    /// The hub has not taken them and said so.
    Refused,
    /// There was no answer, or one that says that the hub does not know (503).
    Unknown,
}

/// What an acknowledgement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the first event.
    pub first: String,
    /// The id of the last event; of a single event the same.
    pub last: String,
    /// The durability given.
    pub durability: Durability,
}

impl Publication {
    /// A single event that the first run acknowledged with `id`, as durable as was asked for.
    #[must_use]
    pub fn acknowledged(topic: &str, data: &str, id: &str, durability: Durability) -> Self {
        Self {
            events: vec![Sent {
                topic: topic.to_owned(),
                data: data.to_owned(),
            }],
            durability,
            attempts: vec![Attempt {
                run: 0,
                outcome: Outcome::Acknowledged(Receipt {
                    first: id.to_owned(),
                    last: id.to_owned(),
                    durability,
                }),
            }],
        }
    }

    /// What the publisher was told in the end, if it was told anything.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        let mut receipts = self.attempts.iter().filter_map(Attempt::receipt);
        receipts.next_back()
    }

    /// Whether every attempt was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let mut outcomes = self.attempts.iter().map(|attempt| &attempt.outcome);
        outcomes.all(|outcome| *outcome == Outcome::Refused)
    }

    /// The run of the first attempt.
    pub(crate) fn run(&self) -> usize {
        self.attempts.first().map_or(0, |attempt| attempt.run)
    }
}

impl Attempt {
    pub(crate) fn receipt(&self) -> Option<&Receipt> {
        match &self.outcome {
            Outcome::Acknowledged(receipt) => Some(receipt),
            Outcome::Refused | Outcome::Unknown => None,
        }
    }
}
