use thiserror::Error;

/// A promise that a history breaks.
///
/// `by` is a reader's name or `a receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each field is named in its variant's message")]
pub enum Violation {
    /// An id that is none.
    #[error("{by} has {id:?} for an id")]
    NotAnId { by: String, id: String },
    /// A new epoch although the history went on, or an old one although it did not.
    #[error("{by} has id {id}, but the epoch at that time is {epoch}")]
    OtherEpoch {
        by: String,
        id: String,
        epoch: String,
    },
    /// A reader received an event without id.
    #[error("{reader} saw {data:?} without an id")]
    WithoutId { reader: String, data: String },
    /// A reader received what nobody tried to publish.
    #[error("{reader} saw {data:?} with id {id}, which nobody tried to publish")]
    Unexpected {
        reader: String,
        id: String,
        data: String,
    },
    /// A reader received an event that its publisher was refused.
    #[error("{reader} saw {data:?} with id {id}, which was refused")]
    Refused {
        reader: String,
        id: String,
        data: String,
    },
    /// A reader received an event of a topic that it does not follow.
    #[error("{reader} saw {data:?} with id {id} of {topic}, which it does not follow")]
    Stray {
        reader: String,
        id: String,
        data: String,
        topic: String,
    },
    /// One event has two ids.
    #[error("{by} has {data:?} with id {second}, and it was {first} before")]
    TwoIds {
        by: String,
        data: String,
        first: String,
        second: String,
    },
    /// One id names two events.
    #[error("{by} has id {id} for {second:?}, and it was {first:?} before")]
    TwoEvents {
        by: String,
        id: String,
        first: String,
        second: String,
    },
    /// The id of a new event is not above every id that an earlier run gave out.
    #[error("{data:?} has id {id}, although an earlier run gave out {seen} already")]
    Reissued {
        id: String,
        data: String,
        seen: String,
    },
    /// An event was acknowledged at less than the durability asked for.
    #[error("{data:?} with id {id} was to be kept on disk and was acknowledged in memory")]
    Weaker { id: String, data: String },
    /// An event overtook an earlier one of its publisher.
    #[error("{data:?} with id {id} overtook {earlier:?} with id {earlier_id} of its publisher")]
    Overtaken {
        id: String,
        data: String,
        earlier_id: String,
        earlier: String,
    },
    /// A reader received an event twice, over all its connections.
    #[error("{reader} saw {data:?} with id {id} twice")]
    Doubled {
        reader: String,
        id: String,
        data: String,
    },
    /// A reader saw an id that is not above the one before it, over all its connections.
    #[error("{reader} saw id {after} ({data:?}) after {before}")]
    NotRising {
        reader: String,
        before: String,
        after: String,
        data: String,
    },
    /// A reader missed an event and was not told at that place.
    #[error(
        "{reader} missed {data:?} with id {id} on its connection {visit} to run {run} and was told no gap there"
    )]
    Missing {
        reader: String,
        visit: usize,
        run: usize,
        id: String,
        data: String,
    },
    /// A reader was told a gap where nothing is missing.
    #[error(
        "{reader} was told a gap on its connection {visit} to run {run} although nothing is missing: {gap}"
    )]
    Needless {
        reader: String,
        visit: usize,
        run: usize,
        gap: String,
    },
    /// The hub did not know an id that it had given out.
    #[error(
        "{reader} was told on its connection {visit} to run {run} that an id is not known which was given out: {gap}"
    )]
    Disowned {
        reader: String,
        visit: usize,
        run: usize,
        gap: String,
    },
    /// A reader saw a part of a batch, of which the rest is nowhere.
    #[error("{reader} saw {there:?} with id {id} but nobody {missing:?} of the same batch")]
    Torn {
        reader: String,
        id: String,
        there: String,
        missing: String,
    },
}
