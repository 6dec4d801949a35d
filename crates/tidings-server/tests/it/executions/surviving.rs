use std::thread;

use serde_json::json;
use tidings_testkit::{Hub, Signal, eventually};

use crate::executions::{create, events, say, say_lines, sequence, state, task};
use crate::{hub_on, hub_with, hubs, stop};

fn kill(hub: Hub) {
    hub.signal(Signal::SIGKILL);
    assert_ne!(hub.wait().code, Some(0));
}

/// An execution in the middle, one that was only created and one that has ended.
fn fill(hub: &Hub) {
    for id in ["pending", "running", "ended"] {
        create(hub, id, &["a", "b"]);
    }
    task(hub, "running", "task-complete", "a");
    task(hub, "running", "task-start", "b");
    task(hub, "ended", "task-fail", "a");
    say(hub, "ended", "execution-failed", r#"{"exit_code":1}"#);
    hub.publish("executions/by-topic", "task-start", r#"{"taskId":"x"}"#);
}

#[test]
fn a_restart_loses_no_execution() {
    for end in [stop, kill] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &[]);
        fill(&hub);
        let before = hub.get("/api/executions").json();
        assert_eq!(before["total"], 4, "{before}");
        end(hub);
        let hub = hub_on(folder.path(), &[]);
        assert_eq!(hub.get("/api/executions").json(), before);
        task(&hub, "running", "task-complete", "b");
        let progress = state(&hub, "running")["progress"].clone();
        assert_eq!(progress, json!({ "done": 2, "total": 2 }));
        hub.post("/api/executions", r#"{"id":"pending"}"#)
            .problem(409);
        hub.post("/api/executions/ended/events", r#"{"data":1}"#)
            .problem(409);
    }
}

#[test]
fn a_follower_of_before_the_restart_goes_on_after_it() {
    for end in [stop, kill] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &[]);
        create(&hub, "e", &["a"]);
        let mut follower = hub.open(&events("e"));
        follower.expect("init");
        let seen = task(&hub, "e", "task-start", "a");
        assert_eq!(follower.event().id.as_deref(), Some(&*seen));
        let missed = say(&hub, "e", "output", r#"{"line":"x"}"#);
        end(hub);

        let hub = hub_on(folder.path(), &[]);
        let mut back = hub.open(&events("e").header("Last-Event-ID", &seen));
        assert_eq!(back.expect("output").id, Some(missed));
        back.expect("tidings.resumed");
        let last = say(&hub, "e", "execution-complete", "{}");
        assert_eq!(back.rest().len(), 1);
        let request = events("e").header("Last-Event-ID", &last);
        assert_eq!(hub.send(&request).status(), 204);
        assert_eq!(hub.open(&events("e")).rest().len(), 2);
    }
}

#[test]
fn lines_of_output_do_not_evict_what_is_known_of_tasks() {
    let retention = [("TIDINGS_RETENTION_EVENTS", "20")];
    let line = "{\"event\":\"output\",\"data\":{\"stream\":\"stdout\",\"line\":\"x\"}}\n";
    for end in [stop, kill] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &retention);
        create(&hub, "e", &["a", "b"]);
        task(&hub, "e", "task-complete", "a");
        task(&hub, "e", "task-start", "b");
        let before = state(&hub, "e");
        for _ in 0..5 {
            assert_eq!(say_lines(&hub, "e", &line.repeat(2_000)).status(), 200);
        }
        assert_eq!(hub.history("executions/e").len(), 20);
        assert_eq!(state(&hub, "e"), before);
        end(hub);
        let hub = hub_on(folder.path(), &retention);
        assert_eq!(state(&hub, "e"), before);
        let mut follower = hub.open(&events("e"));
        assert_eq!(follower.expect("init").json(), before);
    }
}

