//! The hub and its command line as their users meet them: the real program over real sockets.

mod access;
#[cfg(feature = "acme")]
mod acme;
mod auth;
mod bad_input;
mod batch;
mod cli_bench;
mod cli_cursor;
mod cli_log;
mod cli_publish;
mod cli_run;
mod cli_subscribe;
mod cli_top;
mod clock;
mod connections;
mod crash;
mod dashboard;
mod deleted_volatile;
mod deletion;
mod descriptors;
mod disk_full;
mod durability;
mod executions;
mod final_events;
mod follow;
mod forgotten_again;
mod gaps;
mod history;
mod http2;
mod http_rules;
mod idempotency;
mod isolation;
mod lag;
mod large_answers;
mod limits;
mod load;
mod mount;
mod odd_payloads;
mod page;
mod proxies;
mod publish;
mod replay_crowd;
mod restart;
mod resume;
mod rust_client;
mod secured;
mod selectors;
mod settings;
mod shutdown;
mod smaller_retention;
mod storage;
mod stream_forms;
mod threats;
mod tls;
mod topics;
mod unreadable;

use std::path::Path;

use tidings_testkit::{Command, Event, Hub, Signal};

const TIDINGS: &str = env!("CARGO_BIN_EXE_tidings");

/// A hub on a free port, on the default folder in a directory of its own.
const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn hub() -> Hub {
    Hub::start(TIDINGS)
}

/// A hub on a data folder of its own, and one in memory.
fn hubs() -> [Hub; 2] {
    hubs_with(&[])
}

fn hubs_with(variables: &[(&str, &str)]) -> [Hub; 2] {
    let stored = with(Command::new(TIDINGS, &SERVE), variables);
    [Hub::spawn(stored), hub_with(variables)]
}

/// A hub on a data folder that others may have been on before.
fn hub_on(folder: &Path, variables: &[(&str, &str)]) -> Hub {
    let command = Command::new(TIDINGS, &SERVE).env("TIDINGS_DATA_DIR", &folder.to_string_lossy());
    Hub::spawn(with(command, variables))
}

/// Stops a hub the way a service manager does.
fn stop(hub: Hub) {
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

fn with(command: Command, variables: &[(&str, &str)]) -> Command {
    variables
        .iter()
        .fold(command, |command, (name, value)| command.env(name, value))
}

fn hub_with(variables: &[(&str, &str)]) -> Hub {
    Hub::with(TIDINGS, &[], variables)
}

/// A client command that speaks to `hub`.
fn tidings(hub: &Hub, arguments: &[&str]) -> Command {
    Command::new(TIDINGS, arguments).env("TIDINGS_URL", &hub.url())
}

/// The data of events, for comparing sequences.
fn data(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.data.as_str()).collect()
}

/// The numbers of a range as the data of events.
fn numbers(range: impl Iterator<Item = usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Publishes the numbers of a range on a topic, and gives their ids.
fn publish_numbers(hub: &Hub, topic: &str, range: impl Iterator<Item = usize>) -> Vec<String> {
    let mut publisher = hub.publisher();
    range
        .map(|number| publisher.publish(topic, "n", &number.to_string()))
        .collect()
}
