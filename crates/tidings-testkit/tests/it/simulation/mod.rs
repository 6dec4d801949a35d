//! Histories of a simulated log hold; broken in any way that matters, they do not.

mod log;
mod mutation;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tidings_testkit::Ending;

use log::{Fate, Op, Recording, Simulation};
use mutation::Mutation;

fn op() -> impl Strategy<Value = Op> {
    let fate = prop_oneof![
        6 => Just(Fate::Acknowledged),
        1 => Just(Fate::Swallowed),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Refused),
        1 => any::<bool>().prop_map(|swallowed| Fate::Repeated { swallowed }),
    ];
    let publish =
        (0..3_usize, 1..4_usize, any::<bool>(), fate).prop_map(|(topic, count, memory, fate)| {
            Op::Publish {
                topic,
                count,
                memory,
                fate,
            }
        });
    let restart = prop_oneof![
        2 => Just(Ending::Stopped),
        4 => Just(Ending::Crashed),
        1 => Just(Ending::Wiped),
    ];
    prop_oneof![
        8 => publish,
        8 => (0..4_usize, 0..5_usize).prop_map(|(reader, count)| Op::Read { reader, count }),
        2 => (0..4_usize).prop_map(|reader| Op::Cut { reader }),
        2 => (restart, 0..4_usize).prop_map(|(ending, lost)| Op::Restart { ending, lost }),
    ]
}

fn record(ops: &[Op]) -> Recording {
    let mut simulation = Simulation::new();
    for op in ops {
        simulation.perform(*op);
    }
    simulation.finish()
}

#[test]
fn what_a_log_does_holds_and_what_it_must_not_do_is_found() {
    let applied = RefCell::new(BTreeSet::new());
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let strategy = (
        proptest::collection::vec(op(), 1..60),
        any::<prop::sample::Index>(),
    );
    let outcome = TestRunner::new(config).run(&strategy, |(ops, at)| {
        let recording = record(&ops);
        let held = recording.history().check();
        prop_assert!(held.is_ok(), "{:?} in {recording:#?}", held);
        for mutation in Mutation::ALL {
            let mut broken = recording.clone();
            if !mutation.apply(&mut broken, at) {
                continue;
            }
            applied.borrow_mut().insert(mutation);
            if broken.history().check().is_ok() {
                let message = format!("{mutation:?} was not found in {broken:#?}");
                return Err(TestCaseError::fail(message));
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert_eq!(applied.into_inner(), Mutation::ALL.into());
}
