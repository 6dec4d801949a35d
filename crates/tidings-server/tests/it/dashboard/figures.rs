use std::fs;

use serde_json::{Value, json};
use tidings_testkit::{Hub, eventually};

use super::{QUIET, SNAPSHOT, broadcast, dashboard, quiet};
use crate::mount::Mount;
use crate::{hub_on, hub_with};

pub(super) fn often() -> Hub {
    hub_with(&[("TIDINGS_METRICS_INTERVAL", "100ms")])
}

#[test]
fn a_dashboard_is_told_how_the_hub_is_and_what_it_does() {
    let hub = often();
    let mut stream = dashboard(&hub);
    let health = stream.until(|event| event.event == "health-update");
    let health = health.last().expect("an event").json();
    assert_eq!(health["overall_status"], "healthy", "{health}");
    assert_eq!(health["healthy_count"], json!(3), "{health}");
    assert_eq!(health["total_services"], json!(3), "{health}");
    for service in ["store", "engine", "readiness"] {
        assert_eq!(
            health["services"][service],
            json!({"status": "healthy"}),
            "{health}"
        );
    }

    for n in 0..20 {
        hub.publish("t", "n", &n.to_string());
    }
    let metrics = stream.until(|event| {
        event.event == "metrics-update" && event.json()["counters"]["events_in"] == 20
    });
    let metrics = metrics.last().expect("an event").json();
    assert!(
        metrics["counters"]["bytes_in"].as_u64() >= Some(20),
        "{metrics}"
    );
    assert!(
        metrics["counters"]["events_out"].as_u64() > Some(0),
        "{metrics}"
    );
    let gauges = &metrics["gauges"];
    assert_eq!(gauges["connections"], json!(1), "{metrics}");
    assert_eq!(gauges["dashboards"], json!(1), "{metrics}");
    assert!(gauges["log_events"].as_u64() >= Some(20), "{metrics}");
    assert!(gauges["memory_bytes"].as_u64() > Some(1 << 20), "{metrics}");
    assert!(gauges["cpu_percent"].is_f64(), "{metrics}");
    let figures = ["counters", "gauges", "histograms"].map(|group| group_of(&metrics, group));
    assert_eq!(
        metrics["total_metrics"],
        json!(figures.iter().sum::<usize>())
    );
    assert_eq!(health["total_metrics"], metrics["total_metrics"]);
}

fn group_of(metrics: &Value, group: &str) -> usize {
    metrics[group]
        .as_object()
        .expect("a group of figures")
        .len()
}

#[test]
fn publications_are_timed() {
    let hub = often();
    let mut stream = dashboard(&hub);
    stream.until(|event| event.event == "metrics-update");
    for _ in 0..5 {
        hub.publish("t", "n", "");
    }
    hub.post_lines("{\"topic\":\"t\",\"data\":1}\n{\"topic\":\"t\",\"data\":2}\n");
    broadcast(&hub, "deployment", &json!(1));
    let mut timed = 0;
    let mut metrics = Value::Null;
    while timed < 7 {
        metrics = stream.event().json();
        let times = &metrics["histograms"]["publish_ms"];
        timed += times["count"].as_u64().unwrap_or(0);
    }
    assert_eq!(timed, 7, "{metrics}");
    let times = &metrics["histograms"]["publish_ms"];
    let (p50, p99) = (times["p50"].as_f64(), times["p99"].as_f64());
    assert!(Some(0.0) < p50 && p50 <= p99, "{metrics}");
    assert_eq!(metrics["gauges"]["publish_p99_ms"].as_f64(), p99);
}

#[test]
fn a_page_that_opens_late_can_draw_what_was() {
    let hub = often();
    let chart = eventually("five samples were taken", || {
        let history = hub.get(SNAPSHOT).json()["history"].clone();
        let taken = history["timestamp"].as_array().expect("times").len();
        (taken >= 5).then_some(history)
    });
    assert_eq!(chart["interval_ms"], json!(100));
    let columns = chart.as_object().expect("columns");
    let length = columns["timestamp"].as_array().expect("times").len();
    for name in [
        "connections",
        "events_in_per_second",
        "memory_bytes",
        "publish_p50_ms",
        "lag",
    ] {
        let column = columns[name].as_array().expect("a column");
        assert_eq!(column.len(), length, "{name}");
    }
}

#[test]
fn without_an_interval_figures_are_taken_when_asked_for() {
    let hub = quiet();
    let mut stream = dashboard(&hub);
    hub.publish("t", "n", "four");
    let snapshot = eventually("the event is counted", || {
        let snapshot = hub.get(SNAPSHOT).json();
        (snapshot["metrics"]["counters"]["events_in"] == 1).then_some(snapshot)
    });
    assert_eq!(snapshot["connected_clients"], json!(1));
    assert_eq!(snapshot["health"]["overall_status"], "healthy");
    assert_eq!(
        snapshot["history"],
        json!({"interval_ms": 0, "timestamp": []})
    );
    assert_eq!(snapshot["badges"], json!([]));
    assert_eq!(snapshot["notifications"], json!([]));
    broadcast(&hub, "last", &json!(1));
    stream.expect("last");
}

#[test]
fn nothing_is_published_for_dashboards_while_there_are_none() {
    let hub = often();
    let samples = || {
        hub.get(SNAPSHOT).json()["history"]["timestamp"]
            .as_array()
            .map(Vec::len)
    };
    eventually("some samples were taken", || {
        (samples() > Some(5)).then_some(())
    });
    assert_eq!(hub.get("/api/topics").json()["total"], json!(0));
    drop(dashboard(&hub));
}

#[test]
fn s22_a_store_that_fails_shows_in_the_snapshot_and_its_recovery_on_the_stream() {
    let Some(mount) = Mount::new("size=24m") else {
        return;
    };
    let filler = mount.path().join("filler");
    fs::write(&filler, vec![0; 12 << 20]).expect("room for the filler");
    let folder = mount.path().join("data");
    let hub = hub_on(&folder, &[QUIET, ("TIDINGS_LOG", "tidings=debug")]);
    let mut stream = dashboard(&hub);
    let large = "x".repeat(256 << 10);
    eventually("the disk is full", || {
        (hub.post("/api/events?topic=t", large.clone()).status() == 503).then_some(())
    });
    let health = hub.get(SNAPSHOT).json()["health"].clone();
    let store = &health["services"]["store"];
    assert_eq!(store["status"], "unhealthy", "{health}");
    assert!(store["detail"].is_string(), "{health}");
    assert_eq!(health["overall_status"], "unhealthy", "{health}");

    let noticed = |said: &str| said.contains("dashboards are not told").then_some(());
    hub.process()
        .find_in_stderr(noticed)
        .expect("the hub to notice");
    fs::remove_file(&filler).expect("the filler");
    let change = stream.expect("health-update").json();
    assert_eq!(change["overall_status"], "healthy", "{change}");
}
