//! Who is let in, and what they may do.

mod anonymous;
mod authorizer;
mod carriers;
mod command_line;
mod cookies;
mod expiry;
mod keys;
mod limits;
mod namespaces;
mod outgoing;
mod publishing;
mod quiet;
mod revocations;
mod rights;
mod settings;
mod tickets;
mod tokens;

use tidings_testkit::{Command, Hub, Request};

use crate::{SERVE, TIDINGS, hub_with};

/// The secret that hubs of these tests share with those who mint for them.
const SECRET: &str = "a secret of the tests, and of nobody else";

const VARIABLE: &str = "TIDINGS_AUTH_JWT_SECRET";

/// A hub with one key.
pub(crate) fn guarded() -> Hub {
    hub_with(&[(VARIABLE, SECRET)])
}

/// A hub with one key and these settings.
fn guarded_with(settings: &str) -> Hub {
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let command = Command::new(TIDINGS, &arguments).file("tidings.toml", settings);
    Hub::spawn(command.env(VARIABLE, SECRET))
}

/// A token as `tidings token` makes it with these arguments.
pub(crate) fn token(arguments: &[&str]) -> String {
    let command = Command::new(TIDINGS, &[&["token"], arguments].concat());
    let output = command.env(VARIABLE, SECRET).run().success();
    output.trim_end().to_owned()
}

/// Somebody who may do everything.
pub(crate) fn admin() -> String {
    token(&["--admin", "--publish", "**", "--subscribe", "**"])
}

pub(crate) fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

/// A request for the stream of a query, as the bearer of this token.
fn stream(query: &str, token: &str) -> Request {
    bearer(Request::get(&format!("/api/events/stream?{query}")), token)
}

/// Publishes as somebody who may.
#[track_caller]
fn publish(hub: &Hub, token: &str, topic: &str, data: &str) {
    let request = Request::post(&format!("/api/events?topic={topic}"), data);
    let answer = hub.send(&bearer(request, token));
    assert_eq!(answer.status(), 200, "{}", answer.text());
}
