//! API keys: made by the command line, kept by their hash.

use serde_json::Value;
use tidings_testkit::{Command, Hub, Request};

use super::{SECRET, VARIABLE, admin, bearer};
use crate::{SERVE, TIDINGS};

/// A hub with this in its settings and no other key.
fn hub(settings: &str) -> Hub {
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    Hub::spawn(Command::new(TIDINGS, &arguments).file("tidings.toml", settings))
}

#[test]
fn a_key_is_good_for_what_its_table_says() {
    let arguments = ["keys", "--publish", "{identity}/**", "--identity", "ci"];
    let made = Command::new(TIDINGS, &arguments).run();
    let (_, table) = made.stderr.split_once("\n\n").expect("a table");
    let hub = hub(table);
    let key = made.success();
    let key = key.trim_end();
    let post = |topic: &str, key: &str| {
        let request = Request::post(&format!("/api/events?topic={topic}"), "x");
        hub.send(&request.header("X-API-Key", key))
    };
    assert_eq!(post("ci/1", key).status(), 200);
    post("other", key).problem(403);
    let (id, _) = key.rsplit_once('_').expect("a secret");
    post("ci/1", &format!("{id}_wrong")).problem(401);
    post("ci/1", "tdk_00000000_wrong").problem(401);
    post("ci/1", id).problem(401);
}

#[test]
fn a_key_is_told_as_json_and_can_be_revoked() {
    let made = Command::new(TIDINGS, &["keys", "--json"]).run().success();
    let made: Value = serde_json::from_str(&made).expect("an object");
    let [key, id, hash] = ["key", "id", "hash"].map(|name| made[name].as_str().expect("a text"));
    let settings = format!("[[api_key]]\nid = \"{id}\"\nhash = \"{hash}\"\nsubscribe = [\"**\"]\n");
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let command = Command::new(TIDINGS, &arguments).file("tidings.toml", &settings);
    let hub = Hub::spawn(command.env(VARIABLE, SECRET));
    let mut stream = hub.open(&Request::get("/api/events/stream?topic=t").header("X-API-Key", key));
    let revoke = Request::post("/api/revocations", format!("{{\"key\":\"{id}\"}}"));
    let done = hub.send(&bearer(
        revoke.header("Content-Type", "application/json"),
        &admin(),
    ));
    assert_eq!(done.json()["streams"], 1);
    assert_eq!(
        stream.rest().pop().expect("a goodbye").json()["reason"],
        "revoked"
    );
    hub.send(&Request::get("/api/topics").header("X-API-Key", key))
        .problem(401);
}
