use std::thread;

use tidings_testkit::eventually;

use crate::executions::{create, events, say, state, task};
use crate::{hub, hubs};

#[test]
fn a_running_execution_is_cancelled_once() {
    for hub in hubs() {
        create(&hub, "e", &["a"]);
        let pending = hub.post("/api/executions/e/cancel", "");
        assert!(
            pending.problem(400)["detail"]
                .as_str()
                .is_some_and(|said| said.contains("pending"))
        );
        task(&hub, "e", "task-start", "a");
        let cancelled = hub.post("/api/executions/e/cancel", "");
        assert_eq!(cancelled.status(), 200, "{cancelled:?}");
        assert_eq!(cancelled.json(), state(&hub, "e"));
        assert_eq!(cancelled.json()["status"], "cancelled");
        hub.post("/api/executions/e/cancel", "").problem(400);
        hub.post("/api/executions/unknown/cancel", "").problem(404);
    }
}

#[test]
fn what_does_not_run_is_not_cancelled_and_stays_as_it_is() {
    let hub = hub();
    create(&hub, "pending", &["a"]);
    for (id, end) in [
        ("completed", "execution-complete"),
        ("failed", "execution-failed"),
        ("cancelled", "execution-cancelled"),
    ] {
        create(&hub, id, &["a", "b"]);
        task(&hub, id, "task-complete", "a");
        task(&hub, id, "task-start", "b");
        say(&hub, id, end, r#"{"note":1}"#);
    }
    for status in ["pending", "completed", "failed", "cancelled"] {
        let before = state(&hub, status);
        assert_eq!(before["status"], status);
        let events = hub.history(&format!("executions/{status}"));
        let refused = hub.post(&format!("/api/executions/{status}/cancel"), "");
        let problem = refused.problem(400);
        assert_eq!(problem["type"], "urn:tidings:problem:not-running");
        let earlier = hub.post(&format!("/api/cancel-execution/{status}"), "");
        assert_eq!(earlier.status(), 400, "{earlier:?}");
        let said: serde_json::Value = serde_json::from_slice(&earlier.body).expect("JSON");
        assert_eq!(said["status"], status, "{said}");
        assert_eq!(said["executionId"], status, "{said}");
        assert_eq!(state(&hub, status), before);
        assert_eq!(hub.history(&format!("executions/{status}")), events);
    }
    for target in [
        "/api/executions/unknown/cancel",
        "/api/cancel-execution/unknown",
    ] {
        assert_eq!(hub.post(target, "").status(), 404, "{target}");
    }
}

#[test]
fn of_two_cancels_at_once_one_wins() {
    let hub = hub();
    for round in 0..50 {
        let id = format!("e{round}");
        create(&hub, &id, &[]);
        say(&hub, &id, "execution-start", "{}");
        let mut follower = hub.open(&events(&id));
        let target = format!("/api/executions/{id}/cancel");
        let statuses = thread::scope(|scope| {
            let first = scope.spawn(|| hub.post(&target, "").status());
            let second = hub.post(&target, "").status();
            let mut statuses = [first.join().expect("a status"), second];
            statuses.sort_unstable();
            statuses
        });
        assert_eq!(statuses, [200, 400]);
        let names: Vec<_> = follower
            .rest()
            .into_iter()
            .map(|event| event.event)
            .collect();
        assert_eq!(names, ["init", "execution-cancelled"]);
    }
}

#[test]
fn an_end_and_a_cancel_at_once_give_one_end() {
    let hub = hub();
    for round in 0..50 {
        let id = format!("e{round}");
        create(&hub, &id, &[]);
        say(&hub, &id, "execution-start", "{}");
        let end = r#"{"event":"execution-complete","data":{}}"#;
        let (cancelled, completed) = thread::scope(|scope| {
            let target = format!("/api/executions/{id}/cancel");
            let cancelled = scope.spawn({
                let hub = &hub;
                move || hub.post(&target, "").status()
            });
            let completed = hub
                .post(&format!("/api/executions/{id}/events"), end)
                .status();
            (cancelled.join().expect("a status"), completed)
        });
        let ended = state(&hub, &id)["status"].clone();
        match (cancelled, completed) {
            (200, 409) => assert_eq!(ended, "cancelled"),
            (400, 200) => assert_eq!(ended, "completed"),
            statuses => panic!("{statuses:?}"),
        }
    }
}

#[test]
fn a_producer_that_follows_its_execution_learns_of_it() {
    let hub = hub();
    create(&hub, "e", &[]);
    say(&hub, "e", "execution-start", "{}");
    let mut producer = hub.stream("topic=executions/e&event=execution-cancelled");
    assert_eq!(hub.post("/api/executions/e/cancel", "").status(), 200);
    producer.expect("execution-cancelled");
    assert!(producer.next_event().is_none());
    eventually("its stream is gone", || {
        (hub.get("/api/connections").json()["total"] == 0).then_some(())
    });
}
