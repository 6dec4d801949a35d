use std::time::Duration;

/// How long a reader may take nothing of what waits for it before it counts as behind.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(30);

/// What happens to a reader that is behind on a topic: its cursor was evicted, or it took nothing for 30 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LagPolicy {
    /// Go on with what is retained, and of each key only with the newest event. Events without a key and final
    /// events are always given.
    Conflate,
    /// Say with a gap that something is missing, and go on with what is retained. Without a loss it just goes on.
    Skip,
    /// End its stream with a goodbye. It can come back and resume.
    #[default]
    Disconnect,
}

/// What a reader that is behind gets next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A goodbye.
    Disconnect,
    /// A gap, then what is retained.
    Skip,
    /// A gap, then what is retained and not superseded.
    Announce,
    /// What is retained and not superseded: nothing else is missing.
    GoOn,
}

/// Decides over the topics that miss events of the reader: the policy of each, and whether only superseded ones are
/// missing. The strictest policy wins. `forgotten` tells that a whole topic may be missing.
pub(crate) fn verdict(holes: impl Iterator<Item = (LagPolicy, bool)>, forgotten: bool) -> Verdict {
    let mut announce = forgotten;
    let mut strictest = LagPolicy::Conflate;
    for (policy, only_superseded) in holes {
        strictest = strictest.max(policy);
        announce |= !only_superseded;
    }
    match strictest {
        LagPolicy::Disconnect => Verdict::Disconnect,
        LagPolicy::Skip => Verdict::Skip,
        LagPolicy::Conflate if announce => Verdict::Announce,
        LagPolicy::Conflate => Verdict::GoOn,
    }
}

#[cfg(test)]
mod tests {
    use super::{LagPolicy::*, *};

    #[test]
    fn the_strictest_policy_of_the_topics_decides() {
        assert_eq!(
            verdict([(Conflate, true), (Skip, true)].into_iter(), false),
            Verdict::Skip
        );
        assert_eq!(
            verdict([(Disconnect, true), (Skip, false)].into_iter(), false),
            Verdict::Disconnect
        );
    }

    #[test]
    fn conflation_announces_only_what_nothing_newer_replaces() {
        assert_eq!(
            verdict([(Conflate, true)].into_iter(), false),
            Verdict::GoOn
        );
        assert_eq!(
            verdict([(Conflate, true), (Conflate, false)].into_iter(), false),
            Verdict::Announce
        );
        assert_eq!(
            verdict([(Conflate, true)].into_iter(), true),
            Verdict::Announce
        );
    }
}