#[test]
fn what_others_publish_does_not_evict_what_is_known() {
    let little = [("TIDINGS_RETENTION_TOTAL", "64KiB")];
    for end in [stop, kill] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hub = hub_on(folder.path(), &little);
        for id in ["pending", "running"] {
            create(&hub, id, &["a", "b"]);
        }
        task(&hub, "running", "task-complete", "a");
        let last = task(&hub, "running", "task-start", "b");
        let before = hub.get("/api/executions").json();
        assert_eq!(before["total"], 2, "{before}");
        let large = "x".repeat(1 << 10);
        let mut publisher = hub.publisher();
        eventually("what is known is kept", || {
            let own = hub.get("/api/topics?selector=tidings/executions/running");
            let kept = own.json()["topics"][0]["last_id"].as_str().map(sequence);
            (kept > Some(sequence(&last))).then_some(())
        });
        eventually("everything of before is evicted", || {
            for _ in 0..100 {
                publisher.publish("other", "n", &large);
            }
            hub.history("executions/running").is_empty().then_some(())
        });
        assert_eq!(hub.get("/api/executions").json(), before);
        end(hub);
        let hub = hub_on(folder.path(), &little);
        assert_eq!(hub.get("/api/executions").json(), before);
        assert!(!hub.history("other").is_empty());
        let mut follower = hub.open(&events("running"));
        assert_eq!(follower.expect("init").json(), state(&hub, "running"));
        task(&hub, "running", "task-complete", "b");
        let progress = state(&hub, "running")["progress"].clone();
        assert_eq!(progress, json!({ "done": 2, "total": 2 }));
    }
}

#[test]
fn executions_leave_room_for_events() {
    let hub = hub_with(&[("TIDINGS_RETENTION_TOTAL", "64KiB")]);
    let title = "x".repeat(500);
    for n in 0..40 {
        let body = json!({ "id": n.to_string(), "title": title }).to_string();
        assert_eq!(hub.post("/api/executions", body).status(), 201);
    }
    let listed = hub.get("/api/executions").json();
    let total = listed["total"].as_u64().expect("a number");
    assert!((2..=16).contains(&total), "{total}");
    assert_eq!(listed["executions"][0]["id"], "39");
    for _ in 0..40 {
        hub.publish("t", "n", &"x".repeat(1_000));
    }
    assert!(hub.history("t").len() > 20);
}

#[test]
fn a_deleted_execution_does_not_come_back() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let hub = hub_on(folder.path(), &[]);
    fill(&hub);
    for id in ["pending", "running", "ended", "by-topic"] {
        let target = format!("/api/topics?topic=executions/{id}");
        assert_eq!(hub.delete(&target).status(), 204);
    }
    create(&hub, "running", &["new"]);
    stop(hub);
    let hub = hub_on(folder.path(), &[]);
    let listed = hub.get("/api/executions").json();
    assert_eq!(listed["total"], 1, "{listed}");
    assert_eq!(listed["executions"][0]["tasks"][0]["id"], "new");
}

#[test]
fn s20_followers_that_leave_at_any_moment_leave_nothing_behind() {
    for hub in hubs() {
        create(&hub, "e", &["a"]);
        thread::scope(|scope| {
            let readers = [0, 1, 2, 3].map(|reader| {
                let hub = &hub;
                scope.spawn(move || {
                    for round in 0..50 {
                        let mut follower = hub.open(&events("e"));
                        for _ in 0..(round + reader) % 3 {
                            follower.event();
                        }
                        follower.reset();
                    }
                })
            });
            while !readers.iter().all(thread::ScopedJoinHandle::is_finished) {
                say(&hub, "e", "output", r#"{"line":"x"}"#);
            }
        });
        eventually("nobody is left", || {
            let left = hub.get("/api/connections").json();
            (left["total"] == 0).then_some(())
        });
        task(&hub, "e", "task-start", "a");
        assert_eq!(state(&hub, "e")["current_task"], "a");
    }
}

#[test]
fn s19_followers_are_sent_away_when_the_hub_shuts_down() {
    for hub in hubs() {
        create(&hub, "e", &[]);
        let mut followers: Vec<_> = (0..20).map(|_| hub.open(&events("e"))).collect();
        for follower in &mut followers {
            follower.expect("init");
        }
        let mut twin = hub.open(&tidings_testkit::Request::get("/api/executions/e/stream"));
        twin.expect("execution");
        hub.signal(Signal::SIGTERM);
        for follower in &mut followers {
            follower.expect("tidings.goodbye");
            assert!(follower.next_event().is_none());
        }
        twin.expect("tidings.goodbye");
        assert_eq!(hub.wait().code, Some(0));
    }
}
