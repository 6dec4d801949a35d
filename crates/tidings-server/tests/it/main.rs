//! The hub and its command line as their users meet them: the real program over real sockets.

mod access;
mod bad_input;
mod batch;
mod cli_publish;
mod cli_run;
mod cli_subscribe;
mod connections;
mod deletion;
mod final_events;
mod follow;
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
mod odd_payloads;
mod publish;
mod resume;
mod selectors;
mod settings;
mod shutdown;
mod stream_forms;
mod topics;

use tidings_testkit::{Command, Event, Hub};

const TIDINGS: &str = env!("CARGO_BIN_EXE_tidings");

fn hub() -> Hub {
    Hub::start(TIDINGS)
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
