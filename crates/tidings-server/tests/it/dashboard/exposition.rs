use std::collections::HashMap;

use serde_json::json;
use tidings_testkit::{Event, Hub, Request, Response};

use super::figures::often;
use super::{broadcast, dashboard, quiet};
use crate::auth::{admin, bearer, guarded, token};

const METRICS: &str = "/metrics";

/// The values by name and labels, of what is OpenMetrics.
#[track_caller]
fn figures(answer: &Response) -> HashMap<String, f64> {
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(
        answer.head.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let figures = lines.map(|line| {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    });
    figures.collect()
}

#[test]
fn whoever_collects_figures_is_told_what_dashboards_are() {
    let hub = quiet();
    let _dashboard = dashboard(&hub);
    let mut reader = hub.stream("topic=t");
    for data in ["a", "bc", "def"] {
        hub.publish("t", "n", data);
        reader.event();
    }
    broadcast(&hub, "deployment", &json!(1));

    let figures = figures(&hub.get(METRICS));
    for (name, value) in [
        ("tidings_events_published_total", 4.0),
        ("tidings_published_bytes_total", 7.0),
        ("tidings_connections", 2.0),
        ("tidings_dashboards", 1.0),
        ("tidings_log_events", 4.0),
        ("tidings_lag_total{outcome=\"disconnected\"}", 0.0),
        ("tidings_lag_total{outcome=\"skipped\"}", 0.0),
        ("tidings_lag_total{outcome=\"conflated\"}", 0.0),
        ("tidings_publish_seconds_count", 4.0),
        ("tidings_publish_seconds_bucket{le=\"+Inf\"}", 4.0),
        ("tidings_healthy{service=\"store\"}", 1.0),
        ("tidings_healthy{service=\"engine\"}", 1.0),
        ("tidings_healthy{service=\"readiness\"}", 1.0),
    ] {
        assert_eq!(figures.get(name), Some(&value), "{name} in {figures:?}");
    }
    for name in [
        "tidings_delivered_bytes_total",
        "tidings_log_bytes",
        "tidings_publish_seconds_sum",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    ] {
        assert!(figures[name] > 0.0, "{name} in {figures:?}");
    }
}

#[test]
fn every_figure_is_in_the_documentation_and_the_other_way_round() {
    let text = quiet().get(METRICS).text();
    let told: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let page = include_str!("../../../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let names: Vec<_> = rows
        .filter_map(|row| row.split(['`', '{']).next())
        .map(|name| name.strip_suffix("_total").unwrap_or(name))
        .collect();
    assert_eq!(told, names);
}

#[test]
fn taking_a_sample_takes_nothing_from_those_who_collect() {
    let hub = often();
    let mut stream = dashboard(&hub);
    hub.publish("t", "n", "");
    let counted = |event: &Event| {
        event.event == "metrics-update" && event.json()["counters"]["events_in"] == 1
    };
    stream.until(counted);
    stream.until(counted);
    let figures = figures(&hub.get(METRICS));
    assert_eq!(figures["tidings_publish_seconds_count"], 1.0);
}

#[test]
fn t15_the_number_of_figures_does_not_depend_on_topics() {
    let hub = quiet();
    let names = |hub: &Hub| {
        let mut names: Vec<_> = figures(&hub.get(METRICS)).into_keys().collect();
        names.sort();
        names
    };
    let before = names(&hub);
    for topic in 0..200 {
        hub.publish(&format!("a/{topic}"), "n", "");
    }
    let _readers = ["a/1", "a/*", "b"].map(|topic| hub.stream(&format!("topic={topic}")));
    assert_eq!(names(&hub), before);
}

#[test]
fn figures_are_for_those_who_may_see_dashboards() {
    let hub = guarded();
    hub.send(&Request::get(METRICS)).problem(401);
    let reader = token(&["--subscribe", "news/**"]);
    hub.send(&bearer(Request::get(METRICS), &reader))
        .problem(403);
    let collector = token(&["--subscribe", "tidings/dashboard/**"]);
    for token in [collector, admin()] {
        figures(&hub.send(&bearer(Request::get(METRICS), &token)));
    }
}
