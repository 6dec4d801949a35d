use tempfile::tempdir;

use crate::{hub_on, stop};

/// The retention of a topic comes before that of all topics together, as it does while the hub runs.
#[test]
fn a_smaller_retention_takes_nothing_from_topics_that_are_within_it() {
    let large = "x".repeat(100_000);
    // In which order the topics come at the opening is left to chance.
    for round in 0..8 {
        let folder = tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &[]);
        for number in 0..100 {
            hub.publish("small", "n", &number.to_string());
        }
        for _ in 0..100 {
            hub.publish("large", "n", &large);
        }
        stop(hub);
        let retention = [
            ("TIDINGS_RETENTION_BYTES", "1MiB"),
            ("TIDINGS_RETENTION_TOTAL", "4MiB"),
        ];
        let hub = hub_on(folder.path(), &retention);
        assert_eq!(hub.history("large").len(), 10);
        assert_eq!(hub.history("small").len(), 100, "round {round}");
    }
}
