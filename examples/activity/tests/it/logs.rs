use serde_json::Value;
use tidings_example_activity::Level::{self, Error, Info};

use super::*;

const HERE: &str = "/api/teams/123/mcp/installations/i1/logs";

fn log(application: &Application, level: Level, messages: impl Iterator<Item = u32>) {
    let lines = messages
        .map(|message| (level, message.to_string()))
        .collect();
    let written = application.satellite.log("i1", lines);
    application.runtime.block_on(written).unwrap();
}

fn messages(snapshot: &Value) -> Vec<&str> {
    let lines = snapshot["logs"].as_array().unwrap();
    lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect()
}

/// The messages of the next lines.
fn next(viewer: &mut StreamReader, count: usize) -> Vec<u32> {
    let events = viewer.take(count);
    let message = |event: &tidings_testkit::Event| {
        assert_eq!(event.event, "log", "{event:?}");
        assert!(!event.id().is_empty());
        event.json()["message"].as_str().unwrap().parse().unwrap()
    };
    events.iter().map(message).collect()
}

#[test]
fn s12_a_burst_with_one_timestamp_comes_whole_and_in_order() {
    let application = Application::start();
    log(&application, Error, 0..60);
    log(&application, Info, 60..70);
    let query = "level=error&limit=50";
    let mut viewer = application.open(&format!("{HERE}/stream?{query}"));
    let snapshot = viewer.expect("snapshot");
    assert_eq!(
        snapshot.data,
        application.get(&format!("{HERE}?{query}")).text()
    );
    let newest: Vec<_> = (10..60).rev().map(|message| message.to_string()).collect();
    assert_eq!(messages(&snapshot.json()), newest);

    log(&application, Info, 70..80);
    log(&application, Error, 1_000..1_250);
    log(&application, Info, 80..90);
    log(&application, Error, 1_250..1_251);
    assert_eq!(next(&mut viewer, 251), (1_000..1_251).collect::<Vec<_>>());
}

#[test]
fn s12_who_returns_goes_on_or_is_told_of_a_gap() {
    let application = Application::start();
    let target = format!("{HERE}/stream");
    let mut stays = application.open(&target);
    stays.expect("snapshot");
    let mut leaves = application.open(&target);
    leaves.expect("snapshot");
    log(&application, Info, 0..2);
    assert_eq!(next(&mut leaves, 2), [0, 1]);
    let last = leaves.last_event_id();
    leaves.reset();
    log(&application, Error, 2..22);
    assert_eq!(next(&mut stays, 22), (0..22).collect::<Vec<_>>());

    let mut returns = application.open_with(&ann(&target).header("Last-Event-ID", &last));
    assert_eq!(next(&mut returns, 20), (2..22).collect::<Vec<_>>());
    returns.expect("tidings.resumed");

    let lost = ann(&target).header("Last-Event-ID", "of-another-life");
    let mut lost = application.open_with(&lost);
    lost.expect("tidings.gap");
    assert_eq!(messages(&lost.expect("snapshot").json()).len(), 22);
}

#[test]
fn s10_unknown_installations_and_foreign_teams_are_refused_alike() {
    let application = Application::start();
    let logs = "mcp/installations";
    for twin in ["", "/stream"] {
        for (path, status) in [
            (format!("123/{logs}/none"), 404),
            (format!("123/{logs}/i7"), 404),
            (format!("999/{logs}/i1"), 403),
        ] {
            let target = format!("/api/teams/{path}/logs{twin}");
            application.get(&target).problem(status);
            application.send(&Request::get(&target)).problem(401);
        }
        let get = |query: &str| application.get(&format!("{HERE}{twin}?{query}"));
        get("level=loud").assert_names(400, "level");
        get("limit=101").assert_names(400, "limit");
    }
    log(&application, Info, 0..1);
    let line = &application.get(HERE).json()["logs"][0];
    assert_eq!(line["level"], "info");
    assert_eq!(line["metadata"]["length"], 1);
}
