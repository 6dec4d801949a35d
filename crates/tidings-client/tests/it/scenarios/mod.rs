//! What the client does with servers that behave, and with many that do not: the scenarios that
//! the client for browsers is tried with too, and as they are described beside them.

mod data;
mod run;
mod server;

use std::sync::mpsc;
use std::thread;

use tidings_testkit::PATIENCE;

use crate::scenarios::data::{File, Need};

#[test]
fn every_scenario_goes_as_it_is_written() {
    let file = include_str!("../../../../../packages/client/test/scenarios/scenarios.json");
    let File { scenarios } = serde_json::from_str(file).unwrap();
    let mut tried = 0;
    let mut failures = Vec::new();
    for scenario in scenarios {
        // What holds streams back stands between browsers and hubs.
        if scenario.needs.contains(&Need::Polling) {
            continue;
        }
        tried += 1;
        let name = scenario.name.clone();
        let (done, finished) = mpsc::channel();
        thread::spawn(move || done.send(run::run(scenario)));
        match finished.recv_timeout(PATIENCE) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => failures.push(format!("{name}: {why}")),
            Err(why) => {
                failures.push(format!("{name}: {why}"));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(tried >= 100, "only {tried} were tried");
}
